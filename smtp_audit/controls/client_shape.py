"""The oracle of injection: a message that arrived, compared with one that was harmless and otherwise the same.

Pure comparisons, also for the fixtures of a team's own tests. A value that stays a value changes neither the names of
the header fields, in whatever reading of line ends, nor the envelope, nor the number of messages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Claim
from smtp_audit.facts.client_messages import Arrival, ClientMessageFacts, SentMessage, Sort
from smtp_audit.mailtext import canonical

_READINGS = ("CR LF", "LF", "CR or LF")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\x00")
_URI = re.compile(r"<([^<>]*)>")

_OWN = {"to": {"to"}, "cc": {"cc"}, "reply_to": {"reply-to"}, "subject": {"subject"}}


def own_names(field: str, control: Iterable[Arrival], base: Iterable[Arrival]) -> frozenset[str]:
    """The header fields that a field of the contract makes, and that may so be missing when its value is refused."""
    known = {name for each in base for name in each.names_crlf}
    made = {name for each in control for name in each.names_crlf} - known
    return frozenset(made | _OWN.get(field, set()))


def header_faults(control: Sequence[Arrival], seen: Iterable[Arrival], own: Collection[str] = ()) -> tuple[str, ...]:
    """What the header of a message has that the control's has not, or the other way round. `own` may be missing."""
    faults: list[str] = []
    for arrival in seen:
        best = min((_header_faults(each, arrival, own) for each in control), key=len, default=["no control arrived"])
        faults += best
    return tuple(dict.fromkeys(faults))


def _header_faults(control: Arrival, seen: Arrival, own: Collection[str]) -> list[str]:
    faults: list[str] = []
    for reading, was, now in zip(
        _READINGS,
        (control.names_crlf, control.names_lf, control.names_any),
        (seen.names_crlf, seen.names_lf, seen.names_any),
        strict=True,
    ):
        before, after = Counter(was), Counter(now)
        for name in sorted(before | after):
            if name in own and after[name] <= max(before[name], 1):
                continue
            if after[name] > before[name]:
                faults.append(f"{name} comes in where {reading} ends lines")
            elif after[name] < before[name]:
                faults.append(f"{name} is gone where {reading} ends lines")
    if _all(seen.author) != _all(control.author):
        faults.append(f"From names {', '.join(seen.author) or 'nobody'}")
    if seen.early_ends > control.early_ends:
        faults.append("a server that takes other line ends sees the message end early")
    faults += [f"a NUL stands in {field.name}" for field in seen.fields if _NUL.search(field.value)]
    if len(seen.answers) > max(1, len(control.answers)):
        faults.append(f"Reply-To names {len(seen.answers)} mailboxes")
    if len(_unsubscribe(seen)) > max(len(_unsubscribe(control)), 1):
        faults.append("List-Unsubscribe names more than one place")
    return faults


def envelope_faults(
    control: SentMessage, seen: SentMessage, acceptable: Collection[str] | None = None
) -> tuple[str, ...]:
    """What the envelope of a message has that the control's has not.

    `acceptable` are the mailboxes that the value under test may stand for, where it is an address. One that is right
    comes out as exactly that mailbox. One that is none and stays so, in the domain that was meant, is no theft, and the
    business of another control.
    """
    faults: list[str] = []
    usual = {canonical(each) for each in control.recipients_tried}
    may = usual if acceptable is None else usual | {canonical(each) for each in acceptable}
    domains = {each.rpartition("@")[2] for each in may}
    tried = [canonical(each) for each in seen.recipients_tried if each]
    value = canonical(seen.value)
    exact = acceptable is None or value in {canonical(each) for each in acceptable}
    strangers = [
        each
        for each in tried
        if each not in may and (exact or (each != value and each.rpartition("@")[2] not in domains))
    ]
    faults += [f"RCPT names {each}" for each in dict.fromkeys(strangers)]
    if len(set(tried) - usual) > 1:
        faults.append(f"one address became {len(set(tried) - usual)}")
    faults += [
        f"{name} names {len(now)} mailboxes"
        for arrival in seen.arrivals
        for name, now in (("To", arrival.to), ("Cc", arrival.copied))
        if len(now) > 1
    ]
    senders = {canonical(each) for each in control.senders_tried}
    faults += [f"MAIL names {each}" for each in seen.senders_tried if canonical(each) not in senders]
    if len(seen.arrivals) > max(1, len(control.arrivals)):
        faults.append(f"{len(seen.arrivals)} messages came of one")
    return tuple(dict.fromkeys(faults))


def base_of(facts: ClientMessageFacts) -> SentMessage:
    """The message that is harmless in every field.

    Raises:
        Undetermined: it did not arrive, so that nothing else can be judged.
    """
    base = facts.control()
    if base is not None and base.shows and base.arrivals:
        return base
    told = "it was not tried" if base is None else told_message(base)
    raise Undetermined(f"inconclusive: a harmless message does not arrive at a sound server ({told})")


def told_message(message: SentMessage) -> str:
    """A message in a line of evidence."""
    words = [f"{message.name}: {message.execution.claim}"]
    if message.value:
        words.append(f"{message.field or 'value'} was {message.value[:160]}")
    if message.recipients_tried:
        words.append(f"RCPT named {', '.join(message.recipients_tried[:4])}")
    words.append(f"{len(message.arrivals)} arrived" if message.arrivals else "nothing arrived")
    if message.detail:
        words.append(message.detail)
    return "; ".join(words)


def judged(messages: Iterable[SentMessage]) -> tuple[SentMessage, ...]:
    """The messages of which something can be said: the program ended by itself, or something arrived."""
    return tuple(message for message in messages if not _unknown(message))


def demand_all(messages: Sequence[SentMessage]) -> None:
    """No pass when some could not be tried.

    Raises:
        Undetermined: none was tried, or one could not be.
    """
    if not messages:
        raise Undetermined("no message for this was tried")
    unknown = [message for message in messages if _unknown(message)]
    if unknown:
        raise Undetermined(f"could not be tried: {named(unknown)} ({unknown[0].detail or unknown[0].execution.claim})")


def named(messages: Iterable[SentMessage]) -> str:
    """Their names, the first dozen."""
    names = [message.name for message in messages]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def unused(facts: ClientMessageFacts) -> tuple[str, ...]:
    """Fields whose harmless value never showed on the wire, and that can so not be judged."""
    fields = dict.fromkeys(control.field for control in facts.of(Sort.CONTROL) if control.field)
    return tuple(
        field for field in fields if not any(each.shows for each in facts.of(Sort.CONTROL) if each.field == field)
    )


def _unknown(message: SentMessage) -> bool:
    no_end = message.execution.claim in (Claim.HUNG, Claim.NOT_STARTED)
    return bool(message.detail) or (no_end and not message.arrivals and not message.recipients_tried)


def _all(mailboxes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(canonical(each) for each in mailboxes))


def _unsubscribe(arrival: Arrival) -> tuple[str, ...]:
    return tuple(uri for value in arrival.values("list-unsubscribe") for uri in _URI.findall(value))
