"""Facts about what a program does with the messages it is given: values in every field, and what arrived of them."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from smtp_audit.facts.client import Execution
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class Sort(StrEnum):
    """What a message is sent for, and so what a sound program does with it."""

    CONTROL = "control"
    """Harmless: it arrives, and shows whether the program uses the field at all."""
    HOSTILE = "hostile"
    """It tries to become more than a value: it is refused, or arrives as a value."""
    VALID = "valid"
    """Unusual and right: it arrives as it is."""
    EITHER = "either"
    """An address in a form that a program may refuse: if it arrives, then as exactly that mailbox."""
    MALFORMED = "malformed"
    """No address: it never reaches RCPT TO."""
    DISPOSABLE = "disposable"
    """An address of a service for throw-away mailboxes: it is refused."""
    LOOK_ALIKE = "look-alike"
    """An address that merely resembles one of those: it arrives."""
    SUBJECT = "subject"
    """No usable subject: it is refused."""
    CONTENT = "content"
    """Nothing to read: it is refused."""
    LONG = "long"
    """It tempts to lines that are too long."""
    TEXT = "text"
    """About the text beside the HTML."""
    REFERENCE = "reference"
    """It names a file or an address that must not be fetched."""
    SETTING = "setting"
    """A setting is left out: nothing is sent."""
    REFUSED = "refused"
    """The server refuses the recipient; what counts is what is printed then."""


class HeaderField(Frozen):
    """One field, its name in lower case and its value escaped and unfolded."""

    name: str
    value: str


class Part(Frozen):
    """One part of a message: media type, depth in the tree, characters of text that are not blank, and its links."""

    kind: str
    depth: int
    characters: int
    links: tuple[str, ...] = ()


class Arrival(Frozen):
    """One message as it arrived.

    The names of its header fields are there in three readings of line ends (`smtp_audit.mailtext`). `author`, `to`,
    `copied` and `answers` are the mailboxes of From, To, Cc and Reply-To, escaped; `recipients` those of the envelope.
    `bare_ends`: CR and LF that stand alone; `early_ends`: places where a more generous server sees the message end.
    `skew`: seconds between its Date and its arrival, None when there is no Date that can be read.
    """

    sender: str
    recipients: tuple[str, ...]
    names_crlf: tuple[str, ...]
    names_lf: tuple[str, ...]
    names_any: tuple[str, ...]
    author: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    bare_ends: int = 0
    early_ends: int = 0
    longest_line: int = 0
    skew: float | None = None
    fields: tuple[HeaderField, ...] = ()
    parts: tuple[Part, ...] = ()
    acknowledged: bool = True

    def values(self, name: str) -> tuple[str, ...]:
        """The values of all fields of that name."""
        return tuple(field.value for field in self.fields if field.name == name)


class SentMessage(Frozen):
    """One message that the program was given, and what came of it.

    `field` is the field under test in the contract's words, `value` its value, escaped. `acceptable` are the mailboxes
    that may be written to because of it. `shows`, of a control: the value was seen on the wire, so that the field can
    be judged. `resolved`: what of the references in it was fetched. `detail` says why it was not tried.
    """

    name: str
    field: str
    sort: Sort
    value: str = ""
    acceptable: tuple[str, ...] = ()
    execution: Execution
    arrivals: tuple[Arrival, ...] = ()
    senders_tried: tuple[str, ...] = ()
    recipients_tried: tuple[str, ...] = ()
    connections: int = 0
    strays: tuple[str, ...] = ()
    shows: bool = False
    resolved: tuple[str, ...] = ()
    detail: str = ""


class ClientMessageFacts(Facts):
    """Every message that was tried, and the address that they are from."""

    kind: ClassVar[str] = "client_messages"

    sender: str
    messages: tuple[SentMessage, ...]

    def of(self, *sorts: Sort) -> tuple[SentMessage, ...]:
        """The messages of these sorts."""
        return tuple(message for message in self.messages if message.sort in sorts)

    def control(self, field: str = "") -> SentMessage | None:
        """The control of a field; without one, the message that is harmless in every field."""
        return next((each for each in self.of(Sort.CONTROL) if each.field == field), None)
