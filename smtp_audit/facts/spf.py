"""Facts about SPF (RFC 7208): the records of a domain with all that they include, and what receivers make of them."""

from enum import StrEnum
from typing import ClassVar, Self

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.published.spf import SpfRecord, is_spf, nearly_spf
from smtp_audit.wiretext import escape_text

FOREIGN_ADDRESSES = ("198.51.100.77", "2001:db8:f::77")
"""Addresses of documentation (RFC 5737, RFC 3849), which nobody sends mail from."""


class SpfResult(StrEnum):
    """The results of check_host() (RFC 7208 section 2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 (no password)
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfIdentity(StrEnum):
    """Which name of the sender is checked (RFC 7208 sections 2.3 and 2.4)."""

    MAIL_FROM = "MAIL FROM"
    HELO = "HELO"


class SpfEvaluation(Frozen):
    """What a receiver makes of one address: check_host() with the limits of RFC 7208.

    `by` are the terms that decided, from the record of the domain inwards; none when nothing matched. `reason` is that
    of a permerror, a temperror or a none. `lookups` and `void` count terms (section 4.6.4), up to the decision.
    `skipped` are look-ups that failed and that the RFC passes over (section 5.5): another receiver may see more.
    """

    address: str
    identity: SpfIdentity
    domain: str
    result: SpfResult
    by: tuple[str, ...] = ()
    reason: str = ""
    lookups: int = 0
    void: int = 0
    skipped: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    explanation: str = ""

    def require(self) -> Self:
        """The evaluation itself.

        Raises:
            Undetermined: a look-up that it needs was not answered.
        """
        if self.result is SpfResult.TEMPERROR:
            raise Undetermined(f"{self.address} as {self.identity} {escape_text(self.domain)}: {self.reason}")
        if self.skipped:
            raise Undetermined(
                f"{self.address} as {self.identity} {escape_text(self.domain)}: {self.result}, and other receivers may "
                f"see more: {self.skipped[0]}"
            )
        return self

    def __str__(self) -> str:
        told = f"{self.address} as {self.identity} {escape_text(self.domain)}: {self.result}"
        if self.by:
            told += f" by {' > '.join(escape_text(term, 100) for term in self.by)}"
        if self.reason:
            told += f" ({self.reason})"
        return f"{told}; {self.lookups} look-ups, {self.void} void"


class SpfTermAnswers(Frozen):
    """What the names of one term (a, mx, exists) lead to: for mx the MX records, then addresses of both families.

    `note` says why nothing was asked: the name is none, or it is `dynamic` and depends on the message.
    """

    place: int
    answers: tuple[Answer, ...] = ()
    note: str = ""
    dynamic: bool = False

    def void(self, family: str) -> bool:
        """Whether a client of the family ("A" or "AAAA") meets an answer without records. exists asks for A always.

        Raises:
            Undetermined: an answer is missing.
        """
        asked = [each for each in self.answers if each.type in (family, "MX")] or self.answers[:1]
        return any(each.absent for each in asked) or any(each.require().absent for each in asked)

    @property
    def nothing(self) -> bool:
        """Whether the term can match nobody: its name is none, or none of its names has an address of either family.

        Raises:
            Undetermined: an answer is missing, and none has an address.
        """
        addresses = [each for each in self.answers if each.type != "MX"]
        if any(each.found for each in addresses):
            return False
        for each in self.answers:
            each.require()
        return not self.dynamic


class SpfNode(Frozen):
    """One name in the tree of includes and redirects.

    `parent` is the place of the node in the list that names this one by the term `via`, the one at `place` there; -1
    for the domain itself. `answer` is None where nothing was asked, and `note` then says why. `record` is there when
    the name has exactly one.
    """

    name: str
    parent: int = -1
    via: str = ""
    place: int = 0
    answer: Answer | None = None
    record: SpfRecord | None = None
    note: str = ""
    loop: bool = False
    """The name stands above in the tree: no receiver ever comes to an end."""
    dynamic: bool = False
    """The name depends on the message: its macros stand for the address or the sender."""
    left_out: bool = False
    """Our own caps kept it from being asked."""
    terms: tuple[SpfTermAnswers, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The SPF records of the name."""
        return tuple(text for text in self.answer.records if is_spf(text)) if self.answer is not None else ()

    @property
    def near(self) -> tuple[str, ...]:
        """Records that were meant as SPF, and are none."""
        return tuple(text for text in self.answer.records if nearly_spf(text)) if self.answer is not None else ()

    @property
    def fault(self) -> str:
        """Why every receiver has a permerror here: no record, several, or one with errors; empty when there is one.

        Raises:
            Undetermined: the name was not answered.
        """
        if self.left_out:
            raise Undetermined(f"{escape_text(self.name)}: {self.note}")
        if self.answer is None:
            return "" if self.dynamic or self.loop else f"{escape_text(self.via, 100)} {self.note}"
        self.answer.require()
        if not self.texts:
            meant = f", though one was meant as it: {escape_text(self.near[0], 100)}" if self.near else ""
            what = "does not exist" if not self.near and self.answer.outcome == "NXDOMAIN" else "has no SPF record"
            return f"{escape_text(self.name)} {what}{meant}"
        if len(self.texts) > 1:
            return f"{escape_text(self.name)} has {len(self.texts)} SPF records"
        if self.record is not None and self.record.problems:
            return f"{escape_text(self.name)}: {self.record.problems[0]}"
        return ""


class SpfFacts(Facts):
    """The SPF of a domain: its tree (the first node is the domain itself), and what it makes of some addresses.

    `evaluations` are about the addresses of the MX hosts, which need not send, and `foreign` about addresses that never
    do. `answers` are those that evaluations rest on and the tree does not show. `old` is the answer for the type SPF
    (99), `explanation` that for the text of exp=.
    """

    kind: ClassVar[str] = "spf"

    domain: str
    nodes: tuple[SpfNode, ...]
    mx: Answer
    old: Answer
    explanation: Answer | None = None
    evaluations: tuple[SpfEvaluation, ...] = ()
    foreign: tuple[SpfEvaluation, ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def root(self) -> SpfNode:
        """The domain itself.

        Raises:
            Undetermined: there is none in these facts.
        """
        if not self.nodes:
            raise Undetermined("nothing was looked up")
        return self.nodes[0]

    @property
    def record(self) -> SpfRecord | None:
        """The one record of the domain; None when it has none, or several.

        Raises:
            Undetermined: its TXT records are not known, or its record is longer than what is read of one.
        """
        root = self.root
        if root.answer is None:
            raise Undetermined(f"{escape_text(root.name)}: {root.note or 'not asked'}")
        root.answer.require()
        if root.record is not None and root.record.cut:
            raise Undetermined(f"{escape_text(root.name)}: its record has more terms than are read")
        return root.record


class SpfSendingFacts(Facts):
    """What receivers make of the addresses that mail leaves from, by the domain in MAIL FROM."""

    kind: ClassVar[str] = "spf_sending"

    domain: str
    record: Answer
    evaluations: tuple[SpfEvaluation, ...]
    answers: tuple[Answer, ...] = ()


class SpfHeloFacts(Facts):
    """What receivers make of the name in HELO: of the addresses that mail leaves from, and of foreign ones."""

    kind: ClassVar[str] = "spf_helo"

    helo: str
    record: Answer
    evaluations: tuple[SpfEvaluation, ...]
    foreign: tuple[SpfEvaluation, ...] = ()
    answers: tuple[Answer, ...] = ()
