"""The family of facts about a program's HTML: payloads in the HTML that it is given and in its templates' values.

Each message goes to a sound trap of its own in the private network; what counts is the HTML part as it arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from typing import Any, Final

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.documents.activity import active
from smtp_audit.documents.examining import Rendered, examine
from smtp_audit.documents.markup import is_available, read_markup
from smtp_audit.documents.payloads import Payload, payloads
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import ScenarioRun
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.template import ClientTemplateFacts, Effect, Rendering
from smtp_audit.limits import MAX_EFFECTS
from smtp_audit.probes.client.inside import Job
from smtp_audit.probes.client.network import containment
from smtp_audit.probes.client.playing import AT_ONCE
from smtp_audit.probes.client.trapping import START_SECONDS, hear, settings_of
from smtp_audit.probes.programs_approach import ProgramApproach
from smtp_audit.probes.templates.looking import NEEDED, examined, harmless, rendering_of
from smtp_audit.probes.templates.values import nested
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape_text

BEFORE, AFTER = "<p>The figures are attached to the minutes.</p>", "<p>With kind regards</p>"

WORDS: Final = "The figures are attached"

LETTERS_PER_TEMPLATE: Final = 600
"""What a template may cost at the most, for the time that is allowed."""

WRAPPED: Final = {
    "tag": "{}",
    "comment": "{}",
    "odd": "{}",
    "scheme": '<a href="{}">Read on</a>',
    "style": '<p style="color:{}">Read on</p>',
}
"""The groups of payloads that are tried in HTML as a whole, and what stands around them."""


def client_template_seconds(approach: ProgramApproach) -> float:
    """The longest that all messages may take."""
    settings = settings_of(approach)
    letters = len(payloads()) + LETTERS_PER_TEMPLATE * len(settings.templates)
    return START_SECONDS * (1 + 30 * len(settings.templates)) + letters * settings.seconds / AT_ONCE


async def look_at_client_templates(approach: ProgramApproach, transcript: Transcript) -> ClientTemplateFacts:
    """Give the program HTML and values with every payload.

    Raises:
        PeerError: the process for it could not be started, or broke off, or no parser is there.
    """
    settings = settings_of(approach)
    if not is_available():
        raise PeerError(Absence.NOT_AVAILABLE, NEEDED)
    way = await asyncio.to_thread(containment)
    if not way.possible:
        raise PeerError(Absence.NOT_AVAILABLE, way.told)
    mailing = Mailing(settings, way.command)
    chosen = [payload for payload in payloads() if payload.group in WRAPPED]
    harmless_run, *runs = await mailing.send(
        [{"html": BEFORE + AFTER, "text": "x"}, *({"html": wrapped(payload), "text": "x"} for payload in chosen)]
    )
    transcript.note(f"{len(runs)} messages with HTML sent")
    if not harmless_run.acknowledged:
        return ClientTemplateFacts(delivers=False)
    usual = html_of(harmless_run)
    facts = ClientTemplateFacts(delivers=True, html_used=usual is not None and WORDS in usual)
    if facts.html_used and usual is not None:
        refused, effects = await asyncio.to_thread(_acting, usual, chosen, runs)
        told = {"html_tried": len(runs), "html_refused": refused, "html_effects": tuple(effects[:MAX_EFFECTS])}
        facts = facts.model_copy(update=told)
    made: list[Rendering] = []
    untried: list[str] = []
    for name, fields in settings.templates.items():
        approach.progress(f"{approach.subject}: template {name}")
        rounds = examine(fields, harmless(fields, {}), payloads(), plain=False)
        try:
            found = await examined(Posting(mailing, name), rounds)
            made.append(await asyncio.to_thread(rendering_of, name, found, plain=False))
        except Undetermined as error:
            untried.append(f"{escape_text(name, 60)}: {escape_text(str(error), 300)}")
    return facts.model_copy(update={"templates": tuple(made), "untried": tuple(untried)})


def wrapped(payload: Payload) -> str:
    """The HTML that a payload is sent in."""
    text = payload.text.replace('"', "&quot;") if payload.group in ("scheme", "style") else payload.text
    return BEFORE + WRAPPED[payload.group].replace("{}", text) + AFTER


class Mailing:
    """Sends messages with one program."""

    def __init__(self, settings: ClientSettings, command: tuple[str, ...]) -> None:
        self._settings = settings
        self._command = command

    async def send(self, letters: Sequence[dict[str, Any]]) -> list[ScenarioRun]:
        """What came of each.

        Raises:
            PeerError: the process for it broke off.
        """
        if not letters:
            return []
        job = Job(settings=self._settings, letters=tuple(letters))
        runs = [said.run async for said in hear(job, self._command) if said.run is not None]
        if len(runs) != len(letters):
            raise PeerError(Absence.BROKEN, "the process for the messages ended before it was done")
        return runs


class Posting:
    """One template of a program as an engine: what is rendered is what arrives."""

    def __init__(self, mailing: Mailing, name: str) -> None:
        self._mailing = mailing
        self._name = name

    async def render(self, values: Sequence[Mapping[str, str]]) -> list[Rendered]:
        """What arrived of each."""
        runs = await self._mailing.send([{"template": self._name, "data": nested(each)} for each in values])
        found: list[Rendered] = []
        for run in runs:
            text = html_of(run)
            found.append(Rendered(text, "" if text is not None else f"no HTML arrived ({run.execution.claim})"))
        return found


def html_of(run: ScenarioRun) -> str | None:
    """The HTML part of the message that arrived; None where none did."""
    for delivery in run.deliveries:
        # Content is hostile: what the parser cannot read has no HTML part.
        with contextlib.suppress(Exception):
            for part in message_from_bytes(delivery.content.encode("latin-1", "replace")).walk():
                content = part.get_payload(decode=True) if part.get_content_type() == "text/html" else None
                if isinstance(content, bytes):
                    return _decoded(content, part.get_content_charset() or "utf-8").rstrip("\r\n")
    return None


def _decoded(content: bytes, charset: str) -> str:
    try:
        text = content.decode(charset, "replace")
    except LookupError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n")


def _acting(usual: str, chosen: Sequence[Payload], runs: Sequence[ScenarioRun]) -> tuple[int, list[Effect]]:
    """How many were refused, and what of the others acts beside what the program sends anyway."""
    known = set(active(read_markup(usual)))
    refused = 0
    effects: list[Effect] = []
    for payload, run in zip(chosen, runs, strict=True):
        text = html_of(run)
        if text is None:
            refused += 1
            continue
        try:
            changes = [change for change in active(read_markup(text)) if change not in known]
        except Undetermined as error:
            raise PeerError(Absence.EXCESSIVE, str(error)) from None
        effects += [
            Effect(variable="html", payload=payload.id, kind=change.kind, told=escape_text(change.told, 300))
            for change in changes
        ]
    return refused, effects
