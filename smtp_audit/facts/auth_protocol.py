"""Facts about the command AUTH (RFC 4954): what it is answered where it has to be refused, and after a login."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class AuthProtocolFacts(Facts):
    """AUTH without a secret: begun and cancelled, incomplete, at the wrong time."""

    kind: ClassVar[str] = "auth_protocol"

    role: Role
    mechanisms: tuple[str, ...]
    """Those that are offered where the questions were put."""
    without_mechanism: Dialogue
    """AUTH alone."""
    cancelled: Dialogue
    """AUTH with a mechanism that asks back, then `*`."""
    in_transaction: Dialogue
    """MAIL FROM:<>, then AUTH."""


class AuthSessionFacts(Facts):
    """After a login with the given credentials."""

    kind: ClassVar[str] = "auth_session"

    role: Role
    sender: Dialogue
    """MAIL with the user's own address."""
    after_ehlo: Dialogue
    """EHLO once more, then the same MAIL."""
    second: Dialogue
    """AUTH once more."""


class AuthErrorsFacts(Facts):
    """AUTH that is wrong in form. Servers may count each as a wrong password."""

    kind: ClassVar[str] = "auth_errors"

    role: Role
    mechanisms: tuple[str, ...]
    unknown_mechanism: Dialogue
    """A mechanism that nobody knows."""
    bad_encoding: Dialogue
    """An initial response that is not base64."""
    long_line: Dialogue
    """An initial response of more than 12288 octets, then NOOP."""
