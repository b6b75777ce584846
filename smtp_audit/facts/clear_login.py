"""Facts about a login that is tried before TLS, with a user and a secret that nobody has."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class ClearLoginFacts(Facts):
    """One login in clear text, tried once whether it is offered or not.

    `announced` are the ways to log in that the server offered on this connection (as in AuthFacts). The secret is made
    up for the run. In POP3 the attempt has two exchanges where USER is taken.
    """

    kind: ClassVar[str] = "clear_login"

    role: Role
    announced: tuple[str, ...]
    attempt: Dialogue
