"""Gathering comes to its end, whatever happens, and then everything that was asked for has exactly one answer."""

from __future__ import annotations

import asyncio
import base64
import collections
import gc
import json
import platform
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from smtp_audit import gather
from smtp_audit.configuration.model import Config, Credentials
from smtp_audit.facts.authentication import AuthFacts
from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.dns import MxFacts
from smtp_audit.facts.endpoint import Domain, Endpoint, Role
from smtp_audit.facts.observation import Absence, Facts, Observation
from smtp_audit.facts.service import CapabilityFacts, FirstWords, GreetingFacts, PortFacts, Reply
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.gather import Gathering
from smtp_audit.limits import Limits
from smtp_audit.probes import dns as dns_probe
from smtp_audit.probes.dns import Addresses
from smtp_audit.probes.inspection import FIRST_LOOK_KINDS, kinds_of
from smtp_audit.probes.wire import PeerError
from smtp_audit.secret import MASK, Secret
from smtp_audit.version import __version__
from tests.facts_factories import certificate

SOON = 3.0
"""Seconds within which anything that does not wait on purpose has to be over."""


def endpoint(role: Role = Role.MX, host: str = "mail.example.com", address: str | None = "127.0.0.1") -> Endpoint:
    return Endpoint(role=role, host=host, port=role.standard_port, address=address)


def all_kinds(*endpoints: Endpoint) -> frozenset[tuple[str, str]]:
    return frozenset((kind, e.key) for e in endpoints for kind in kinds_of(e))


Behaviour = Callable[["Scripted"], Any]


class Scripted:
    """In place of the inspection of one endpoint at one address: it does what the test says, without a network."""

    behaviour: Behaviour
    began = datetime.now(UTC)
    seen: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, approach: Any, wanted: tuple[str, ...], emit: Any, progress: Callable[[str], None]) -> None:
        self.approach, self.wanted, self.progress = approach, wanted, progress
        self.role = approach.endpoint.role
        self.seen.append((approach.endpoint.key, approach.address))
        self._emit = emit

    def tell(self, *kinds: str) -> None:
        """Facts of these kinds (or all that are wanted), which here are reasons why there are none."""
        for kind in kinds or self.wanted:
            what = PortFacts(role=self.role, declared=True, open=True) if kind == "port" else None
            self._emit(kind, what or PeerError(Absence.DROPPED, "as told"), self.approach.transcript(), self.began)

    async def run(self) -> None:
        result = type(self).behaviour(self)
        if asyncio.iscoroutine(result):
            await result

    def rest(self, trouble: PeerError) -> Iterator[tuple[str, Any, Any]]:
        for kind in self.wanted:
            yield kind, trouble, self.approach.transcript()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    """The class of scripted inspections; set its `behaviour`."""

    class Own(Scripted):
        seen: ClassVar[list[tuple[str, str]]] = []

    monkeypatch.setattr(gather, "Inspection", Own)
    Own.behaviour = lambda inspection: inspection.tell()
    return Own


def gathering(*endpoints: Endpoint, seconds: float = 60, kinds: Any = None, **more: Any) -> Gathering:
    config = Config(endpoints=endpoints, limits=Limits(endpoint_seconds=seconds))
    return Gathering(config, endpoints, kinds=all_kinds(*endpoints) if kinds is None else kinds, **more)


def in_time(work: Callable[[], Any], seconds: float = SOON) -> Any:
    """What `work` gives, in a thread of its own: a wait without end fails the test and does not stop it."""
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert result, "it is still waiting, or broke"
    return result[0]


def assert_complete(
    snapshot: Snapshot, *endpoints: Endpoint, addresses: tuple[str | None, ...] = ("127.0.0.1",)
) -> None:
    """One observation for each endpoint, kind and address, and no other."""
    counted = collections.Counter((o.subject, o.kind, o.address) for o in snapshot.observations)
    wanted = {(e.key, kind, address) for e in endpoints for kind in kinds_of(e) for address in addresses}
    assert counted == dict.fromkeys(wanted, 1)


def absences(snapshot: Snapshot) -> set[Absence | None]:
    return {o.absence for o in snapshot.observations}


ENDPOINTS = (endpoint(Role.MX), endpoint(Role.SUBMISSION), endpoint(Role.IMAPS))


class TestOneAnswerEach:
    def test_when_all_is_well(self, scripted):
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert_complete(snapshot, *ENDPOINTS)
        assert snapshot.complete
        assert absences(snapshot) == {Absence.DROPPED, None}

    @pytest.mark.parametrize("first", [(), ("port",), ("port", "greeting", "tls")])
    @pytest.mark.parametrize(
        "error", [ZeroDivisionError("<b>\x1b"), TimeoutError(), ValueError("x" * 5000), OSError(5, "x")]
    )
    def test_when_a_probe_breaks(self, scripted, first, error):
        def break_(inspection: Scripted) -> None:
            if inspection.role is Role.MX:
                if first:
                    inspection.tell(*first)
                raise error
            inspection.tell()

        scripted.behaviour = break_
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert_complete(snapshot, *ENDPOINTS)
        broken = [o for o in snapshot.observations if o.absence is Absence.BROKEN]
        assert {o.subject for o in broken} == {ENDPOINTS[0].key}
        assert len(broken) == len(kinds_of(ENDPOINTS[0])) - len(first)
        assert all(type(error).__name__ in o.reason and o.reason.isprintable() for o in broken)
        assert all(len(o.reason) < 400 for o in broken)

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_when_a_probe_tries_to_end_the_run(self, scripted, error):
        def end(inspection: Scripted) -> None:
            raise error

        scripted.behaviour = end
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert_complete(snapshot, *ENDPOINTS)
        assert not snapshot.complete
        assert None not in absences(snapshot)

    def test_when_a_probe_gives_no_result(self, scripted):
        scripted.behaviour = lambda inspection: inspection.tell("port")
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert_complete(snapshot, *ENDPOINTS)
        assert absences(snapshot) == {None, Absence.BROKEN}

    def test_when_a_probe_hangs(self, scripted):
        async def hang(inspection: Scripted) -> None:
            inspection.tell("port")
            await asyncio.sleep(60)

        scripted.behaviour = hang
        snapshot = in_time(gathering(*ENDPOINTS, seconds=0.2).start().finish)
        assert_complete(snapshot, *ENDPOINTS)
        assert absences(snapshot) == {None, Absence.BUDGET}
        assert snapshot.complete

    def test_when_a_probe_answers_twice(self, scripted):
        def twice(inspection: Scripted) -> None:
            inspection.tell()
            inspection.tell()

        scripted.behaviour = twice
        assert_complete(in_time(gathering(*ENDPOINTS).start().finish), *ENDPOINTS)

    def test_when_the_run_is_stopped(self, scripted):
        reached = threading.Event()

        async def hang(inspection: Scripted) -> None:
            inspection.tell("port", "greeting")
            reached.set()
            await asyncio.sleep(60)

        scripted.behaviour = hang
        under_way = gathering(*ENDPOINTS).start()
        assert reached.wait(SOON)
        snapshot = in_time(under_way.stop)
        assert_complete(snapshot, *ENDPOINTS)
        assert not snapshot.complete
        assert Absence.INTERRUPTED in absences(snapshot)

    def test_at_several_addresses(self, scripted, monkeypatch):
        async def several(config: Config, host: str) -> Addresses:
            return Addresses(("192.0.2.1", "2001:db8::1"), "AAAA: no answer")

        monkeypatch.setattr(gather, "addresses_of", several)
        unnamed = (endpoint(Role.MX, address=None), endpoint(Role.IMAPS, address=None))
        snapshot = in_time(gathering(*unnamed).start().finish)
        assert_complete(snapshot, *unnamed, addresses=("192.0.2.1", "2001:db8::1", None))
        assert [effort.address for effort in snapshot.efforts] == ["192.0.2.1", "2001:db8::1"]
        without = [o for o in snapshot.observations if o.address is None]
        assert {o.absence for o in without} == {Absence.UNREACHABLE}

    def test_when_there_is_no_address(self, scripted, monkeypatch):
        async def none(config: Config, host: str) -> Addresses:
            return Addresses((), "no such host")

        monkeypatch.setattr(gather, "addresses_of", none)
        unnamed = (endpoint(Role.MX, address=None),)
        snapshot = in_time(gathering(*unnamed).start().finish)
        assert_complete(snapshot, *unnamed, addresses=(None,))
        assert absences(snapshot) == {Absence.UNREACHABLE}

    def test_when_a_look_up_breaks(self, scripted, monkeypatch):
        async def breaks(config: Config, host: str) -> Addresses:
            raise ZeroDivisionError("<b>\x1b")

        monkeypatch.setattr(gather, "addresses_of", breaks)
        unnamed = endpoint(Role.MX, address=None)
        named = endpoint(Role.IMAPS)
        snapshot = in_time(gathering(unnamed, named).start().finish)
        assert collections.Counter(o.subject for o in snapshot.observations) == {
            unnamed.key: len(kinds_of(unnamed)),
            named.key: len(kinds_of(named)),
        }
        assert not snapshot.complete
        assert all(o.reason.isprintable() for o in snapshot.observations)

    def test_found_observations_come_along(self, scripted):
        found = Observation(
            kind="mx", subject="example.com", facts=MxFacts(), started=datetime.now(UTC), finished=datetime.now(UTC)
        )
        domain = Domain(name="example.com")
        config = Config(endpoints=ENDPOINTS)
        work = Gathering(config, (domain, *ENDPOINTS), kinds=all_kinds(*ENDPOINTS), found=[found]).start()
        assert in_time(lambda: work.wait("mx", "example.com")) == (found,)
        assert found in in_time(work.finish).observations

    def test_nothing_to_do(self):
        snapshot = in_time(gathering().start().finish)
        assert snapshot.complete
        assert snapshot.observations == ()


PASSWORD = 'pa"ss\\wörd 7'
ENCODED = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()


class TestPassword:
    """A hostile server repeats on one connection what it was given on another."""

    def gathered(self, what: Facts | PeerError) -> tuple[Observation, str]:
        (only,) = ENDPOINTS[:1]
        login = Credentials(user="alice", password=Secret(PASSWORD))
        config = Config(endpoints=(only,), credentials=login)
        work = Gathering(config, (only,), kinds=all_kinds(only))
        work._emit(only, "127.0.0.1", what.kind if isinstance(what, Facts) else "greeting", what)
        work._end(Absence.INTERRUPTED, "over")
        snapshot = work.finish()
        (found,) = (o for o in snapshot.observations if o.absence is not Absence.INTERRUPTED)
        return found, snapshot.dump()

    @pytest.mark.parametrize("said", [*Secret(PASSWORD).forms(), ENCODED])
    def test_is_masked_in_a_reason(self, said):
        found, text = self.gathered(PeerError(Absence.REFUSED_SERVICE, f"greeted with 554 {said}, go away"))
        assert found.reason == f"greeted with 554 {MASK}, go away"
        assert found.absence is Absence.REFUSED_SERVICE
        assert json.dumps(said)[1:-1] not in text
        assert said not in text

    @pytest.mark.parametrize("said", [*Secret(PASSWORD).forms(), ENCODED])
    @pytest.mark.parametrize(
        "facts",
        [
            lambda said: GreetingFacts(
                role=Role.MX, first=FirstWords.OTHER, reply=Reply(code="220", lines=(f"hi {said}",)), seconds=0.1
            ),
            lambda said: CapabilityFacts(role=Role.MX, before_tls=("PIPELINING", f"X-{said}")),
            lambda said: AuthFacts(role=Role.MX, after_tls=(said,)),
            lambda said: CertificateFacts(
                offered=True, host="mail.example.com", chain=(certificate(subject=f"CN={said}"),)
            ),
        ],
    )
    def test_takes_the_facts_with_it(self, facts, said):
        found, text = self.gathered(facts(said))
        assert (found.facts, found.absence) == (None, Absence.MALFORMED)
        assert found.reason == "the server repeated the password"
        assert json.dumps(said)[1:-1] not in text
        assert said not in text

    @pytest.mark.parametrize(
        "facts",
        [
            GreetingFacts(role=Role.MX, first=FirstWords.OTHER, reply=Reply(code="220", lines=("hi",)), seconds=0.1),
            CertificateFacts(offered=True, host="mail.example.com", chain=(certificate(),)),
        ],
    )
    def test_is_not_seen_where_it_is_not(self, facts):
        assert self.gathered(facts)[0].facts == facts

    @pytest.mark.parametrize("word", ["port", "open", "true", "mx", "mail.example.com"])
    def test_that_is_a_word_of_ours_costs_no_facts(self, monkeypatch, word):
        monkeypatch.setattr(sys.modules[__name__], "PASSWORD", word)
        for facts in (
            PortFacts(role=Role.MX, declared=True, open=True),
            CertificateFacts(offered=False, host="mail.example.com"),
        ):
            assert self.gathered(facts)[0].facts == facts


class TestWanted:
    def test_only_what_was_asked_for_and_the_first_look(self, scripted):
        mx, submission, imaps = ENDPOINTS
        kinds = frozenset({("tls", mx.key), ("port", imaps.key)})
        snapshot = in_time(gathering(*ENDPOINTS, kinds=kinds).start().finish)
        found = {(o.subject, o.kind) for o in snapshot.observations}
        first = {e.key: {k for k in kinds_of(e) if k in FIRST_LOOK_KINDS} for e in ENDPOINTS}
        assert {kind for subject, kind in found if subject == mx.key} == first[mx.key] | {"tls"}
        assert {kind for subject, kind in found if subject == imaps.key} == first[imaps.key]
        assert submission.key not in {subject for subject, _ in found}
        assert {key for key, _ in scripted.seen} == {mx.key, imaps.key}

    def test_who_is_not_asked_about_is_not_looked_up_either(self, scripted, monkeypatch):
        asked = []

        async def look_up(config: Config, host: str) -> Addresses:
            asked.append(host)
            return Addresses(("127.0.0.1",))

        monkeypatch.setattr(gather, "addresses_of", look_up)
        wanted = endpoint(Role.MX, "a.example", None)
        other = endpoint(Role.MX, "b.example", None)
        work = gathering(wanted, other, kinds=frozenset({("port", wanted.key)})).start()
        assert in_time(lambda: work.wait("port", other.key)) == ()
        in_time(work.finish)
        assert asked == ["a.example"]

    def test_what_was_not_asked_for_is_not_waited_for(self, scripted):
        work = gathering(*ENDPOINTS, kinds=frozenset({("port", ENDPOINTS[0].key)})).start()
        assert in_time(lambda: work.wait("tls", ENDPOINTS[0].key)) == ()
        assert in_time(lambda: work.wait("no such kind", "nobody")) == ()


class TestWaiting:
    def test_facts_are_there_as_soon_as_they_are_known(self, scripted):
        release = threading.Event()

        async def slowly(inspection: Scripted) -> None:
            inspection.tell("port")
            await asyncio.to_thread(release.wait, 10)
            inspection.tell(*(kind for kind in inspection.wanted if kind != "port"))

        scripted.behaviour = slowly
        (mx,) = ENDPOINTS[:1]
        work = gathering(mx).start()
        (port,) = in_time(lambda: work.wait("port", mx.key))
        assert port.facts.open
        later: list[tuple[Observation, ...]] = []
        thread = threading.Thread(target=lambda: later.append(work.wait("tls", mx.key)), daemon=True)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive(), "it did not wait for its facts"
        release.set()
        thread.join(SOON)
        assert len(later[0]) == 1
        in_time(work.finish)

    def test_all_addresses_are_waited_for(self, scripted, monkeypatch):
        release = threading.Event()

        async def two(config: Config, host: str) -> Addresses:
            return Addresses(("192.0.2.1", "192.0.2.2"))

        async def slowly(inspection: Scripted) -> None:
            if inspection.approach.address == "192.0.2.2":
                await asyncio.to_thread(release.wait, 10)
            inspection.tell()

        monkeypatch.setattr(gather, "addresses_of", two)
        scripted.behaviour = slowly
        mx = endpoint(address=None)
        work = gathering(mx).start()
        found: list[tuple[Observation, ...]] = []
        thread = threading.Thread(target=lambda: found.append(work.wait("port", mx.key)), daemon=True)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive(), "it waited for one address only"
        release.set()
        thread.join(SOON)
        assert [o.address for o in found[0]] == ["192.0.2.1", "192.0.2.2"] or len(found[0]) == 2

    def test_one_slow_endpoint_holds_up_no_other(self, scripted):
        async def slowly(inspection: Scripted) -> None:
            if inspection.role is Role.MX:
                await asyncio.sleep(60)
            inspection.tell()

        scripted.behaviour = slowly
        work = gathering(*ENDPOINTS).start()
        assert in_time(lambda: work.wait("tls", ENDPOINTS[2].key))
        in_time(work.stop)

    def test_a_name_that_is_not_looked_up_yet_is_waited_for(self, scripted, monkeypatch):
        release = threading.Event()

        async def slowly(config: Config, host: str) -> Addresses:
            await asyncio.to_thread(release.wait, 10)
            return Addresses(("127.0.0.1",))

        monkeypatch.setattr(gather, "addresses_of", slowly)
        mx = endpoint(address=None)
        work = gathering(mx).start()
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(work.wait("port", mx.key)), daemon=True)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        release.set()
        thread.join(SOON)
        assert len(found[0]) == 1

    def test_from_many_threads(self, scripted):
        async def slowly(inspection: Scripted) -> None:
            for kind in inspection.wanted:
                await asyncio.sleep(0.005)
                inspection.tell(kind)

        scripted.behaviour = slowly
        work = gathering(*ENDPOINTS).start()
        keys = sorted(all_kinds(*ENDPOINTS)) * 2
        results: dict[int, Any] = {}

        def ask(number: int) -> None:
            results[number] = work.wait(*keys[number]) if number % 7 else work.finish()

        threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(len(keys))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        assert len(results) == len(keys)
        assert all(len(result) == 1 for result in results.values() if isinstance(result, tuple))
        assert len({r.sha256 for r in results.values() if isinstance(r, Snapshot)}) == 1

    def test_the_time_is_known_from_the_start(self, scripted):
        work = gathering(*ENDPOINTS)
        before = work.time
        assert in_time(work.start().finish).time == before


class TestStopping:
    @pytest.fixture
    def hanging(self, scripted) -> type[Scripted]:
        async def hang(inspection: Scripted) -> None:
            await asyncio.sleep(60)

        scripted.behaviour = hang
        return scripted

    def test_at_once(self, hanging):
        """The loop may not even be running yet."""
        for _ in range(20):
            work = gathering(*ENDPOINTS).start()
            snapshot = in_time(work.stop)
            assert_or_unresolved(snapshot)
            assert not snapshot.complete
            assert not work._thread.is_alive()

    def test_twice_and_after_the_end(self, scripted):
        work = gathering(*ENDPOINTS).start()
        done = in_time(work.finish)
        assert in_time(work.stop) == in_time(work.stop) == done
        assert done.complete

    def test_from_several_threads_while_others_wait(self, hanging):
        work = gathering(*ENDPOINTS).start()
        snapshots: list[Any] = []
        threads = [threading.Thread(target=lambda: snapshots.append(work.finish()), daemon=True) for _ in range(3)]
        threads += [
            threading.Thread(target=lambda: snapshots.append(work.wait("tls", ENDPOINTS[0].key)), daemon=True)
            for _ in range(3)
        ]
        threads += [threading.Thread(target=lambda: snapshots.append(work.stop()), daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        assert len(snapshots) == 9

    def test_a_probe_that_will_not_stop_is_not_waited_for(self, scripted, monkeypatch):
        """What it would have said is marked as interrupted all the same."""
        monkeypatch.setattr(gather, "GRACE", 0.3)
        release = threading.Event()

        async def stubborn(inspection: Scripted) -> None:
            release.wait(10)  # blocks the loop itself

        scripted.behaviour = stubborn
        work = gathering(*ENDPOINTS).start()
        time.sleep(0.05)
        try:
            snapshot = in_time(work.stop)
            assert not snapshot.complete
            assert_or_unresolved(snapshot)
            assert absences(snapshot) == {Absence.INTERRUPTED}
        finally:
            release.set()
            work._thread.join(SOON)

    def test_a_look_up_that_hangs_does_not_hold_up_the_end(self, scripted, monkeypatch):
        """The system's resolver cannot be interrupted; the thread that asks it is left to itself."""
        release = threading.Event()

        def hang(*_arguments: object) -> Any:
            release.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "late")

        monkeypatch.setattr(dns_probe, "LOOKUP_SECONDS", 0.1)
        monkeypatch.setattr(socket, "getaddrinfo", hang)
        mx = endpoint(address=None)
        try:
            snapshot = in_time(gathering(mx).start().finish, 1.5)
            assert_complete(snapshot, mx, addresses=(None,))
            assert absences(snapshot) == {Absence.UNREACHABLE}
        finally:
            release.set()


def assert_or_unresolved(snapshot: Snapshot) -> None:
    """Each kind of each endpoint once, with its address or before that was looked up."""
    counted = collections.Counter((o.subject, o.kind) for o in snapshot.observations)
    assert counted == {(e.key, kind): 1 for e in ENDPOINTS for kind in kinds_of(e)}


class TestCrashing:
    @pytest.mark.parametrize("error", [ZeroDivisionError("<b>\x1b"), SystemExit(3), KeyboardInterrupt()])
    def test_a_crash_of_the_loop_ends_every_wait(self, scripted, monkeypatch, error):
        async def crash(self: Gathering) -> None:
            raise error

        monkeypatch.setattr(Gathering, "_gather", crash)
        work = gathering(*ENDPOINTS).start()
        (observation,) = in_time(lambda: work.wait("port", ENDPOINTS[0].key))
        assert observation.absence is Absence.BROKEN
        snapshot = in_time(work.finish)
        assert_or_unresolved(snapshot)
        assert not snapshot.complete
        assert all(o.reason.isprintable() for o in snapshot.observations)

    def test_even_a_crash_of_the_last_act_does(self, scripted, monkeypatch):
        def crash(self: Gathering, *_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Gathering, "_fill_in", crash)
        scripted.behaviour = lambda inspection: inspection.tell("port")
        work = gathering(*ENDPOINTS).start()
        in_time(work.finish)
        in_time(lambda: work.wait("tls", ENDPOINTS[0].key))

    def test_a_listener_that_breaks_is_not_heard_of(self, scripted):
        """Progress is for people; an output that is closed costs no facts."""

        def break_(text: str) -> None:
            raise BrokenPipeError

        def tell(inspection: Scripted) -> None:
            inspection.progress("half way")
            inspection.approach.budget.back_off("421", time.monotonic())
            inspection.tell()

        scripted.behaviour = tell
        snapshot = in_time(gathering(*ENDPOINTS, progress=break_).start().finish)
        assert snapshot.complete
        assert_complete(snapshot, *ENDPOINTS)
        assert Absence.BROKEN not in absences(snapshot)

    def test_progress_names_the_endpoint(self, scripted):
        said: list[str] = []
        in_time(gathering(*ENDPOINTS, progress=said.append).start().finish)
        assert all(any(e.key in line for line in said) for e in ENDPOINTS)


class TestSnapshot:
    def test_the_order_is_that_of_the_subjects(self, scripted):
        async def in_any_order(inspection: Scripted) -> None:
            await asyncio.sleep({Role.MX: 0.05, Role.SUBMISSION: 0.02}.get(inspection.role, 0))
            inspection.tell()

        scripted.behaviour = in_any_order
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert list(dict.fromkeys(o.subject for o in snapshot.observations)) == [e.key for e in ENDPOINTS]

    def test_it_says_from_where_and_with_what(self, scripted):
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert snapshot.vantage.python
        assert snapshot.vantage.anchors
        assert {"pytest", "cryptography"} <= snapshot.vantage.versions.keys()
        assert snapshot.tool == f"smtp_audit {__version__}"
        assert snapshot.started <= snapshot.finished
        assert Snapshot.parse(snapshot.dump()) == snapshot

    def test_it_starts_no_program_for_that(self, scripted, monkeypatch):
        started = []
        monkeypatch.setattr(platform, "_uname_cache", None, raising=False)
        monkeypatch.setattr(platform, "_platform_cache", {}, raising=False)
        monkeypatch.setattr("subprocess.Popen", lambda *arguments, **_: started.append(arguments) or 1 / 0)
        snapshot = in_time(gathering(*ENDPOINTS).start().finish)
        assert platform.machine() in snapshot.vantage.platform
        assert platform.system() in snapshot.vantage.platform
        assert not started

    def test_anchors_that_are_gone_at_the_end_cost_no_facts(self, scripted, tmp_path):
        ca = tmp_path / "ca.pem"
        ca.write_text("x")
        work = Gathering(Config(endpoints=ENDPOINTS, ca=ca), ENDPOINTS, kinds=all_kinds(*ENDPOINTS))
        ca.unlink()
        assert str(ca) in in_time(work.start().finish).vantage.anchors

    def test_no_password_of_the_command_line(self, scripted, monkeypatch):
        monkeypatch.setattr("sys.argv", ["pytest", "--password=hunter2", "--smtp-target=mail.example.com"])
        shown = in_time(gathering(*ENDPOINTS).start().finish).vantage.command
        assert "hunter2" not in shown
        assert "mail.example.com" in shown


class TestTheCollector:
    """What was in memory before is passed over in the search for garbage, only while a gathering runs."""

    @pytest.fixture(autouse=True)
    def thawed(self) -> Iterator[None]:
        gc.unfreeze()
        yield
        gc.unfreeze()

    def frozen_while_it_runs(self, scripted) -> int:
        counts: list[int] = []

        def behaviour(inspection: Scripted) -> None:
            counts.append(gc.get_freeze_count())
            inspection.tell()

        scripted.behaviour = behaviour
        in_time(gathering(ENDPOINTS[0]).start().finish)
        return counts[0]

    def test_it_is_as_before_when_all_is_over(self, scripted):
        assert self.frozen_while_it_runs(scripted) > 1000
        assert gc.get_freeze_count() == 0

    def test_also_when_it_breaks_off(self, scripted):
        def behaviour(inspection: Scripted) -> None:
            raise SystemExit("broken")

        scripted.behaviour = behaviour
        in_time(gathering(ENDPOINTS[0]).start().finish)
        assert gc.get_freeze_count() == 0

    def test_what_the_process_has_frozen_stays_so(self, scripted):
        gc.freeze()
        before = gc.get_freeze_count()
        assert self.frozen_while_it_runs(scripted) <= before
        assert 0 < gc.get_freeze_count() <= before


class TestTheHostsPorts:
    """Facts about the whole host are gathered with one of its endpoints, at each address."""

    def approaches(self, scripted, *endpoints: Endpoint, kinds: Any = None) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        def behaviour(inspection: Scripted) -> None:
            seen[inspection.approach.endpoint.key] = inspection.approach
            inspection.tell()

        scripted.behaviour = behaviour
        in_time(gathering(*endpoints, kinds=kinds).start().finish)
        return seen

    def test_the_lowest_port_speaks_for_all(self, scripted):
        seen = self.approaches(scripted, *reversed(ENDPOINTS))
        assert {approach.speaks_for for approach in seen.values()} == {"mail.example.com:25"}
        assert {tuple(sorted(approach.host_ports)) for approach in seen.values()} == {(25, 587, 993)}

    def test_of_those_that_are_asked_for(self, scripted):
        others = [e for e in ENDPOINTS if e.port != 25]
        kinds = all_kinds(*others) | {("port", "mail.example.com:25")}
        seen = self.approaches(scripted, *ENDPOINTS, kinds=kinds)
        assert (
            seen["mail.example.com:587"].speaks_for == seen["mail.example.com:993"].speaks_for == "mail.example.com:587"
        )
        assert sorted(seen["mail.example.com:587"].host_ports) == [25, 587, 993]

    def test_other_hosts_and_addresses_speak_for_themselves(self, scripted):
        other = endpoint(Role.SUBMISSION, host="mx2.example.com")
        elsewhere = endpoint(Role.SUBMISSIONS, address="127.0.0.2")
        seen = self.approaches(scripted, ENDPOINTS[0], other, elsewhere)
        assert {key: approach.speaks_for for key, approach in seen.items()} == {key: key for key in seen}
