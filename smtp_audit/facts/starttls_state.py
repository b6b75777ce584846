"""Facts about what a server remembers across STARTTLS (RFC 3207 section 4.2), and how it takes the command itself."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.observation import Facts


class StarttlsStateFacts(Facts):
    """What was said before TLS and inside it. `offered` False: no STARTTLS, and nothing else was asked.

    `mail_before` is MAIL in clear; where that is refused, nothing can be remembered. `recipient_after` is RCPT as the
    first command inside TLS, `recipient_without_mail` the same after EHLO, when there is no transaction for certain.
    """

    kind: ClassVar[str] = "starttls_state"

    offered: bool
    mail_before: Dialogue = Dialogue()
    recipient_after: Dialogue = Dialogue()
    recipient_without_mail: Dialogue = Dialogue()
    again: Dialogue = Dialogue()
    """STARTTLS inside TLS."""
    argument: Dialogue = Dialogue()
    """STARTTLS with an argument, in clear."""
