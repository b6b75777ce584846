"""Commands that run ahead: where RFC 2920 allows it, where it does not, and before the greeting."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.pipelining import PipeliningFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import local_domain, local_mailbox
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing
from smtp_audit.probes.wire import PeerError, Transcript

_PIPELINING = "PIPELINING"


async def run_ahead(approach: Approach, transcript: Transcript) -> PipeliningFacts:
    """Send commands in groups. Nothing is sent.

    Raises:
        PeerError: not one question could be put.
    """
    first, second = local_mailbox(approach), f"abuse@{local_domain(approach)}"
    batch = f"MAIL FROM:<>\r\nRCPT TO:<{first}>\r\nRCPT TO:<{second}>\r\nRSET\r\n".encode()
    questions = (
        # A server that loses commands is silent: its answer to QUIT says that it is not merely slow.
        Question(
            "batch",
            (Say(batch, replies=4, silence=True), Say(b"QUIT\r\n", replies=5, until="221")),
            ends=True,
            extension=_PIPELINING,
        ),
        Question("together", (Say(b"NOOP\r\nNOOP\r\n", replies=2, enough="45"),), ends=True),
    )
    interview = Interview(approach, transcript)
    answers = await interview.ask(questions)
    if approach.endpoint.tls_start is TlsStart.STARTTLS:
        answers["early"] = await _speak_first(approach, transcript)
    return PipeliningFacts(role=approach.endpoint.role, announced=interview.announces(_PIPELINING), **answers)


async def _speak_first(approach: Approach, transcript: Transcript) -> Dialogue:
    question = Question("early", (Say(b"NOOP\r\n", replies=2, enough="45"),), ends=True)
    try:
        return (await Interview(approach, transcript, Standing.CONNECTED).ask([question]))["early"]
    except PeerError as error:
        return Dialogue(unknown=error.reason)
