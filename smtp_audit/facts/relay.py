"""Facts about relaying: what becomes of mail from strangers to other domains, in every form an address can take.

The forms are the 16 that mail abuse testers have used since the 1990s (nmap's smtp-open-relay has the same number, with
the same senders). RFC 5321 section 3.6.2 is about relaying, its appendices C and F.2 about source routes, RFC 2505
section 2.1 about who may relay, RFC 1123 section 5.2.16 about the `%` form, RFC 976 about bang paths.
"""

from enum import StrEnum
from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class RelayForm(StrEnum):
    """One pair of a sender and a recipient in a foreign domain.

    Plain forms differ in the sender; routed ones hide the recipient's domain from checks that look at the last `@`
    only, and are sent with the null sender, which no check of senders gets in the way of.
    """

    NULL_SENDER = "null sender"
    """A bounce: many rules about senders leave it out."""
    FOREIGN_SENDER = "foreign sender"
    """A stranger to a stranger."""
    LOCAL_SENDER = "local sender"
    """Rules that take everybody who says to be one of us."""
    LITERAL_SENDER = "sender at the server's address"
    """The same, by the server's address: user@[192.0.2.1]."""
    PERCENT_LOCAL = "user%foreign@local"
    PERCENT_LITERAL = "user%foreign@[address]"
    PERCENT_ALONE = "user%foreign"
    QUOTED_ALONE = '"user@foreign"'
    QUOTED_LOCAL = '"user@foreign"@local'
    DOUBLE_LOCAL = "user@foreign@local"
    DOUBLE_LITERAL = "user@foreign@[address]"
    ROUTE_LOCAL = "@local:user@foreign"
    ROUTE_LITERAL = "@[address]:user@foreign"
    BANG_ALONE = "foreign!user"
    BANG_LOCAL = "foreign!user@local"
    BANG_LITERAL = "foreign!user@[address]"


PLAIN_FORMS = (RelayForm.NULL_SENDER, RelayForm.FOREIGN_SENDER, RelayForm.LOCAL_SENDER, RelayForm.LITERAL_SENDER)

ROUTED_FORMS = tuple(form for form in RelayForm if form not in PLAIN_FORMS)

SOURCE_ROUTES = (RelayForm.ROUTE_LOCAL, RelayForm.ROUTE_LITERAL)
"""Their last domain is the foreign one: no server can take them for a local part."""


LOCAL_FORMS = (RelayForm.PERCENT_LOCAL, RelayForm.QUOTED_LOCAL, RelayForm.DOUBLE_LOCAL, RelayForm.BANG_LOCAL)
"""Where the domain behind them is not the server's own, they are not the question."""


class RelayAttempt(Frozen):
    """MAIL and RCPT in one form. The others were asked only when RCPT was taken, to tell what that means.

    `elsewhere` is the same with a recipient in another foreign domain. `nonsense` is a local part that nobody has, with
    the same domain behind it; `twin` has the form of the attempt and the server's own domain where that has the foreign
    one.
    """

    form: RelayForm
    dialogue: Dialogue
    elsewhere: Dialogue | None = None
    nonsense: Dialogue | None = None
    twin: Dialogue | None = None


class RelaySource(Frozen):
    """All attempts from one address of ours; `address` is empty for the one that the system chooses.

    `local` is MAIL and RCPT for a mailbox of the server itself, from the null sender: what refuses that, too, says
    nothing about relaying. `local_again` is the same behind all attempts: who is no longer served then may not have
    been before. `at_domain` is the postmaster at the domain that the forms take for the server's own, where that was
    not named. `same_host`: the system chose an address of the server's own host, which servers trust untold. `unknown`
    says why nothing could be tried from there.
    """

    address: str = ""
    same_host: bool = False
    local: Dialogue = Dialogue()
    local_again: Dialogue | None = None
    at_domain: Dialogue | None = None
    attempts: tuple[RelayAttempt, ...] = ()
    unknown: str = ""

    @property
    def name(self) -> str:
        """The address in words, to stand before a line of evidence; empty where there is but one."""
        return f"from {self.address}: " if self.address else ""


class RelayFacts(Facts):
    """Attempts to relay without a login, given up before DATA. `named`: the foreign mailbox is one that the user named
    as foreign, so that the server cannot be responsible for its domain."""

    kind: ClassVar[str] = "relay"

    role: Role
    recipient: str
    named: bool = False
    sources: tuple[RelaySource, ...]


class DeliverySource(Frozen):
    """All forms again with the user's own foreign mailbox, from one address of ours.

    `message` is one message in the form `taken`, the first whose recipient was taken; the plain ones come first.
    `local`, `local_again` and `same_host` are those of `RelaySource`.
    """

    address: str = ""
    same_host: bool = False
    local: Dialogue = Dialogue()
    local_again: Dialogue | None = None
    envelopes: tuple[Dialogue, ...] = ()
    taken: RelayForm | None = None
    message: Dialogue | None = None
    unknown: str = ""

    @property
    def name(self) -> str:
        """The address in words, to stand before a line of evidence; empty where there is but one."""
        return f"from {self.address}: " if self.address else ""


class RelayDeliveryFacts(Facts):
    """Whether a stranger's message to the foreign mailbox of the configuration is taken."""

    kind: ClassVar[str] = "relay_delivery"

    role: Role
    recipient: str
    sources: tuple[DeliverySource, ...]


def recipient_taken(dialogue: Dialogue) -> bool:
    """Whether RCPT behind MAIL was answered with 2yz (250, 251, 252: RFC 5321 section 4.3.2)."""
    if len(dialogue.exchanges) < 2:
        return False
    reply = dialogue.exchanges[1].reply
    return reply is not None and reply.code.startswith("2")
