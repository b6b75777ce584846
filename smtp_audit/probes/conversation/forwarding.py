"""Messages through the audited server to the audit's own: what is passed on of ends that are none."""

from __future__ import annotations

import re
import time
from email import message_from_bytes
from email.message import Message

from smtp_audit.facts.end_of_data import Letter
from smtp_audit.facts.endpoint import SUBMISSION_ROLES
from smtp_audit.facts.forwarding import Arrival, Forwarded, ForwardingFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.refusals import denies_relaying
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.end_of_data import mail_standing, send
from smtp_audit.probes.conversation.interview import Interview
from smtp_audit.probes.conversation.letter import ENDINGS, Draft, draft
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape

FORWARD_SECONDS = 20.0
"""How long the audited server may take to pass on what it has accepted; the wait ends when everything is there."""

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_AROUND = 8
"""Octets that are quoted on either side of a CR or LF that stands alone."""


async def forward_messages(approach: Approach, transcript: Transcript) -> ForwardingFacts:
    """Send messages to the sink by way of the audited server, and see what arrives. On submission ports it logs in.

    Raises:
        PeerError: there is no sink, no login where one is needed, or not one message could be tried.
    """
    wanted = approach.config.sink
    if wanted is None:
        reason = "no sink: the configuration names no address that this server routes to the audit's own ([sink])"
        raise PeerError(Absence.NOT_AVAILABLE, reason)
    # A NUL and a line of two dots are no line ends: nothing the next server could take for a command.
    endings = {name: octets for name, octets in ENDINGS.items() if b"\0" not in octets and b".." not in octets}
    drafts = [draft(), *(draft(*ending) for ending in endings.items())]
    async with approach.sinks.listening(wanted) as sink:
        sink.tokens.update(each.token.encode() for each in drafts)
        interview = Interview(approach, transcript, mail_standing(approach))
        letters = await send(interview, drafts, wanted.address)
        refused = _refused_recipient(approach, interview, drafts[0])
        if refused:
            return ForwardingFacts(role=approach.endpoint.role, refused_recipient=refused)
        began = time.monotonic()
        taken = [each.token for each, letter in zip(drafts, letters, strict=False) if letter.taken]
        transcript.note(f"waiting for {len(taken)} messages at the sink, for {FORWARD_SECONDS:g} s at most")
        arrived = await sink.wait_for(taken, FORWARD_SECONDS) if taken else {}
        waited = round(time.monotonic() - began, 3)
    transcript.note(f"{sum(map(bool, arrived.values()))} of {len(taken)} arrived")
    ordinary, *others = (
        _forwarded(each, letter, interview.puts[each.token], arrived.get(each.token, ()))
        for each, letter in zip(drafts, letters, strict=False)
    )
    return ForwardingFacts(role=approach.endpoint.role, ordinary=ordinary, messages=tuple(others), waited=waited)


def _refused_recipient(approach: Approach, interview: Interview, first: Draft) -> str:
    """What was said to the recipient on port 25, if it was no for good: a server need not forward a stranger's mail."""
    if approach.endpoint.role in SUBMISSION_ROLES:
        return ""
    exchanges = interview.answers[first.token].exchanges
    if not exchanges or not exchanges[-1].sent.startswith("RCPT"):
        return ""
    reply = exchanges[-1].reply
    # Postfix's default for relaying is 454 4.7.1 (relay_domains may be looked up again later); greylisting says 4.7.1,
    # too.
    relaying = reply is not None and denies_relaying(reply)
    return f"{exchanges[-1]}" if exchanges[-1].refused or relaying else ""


def _forwarded(written: Draft, letter: Letter, sent: int, copies: tuple[bytes, ...]) -> Forwarded:
    return Forwarded(letter=letter, sent=sent, arrivals=tuple(arrival(copy, written.last_line) for copy in copies))


def arrival(message: bytes, last_line: bytes) -> Arrival:
    """What a message looks like that has come, as it came."""
    found = _BARE.search(message)
    bare = "" if found is None else escape(message[max(0, found.start() - _AROUND) : found.end() + _AROUND])
    return Arrival(bare=bare, whole=last_line in message or last_line in _decoded(message))


def _decoded(message: bytes) -> bytes:
    """The text of a message that was given another encoding on the way (RFC 2045 section 6)."""
    parsed: Message = message_from_bytes(message)
    text = parsed.get_payload(decode=True)
    return text if isinstance(text, bytes) else b""
