"""Commands that run ahead: where RFC 2920 allows it, where it does not, and before the greeting."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Role, TlsStart
from smtp_audit.facts.pipelining import PipeliningFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import own_domain, undelivered_recipient
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing, say
from smtp_audit.probes.wire import PeerError, Transcript

_PIPELINING = "PIPELINING"

_SCREENING_SECONDS = 4.0
"""A greeting that comes later was held back to see who talks: postscreen waits 6 s for strangers, and remembers for a
day who has passed. smtpd, which answers those, is another matter."""


async def run_ahead(approach: Approach, transcript: Transcript) -> PipeliningFacts:
    """Send commands in groups. Nothing is sent.

    Raises:
        PeerError: not one question could be put.
    """
    batch = _batch(approach)
    questions = (
        # A server that loses commands is silent: its answer to QUIT says that it is not merely slow.
        Question(
            "batch",
            (Say(batch, replies=4, silence=True), Say(b"QUIT\r\n", replies=5, until="221")),
            ends=True,
            extension=_PIPELINING,
        ),
        Question(
            "together",
            (Say(b"NOOP\r\nNOOP\r\n", enough="45"), Say(b"QUIT\r\n", replies=3, until="221", enough="45")),
            ends=True,
        ),
    )
    interview = Interview(approach, transcript)
    answers = await interview.ask(questions)
    if approach.endpoint.tls_start is TlsStart.STARTTLS:
        answers["early"] = await _speak_first(approach, transcript, interview.name)
    return PipeliningFacts(role=approach.endpoint.role, announced=interview.announces(_PIPELINING), **answers)


def _batch(approach: Approach) -> bytes:
    """Four commands that may come together (RFC 2920 section 3.1), the last of them RSET.

    Where a login comes first, MAIL and RCPT are errors, and chasquid hangs up at the third.
    """
    if approach.endpoint.role in SUBMISSION_ROLES:
        return b"RSET\r\n" * 4
    domain = own_domain(approach)
    first, second = undelivered_recipient(approach), f"abuse@{domain}" if domain else "postmaster"
    return f"MAIL FROM:<>\r\nRCPT TO:<{first}>\r\nRCPT TO:<{second}>\r\nRSET\r\n".encode()


async def _speak_first(approach: Approach, transcript: Transcript, name: str) -> Dialogue:
    early = await _speak_once(approach, transcript, name)
    if early.unknown or not early.exchanges or _turned_away(early.exchanges[-1]):
        return early
    held = approach.greeted_after
    if held is None or held < _SCREENING_SECONDS or early.exchanges[0].seconds >= _SCREENING_SECONDS:
        return early
    reason = f"the greeting was held back for {held:.1f} s at first, and no more: who is known is not looked at again"
    return early.model_copy(update={"unknown": reason})


async def _speak_once(approach: Approach, transcript: Transcript, name: str) -> Dialogue:
    # Some hear all commands, and refuse the recipients in the end (postscreen).
    behind: tuple[Say, ...] = ()
    if approach.endpoint.role is Role.MX:
        behind = (say(f"EHLO {name}"), say("MAIL FROM:<>"), say(f"RCPT TO:<{undelivered_recipient(approach)}>"))
    says = (Say(b"", replies=2, enough="45", greeted=True, shown="NOOP, before the greeting"), *behind)
    try:
        interview = Interview(approach, transcript, Standing.CONNECTED, first=b"NOOP\r\n")
        early = (await interview.ask([Question("early", says, ends=True)]))["early"]
        steps = len(early.exchanges)
        if early.unknown or not (early.exchanges and _turned_away(early.exchanges[-1])):
            return early
        # Who waits has to get further, or it was for something else.
        waits = Question("waits", (say("NOOP"), *behind)[:steps], ends=True)
        answers = await Interview(approach, transcript, Standing.GREETED).ask([waits])
    except PeerError as error:
        return Dialogue(unknown=error.reason)
    others = [exchange for exchange in answers["waits"].exchanges if _turned_away(exchange)]
    if others:
        reason = f"a client that waits is turned away as well: {others[0]}"
        return early.model_copy(update={"unknown": reason})
    return early


def _turned_away(exchange: Exchange) -> bool:
    return exchange.refused or exchange.hung_up
