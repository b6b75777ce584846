"""Gathering about what is not connected to: mail domains, programs, templates, source text, from tables of families."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.subject import AnySubject
from smtp_audit.probes.tls.survey import Emit, broke
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.secret import Secret

if TYPE_CHECKING:
    from smtp_audit.probes.domain.lookups import Lookups

Look = Callable[[Transcript], Awaitable[Facts]]

# Tables are loaded when there is a subject for them: a run about servers alone needs no library for the DNS.


class Families:
    """The families of one run: what they share, such as the answers of the DNS, is kept here."""

    def __init__(
        self,
        config: Config,
        subjects: Sequence[AnySubject],
        anchors: Anchors,
        run_id: str,
        secrets: Sequence[Secret],
        progress: Callable[[str], None],
    ) -> None:
        self._config = config
        self._endpoints = tuple(subject for subject in subjects if isinstance(subject, Endpoint))
        self._anchors = anchors
        self._run_id = run_id
        self._secrets = tuple(secrets)
        self._progress = progress
        self._lookups: Lookups | None = None

    async def gather(self, subject: AnySubject, kinds: Collection[str], emit: Emit) -> None:
        """Gather these kinds of facts about a subject; each is emitted once."""
        if isinstance(subject, Domain):
            await self._domain(subject, kinds, emit)
        else:
            await self._program(subject, kinds, emit)

    async def _domain(self, domain: Domain, kinds: Collection[str], emit: Emit) -> None:
        """All at once; a question that two of them put goes out once."""
        from smtp_audit.probes.domain.approach import DomainApproach
        from smtp_audit.probes.domain.lookups import Lookups, servers_of
        from smtp_audit.probes.domain.table import FAMILY_BY_KIND

        if self._lookups is None:
            self._lookups = Lookups(servers_of(self._config))
        approach = DomainApproach(
            domain.name, self._config, self._lookups, self._anchors, self._endpoints, self._run_id
        )
        limit = self._config.limits.endpoint_seconds
        looks = [(kind, partial(FAMILY_BY_KIND[kind].look, approach)) for kind in kinds]
        await asyncio.gather(*(self._family(domain, kind, look, limit, emit) for kind, look in looks))
        self._progress(f"{domain.key}: done, {self._lookups.count} questions to the DNS so far")

    async def _program(self, subject: AnySubject, kinds: Collection[str], emit: Emit) -> None:
        """One after the other: they share the processors of this machine."""
        from smtp_audit.probes.programs import PROGRAM_FAMILIES
        from smtp_audit.probes.programs_approach import ProgramApproach

        approach = ProgramApproach(subject.key, self._config, self._run_id, self._progress)
        for kind in kinds:
            family = PROGRAM_FAMILIES[kind]
            await self._family(subject, kind, partial(family.look, approach), family.seconds(approach), emit)
        self._progress(f"{subject.key}: done")

    async def _family(self, subject: AnySubject, kind: str, look: Look, limit: float, emit: Emit) -> None:
        """One kind of facts; `limit` in seconds."""
        began = datetime.now(UTC)
        transcript = Transcript(self._secrets)
        what: Facts | PeerError
        try:
            async with asyncio.timeout(limit) as bound:
                what = await look(transcript)
        except TimeoutError:
            late = PeerError(Absence.BUDGET, f"not finished within the {limit:g} s for {subject.key}")
            what = late if bound.expired() else broke(TimeoutError())
        except PeerError as error:
            what = error
        except Exception as error:  # a defect of ours: it must cost these facts, not those of the other families
            what = broke(error)
        emit(kind, what, transcript, began)
