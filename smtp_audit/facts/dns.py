"""Facts from the DNS: which hosts take a domain's mail."""

from typing import ClassVar

from smtp_audit.facts.observation import Facts, Observation
from smtp_audit.facts.subject import Subject
from smtp_audit.frozen import Frozen


class MxRecord(Frozen):
    """One MX record; the exchange is lower case, without trailing dot."""

    preference: int
    exchange: str


class MxFacts(Facts):
    """The MX records of a name, by preference. Empty: it has none and is taken as a host."""

    kind: ClassVar[str] = "mx"

    records: tuple[MxRecord, ...] = ()


class Found(Frozen):
    """What the look-up of bare names found: the subjects to audit, and the observations of the look-ups."""

    subjects: tuple[Subject, ...] = ()
    observations: tuple[Observation, ...] = ()
