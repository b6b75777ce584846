"""Facts about what a server does with a client that speaks another protocol."""

from typing import ClassVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts


class CrossProtocolFacts(Facts):
    """The request of a web browser, with SMTP commands in its body.

    `posted` is one exchange: a POST request as browsers write it, and behind its headers NOOP and QUIT. Replies are
    read up to 221.
    """

    kind: ClassVar[str] = "cross_protocol"

    role: Role
    posted: Dialogue
