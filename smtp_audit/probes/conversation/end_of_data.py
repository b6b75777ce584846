"""Messages with an end that is none, with a NUL and with a long line, to an own mailbox; and what runs ahead of them.

One that is dropped before its end is not among them: only who reads the mailbox sees whether it was delivered. It is
sent to the sink (forwarding.py).
"""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.end_of_data import EndOfDataFacts, Letter
from smtp_audit.facts.endpoint import SUBMISSION_ROLES
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing
from smtp_audit.probes.conversation.letter import (
    ENDINGS,
    LONG_LINE,
    Draft,
    authors,
    begun,
    draft,
    drafts_with_nul,
    letter,
    octets,
    question,
    sender,
)
from smtp_audit.probes.wire import PeerError, Transcript

_TOGETHER = 7
"""Messages on one connection: a NOOP follows each, and Exim hangs up at the 11th (smtp_accept_max_nonmail = 10)."""


async def end_messages(approach: Approach, transcript: Transcript) -> EndOfDataFacts:
    """Send one ordinary message to the own mailbox, and one for each thing that is rare: 17 in all, or 18.

    On submission ports this logs in. Nothing goes to anybody else: what a server reads behind such an end is a command
    that it does not have.

    Raises:
        PeerError: there is no own mailbox, no login where one is needed, or not one message could be tried.
    """
    mailbox = approach.config.mailboxes.own
    if mailbox is None:
        raise PeerError(Absence.NOT_AVAILABLE, "no mailbox to send to: name one as mailboxes.own in the configuration")
    interview = Interview(approach, transcript, mail_standing(approach))
    endings = [draft(*ending) for ending in ENDINGS.items()]
    long = draft("a line of 1000 octets", b"\r\n" + LONG_LINE)
    ordinary, author = await send_first(interview, draft(), mailbox)
    if not ordinary.whole:
        return EndOfDataFacts(role=approach.endpoint.role, ordinary=ordinary)
    *letters, long_line = await send_more(interview, [*endings, *drafts_with_nul(), long], author, mailbox)
    return EndOfDataFacts(
        role=approach.endpoint.role,
        ordinary=ordinary,
        letters=tuple(letters),
        long_line=long_line,
        **await _run_ahead(interview, author, mailbox),
    )


async def _run_ahead(interview: Interview, author: str, mailbox: str) -> dict[str, Dialogue]:
    """What comes in one segment with DATA, and with the end of a message where that may not be."""
    to_data = begun(envelope_sender(interview), mailbox)
    # Whoever goes along with it takes NOOP for the message, which is given up there.
    hasty = Say(b"DATA\r\nNOOP\r\n", shown="DATA and NOOP in one segment")
    questions = [Question("behind_data", (*to_data[:-1], hasty), ends=True)]
    if not interview.announces("PIPELINING"):
        text = octets(interview.approach, draft("with NOOP behind it"), author, mailbox)
        message = Say(text + b"NOOP\r\n", enough="45", shown="<message>, with NOOP behind it in one segment")
        quitting = Say(b"QUIT\r\n", replies=3, until="221", enough="45")
        questions.append(Question("behind_dot", (*to_data, message, quitting), ends=True, lasting=len(to_data)))
    names = [asked.name for asked in questions]
    answers = await interview.ask(questions)
    return {name: answers[name] for name in names}


def mail_standing(approach: Approach) -> Standing:
    """Who may send: anyone on port 25 to the server's own mailboxes, on submission ports those who log in."""
    return Standing.LOGGED_IN if approach.endpoint.role in SUBMISSION_ROLES else Standing.HELLO


async def send_first(interview: Interview, written: Draft, recipient: str) -> tuple[Letter, str]:
    """Send a message like any other; what became of it, and the author in whose name that was.

    Raises:
        PeerError: it could not be tried.
    """
    by = envelope_sender(interview)
    for author in authors(by, recipient):
        answers = await interview.ask([question(interview.approach, written, by, author, recipient)])
        sent = letter(written, answers[written.token])
        if sent.whole or not sent.refused:
            break
    return sent, author


async def send_more(interview: Interview, drafts: list[Draft], author: str, recipient: str) -> list[Letter]:
    """Send these, where one like any other was taken: else the server would not say more about them."""
    by = envelope_sender(interview)
    questions = [question(interview.approach, each, by, author, recipient) for each in drafts]
    for first in range(0, len(questions), _TOGETHER):
        answers = await interview.ask(questions[first : first + _TOGETHER])
    return [letter(each, answers[each.token]) for each in drafts]


def envelope_sender(interview: Interview) -> str:
    """The address for MAIL."""
    return sender(interview.approach, logged_in=interview.standing is Standing.LOGGED_IN)
