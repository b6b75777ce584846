"""Waivers and attestations: what a named person accepts, or states, until a date."""

from datetime import date
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, StringConstraints

from smtp_audit.frozen import Frozen

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Waiver(Frozen):
    """Accepts the failure of a control until a date. Owner, reason and expiry are mandatory.

    `subject` is a glob over subject keys (`mail.example.com:*`). The waiver holds through the day `expires` (UTC).
    """

    control: Text
    subject: Text = "*"
    owner: Text
    reason: Text
    expires: date

    def covers(self, control: str, subject: str) -> bool:
        """Whether it is about this control and subject."""
        # A subject in brackets is an IPv6 address, not a character class.
        pattern = self.subject.replace("[", "[[]") if self.subject.startswith("[") else self.subject
        return self.control == control and (subject == self.subject or fnmatchcase(subject, pattern))

    def expired(self, today: date) -> bool:
        """Whether its last day is past."""
        return today > self.expires


class Attestation(Frozen):
    """A person's dated, expiring statement with evidence that a clause is met, for what no program can measure."""

    clause: Text
    owner: Text
    statement: Text
    evidence: Text
    made: date
    expires: date = Field()

    def valid(self, today: date) -> bool:
        """Whether today is within its dates."""
        return self.made <= today <= self.expires
