"""A resolver that fails closes the gate, and makes no verdict: what could not be asked is neither right nor wrong."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from smtp_audit.record import Status

from ..network import Block
from .lab import DnsLab
from .name_faults import DEAD, LIES, ODD, PARTIAL, UNCHECKED, Fault
from .scripted_names import ScriptedNames, scripted_names
from .verdicts import FAILED, UNKNOWN, Verdicts, audited
from .zones import Case, cases

pytestmark = pytest.mark.live

PORT = 5301
LONGEST_SECONDS = 60.0
"""Of an audit through a resolver that does not answer."""

SECURE = frozenset({"dnssec-secure", "dnssec-mx-secure", "dane-secure"})
"""The controls that say of something that it is signed, and that this was checked."""

SAYS_NOTHING = frozenset({Status.NOT_RUN})
"""What the configuration does not ask for is not run, whoever the resolver is."""


@dataclass(frozen=True)
class Seen:
    """The verdicts of an audit through a resolver that fails, and how long it took."""

    verdicts: Verdicts
    seconds: float
    questions: int


class FaultyAudits:
    """Audits of the sound domain through resolvers that fail, each run once."""

    def __init__(self, lab: DnsLab, pool: ThreadPoolExecutor) -> None:
        self._lab = lab
        self._pool = pool
        self._block = Block()
        self._known: dict[str, Future[Seen]] = {}
        self.case = sound()

    def begin(self, fault: Fault) -> Future[Seen]:
        if fault.name not in self._known:
            address, elsewhere = (self._block.address(1 + 2 * len(self._known) + each) for each in range(2))
            self._known[fault.name] = self._pool.submit(self._audit, fault, address, elsewhere)
        return self._known[fault.name]

    def of(self, fault: Fault) -> Seen:
        return self.begin(fault).result()

    def _audit(self, fault: Fault, address: str, elsewhere: str) -> Seen:
        behind = self._lab.blind if fault.blind else self._lab.resolver
        assert behind is not None
        questions: list[object] = []
        with ExitStack() as stack:
            if fault.script is not None:
                server = ScriptedNames(
                    address, PORT, (behind.address, behind.port), fault.script, tcp=fault.tcp, elsewhere=elsewhere
                )
                stack.enter_context(scripted_names(server))
                questions = server.questions
            began = time.monotonic()
            verdicts = audited(self._lab.config(self.case, resolver=(address, PORT)))
            return Seen(verdicts, time.monotonic() - began, len(questions))


def sound() -> Case:
    """The domain that has everything, and all of it right."""
    return next(case for case in cases() if case.name == "sound")


@pytest.fixture(scope="module")
def faulty(dns_lab: DnsLab, request: pytest.FixtureRequest) -> Iterator[FaultyAudits]:
    """Those with a dead resolver mostly wait, so that all that are selected go on at once; the others are slow enough
    alone. A worker of several does its own only."""
    with ThreadPoolExecutor(len(DEAD)) as pool:
        audits = FaultyAudits(dns_lab, pool)
        if "PYTEST_XDIST_WORKER" not in os.environ:
            for item in request.session.items:
                fault = item.callspec.params.get("dead") if hasattr(item, "callspec") else None
                if isinstance(fault, Fault):
                    audits.begin(fault)
        yield audits


def _each(faults: tuple[Fault, ...]) -> list[object]:
    return [pytest.param(fault, id=fault.name) for fault in faults]


def _shown(verdicts: Verdicts, controls: frozenset[str]) -> str:
    return "\n".join(verdicts.show(control) for control in sorted(controls))


@pytest.fixture(scope="module")
def as_ever(dns_lab: DnsLab) -> Verdicts:
    """The verdicts on the same domain through a resolver that works."""
    return audited(dns_lab.config(sound()))


@pytest.mark.parametrize("dead", _each(DEAD))
def test_a_resolver_that_says_nothing_gives_no_verdict(faulty: FaultyAudits, dead: Fault) -> None:
    seen = faulty.of(dead)
    known = frozenset(seen.verdicts.records) - seen.verdicts.of({Status.INDETERMINATE} | SAYS_NOTHING)
    assert seen.verdicts.records
    assert not known, _shown(seen.verdicts, known)
    assert not seen.verdicts.result.gate.open
    assert seen.seconds < LONGEST_SECONDS


def test_there_are_enough_ways_to_fail() -> None:
    assert len({fault.name for fault in DEAD}) >= 20


@pytest.mark.parametrize("odd", _each(ODD))
def test_a_resolver_that_is_only_slow_or_lossy_gives_the_verdicts_of_any_other(
    faulty: FaultyAudits, as_ever: Verdicts, odd: Fault
) -> None:
    seen = faulty.of(odd)
    other = frozenset(
        control for control, record in as_ever.records.items() if seen.verdicts.records[control].status != record.status
    )
    assert not other, _shown(seen.verdicts, other)


@pytest.mark.parametrize("partial", _each(PARTIAL))
def test_what_cannot_be_asked_is_not_judged_and_what_can_is_judged_as_ever(
    faulty: FaultyAudits, as_ever: Verdicts, partial: Fault
) -> None:
    seen = faulty.of(partial)
    made_up = seen.verdicts.of(FAILED) - as_ever.of(FAILED)
    assert not made_up, _shown(seen.verdicts, made_up)
    unknown = seen.verdicts.of({Status.INDETERMINATE})
    assert unknown, "it was not noticed"
    assert not seen.verdicts.of({Status.ERROR})
    assert not seen.verdicts.result.gate.open
    assert seen.seconds < LONGEST_SECONDS


@pytest.mark.parametrize("lie", _each(LIES))
def test_answers_without_anything_never_open_the_gate(faulty: FaultyAudits, lie: Fault) -> None:
    seen = faulty.of(lie)
    assert not seen.verdicts.of({Status.ERROR})
    assert not seen.verdicts.result.gate.open


@pytest.mark.parametrize("unchecked", _each(UNCHECKED))
def test_without_validation_nothing_is_said_about_signatures(
    faulty: FaultyAudits, as_ever: Verdicts, unchecked: Fault
) -> None:
    seen = faulty.of(unchecked)
    made_up = seen.verdicts.of(FAILED) - as_ever.of(FAILED)
    assert not made_up, _shown(seen.verdicts, made_up)
    assert seen.verdicts.of(UNKNOWN) >= SECURE
    assert not seen.verdicts.result.gate.open
