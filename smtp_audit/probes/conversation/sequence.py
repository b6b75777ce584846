"""The order of commands, and the commands that every server has (RFC 5321 sections 4.1.4 and 4.5.1)."""

from __future__ import annotations

from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import local_mailbox
from smtp_audit.probes.conversation.interview import Interview, Question, say
from smtp_audit.probes.wire import Transcript


async def keep_the_sequence(approach: Approach, transcript: Transcript) -> SequenceFacts:
    """Ask in the wrong order, and for what does not exist. Nothing is sent.

    Raises:
        PeerError: not one question could be put.
    """
    mailbox = local_mailbox(approach)
    questions = (
        Question("recipient_first", (say(f"RCPT TO:<{mailbox}>"),)),
        Question("unknown_command", (say("XSMTPAUDIT"),)),
    )
    answers = await Interview(approach, transcript).ask(questions)
    return SequenceFacts(role=approach.endpoint.role, **answers)
