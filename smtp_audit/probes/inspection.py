"""Everything about one endpoint at one address: the first look, then the probes that build on it, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from smtp_audit.facts.authentication import AuthFacts, LoginFacts, UnauthenticatedMailFacts
from smtp_audit.facts.certificate import CertificateFacts, PortCertificatesFacts, RevocationFacts
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Endpoint, TlsStart
from smtp_audit.facts.handshake import StarttlsBoundaryFacts
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.service import CapabilityFacts, GreetingFacts, ImplicitTlsFacts, PortFacts, StarttlsFacts
from smtp_audit.facts.tls import TlsFlawFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.boundary import cross_the_border
from smtp_audit.probes.conversation.table import BY_KIND, CONVERSATIONS
from smtp_audit.probes.session import FirstLook, first_look
from smtp_audit.probes.submission import try_login, try_without_auth
from smtp_audit.probes.tls.revocation import check_revocation
from smtp_audit.probes.tls.sslyze_process import find_flaws
from smtp_audit.probes.tls.survey import SURVEY_KINDS, Emit, Survey, broke, no_tls
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.safety import Safety
from smtp_audit.sslyze_environment import find_sslyze
from smtp_audit.wiretext import escape_text

FIRST_LOOK_KINDS = (
    PortFacts.kind,
    GreetingFacts.kind,
    CapabilityFacts.kind,
    AuthFacts.kind,
    CertificateFacts.kind,
    StarttlsFacts.kind,
    ImplicitTlsFacts.kind,
)
"""The kinds of facts that a first look gives, all together."""


def _no_longer() -> PeerError:
    return PeerError(Absence.REFUSED_SERVICE, "TLS or AUTH was offered before, and not on this connection")


DERIVED_KINDS = (PortCertificatesFacts.kind,)
"""The kinds that follow from those of several endpoints; no probe gives them."""


def kinds_of(endpoint: Endpoint) -> tuple[str, ...]:
    """Every kind of facts that can be gathered about an endpoint."""
    other_start = StarttlsFacts.kind if endpoint.tls_start is TlsStart.IMPLICIT else ImplicitTlsFacts.kind
    first = tuple(kind for kind in FIRST_LOOK_KINDS if kind != other_start)
    mail = (UnauthenticatedMailFacts.kind, LoginFacts.kind) if endpoint.role in SUBMISSION_ROLES else ()
    border = (StarttlsBoundaryFacts.kind,) if endpoint.tls_start is TlsStart.STARTTLS else ()
    conversations = tuple(known.facts.kind for known in CONVERSATIONS if endpoint.role in known.roles)
    return (
        *first,
        PortCertificatesFacts.kind,
        *SURVEY_KINDS,
        TlsFlawFacts.kind,
        RevocationFacts.kind,
        *border,
        *mail,
        *conversations,
    )


@dataclass
class Inspection:
    """One inspection. `wanted` are the kinds of facts asked for; each is emitted once, unless the run is cut short."""

    approach: Approach
    wanted: tuple[str, ...]
    emit: Emit
    progress: Callable[[str], None]
    look: FirstLook = field(init=False)
    survey: Survey | None = field(init=False, default=None)
    began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.look = FirstLook(self.approach, self.approach.transcript())
        self.began = datetime.now(UTC)

    async def run(self) -> None:
        """Look, then do everything else at once."""
        self.began = datetime.now(UTC)
        await first_look(self.look)
        self.approach.clear_mechanisms = self.look.clear_mechanisms
        self.approach.tls_expected = self.look.tls_offered is True
        self.approach.greeted_after = self.look.greeting.seconds if self.look.greeting is not None else None
        if self.look.tls_offered and self.look.after is None:
            self.approach.tls_trouble = self.look.trouble
        for kind, what in self._seen():
            self.emit(kind, what, self.look.transcript, self.began)
        self.progress(f"{self.approach.endpoint.key}: {self._state()}")
        surveyed = [kind for kind in self.wanted if kind in SURVEY_KINDS]
        elsewhere = (*FIRST_LOOK_KINDS, *SURVEY_KINDS)
        later = [kind for kind in self.wanted if kind not in elsewhere]
        alone = [kind for kind in later if kind in BY_KIND and BY_KIND[kind].alone]
        at_once = [kind for kind in later if kind != TlsFlawFacts.kind and kind not in alone]
        await asyncio.gather(self._survey(surveyed), *(self._later(kind) for kind in at_once))
        for kind in alone:
            await self._later(kind)
        if TlsFlawFacts.kind in later:
            # sslyze gives up on a connection that has to wait for its turn: it comes when the others are through.
            await self._later(TlsFlawFacts.kind)

    def rest(self, trouble: PeerError) -> Iterator[tuple[str, Facts | PeerError, Transcript]]:
        """What an inspection that was cut short knows: facts as far as they go, and `trouble` for all others."""
        self.look.trouble = self.look.trouble or trouble
        for kind, what in self._seen():
            yield kind, what, self.look.transcript
        for kind in self.wanted:
            if kind in SURVEY_KINDS and self.survey is not None:
                facts, transcript = self.survey.so_far(kind, trouble.reason)
                yield kind, facts or trouble, transcript
            elif kind not in FIRST_LOOK_KINDS:
                yield kind, trouble, self.look.transcript

    def _seen(self) -> Iterator[tuple[str, Facts | PeerError]]:
        for result in self.look.facts():
            yield result if isinstance(result, tuple) else (result.kind, result)

    async def _survey(self, kinds: list[str]) -> None:
        """The survey of TLS, or for all its kinds why there is none."""
        if not kinds:
            return
        began = datetime.now(UTC)
        if self.look.tls_offered is not False and self.look.tls_began:
            told: set[str] = set()

            def emit(kind: str, what: Facts | PeerError, transcript: Transcript, began: datetime) -> None:
                told.add(kind)
                self.emit(kind, what, transcript, began)

            try:
                self.survey = Survey(self.approach, self.look.version, kinds, emit)
                await self.survey.run()
            except Exception as error:  # a defect of ours: it must cost the survey, not the other probes
                for kind in kinds:
                    if kind not in told:
                        self.emit(kind, broke(error), self.approach.transcript(), began)
            return
        for kind in kinds:
            absent = self.look.tls_offered is False
            what = no_tls(kind, self.approach.endpoint) if absent else self._trouble
            self.emit(kind, what, self.approach.transcript(), began)

    @property
    def _trouble(self) -> PeerError:
        return self.look.trouble or PeerError(Absence.BROKEN, "the first look gave no result")

    async def _later(self, kind: str) -> None:
        began = datetime.now(UTC)
        transcript = self.approach.transcript()
        what: Facts | PeerError
        try:
            what = await self._one(kind, transcript)
        except PeerError as error:
            what = self.look.not_closed(error)
        except Exception as error:  # a defect of ours: it must cost these facts, not those of the other probes
            what = broke(error)
        self.emit(kind, what, transcript, began)

    async def _one(self, kind: str, transcript: Transcript) -> Facts:
        """One probe that follows the first look; what the first look could not reach, it cannot either."""
        look, approach = self.look, self.approach
        trouble = self._trouble
        if kind == TlsFlawFacts.kind and Safety.SLOW not in approach.config.allow:
            raise PeerError(Absence.NOT_ALLOWED, "slow checks were not asked for (--smtp-slow)")
        if kind in (TlsFlawFacts.kind, RevocationFacts.kind, StarttlsBoundaryFacts.kind):
            if look.tls_offered is False:
                return Facts.registry[kind].model_validate({"offered": False})
            if not look.tls_began:
                raise trouble
            if kind == TlsFlawFacts.kind:
                return await find_flaws(approach, transcript, find_sslyze())
            if kind == StarttlsBoundaryFacts.kind:
                border = await cross_the_border(approach, transcript)
                if not border.offered:
                    raise _no_longer()
                return border
            if not look.chain:
                raise trouble
            return await check_revocation(look.chain, approach.config, approach.anchors, transcript)
        if kind in BY_KIND and (look.opened is not False or BY_KIND[kind].of_host):
            BY_KIND[kind].check_allowed(approach)
            if BY_KIND[kind].of_host:
                return await BY_KIND[kind].hold(approach, transcript)
        if look.trouble is not None and look.before is None and look.after is None:
            raise trouble
        if kind in BY_KIND:
            return await BY_KIND[kind].hold(approach, transcript)
        approach.check_tls()
        if kind == UnauthenticatedMailFacts.kind:
            mail = await try_without_auth(approach, transcript)
            if look.tls_offered and not mail.inside_tls:
                raise _no_longer()
            return mail
        login = await try_login(approach, transcript)
        if look.auth_offered and not login.offered:
            raise _no_longer()
        return login

    def _state(self) -> str:
        look = self.look
        if look.opened is False:
            return "closed"
        if look.trouble is not None:
            return escape_text(look.trouble.reason, 120)
        return "no TLS" if look.tls_offered is False else f"open, {look.version or 'TLS'}"
