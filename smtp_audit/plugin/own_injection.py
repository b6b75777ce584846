"""The oracle of injection on code that a team's own test calls: a harmless value first, then the hostile ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal

from smtp_audit.controls.client_shape import envelope_faults, header_faults
from smtp_audit.facts.client import Claim, Execution
from smtp_audit.facts.client_messages import SentMessage, Sort
from smtp_audit.mailtext import decoded, header_fields
from smtp_audit.probes.client.arrivals import arrived, shown
from smtp_audit.probes.client.corpus import BREAKS, EITHER, MALFORMED, MORE_BREAKS, NAMES, THERE
from smtp_audit.probes.client.loopback import RunningTrap
from smtp_audit.wiretext import escape_text

Kind = Literal["text", "name", "address"]
"""What the place under test is: a text such as the subject, a display name, an address."""


def injection_faults(
    send: Callable[[RunningTrap, str], object], kind: Kind, sink: Callable[[], RunningTrap]
) -> tuple[str, ...]:
    """What became more than a value, one line each. `sink` starts a sound server; each message gets its own.

    Raises:
        AssertionError: the harmless value does not arrive, or does not show, so that nothing can be tested.
    """
    sample = {"text": "Figures of the third quarter", "name": "Ada Example", "address": f"user@{THERE}"}[kind]
    server = sink()
    send(server, sample)
    control = _sent(server, sample)
    server.close()
    names = {
        name for each in server.deliveries for name, value in header_fields(each.content) if sample in decoded(value)
    }
    if not control.arrivals:
        raise AssertionError(f"the harmless value {sample!r} does not arrive: nothing could be tested")
    if not names and sample not in control.recipients_tried:
        raise AssertionError(f"the harmless value {sample!r} shows neither in the header nor in the envelope")
    faults: list[str] = []
    for value, acceptable in _values(kind):
        server = sink()
        with contextlib.suppress(Exception):  # a refusal; whatever arrived before it is looked at
            send(server, value)
        seen = _sent(server, value)
        server.close()
        found = (
            *header_faults(control.arrivals, seen.arrivals, names),
            *envelope_faults(control, seen, acceptable if kind == "address" else None),
        )
        if found:
            faults.append(f"{escape_text(value, 120)}: {'; '.join(found[:3])}")
    return tuple(faults)


def _values(kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
    if kind == "address":
        yield from MALFORMED.values()
        yield from ((spellings[0], spellings) for spellings in EITHER.values())
        return
    for values in (BREAKS, MORE_BREAKS) if kind == "text" else (BREAKS, NAMES):
        yield from ((value, ()) for value in values.values())


def _sent(server: RunningTrap, value: str) -> SentMessage:
    visits = server.visits
    deliveries = [delivery for visit in visits for delivery in visit.deliveries]
    return SentMessage(
        name="own",
        field="own",
        sort=Sort.HOSTILE,
        value=escape_text(value),
        execution=Execution(claim=Claim.SENT if deliveries else Claim.NOT_SENT),
        arrivals=tuple(arrived(delivery) for delivery in deliveries),
        senders_tried=tuple(dict.fromkeys(shown(delivery.sender) for delivery in deliveries)),
        recipients_tried=tuple(shown(each) for visit in visits for each in visit.recipients_tried),
        connections=len(visits),
    )
