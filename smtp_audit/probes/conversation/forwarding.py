"""Messages through the audited server to the audit's own: what is passed on of ends that are none, of a NUL, and of
messages that were never ended."""

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
from smtp_audit.probes.conversation.end_of_data import envelope_sender, mail_standing, send_first, send_more
from smtp_audit.probes.conversation.interview import Interview
from smtp_audit.probes.conversation.letter import (
    BEHIND_NUL,
    ENDINGS,
    Draft,
    draft,
    drafts_with_nul,
    dropped,
    dropped_letter,
)
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape

FORWARD_SECONDS = 20.0
"""How long the audited server may take to pass on what it has accepted; the wait ends when everything is there."""

LATE_SECONDS = 3.0
"""How long messages that were never ended are waited for behind those that were: they were sent before them."""

_UNENDED = {"dropped behind a line": b"\r\n", "dropped behind a dot": b"\r\n."}

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
    first, later, with_nul = draft(), draft("ordinary, again"), drafts_with_nul()
    drafts = [later, *(draft(*ending) for ending in endings.items()), *with_nul]
    unended = {draft(name): end for name, end in _UNENDED.items()}
    async with approach.sinks.listening(wanted) as sink:
        sink.tokens.update(each.token.encode() for each in (first, *drafts, *unended))
        interview = Interview(approach, transcript, mail_standing(approach))
        ordinary, author = await send_first(interview, first, wanted.address)
        if refused := _refused_recipient(approach, interview, first):
            return ForwardingFacts(role=approach.endpoint.role, refused_recipient=refused)
        letters = {first: ordinary}
        if ordinary.whole:
            letters |= await _drop(interview, unended, author, wanted.address)
            letters |= zip(drafts, await send_more(interview, drafts, author, wanted.address), strict=True)
        began = time.monotonic()
        taken = [each.token for each, sent in letters.items() if sent.taken]
        begun = [each.token for each in unended if each in letters and not letters[each].unknown]
        transcript.note(f"waiting for {len(taken)} messages at the sink, for {FORWARD_SECONDS:g} s at most")
        await sink.wait_for(taken, FORWARD_SECONDS if taken else 0)
        waited = round(time.monotonic() - began, 3)
        arrived = await sink.wait_for([*taken, *begun], LATE_SECONDS if begun else 0)
    transcript.note(f"{sum(bool(arrived[token]) for token in taken)} of {len(taken)} arrived")

    def forwarded(each: Draft) -> Forwarded:
        behind = BEHIND_NUL if each in with_nul else b""
        copies = tuple(arrival(copy, each.last_line, behind) for copy in arrived.get(each.token, ()))
        return Forwarded(letter=letters[each], sent=interview.puts[each.token], arrivals=copies)

    return ForwardingFacts(
        role=approach.endpoint.role,
        ordinary=forwarded(first),
        messages=tuple(forwarded(each) for each in drafts if each in letters and each not in (later, *with_nul)),
        nuls=tuple(forwarded(each) for each in with_nul if each in letters),
        dropped=tuple(forwarded(each) for each in unended if each in letters),
        later=forwarded(later) if later in letters else None,
        waited=waited,
    )


async def _drop(interview: Interview, unended: dict[Draft, bytes], author: str, recipient: str) -> dict[Draft, Letter]:
    """Begin messages, and close the connection in the middle."""
    by = envelope_sender(interview)
    answers = await interview.ask(
        [dropped(interview.approach, each, by, author, recipient, end) for each, end in unended.items()]
    )
    return {each: dropped_letter(each, answers[each.token]) for each in unended}


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


def arrival(message: bytes, last_line: bytes, behind: bytes = b"") -> Arrival:
    """What a message looks like that has come, as it came. `behind` is what stood behind a NUL."""
    found = _BARE.search(message)
    bare = "" if found is None else escape(message[max(0, found.start() - _AROUND) : found.end() + _AROUND])
    decoded = _decoded(message)
    return Arrival(
        bare=bare,
        whole=last_line in message or last_line in decoded,
        cut=behind not in message and behind not in decoded,
    )


def _decoded(message: bytes) -> bytes:
    """The text of a message that was given another encoding on the way (RFC 2045 section 6)."""
    parsed: Message = message_from_bytes(message)
    text = parsed.get_payload(decode=True)
    return text if isinstance(text, bytes) else b""
