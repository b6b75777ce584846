"""From the command line, the ini file and smtp-audit.toml to one typed `Config`.

Every value goes the same way, whatever it came from: `Settings` are read from each source, and the first source that
has one decides: command line, configuration file, ini file, default. Only an option starts an audit; a file or an ini
key that is merely found supplies values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from smtp_audit.configuration.domain import read_domain_tables
from smtp_audit.configuration.file import (
    FILE_NAME,
    PYPROJECT,
    ConfigFile,
    Origin,
    check_content,
    read_config_file,
    table_of,
)
from smtp_audit.configuration.mailboxes import read_mailboxes, read_sink, read_sources
from smtp_audit.configuration.model import Config, Credentials, Families, Mailboxes, Sink
from smtp_audit.configuration.programs import Programs, read_programs, select_programs
from smtp_audit.configuration.settings import Settings, check_user, choice, first, parse_path, read_settings
from smtp_audit.configuration.target import (
    Known,
    Selection,
    merge_endpoints,
    parse_address,
    parse_host,
    parse_name,
    parse_role,
    select,
    select_domain,
)
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import Endpoint, is_address
from smtp_audit.limits import MAX_CONFIG_BYTES
from smtp_audit.message import problem, quoted, shown_path
from smtp_audit.safety import Safety
from smtp_audit.secret import Secret
from smtp_audit.suggestion import did_you_mean
from smtp_audit.tomlfile import read_capped, read_toml

_LISTS = ("target", "endpoint", "scope", "client", "template", "source")
_FLAGS = ("partial", "intrusive", "slow", "revocation")
_PROGRAMS = ("client", "template", "source")
_ASKING = ("target", "endpoint", "domain", "snapshot", *_PROGRAMS)

OPTIONS: Final = tuple(
    f"smtp_{name}"
    for name in (
        *(
            "target",
            "domain",
            "endpoint",
            "client",
            "template",
            "source",
            "config",
            "profile",
            "report",
            "snapshot",
            "gate",
        ),
        *("partial", "intrusive", "slow", "revocation", "resolver", "ca", "user", "scope"),
    )
)
"""The keys of `build_config`'s options."""

INI_KEYS: Final = tuple(
    f"smtp_{name}" for name in ("config", "profile", "report", "gate", "revocation", "resolver", "ca", "user", "scope")
)
"""The keys that have a meaning in an ini file. None names a target."""

_NAME_A_TARGET = (
    "name one with --smtp-target HOST, --smtp-domain DOMAIN, --smtp-endpoint ROLE=HOST:PORT, --smtp-client COMMAND, "
    "--smtp-template PATH, --smtp-source PATH, --smtp-snapshot FILE, or --smtp-config FILE that names one"
)
_THROWAWAY_ENV = "SMTP_AUDIT_THROWAWAY_PASSWORD"
_PASSWORD_ENV = "SMTP_AUDIT_PASSWORD"  # noqa: S105 (the name of a variable)

Given = dict[str, str | tuple[str, ...] | bool]
"""What a source gives, keys without the prefix `smtp_`."""


@dataclass(frozen=True)
class FileSettings:
    """What a configuration file says, understood."""

    path: Path
    form: ConfigFile
    settings: Settings
    known: Known
    families: Families
    mailboxes: Mailboxes
    sink: Sink | None
    sources: tuple[str, ...]
    domain: Mapping[str, Any] = field(default_factory=dict)
    """What it says of the mail domain, by the names that `Config` has for it."""
    programs: Programs = field(default_factory=Programs)


def _option(name: str) -> str:
    return f"--smtp-{name}"


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a smtp-audit.toml, or [tool.smtp_audit] of a pyproject.toml. Paths in it are relative to its folder.

    Raises:
        ConfigurationError: unreadable file, unknown key, bad value.
    """
    file = _read_file(path)
    return _assemble(Settings(), file, Settings(), file.known.whole(), environ, Path("reports"))


def config_for_target(target: str, environ: Mapping[str, str] = os.environ) -> Config:
    """What `--smtp-target` alone gives, without any file.

    Raises:
        ConfigurationError: it is no target.
    """
    return _assemble(Settings(), None, Settings(), select([target], [], Known()), environ, Path("reports"))


def build_config(
    options: Mapping[str, object],
    rootpath: Path,
    invocation_dir: Path,
    environ: Mapping[str, str],
    ini: Mapping[str, object] | None = None,
    option: Callable[[str], str] = _option,
) -> Config | None:
    """The configuration of a run, or None when nothing asks for an audit.

    Args:
        options: the command line, by the keys of `OPTIONS`. None, False and [] are "not given"; "" is given, and wrong.
        rootpath: where a configuration file is looked for, and what paths of the ini file are relative to.
        invocation_dir: what paths of the command line are relative to.
        environ: the environment, for the password.
        ini: the ini file, by the keys of `INI_KEYS`; here an empty value is "not given".
        option: what messages call an option, from its key without `smtp_`: as the user typed it.

    Raises:
        ConfigurationError: a bad value, or options without a target.
    """
    given = _given(options, OPTIONS, option)
    if not given:
        return None
    asked = any(name in given for name in _ASKING)
    if not asked and "config" not in given:
        named = ", ".join(option(name) for name in given)
        raise problem(named, f"given without a target; {_NAME_A_TARGET}{_found_hint(rootpath)}")
    for name in ("target", "endpoint", "domain", *_PROGRAMS):
        if name in given and "snapshot" in given:
            raise problem(option(name), "cannot be used with --smtp-snapshot, which judges recorded facts")
    said = {key: value for key, value in (ini or {}).items() if value != ""}
    defaults = _given(said, INI_KEYS, _ini_key)

    file = _find_file(given, defaults, rootpath, invocation_dir, option)
    known = file.known if file else Known()
    own = file.programs if file else Programs()
    if not asked and not known and not own:
        where = shown_path(file.path) if file else option("config")
        raise problem(
            where,
            f"has no target: it needs [target] with domain, hosts or endpoint, or a [[client]]; or {_NAME_A_TARGET}",
        )
    if asked:
        words = {name: given.get(name, ()) for name in _PROGRAMS}
        clients, templates, sources = (w if isinstance(w, tuple) else () for w in words.values())
        own = select_programs(own, clients, templates, sources, option, invocation_dir)
    flags = tuple(flag for flag in ("intrusive", "slow") if flag in given)
    line = read_settings({**given, "allow": flags}, option, invocation_dir)
    config = _assemble(
        line,
        file,
        read_settings(defaults, _ini_key, rootpath),
        _selection(given, line.domain, known),
        environ,
        invocation_dir / "reports",
        recorded="snapshot" in given,
        programs=own,
    )
    snapshot = given.get("snapshot")
    path = parse_path(snapshot, option("snapshot"), invocation_dir) if isinstance(snapshot, str) else None
    return config.model_copy(update={"partial": "partial" in given, "snapshot": path})


def init_text() -> str:
    """The commented smtp-audit.toml that `smtp-audit init` writes: every key with its meaning, none in force."""
    return (resources.files("smtp_audit.configuration") / FILE_NAME).read_text(encoding="utf-8")


def _ini_key(name: str) -> str:
    return f"ini key smtp_{name}"


def _given(values: Mapping[str, object], keys: tuple[str, ...], where: Callable[[str], str]) -> Given:
    """What is given, of the right types and not empty."""
    result: Given = {}
    for key, value in values.items():
        if key not in keys:
            raise ConfigurationError(f"unknown option {quoted(str(key))}{did_you_mean(str(key)[:60], keys)}")
        name = key.removeprefix("smtp_")
        if value is None or value is False or (isinstance(value, list | tuple) and not value):
            continue
        if name in _FLAGS:
            if value is not True:
                raise problem(where(name), "takes no value")
            result[name] = True
        elif name in _LISTS:
            items = (value,) if isinstance(value, str) else value
            if not isinstance(items, list | tuple):
                raise problem(where(name), "takes texts")
            result[name] = tuple(_text(item, where(name), empty=name in ("target", "endpoint")) for item in items)
        else:
            result[name] = _text(value, where(name))
    return result


def _text(value: object, where: str, *, empty: bool = False) -> str:
    """`empty`: whoever reads the text says what is wrong with an empty one."""
    if not isinstance(value, str):
        raise problem(where, "takes a text")
    if not empty and not value.strip():
        raise problem(where, "is empty")
    return value


def _selection(given: Given, domain: str | None, known: Known) -> Selection:
    """What the options name, with what the configuration file knows of it."""
    if "snapshot" in given:
        return Selection(domain=known.domain)
    targets, endpoints = given.get("target", ()), given.get("endpoint", ())
    if isinstance(targets, tuple) and isinstance(endpoints, tuple) and (targets or endpoints):
        return select(targets, endpoints, known)
    if domain is None and any(name in given for name in _PROGRAMS):
        return Selection()  # the programs named are all that this run is about
    if domain is None:
        return known.whole()
    if "config" in given and known:
        # The file names the target; the option is its [target].domain said again.
        return replace(known, domain=domain).whole()
    return select_domain(domain, known)


def _find_file(
    given: Given, defaults: Given, rootpath: Path, invocation_dir: Path, option: Callable[[str], str]
) -> FileSettings | None:
    """The file of the option, else of the ini file, else the one beside it."""
    for source, where, base in ((given, option, invocation_dir), (defaults, _ini_key, rootpath)):
        named = source.get("config")
        if isinstance(named, str):
            return _read_file(parse_path(named, where("config"), base))
    own, pyproject = rootpath / FILE_NAME, rootpath / PYPROJECT
    if os.path.lexists(own):
        return _read_file(own)
    if not os.path.lexists(pyproject):
        return None
    table = table_of(read_toml(pyproject), pyproject)
    return None if table is None else _understand(check_content(table, Origin(pyproject)), pyproject)


def _found_hint(rootpath: Path) -> str:
    found = os.path.lexists(rootpath / FILE_NAME)
    return f"; the {FILE_NAME} that is there counts as a target only when given" if found else ""


def _read_file(path: Path) -> FileSettings:
    return _understand(read_config_file(path), path)


def _understand(form: ConfigFile, path: Path) -> FileSettings:
    at = Origin(path).at
    keys = {"user": ("credentials", "user")}
    target, credentials = form.target, form.credentials
    values = {
        **{name: getattr(form, name) for name in ("profile", "report", "gate", "resolver", "ca")},
        "scope": None if form.scope is None else tuple(form.scope),
        "allow": tuple(form.allow),
        "revocation": form.revocation,
        "user": credentials.user,
    }
    settings = read_settings(values, lambda name: at(*keys.get(name, (name,))), path.parent)
    if form.ehlo is not None:
        _check_ehlo(form.ehlo, at("ehlo"))
    if credentials.password_env is not None:
        _check_variable(credentials.password_env, at("credentials", "password_env"))
    if form.throwaway is not None:
        check_user(form.throwaway.user, at("throwaway", "user"))
        if form.throwaway.password_env is not None:
            _check_variable(form.throwaway.password_env, at("throwaway", "password_env"))
    known = Known(
        parse_name(target.domain, at("target", "domain")) if target.domain is not None else None,
        tuple(dict.fromkeys(parse_host(host, at("target", "hosts", n)) for n, host in enumerate(target.hosts))),
        tuple(_endpoint(form, number, at) for number in range(len(target.endpoint))),
    )
    families = Families.ALL
    if target.families is not None:
        families = choice(target.families, at("target", "families"), Families, "choice")
    return FileSettings(
        path,
        form,
        settings,
        known,
        families,
        mailboxes=read_mailboxes(form, at),
        sink=read_sink(form, at),
        sources=read_sources(form, at),
        domain=read_domain_tables(form, at, path.parent),
        programs=read_programs(form, at, path.parent),
    )


def _endpoint(form: ConfigFile, number: int, at: Callable[..., str]) -> Endpoint:
    table = form.target.endpoint[number]
    place = ("target", "endpoint", number)
    host = parse_host(table.host, at(*place, "host"))
    address = parse_address(table.address, at(*place, "address")) if table.address is not None else None
    return Endpoint(
        role=parse_role(table.role, at(*place, "role")),
        host=host,
        port=table.port,
        address=None if address == host else address,
    )


def _assemble(
    line: Settings,
    file: FileSettings | None,
    ini: Settings,
    selection: Selection,
    environ: Mapping[str, str],
    report: Path,
    *,
    recorded: bool = False,
    programs: Programs | None = None,
) -> Config:
    """One configuration of all sources.

    `recorded`: facts are not gathered, so that trust anchors are not needed. `programs`: None for those of the file.
    """
    own = programs if programs is not None else file.programs if file else Programs()
    said = file.settings if file else Settings()
    form = file.form if file else ConfigFile()
    families = file.families if file else Families.ALL
    endpoints = merge_endpoints(selection.endpoints)
    for endpoint in endpoints:
        _check_family(endpoint, families)
    ca = first(line.ca, said.ca, ini.ca)
    if ca is not None and not recorded:
        _check_anchors(*ca)
    user = first(line.user, said.user, ini.user)
    return Config(
        targets=(*selection.words, *own.words),
        names=selection.names,
        endpoints=endpoints,
        domain=first(line.domain, selection.domain),
        families=families,
        profile=first(line.profile, said.profile, ini.profile) or "enterprise",
        gate=first(line.gate, said.gate, ini.gate),
        scope=first(line.scope, said.scope, ini.scope) or (),
        report=first(line.report, said.report, ini.report) or report,
        allow=frozenset({Safety.PASSIVE, Safety.ACTIVE}) | line.allow | said.allow,
        revocation=first(line.revocation, said.revocation, ini.revocation) or False,
        resolver=first(line.resolver, said.resolver, ini.resolver),
        ca=ca[1] if ca is not None else None,
        credentials=_credentials(user, form.credentials.password_env or _PASSWORD_ENV, environ) if user else None,
        throwaway=_throwaway(form, environ),
        mailboxes=file.mailboxes if file else Mailboxes(),
        sink=file.sink if file else None,
        sources=file.sources if file else (),
        ehlo=form.ehlo,
        **(file.domain if file else {}),
        limits=form.limits,
        budget=form.budget,
        clients=own.clients,
        templates=own.templates,
        source_trees=own.sources,
        waivers=tuple(form.waiver),
        attestations=tuple(form.attestation),
        source=file.path if file else None,
    )


def _check_ehlo(text: str, where: str) -> None:
    """A domain name or an address literal (RFC 5321 section 4.1.3)."""
    if text.startswith("[") and text.endswith("]"):
        parse_address(text[1:-1].removeprefix("IPv6:"), where)
    else:
        parse_name(text, where)


def _check_variable(name: str, where: str) -> None:
    # Capital letters only: a password put here by mistake must not end up in a report that names the unset variable.
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,99}", name):
        raise problem(
            where,
            "must be the name of an environment variable (capital letters, digits, '_') that holds the password, "
            f"such as {_PASSWORD_ENV}; never the password itself",
        )


def _check_family(endpoint: Endpoint, families: Families) -> None:
    address = endpoint.address or endpoint.host
    if families is Families.ALL or not is_address(address):
        return
    if (":" in address) is not (families is Families.IPV6):
        raise problem(endpoint.key, f"has the address {address}, and target.families takes {families.value} only")


def _check_anchors(where: str, path: Path) -> None:
    where = f"{where}: {shown_path(path)}"
    data = read_capped(path, where, MAX_CONFIG_BYTES)
    from cryptography import x509

    try:
        x509.load_pem_x509_certificates(data)
    except ValueError:
        raise problem(where, "holds no readable certificate (PEM: -----BEGIN CERTIFICATE-----)") from None


def _throwaway(form: ConfigFile, environ: Mapping[str, str]) -> Credentials | None:
    table = form.throwaway
    return _credentials(table.user, table.password_env or _THROWAWAY_ENV, environ) if table is not None else None


def _credentials(user: str, variable: str, environ: Mapping[str, str]) -> Credentials:
    password = environ.get(variable) or None
    if password is not None:
        try:
            password.encode()
        except UnicodeEncodeError:
            raise problem(f"environment variable {variable}", "is not UTF-8 text") from None
    return Credentials(user=user, password_env=variable, password=None if password is None else Secret(password))
