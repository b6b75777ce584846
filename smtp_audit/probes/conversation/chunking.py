"""BDAT out of place."""

from __future__ import annotations

from smtp_audit.facts.chunking import ChunkingFacts
from smtp_audit.facts.endpoint import Role
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import undelivered_recipient
from smtp_audit.probes.conversation.interview import Interview, Question, Say, say
from smtp_audit.probes.wire import Transcript

_CHUNKING = "CHUNKING"


async def try_chunks(approach: Approach, transcript: Transcript) -> ChunkingFacts:
    """Ask for BDAT where it is announced. No chunk is the last of a message with recipients, so none is sent.

    Raises:
        PeerError: not one question could be put.
    """
    last = say("BDAT 0 LAST")
    mail, rcpt = say("MAIL FROM:<>", needs="2"), say(f"RCPT TO:<{undelivered_recipient(approach)}>", needs="2")
    questions = [Question("no_transaction", (last,), extension=_CHUNKING)]
    if approach.endpoint.role is Role.MX:
        # Octets go with the first chunk, since servers may refuse one without any (Postfix: 551).
        chunk = Say(b"BDAT 2\r\n\r\n", needs="2", shown="BDAT 2, with an empty line")
        questions += [
            Question("no_recipient", (mail, last), extension=_CHUNKING),
            # Ended at once: whoever takes DATA here must not be given a message.
            Question("data_after_chunk", (mail, rcpt, chunk, say("DATA")), ends=True, extension=_CHUNKING),
        ]
    interview = Interview(approach, transcript)
    answers = await interview.ask(questions)
    return ChunkingFacts(role=approach.endpoint.role, announced=interview.announces(_CHUNKING), **answers)
