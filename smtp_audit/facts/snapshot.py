"""A snapshot: all observations of one run. It can be saved and judged again, offline, with the same verdicts."""

import hashlib
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import ValidationError

from smtp_audit.errors import SnapshotError
from smtp_audit.facts import (  # noqa: F401 (their kinds)
    auth_protocol,
    authentication,
    bimi,
    bounds,
    certificate,
    chunking,
    clear_login,
    cross_protocol,
    dane,
    directory,
    dkim,
    dmarc,
    dns,
    end_of_data,
    forwarding,
    handshake,
    identity,
    line_ends,
    lookup,
    mailbox_access,
    matrix,
    mta_sts,
    pipelining,
    relay,
    sender,
    sequence,
    service,
    starttls_state,
    tls,
    transaction,
    wrong_passwords,
)
from smtp_audit.facts.observation import Facts, Moment, Observation
from smtp_audit.facts.subject import Subject
from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_SNAPSHOT_BYTES
from smtp_audit.wiretext import printable

F = TypeVar("F", bound=Facts)

SNAPSHOT_VERSION = 1


class Vantage(Frozen):
    """From where and with what the facts were gathered."""

    host: str = ""
    platform: str = ""
    python: str = ""
    openssl: str = ""
    resolver: str = ""
    anchors: str = ""
    versions: dict[str, str] = {}
    command: str = ""


class HostEffort(Frozen):
    """What one address was asked to bear: connections made, how often the budget backed off, and why.

    `source` is the address that the connections came from. `relayed` counts those of the connections that were made for
    another program (sslyze).
    """

    address: str
    source: str = ""
    connections: int
    relayed: int = 0
    backoffs: int = 0
    backoff_reasons: tuple[str, ...] = ()


class Snapshot(Frozen):
    """All observations of one run.

    `targets` is what the user asked for in words; `subjects` what was looked at; `complete` is False when the run ended
    before every probe had.
    """

    format: Literal["smtp-audit-snapshot"] = "smtp-audit-snapshot"
    version: Literal[1] = 1
    tool: str
    targets: tuple[str, ...]
    subjects: tuple[Subject, ...]
    scope: tuple[str, ...] = ("server",)
    started: Moment
    finished: Moment
    complete: bool = True
    vantage: Vantage = Vantage()
    efforts: tuple[HostEffort, ...] = ()
    observations: tuple[Observation, ...] = ()

    @property
    def time(self) -> datetime:
        """The time that facts are judged at (UTC): when gathering began."""
        return self.started

    @property
    def connections(self) -> int:
        """All connections made."""
        return sum(effort.connections for effort in self.efforts)

    def about(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject, one for each address."""
        return self._placed.get((kind, subject), ())

    @cached_property
    def _placed(self) -> dict[tuple[str, str], tuple[Observation, ...]]:
        placed: dict[tuple[str, str], list[Observation]] = {}
        for observation in self.observations:
            placed.setdefault((observation.kind, observation.subject), []).append(observation)
        return {key: tuple(found) for key, found in placed.items()}

    def dump(self) -> str:
        """The snapshot as JSON text; the same snapshot gives the same text."""
        return self.model_dump_json(indent=1) + "\n"

    @property
    def sha256(self) -> str:
        """The hash of `dump()`."""
        return hashlib.sha256(self.dump().encode()).hexdigest()

    @classmethod
    def parse(cls, text: str | bytes, source: str = "snapshot") -> Self:
        """Read JSON text.

        Raises:
            SnapshotError: it is not a snapshot of a known version.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "file"
            problem = printable(f"{where}: {first['msg']}", 300)  # both may quote the file
            raise SnapshotError(f"{source}: not a snapshot of this tool ({problem})") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a snapshot file.

        Raises:
            SnapshotError: the file cannot be read, is too large, or is no snapshot.
        """
        try:
            with path.open("rb") as file:
                data = file.read(MAX_SNAPSHOT_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            why = (error.strerror if isinstance(error, OSError) else None) or error
            raise SnapshotError(f"{path}: cannot be read ({why})") from None
        if len(data) > MAX_SNAPSHOT_BYTES:
            raise SnapshotError(f"{path}: larger than {MAX_SNAPSHOT_BYTES} octets, no snapshot of this tool")
        return cls.parse(data, str(path))


def observed(snapshot: Snapshot, facts: type[F], subject: str) -> tuple[F, ...]:
    """The facts of one type on one subject, of every address where there are some."""
    found: list[Any] = [o.facts for o in snapshot.about(facts.kind, subject)]
    return tuple(f for f in found if isinstance(f, facts))
