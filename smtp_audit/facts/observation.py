"""An observation: what one probe saw of one subject, or the reason why it saw nothing, with transcript and times."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator


class Facts(BaseModel):
    """Base of all facts: frozen, complete in JSON, and known by `kind` so that a snapshot can be read back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    registry: ClassVar[dict[str, type[Facts]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        kind = cls.__dict__.get("kind")
        if kind is None:
            raise TypeError(f"{cls.__name__} has no kind")
        if Facts.registry.setdefault(kind, cls).__qualname__ != cls.__qualname__:
            raise TypeError(f"facts kind {kind!r} is taken by {Facts.registry[kind].__name__}")


def _dump_facts(facts: Facts) -> dict[str, Any]:
    return {"kind": facts.kind, **facts.model_dump(mode="json")}


def _load_facts(value: Any) -> Facts:
    if isinstance(value, Facts):
        return value
    if not isinstance(value, dict):
        raise ValueError("facts have to be an object")
    fields = dict(value)
    kind = fields.pop("kind", None)
    if kind not in Facts.registry:
        raise ValueError(f"no facts of kind {kind!r} are known")
    return Facts.registry[kind].model_validate(fields)


AnyFacts = Annotated[Facts, PlainValidator(_load_facts), PlainSerializer(_dump_facts)]


class Absence(StrEnum):
    """Why there are no facts. The first gives `not applicable`, the next two `not run`, all others `indeterminate`."""

    CLOSED = "closed"
    """The port refuses connections: nothing there to look at."""
    NOT_ALLOWED = "not_allowed"
    """The safety class of the probe was not permitted."""
    NOT_AVAILABLE = "not_available"
    """An input (credentials) or a tool (sslyze) is missing."""
    UNREACHABLE = "unreachable"
    """No address, no route, or no answer to the connection."""
    REFUSED_SERVICE = "refused_service"
    """The server turned this client away (421, 554 at the greeting), also after waiting."""
    TIMEOUT = "timeout"
    """The peer stopped answering."""
    DROPPED = "dropped"
    """The peer closed or reset the connection."""
    MALFORMED = "malformed"
    """The peer sent what the protocol does not allow, or more than the caps."""
    BUDGET = "budget"
    """The connections or the time allowed for the host were used up."""
    BROKEN = "broken"
    """The probe itself failed; the reason names the error."""
    INTERRUPTED = "interrupted"
    """The run ended before the probe did."""


class Line(BaseModel):
    """One line of a transcript: seconds since its start, direction (`>` sent, `<` received, `*` a note), escaped text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float
    way: str
    text: str

    def __str__(self) -> str:
        return f"{self.seconds:7.3f} {self.way} {self.text}"


class Observation(BaseModel):
    """What one probe saw of one subject at one address.

    Exactly one of `facts` and `absence` is set. `kind` is the kind of facts asked for, `address` the IP address talked
    to (None for what has none). Times are UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    subject: str
    address: str | None = None
    facts: AnyFacts | None = None
    absence: Absence | None = None
    reason: str = ""
    transcript: tuple[Line, ...] = ()
    started: datetime
    finished: datetime
