"""An observation: what one probe saw of one subject, or the reason why it saw nothing, with transcript and times."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, PlainSerializer, PlainValidator, model_validator

from smtp_audit.frozen import Frozen


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time, kept in UTC. One without a time zone is refused: it could not be compared."""


class Facts(Frozen):
    """Base of all facts: frozen, complete in JSON, and known by `kind` so that a snapshot can be read back."""

    kind: ClassVar[str]
    registry: ClassVar[dict[str, type["Facts"]]] = {}

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
    if not isinstance(kind, str) or kind not in Facts.registry:
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
    NOT_GIVEN = "not_given"
    """An input that the configuration promises is not there: unlike a missing option, that is no decision."""
    UNREACHABLE = "unreachable"
    """No address, no route, or no answer to the connection."""
    REFUSED_SERVICE = "refused_service"
    """The server turned this client away (421, 554 at the greeting), also after waiting."""
    UNTRUSTED = "untrusted"
    """The server did not prove who it is, or its TLS is too old; what needs that was not tried."""
    TIMEOUT = "timeout"
    """The peer stopped answering."""
    DROPPED = "dropped"
    """The peer closed or reset the connection."""
    MALFORMED = "malformed"
    """The peer sent what the protocol does not allow."""
    EXCESSIVE = "excessive"
    """The peer sent more than our caps let in; no rule of its protocol may be broken."""
    BUDGET = "budget"
    """The connections or the time allowed for the host were used up."""
    BROKEN = "broken"
    """The probe itself failed; the reason names the error."""
    INTERRUPTED = "interrupted"
    """The run ended before the probe did."""


class Line(Frozen):
    """One line of a transcript: seconds since its start, direction (`>` sent, `<` received, `*` a note), escaped
    text."""

    seconds: float
    way: str
    text: str

    def __str__(self) -> str:
        return f"{self.seconds:7.3f} {self.way} {self.text}"


class Observation(Frozen):
    """What one probe saw of one subject at one address.

    Exactly one of `facts` and `absence` is set. `kind` is the kind of facts asked for, `address` the IP address talked
    to (None for what has none). Times are UTC.
    """

    kind: str
    subject: str
    address: str | None = None
    facts: AnyFacts | None = None
    absence: Absence | None = None
    reason: str = ""
    transcript: tuple[Line, ...] = ()
    started: Moment
    finished: Moment

    @model_validator(mode="after")
    def _facts_or_absence(self) -> Self:
        if (self.facts is None) == (self.absence is None):
            raise ValueError("an observation has either facts or a reason why there are none")
        if self.facts is not None and self.facts.kind != self.kind:
            raise ValueError(f"facts of kind {self.facts.kind!r} in an observation of kind {self.kind!r}")
        return self
