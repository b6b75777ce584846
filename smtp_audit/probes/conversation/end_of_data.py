"""Messages with an end that is none, to an own mailbox.

One that is dropped before its end is not among them: only who reads the mailbox sees whether it was delivered.
"""

from __future__ import annotations

from smtp_audit.facts.end_of_data import EndOfDataFacts, Letter
from smtp_audit.facts.endpoint import SUBMISSION_ROLES
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.interview import Interview, Standing
from smtp_audit.probes.conversation.letter import ENDINGS, Draft, authors, draft, letter, question, sender
from smtp_audit.probes.wire import PeerError, Transcript

_TOGETHER = 7
"""Messages on one connection: a NOOP follows each, and Exim hangs up at the 11th (smtp_accept_max_nonmail = 10)."""


async def end_messages(approach: Approach, transcript: Transcript) -> EndOfDataFacts:
    """Send one ordinary message to the own mailbox, and one for each of the ends that are none: 14 in all.

    On submission ports this logs in. Nothing goes to anybody else: what a server reads behind such an end is a command
    that it does not have.

    Raises:
        PeerError: there is no own mailbox, no login where one is needed, or not one message could be tried.
    """
    mailbox = approach.config.mailboxes.own
    if mailbox is None:
        raise PeerError(Absence.NOT_AVAILABLE, "no mailbox to send to: name one as mailboxes.own in the configuration")
    interview = Interview(approach, transcript, mail_standing(approach))
    ordinary, *others = await send(interview, [draft(), *(draft(*ending) for ending in ENDINGS.items())], mailbox)
    return EndOfDataFacts(role=approach.endpoint.role, ordinary=ordinary, letters=tuple(others))


def mail_standing(approach: Approach) -> Standing:
    """Who may send: anyone on port 25 to the server's own mailboxes, on submission ports those who log in."""
    return Standing.LOGGED_IN if approach.endpoint.role in SUBMISSION_ROLES else Standing.HELLO


async def send(interview: Interview, drafts: list[Draft], recipient: str) -> list[Letter]:
    """Send the first, and the others if it was taken: the server would not say more about them.

    Raises:
        PeerError: not even the first could be tried.
    """
    approach = interview.approach
    by = sender(approach, logged_in=interview.standing is Standing.LOGGED_IN)
    for author in authors(by, recipient):
        answers = await interview.ask([question(approach, drafts[0], by, author, recipient)])
        ordinary = letter(drafts[0], answers[drafts[0].token])
        if ordinary.whole or not ordinary.refused:
            break
    if not ordinary.whole:
        return [ordinary]
    questions = [question(approach, each, by, author, recipient) for each in drafts[1:]]
    for first in range(0, len(questions), _TOGETHER):
        answers = await interview.ask(questions[first : first + _TOGETHER])
    return [ordinary, *(letter(each, answers[each.token]) for each in drafts[1:])]
