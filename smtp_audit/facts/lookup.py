"""What one question to the resolver brought: the records, or that there are none, or that nobody could tell."""

from enum import StrEnum
from typing import ClassVar, Self

from smtp_audit.errors import Undetermined
from smtp_audit.facts.observation import Facts, Moment
from smtp_audit.frozen import Frozen
from smtp_audit.wiretext import escape_text

SHOWN_RECORDS = 8
"""Records of an answer that one line of evidence shows."""

SHOWN_TEXT = 300
"""Characters of one record that it shows."""


class LookupOutcome(StrEnum):
    """How a question ended. Only the first three say anything about the name."""

    FOUND = "found"
    NO_DATA = "no data"
    """The name exists, and has no record of this type (RFC 2308 section 2.2)."""
    NXDOMAIN = "NXDOMAIN"
    """The name does not exist, nor anything below it (RFC 8020)."""
    BOGUS = "bogus"
    """The resolver validates, and the signatures are wrong: without validation (CD, RFC 4035 section 3.2.2) it
    answers."""
    SERVFAIL = "SERVFAIL"
    REFUSED = "refused"
    TIMEOUT = "time-out"
    MALFORMED = "malformed"
    """An answer that is no answer to the question, or more of it than our caps let in."""
    NOT_ASKED = "not asked"
    """No name that could be asked for, or the questions allowed in one run are used up."""


class Answer(Frozen):
    """The answer to one question (a name and a type).

    `name` is lower case without the last dot. `records`: of TXT the strings of one record joined, one character an
    octet (ISO 8859-1), unescaped; of other types the presentation form, names in lower case with their last dot.
    `secure`: a resolver that validates says so (AD, RFC 4035 section 3.2.3), and there were signatures. `aliases` are
    the CNAMEs that were followed, without the last dot. `algorithms` and `signatures_expire` are those of the RRSIG
    records that came along, `zone` is who signed, or whose SOA came with a negative answer. `size` is in octets of the
    whole answer.
    """

    name: str
    type: str
    outcome: LookupOutcome
    secure: bool = False
    records: tuple[str, ...] = ()
    ttl: int | None = None
    aliases: tuple[str, ...] = ()
    detail: str = ""
    tcp: bool = False
    size: int = 0
    algorithms: tuple[int, ...] = ()
    signatures_expire: Moment | None = None
    zone: str = ""

    @property
    def found(self) -> bool:
        """There are records."""
        return self.outcome is LookupOutcome.FOUND

    @property
    def absent(self) -> bool:
        """There are none, by the word of the DNS."""
        return self.outcome in (LookupOutcome.NO_DATA, LookupOutcome.NXDOMAIN)

    @property
    def answered(self) -> bool:
        """The DNS said what there is, or that there is nothing."""
        return self.found or self.absent

    def require(self) -> Self:
        """The answer itself.

        Raises:
            Undetermined: the question was not answered.
        """
        if not self.answered:
            raise Undetermined(f"{self.type} of {escape_text(self.name)}: {self.trouble}")
        return self

    @property
    def trouble(self) -> str:
        """Why the question was not answered; empty when it was."""
        if self.answered:
            return ""
        return f"{self.outcome}: {self.detail}" if self.detail else str(self.outcome)

    def __str__(self) -> str:
        told = f"{escape_text(self.name)} {self.type}: "
        if self.found:
            told += " | ".join(escape_text(record, SHOWN_TEXT) for record in self.records[:SHOWN_RECORDS])
            if len(self.records) > SHOWN_RECORDS:
                told += f" | {len(self.records) - SHOWN_RECORDS} more"
        else:
            told += self.trouble or str(self.outcome)
        if self.aliases:
            told += f" (CNAME {' -> '.join(escape_text(alias) for alias in self.aliases)})"
        return told + (" [secure]" if self.secure else "")


class ResolverFacts(Facts):
    """The resolver that was asked. `validates`: whether it checks DNSSEC; None when that could not be told."""

    kind: ClassVar[str] = "dns_resolver"

    name: str
    validates: bool | None
    detail: str
    root: Answer

    def require_validation(self) -> None:
        """Raises Undetermined when the resolver does not check DNSSEC, or that is not known."""
        if not self.validates:
            raise Undetermined(f"{self.name}: {self.detail}; --smtp-resolver names one that validates")
