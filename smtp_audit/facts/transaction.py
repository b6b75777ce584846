"""Facts about mail transactions that are begun and given up: no message is sent (RFC 5321 section 3.3)."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class TransactionFacts(Facts):
    """What a server makes of MAIL, RCPT and RSET, from a client that may send.

    `needs_login` says why nothing was asked: the service is for those who log in, and we may not.
    """

    kind: ClassVar[str] = "transaction"

    role: Role
    needs_login: str = ""
    domain: str = ""
    """The domain whose mailboxes were asked for; empty where none was named, or none is asked for."""
    capabilities: tuple[str, ...] = ()
    """The lines of the reply to EHLO, the first one included."""
    data_without_recipient: Dialogue = Dialogue()
    nested_mail: Dialogue = Dialogue()
    """MAIL twice."""
    reset: Dialogue = Dialogue()
    """MAIL, RSET, RCPT."""
    hello_again: Dialogue = Dialogue()
    """MAIL, EHLO, RCPT."""
    recipient_without_path: Dialogue = Dialogue()
    unknown_parameter: Dialogue = Dialogue()
    """MAIL with a parameter that no RFC knows."""
    small_letters: Dialogue = Dialogue()
    """mail from:<...>, rcpt to:<...>"""
    long_local_part: Dialogue = Dialogue()
    """RCPT with a local part of 64 octets."""
    long_path: Dialogue = Dialogue()
    """RCPT with a path of 256 octets, nearly all of it domain."""
    address_literal: Dialogue = Dialogue()
    source_route: Dialogue = Dialogue()
    many_recipients: Dialogue = Dialogue()
    """One hundred recipients, as far as they were taken."""
    too_large: Dialogue = Dialogue()
    """MAIL with a size of one octet more than the server says it takes."""
    eight_bit: Dialogue = Dialogue()
    """MAIL with BODY=8BITMIME."""
    utf8: Dialogue = Dialogue()
    """MAIL with SMTPUTF8."""
    unannounced_utf8: Dialogue = Dialogue()
    """MAIL with an address that is not ASCII, without SMTPUTF8."""
    postmaster: Dialogue = Dialogue()
    """RCPT for the postmaster without a domain, from the null sender."""
    postmaster_of_domain: Dialogue = Dialogue()
    abuse: Dialogue = Dialogue()
    null_sender: Dialogue = Dialogue()
    """The null sender to the own mailbox, or the postmaster where none is given."""
    postmaster_from_other: Dialogue = Dialogue()
    """The same four from a sender with a name, where they were not taken from the null sender."""
    postmaster_of_domain_from_other: Dialogue = Dialogue()
    abuse_from_other: Dialogue = Dialogue()
    null_sender_from_other: Dialogue = Dialogue()
