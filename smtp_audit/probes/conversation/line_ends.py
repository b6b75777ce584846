"""Commands that end with LF or CR alone, and addresses with a NUL."""

from __future__ import annotations

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.line_ends import LineEndFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import undelivered_recipient
from smtp_audit.probes.conversation.interview import Interview, Question, Say, say
from smtp_audit.probes.wire import Transcript


async def try_line_ends(approach: Approach, transcript: Transcript) -> LineEndFacts:
    """Ask with the wrong line ends. Nothing is sent.

    Raises:
        PeerError: not one question could be put.
    """
    questions: list[Question] = []
    # A NUL in other commands is not asked about: Postfix reads them up to it, in all versions, and nothing is lost.
    recipients: list[str] = []
    if approach.endpoint.role is Role.MX:
        local, at, domain = (own := undelivered_recipient(approach)).rpartition("@")
        # Where the domain is not known, none is said: that of another is refused whatever stands before it.
        recipients = [f"{local}\0x@{domain}", f"{local}@{domain}\0x"] if at else [f"{own}\0x"]
        # What is answered to the NUL alone, and not to whoever asks.
        questions.append(Question("plain_recipient", (say("MAIL FROM:<>", needs="2"), say(f"RCPT TO:<{own}>"))))
        questions += [
            Question(recipient, (say("MAIL FROM:<>", needs="2"), say(f"RCPT TO:<{recipient}>")))
            for recipient in recipients
        ]
    # Alone: a reply too many to the recipients that is still on its way would not show behind these.
    questions += [
        Question("bare_lf", _parted_by(b"\n"), ends=True, alone=True),
        Question("bare_cr", _parted_by(b"\r"), ends=True, alone=True),
    ]
    answers = await Interview(approach, transcript).ask(questions)
    return LineEndFacts(
        role=approach.endpoint.role,
        nul_recipients=tuple(answers.pop(recipient) for recipient in recipients),
        **answers,
    )


def _parted_by(octet: bytes) -> tuple[Say, ...]:
    """Two commands or one, as the server reads it; the reply to QUIT tells without waiting for silence.

    RSET may stand before others in a group, and NOOP is its last (RFC 2920 section 3.1), so that a server which keeps
    clients in step has nothing to refuse but the octet.
    """
    return (
        Say(b"RSET" + octet + b"NOOP\r\n", enough="45"),
        Say(b"QUIT\r\n", replies=3, until="221"),
    )
