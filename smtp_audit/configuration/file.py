"""The form of smtp-audit.toml, and one line for every way in which a file can miss it.

Elements of lists are counted from 1 in messages, as a reader counts: `target.endpoint[2]` is the second
`[[target.endpoint]]`. Values of unknown keys are never shown: they may be secrets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smtp_audit.errors import ConfigurationError
from smtp_audit.limits import (
    MAX_ARGUMENTS,
    MAX_BLOCK_LISTS,
    MAX_PROGRAMS,
    MAX_SELECTORS,
    MAX_SENDING_ADDRESSES,
    MAX_VARIABLES,
    BudgetLimits,
    Limits,
)
from smtp_audit.message import problem, quoted, shown_path
from smtp_audit.suggestion import did_you_mean
from smtp_audit.tomlfile import read_toml
from smtp_audit.waiver import Attestation, Waiver
from smtp_audit.wiretext import escape_text

FILE_NAME: Final = "smtp-audit.toml"
PYPROJECT: Final = "pyproject.toml"
TABLE: Final = "tool.smtp_audit"

MAX_HOSTS: Final = 256
"""Hosts that one file may name; each stands for eight endpoints."""

MAX_ENDPOINTS: Final = 1024
"""Endpoints that one file may name."""

MAX_SOURCES: Final = 16
"""Own addresses that relaying is tried from."""

_FORM = ConfigDict(frozen=True, extra="forbid")


class EndpointTable(BaseModel):
    """`[[target.endpoint]]`."""

    model_config = _FORM

    role: str
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    address: str | None = None


class TargetTable(BaseModel):
    """`[target]`."""

    model_config = _FORM

    domain: str | None = None
    hosts: Annotated[list[str], Field(max_length=MAX_HOSTS)] = []
    families: str | None = None
    endpoint: Annotated[list[EndpointTable], Field(max_length=MAX_ENDPOINTS)] = []


class CredentialsTable(BaseModel):
    """`[credentials]`."""

    model_config = _FORM

    user: str | None = None
    password_env: str | None = None


class MailboxesTable(BaseModel):
    """`[mailboxes]`."""

    model_config = _FORM

    own: str | None = None
    other: str | None = None
    foreign: str | None = None


class ThrowawayTable(BaseModel):
    """`[throwaway]`."""

    model_config = _FORM

    user: str
    password_env: str | None = None


class SinkTable(BaseModel):
    """`[sink]`."""

    model_config = _FORM

    address: str
    listen: str


class SendingTable(BaseModel):
    """`[sending]`."""

    model_config = _FORM

    addresses: Annotated[list[str], Field(max_length=MAX_SENDING_ADDRESSES)] = []
    helo: str | None = None


class DkimTable(BaseModel):
    """`[dkim]`."""

    model_config = _FORM

    selectors: Annotated[list[str], Field(max_length=MAX_SELECTORS)] = []


class DnsTable(BaseModel):
    """`[dns]`."""

    model_config = _FORM

    authoritative: bool = False
    authoritative_port: Annotated[int, Field(ge=1, le=65535)] = 53
    block_lists: Annotated[list[str], Field(max_length=MAX_BLOCK_LISTS)] = []


class MtaStsTable(BaseModel):
    """`[mta_sts]`."""

    model_config = _FORM

    address: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    ca: str | None = None


Command = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MAX_ARGUMENTS)]
Mapped = Annotated[dict[str, str], Field(max_length=MAX_VARIABLES)]


Templates = Annotated[dict[str, Annotated[list[str], Field(max_length=MAX_VARIABLES)]], Field(max_length=MAX_PROGRAMS)]


class ClientTable(BaseModel):
    """`[[client]]`."""

    model_config = _FORM

    name: Annotated[str, Field(min_length=1, max_length=60)]
    command: Command
    health: Command | None = None
    directory: str | None = None
    environment: Mapped = {}
    message: Mapped = {}
    variables: Mapped = {}
    success: str | None = None
    templates: Templates = {}
    seconds: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 60.0
    watch: str | None = None


class TemplateTable(BaseModel):
    """`[[template]]`."""

    model_config = _FORM

    path: str
    command: Command | None = None
    directory: str | None = None
    variables: Mapped = {}
    autoescape: bool | None = None


class ConfigFile(BaseModel):
    """A whole file: what it says, of the right types, not yet understood."""

    model_config = _FORM

    profile: str | None = None
    report: str | None = None
    gate: str | None = None
    scope: list[str] | None = None
    resolver: str | None = None
    ca: str | None = None
    ehlo: str | None = None
    allow: list[str] = []
    revocation: bool | None = None
    target: TargetTable = TargetTable()
    credentials: CredentialsTable = CredentialsTable()
    throwaway: ThrowawayTable | None = None
    mailboxes: MailboxesTable = MailboxesTable()
    sink: SinkTable | None = None
    sending: SendingTable = SendingTable()
    dkim: DkimTable = DkimTable()
    dns: DnsTable = DnsTable()
    mta_sts: MtaStsTable = MtaStsTable()
    sources: Annotated[list[str], Field(max_length=MAX_SOURCES)] = []
    source: Annotated[list[str], Field(max_length=MAX_PROGRAMS)] = []
    client: Annotated[list[ClientTable], Field(max_length=MAX_PROGRAMS)] = []
    template: Annotated[list[TemplateTable], Field(max_length=MAX_PROGRAMS)] = []
    budget: BudgetLimits = BudgetLimits()
    limits: Limits = Limits()
    waiver: list[Waiver] = []
    attestation: list[Attestation] = []


TABLES: Final[Mapping[tuple[str, ...], type[BaseModel]]] = {
    (): ConfigFile,
    ("target",): TargetTable,
    ("target", "endpoint"): EndpointTable,
    ("credentials",): CredentialsTable,
    ("throwaway",): ThrowawayTable,
    ("mailboxes",): MailboxesTable,
    ("sink",): SinkTable,
    ("sending",): SendingTable,
    ("dkim",): DkimTable,
    ("dns",): DnsTable,
    ("mta_sts",): MtaStsTable,
    ("client",): ClientTable,
    ("template",): TemplateTable,
    ("budget",): BudgetLimits,
    ("limits",): Limits,
    ("waiver",): Waiver,
    ("attestation",): Attestation,
}
"""Every table of the file with the model of its keys."""

Place = tuple[str | int, ...]
"""Where a value is: keys, and numbers in lists, from 0."""

_LISTS = (("target", "endpoint"), ("client",), ("template",), ("waiver",), ("attestation",))


class Origin:
    """A configuration file as messages name it: its path and, within pyproject.toml, the table."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefix = f"{TABLE}." if path.name == PYPROJECT else ""

    def at(self, *place: str | int) -> str:
        """The file and the key at `place`; integers count from 0, messages from 1."""
        return f"{shown_path(self.path)}: {self.prefix}{_key_path(place)}"


def read_config_file(path: Path) -> ConfigFile:
    """Read smtp-audit.toml, or the table of a pyproject.toml.

    Raises:
        ConfigurationError: unreadable, not TOML, an unknown key, a missing one, or a value of the wrong type or size.
    """
    content = read_toml(path)
    if path.name == PYPROJECT:
        table = table_of(content, path)
        if table is None:
            raise problem(shown_path(path), f"has no table [{TABLE}]")
        content = table
    return check_content(content, Origin(path))


def table_of(pyproject: Mapping[str, Any], path: Path) -> dict[str, Any] | None:
    """The table of this tool in the content of a pyproject.toml; None where there is none.

    Raises:
        ConfigurationError: `tool.smtp_audit` is there and no table.
    """
    tools = pyproject.get("tool")
    if not isinstance(tools, dict) or "smtp_audit" not in tools:
        return None
    table = tools["smtp_audit"]
    if not isinstance(table, dict):
        raise problem(f"{shown_path(path)}: {TABLE}", "must be a table")
    return table


def check_content(content: Mapping[str, Any], origin: Origin) -> ConfigFile:
    """The content of a file as a model.

    Raises:
        ConfigurationError: the first thing that is wrong with it.
    """
    try:
        # Strict: TOML has types, and a port in quotes or `connections = true` is a mistake, not a way of writing.
        form = ConfigFile.model_validate(content, strict=True)
    except ValidationError as error:
        raise _translate(error, origin) from None
    for place, text in _texts(form):
        flaw = _unprintable(text)
        if flaw:
            raise problem(origin.at(*place), f"has the control character {flaw}")
    for number, attestation in enumerate(form.attestation):
        if attestation.expires < attestation.made:
            raise problem(origin.at("attestation", number, "expires"), "is before 'made'")
    return form


def _translate(error: ValidationError, origin: Origin) -> ConfigurationError:
    details = error.errors(include_url=False, include_input=False)
    # An unknown key explains the missing one beside it: it is the same key, misspelt.
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    place = first["loc"]
    return problem(origin.at(*place), _wording(first["type"], place, first.get("ctx", {}), first["msg"], origin.prefix))


def _wording(kind: str, place: Place, context: Mapping[str, Any], message: str, prefix: str) -> str:
    if kind == "extra_forbidden":
        return _unknown_key(place, prefix)
    if kind == "missing":
        keys = [key for key, field in TABLES[_table(place[:-1])].model_fields.items() if field.is_required()]
        return f"is missing; mandatory here: {', '.join(keys)}"
    if kind in ("model_type", "list_type"):
        table = _table(place)
        if table in TABLES:
            return f"must be a table, written as {_header(table, prefix)}"
        return 'must be a list: ["...", "..."]'
    bounds = {key: f"{value:g}" for key, value in context.items() if isinstance(value, int | float)}
    words = {
        "string_type": "must be a text in quotes",
        "string_too_short": "is empty",
        "string_too_long": f"has more than {bounds.get('max_length')} characters",
        "too_long": f"has more than {bounds.get('max_length')} entries",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "date_type": "must be a date without quotes and without a time, such as 2027-01-31",
        "greater_than": f"must be more than {bounds.get('gt')}",
        "greater_than_equal": f"must be {bounds.get('ge')} or more",
        "less_than_equal": f"must be {bounds.get('le')} or less",
    }
    return words.get(kind) or escape_text(message, 120)


_SECRET = re.compile(r"pass|pwd|secret|token", re.IGNORECASE)


def _unknown_key(place: Place, prefix: str) -> str:
    key, table = str(place[-1]), _table(place[:-1])
    if _SECRET.search(key):
        return (
            "unknown key; a password does not belong in a file: put it into an environment variable, "
            "and the name of that variable into credentials.password_env"
        )
    if key == "tool" and not table:
        return f"[{TABLE}] is for pyproject.toml; in a file of its own the keys stand without it"
    known = TABLES[table].model_fields
    near = did_you_mean(key[:60], known)
    if get_close_matches(key[:60], known, cutoff=0.8):
        return f"unknown key{near}"
    homes = [other for other, model in TABLES.items() if other != table and key in model.model_fields]
    if () in homes:
        return "unknown key here; it belongs to the top of the file, before the first [table]"
    if homes:
        return f"unknown key here; it belongs to {' or '.join(_header(home, prefix) for home in homes)}"
    return f"unknown key{near}"


def _header(table: tuple[str, ...], prefix: str) -> str:
    name = prefix + ".".join(table)
    return f"[[{name}]]" if table in _LISTS else f"[{name}]"


def _table(place: Place) -> tuple[str, ...]:
    return tuple(part for part in place if isinstance(part, str))


def _key_path(place: Place) -> str:
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            shown = part if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part) else quoted(part)
            text += f".{shown}" if text else shown
    return text


def _texts(form: ConfigFile) -> Iterator[tuple[Place, str]]:
    """The texts that people wrote for people; every other value is checked for what it means."""
    entries: tuple[tuple[str, list[Any]], ...] = (("waiver", form.waiver), ("attestation", form.attestation))
    for name, items in entries:
        for number, item in enumerate(items):
            for key, value in item:
                if isinstance(value, str):
                    yield (name, number, key), value


def _unprintable(text: str) -> str:
    """The first character that could act on a terminal or turn the direction of text; line ends and tabs are fine."""
    for char in text:
        if char in "\n\t" or char.isprintable():
            continue
        if unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(char) in _TURNING:
            return f"U+{ord(char):04X}"
    return ""


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
