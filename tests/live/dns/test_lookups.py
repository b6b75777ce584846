"""Single questions: to a resolver that works, to one that does not validate, and to those that fail."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.probes.domain.lookups import Lookups, Server

from ..network import Block
from .lab import DnsLab
from .name_faults import DEAD, LIES, ODD, PARTIAL, UNCHECKED, Fault
from .scripted_names import ScriptedNames, scripted_names
from .unbound import Unbound

pytestmark = pytest.mark.live

PORT = 5302

Ask = Callable[[Fault], list[Answer]]

QUESTIONS = (
    ("sound.example", "MX"),
    ("sound.example", "TXT"),
    ("mail.sound.example", "A"),
    ("mail.sound.example", "AAAA"),
    ("_25._tcp.mail.sound.example", "TLSA"),
    ("nothing.sound.example", "A"),
)


def ask(resolver: Unbound, *questions: tuple[str, str]) -> list[Answer]:
    return asyncio.run(_ask(Server(resolver.address, resolver.port), questions or QUESTIONS))


async def _ask(server: Server, questions: tuple[tuple[str, str], ...]) -> list[Answer]:
    lookups = Lookups((server,))
    return await asyncio.gather(*(lookups.ask(*question) for question in questions))


class Through:
    """Answers through resolvers that fail: all at once, for they mostly wait; one worker of several does its own."""

    def __init__(self, lab: DnsLab, pool: ThreadPoolExecutor) -> None:
        self._lab = lab
        self._pool = pool
        self._block = Block()
        self._known: dict[str, Future[list[Answer]]] = {}
        if "PYTEST_XDIST_WORKER" not in os.environ:
            for fault in (*DEAD, *ODD, *PARTIAL):
                self._begin(fault)

    def answers(self, fault: Fault) -> list[Answer]:
        return self._begin(fault).result()

    def _begin(self, fault: Fault) -> Future[list[Answer]]:
        if fault.name not in self._known:
            number = 1 + 2 * len(self._known)
            behind = self._lab.blind if fault.blind else self._lab.resolver
            assert behind is not None
            server = ScriptedNames(
                self._block.address(number),
                PORT,
                (behind.address, behind.port),
                fault.script,
                tcp=fault.tcp,
                elsewhere=self._block.address(number + 1),
            )
            self._known[fault.name] = self._pool.submit(_through, server)
        return self._known[fault.name]


def _through(server: ScriptedNames) -> list[Answer]:
    with nullcontext() if server.script is None else scripted_names(server):
        return asyncio.run(_ask(Server(server.address, server.port), QUESTIONS))


@pytest.fixture(scope="module")
def through(dns_lab: DnsLab) -> Iterator[Ask]:
    with ThreadPoolExecutor(60) as pool:
        yield Through(dns_lab, pool).answers


def _each(faults: tuple[Fault, ...]) -> list[object]:
    return [pytest.param(fault, id=fault.name) for fault in faults]


def _without_way(answers: list[Answer]) -> list[Answer]:
    return [answer.model_copy(update={"tcp": False, "size": 0, "ttl": None}) for answer in answers]


def test_a_resolver_that_validates_says_what_is_secure(dns_lab: DnsLab) -> None:
    assert dns_lab.resolver is not None
    answers = ask(dns_lab.resolver)
    assert [answer.outcome for answer in answers[:5]] == [LookupOutcome.FOUND] * 5
    assert answers[5].outcome is LookupOutcome.NXDOMAIN
    assert all(answer.secure for answer in answers)


def test_a_resolver_that_does_not_validate_says_the_same_and_calls_nothing_secure(dns_lab: DnsLab) -> None:
    assert dns_lab.blind is not None
    answers = ask(dns_lab.blind)
    assert [answer.outcome for answer in answers[:5]] == [LookupOutcome.FOUND] * 5
    assert not any(answer.secure for answer in answers)


@pytest.mark.parametrize("fault", _each(DEAD))
def test_no_answer_of_a_resolver_that_fails_counts_as_one(dns_lab: DnsLab, through: Ask, fault: Fault) -> None:
    answers = through(fault)
    assert not [str(answer) for answer in answers if answer.answered]


@pytest.mark.parametrize("fault", _each(ODD))
def test_slow_and_lossy_resolvers_give_the_same_answers(dns_lab: DnsLab, through: Ask, fault: Fault) -> None:
    assert dns_lab.resolver is not None
    assert _without_way(through(fault)) == _without_way(ask(dns_lab.resolver))


@pytest.mark.parametrize("fault", _each(UNCHECKED))
def test_nothing_is_secure_that_was_not_checked(dns_lab: DnsLab, through: Ask, fault: Fault) -> None:
    assert not [str(answer) for answer in through(fault) if answer.secure]


@pytest.mark.parametrize("fault", _each(LIES))
def test_an_answer_without_records_is_an_answer(dns_lab: DnsLab, through: Ask, fault: Fault) -> None:
    assert all(answer.absent for answer in through(fault))


@pytest.mark.parametrize("fault", _each(PARTIAL))
def test_the_types_that_are_answered_are_not_touched_by_those_that_are_not(
    dns_lab: DnsLab, through: Ask, fault: Fault
) -> None:
    assert dns_lab.resolver is not None
    kind = fault.name.rpartition(" ")[2]
    for answer, right in zip(through(fault), ask(dns_lab.resolver), strict=True):
        if answer.type == kind:
            assert not answer.answered
        else:
            assert _without_way([answer]) == _without_way([right])
