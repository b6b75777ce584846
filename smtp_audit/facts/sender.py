"""Facts about senders: whose addresses a user who has logged in may put into the envelope and into the message."""

from enum import StrEnum
from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class SenderFacts(Facts):
    """MAIL and RCPT behind a login, given up before DATA. The recipient is always a mailbox of the user's own.

    `own` has one dialogue for each address that may be the user's. `other` is somebody else's in the same domain: the
    one of the configuration (`other_named`), or else one that nobody has, which a server may refuse for that alone.
    """

    kind: ClassVar[str] = "sender"

    role: Role
    own: tuple[Dialogue, ...]
    other: Dialogue
    other_named: bool = False
    postmaster: Dialogue
    foreign: Dialogue
    null: Dialogue
    """Allowed to everybody: receipts have to have it (RFC 8098 section 3). Not judged, only shown."""


class HeaderForm(StrEnum):
    """What a message says about its author (RFC 5322 section 3.6.2)."""

    OWN = "From with the user's own address"
    OTHER = "From with somebody else's address"
    TWO_FIELDS = "two From fields, the user's own and somebody else's"
    LIST = "From with a list, somebody else's address first"
    SENDER = "Sender with somebody else's address"


class SenderHeaderFacts(Facts):
    """Messages to the user's own mailbox, with the user's own address in the envelope; by their form."""

    kind: ClassVar[str] = "sender_header"

    role: Role
    messages: dict[HeaderForm, Dialogue]
