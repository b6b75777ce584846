"""The corpus of messages given to a program, each at a sound trap of its own, and what came of it.

This runs inside the private network. A trap for each message costs little, and a program that goes on sending after its
end (a queue, a daemon) can so never be blamed for another message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import Claim, ScenarioRun
from smtp_audit.facts.client_messages import Arrival, SentMessage, Sort
from smtp_audit.mailtext import decoded, header_fields, parts_of
from smtp_audit.probes.client.arrivals import arrived, shown
from smtp_audit.probes.client.contract import FIELDS, Message, unguessable
from smtp_audit.probes.client.corpus import (
    ALERT,
    ALERT_DATA,
    CUSTOM_HEADER,
    CUSTOM_SAMPLE,
    LEFT_OUT,
    LINKED_HTML,
    LINKED_TEXT,
    MARK,
    SAMPLES,
    THERE,
    Case,
    content_cases,
    field_cases,
    first_cases,
    recipient_cases,
    reference_cases,
)
from smtp_audit.probes.client.playing import HEARD_LATE, Stage, Stand
from smtp_audit.probes.client.strays import Strays
from smtp_audit.probes.client.traps.scenario import Scenario
from smtp_audit.probes.client.traps.scenarios import SCENARIOS
from smtp_audit.secret import Secret
from smtp_audit.wiretext import escape_text

SOUND: Final = "good-rsa"
"""The scenario of the sound server: TLS 1.2 and 1.3, and the kind of certificate that everybody takes."""

REFUSING: Final = "fault-550-recipient"
"""The scenario of the server that refuses the recipient."""

CANARY: Final = ("127.78.1.1", 8099)
"""Where a server waits for programs that fetch what a message names."""

SHOWN_VALUE: Final = 300

MAX_ARRIVALS: Final = 6
"""Messages that are kept of one that was given; two are too many already, but for several recipients."""

PRIORITY_HEADERS: Final = ("x-priority", "importance", "priority", "x-msmail-priority")

_ALWAYS_TRIED: Final = ("to", "subject", "html", "text")
"""Fields that are tried whether or not their harmless value showed: without them there is no message."""


def custom_fields(settings: ClientSettings) -> tuple[str, ...]:
    """Fields that the configuration maps beyond those of the contract: the program's own, tried as texts."""
    return tuple(name for name in settings.message if name not in FIELDS)


def cases_for(settings: ClientSettings, files: str = "/nowhere", urls: str = "http://192.0.2.99") -> Iterator[Case]:
    """All messages but the controls and those with a setting left out."""
    yield from field_cases(custom_fields(settings))
    yield from recipient_cases()
    yield from content_cases()
    yield from reference_cases(files, urls)
    for text in (LINKED_TEXT, ""):
        name = "refused" if text else "refused-malformed"
        yield Case(name, "text" if text else "to", Sort.REFUSED, text or f"@{THERE}")


def scenarios_for(settings: ClientSettings) -> tuple[Scenario, ...]:
    """A scenario for each message that may be sent."""
    by_name = {each.name: each for each in SCENARIOS}
    cases = (*first_cases(custom_fields(settings)), *cases_for(settings))
    names = [REFUSING if case.sort is Sort.REFUSED else SOUND for case in cases] + [SOUND] * len(LEFT_OUT)
    return tuple(by_name[name] for name in names)


def message_of(case: Case) -> Message:
    """The message of a case: harmless but for the field under test."""
    more: dict[str, Any] = dict(case.more)
    head, _, tail = case.field.partition(".")
    if case.sort is Sort.CONTROL and not case.field:
        pass
    elif tail == "headers" and isinstance(case.value, str):
        more[head] = {tail: {CUSTOM_HEADER: case.value}}
    elif head == "data":
        more |= {**ALERT, head: {**ALERT_DATA, tail: case.value}}
    elif tail:
        more[head] = {tail: case.value}
    elif head in ("to", "cc"):
        more[head] = case.value if isinstance(case.value, list) else [case.value]
    else:
        more[head] = case.value
    return Message(more=more)


class Sending:
    """Sends the corpus with one program. `places` are those of `scenarios_for`."""

    def __init__(
        self, stage: Stage, settings: ClientSettings, strays: Strays | None, folder: Path, places: Iterable[Stand]
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._strays = strays
        self._folder = folder
        self._sound = iter([place for place in places if place.scenario.name == SOUND])
        self._refusing = iter([place for place in places if place.scenario.name == REFUSING])
        self._fetched: set[str] = set()
        self._marks: dict[str, str] = {}

    async def all(self) -> AsyncIterator[SentMessage]:
        """Every message once: the control first, without whose arrival nothing else is tried."""
        controls = list(first_cases(custom_fields(self._settings)))
        base, run = await self._play(controls[0])
        taken = run.acknowledged
        yield base.model_copy(update={"shows": taken})
        if not taken:
            return
        used = set(_ALWAYS_TRIED)
        for case, (sent, played) in await self._together(controls[1:]):
            shows = _shows(case, sent, played, base.arrivals)
            used |= {case.field} if shows else set()
            yield sent.model_copy(update={"shows": shows})
        server = await asyncio.start_server(self._met, *CANARY)
        address = f"http://{CANARY[0]}:{CANARY[1]}"
        cases = [
            case
            for case in cases_for(self._settings, str(self._folder), address)
            if case.field in used or case.sort is Sort.REFERENCE
        ]
        for case in cases:
            if case.sort is Sort.REFERENCE:
                self._lay_out(case)
        for case, (sent, played) in await self._together(cases):
            yield sent.model_copy(update={"resolved": self._resolved(case, played)})
        server.close()
        for name in LEFT_OUT:
            yield await self._without(name)

    async def _together(self, cases: Iterable[Case]) -> list[tuple[Case, tuple[SentMessage, ScenarioRun]]]:
        chosen = list(cases)
        return list(zip(chosen, await asyncio.gather(*(self._play(case) for case in chosen)), strict=True))

    async def _play(self, case: Case) -> tuple[SentMessage, ScenarioRun]:
        place = next(self._refusing if case.sort is Sort.REFUSED else self._sound)
        message = message_of(case)
        if case.sort in (Sort.TEXT, Sort.REFUSED, Sort.CONTENT):
            message = _with_secrets(message, case)
        run = await self._stage.play(place, message)
        return sent_message(case, run), run

    async def _without(self, name: str) -> SentMessage:
        """The control without a setting, alone, so that whatever is heard is the program's."""
        case = Case(f"without-{name}", name, Sort.SETTING)
        began = time.monotonic()
        run = await self._stage.play(next(self._sound), Message(), leave_out=name)
        await asyncio.sleep(HEARD_LATE)
        unknown = self._strays.of_nobody(began, time.monotonic()) if self._strays is not None else ()
        sent = sent_message(case, run)
        return sent.model_copy(update={"strays": tuple(dict.fromkeys((*sent.strays, *unknown)))})

    def _lay_out(self, case: Case) -> None:
        """The file that a case names."""
        self._marks[case.name] = f"canary-{secrets.token_hex(12)}"
        path = self._folder / case.name
        path.write_text(self._marks[case.name] + "\n", encoding="ascii")
        path.chmod(0o644)

    def _resolved(self, case: Case, run: ScenarioRun) -> tuple[str, ...]:
        mark = self._marks.get(case.name)
        if mark is None:
            return ()
        texts = (text for delivery in run.deliveries for _, _, text in (("", 0, delivery.content), *_parts(delivery)))
        found = ["file or address: its content was sent"] if any(mark in text for text in texts) else []
        return tuple(found + (["address: it was fetched"] if case.name in self._fetched else []))

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request for what a case names with the mark that it is known by."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(5):
                line = (await reader.readuntil(b"\n")).decode("latin-1").split()
            name = line[1].lstrip("/") if len(line) > 1 else ""
            self._fetched.add(name)
            body = self._marks.get(name, "").encode()
            writer.write(
                b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
        writer.close()


def sent_message(case: Case, run: ScenarioRun) -> SentMessage:
    """What a run made of a case."""
    return SentMessage(
        name=case.name,
        field=case.field,
        sort=case.sort,
        value=_shown_value(case.value),
        acceptable=tuple(escape_text(each) for each in case.acceptable),
        execution=run.execution,
        arrivals=tuple(arrived(delivery) for delivery in run.deliveries[:MAX_ARRIVALS]),
        senders_tried=tuple(dict.fromkeys(shown(delivery.sender) for delivery in run.deliveries)),
        recipients_tried=tuple(shown(recipient) for visit in run.visits for recipient in visit.recipients_tried)[:200],
        connections=len(run.visits),
        strays=run.strays,
        detail=run.detail or (run.execution.detail if run.execution.claim is Claim.NOT_STARTED else ""),
    )


def _with_secrets(message: Message, case: Case) -> Message:
    """The message to a recipient, and with a token, that nobody else knows: where they turn up they were printed."""
    token, private = unguessable(), f"private-{secrets.token_hex(8)}@{THERE}"
    more = {key: value.replace(MARK, token) if isinstance(value, str) else value for key, value in message.more.items()}
    if case.sort is Sort.REFUSED:
        more |= {"html": LINKED_HTML.replace(MARK, token)}
    if case.field == "to":
        private = private.replace("@", "@@")
        more["to"] = [private]
    return replace(message, to=(private,), more=more, secrets={"recipient": Secret(private), "token": Secret(token)})


def _shows(case: Case, sent: SentMessage, run: ScenarioRun, base: tuple[Arrival, ...]) -> bool:
    """Whether the harmless value of a field was seen on the wire."""
    if not sent.arrivals:
        return False
    if case.field == "cc":
        return any(case.value in (*each.recipients, *each.copied) for each in sent.arrivals)
    if case.field == "reply_to":
        return any(case.value in each.answers for each in sent.arrivals)
    if case.field == "options.priority":
        known = {value for each in base for value in _priorities(each)}
        return any(value not in known for each in sent.arrivals for value in _priorities(each))
    value = str(SAMPLES.get(case.field, CUSTOM_SAMPLE))
    texts = (
        text
        for delivery in run.deliveries
        for text in (
            *(decoded(value) for _, value in header_fields(delivery.content)),
            *(part for _, _, part in _parts(delivery)),
        )
    )
    return any(value in text for text in texts)


def _priorities(arrival: Arrival) -> list[tuple[str, str]]:
    return [(each.name, each.value) for each in arrival.fields if each.name in PRIORITY_HEADERS]


def _parts(delivery: Any) -> tuple[tuple[str, int, str], ...]:
    return parts_of(delivery.content)


def _shown_value(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return escape_text(text, SHOWN_VALUE)
