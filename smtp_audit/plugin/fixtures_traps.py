"""Fixtures for a team's own tests of code that sends mail: traps on loopback, and the assertion about injection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from smtp_audit.probes.client.loopback import RunningTrap, TrapStage


@pytest.fixture(scope="session")
def smtp_trap_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrapStage]:
    """What all traps of a session share: the thread that they run in, and the authority of their certificates."""
    from smtp_audit.probes.client.loopback import TrapStage

    with TrapStage(tmp_path_factory.mktemp("smtp-traps")) as stage:
        yield stage


@pytest.fixture
def smtp_trap(smtp_trap_stage: TrapStage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], RunningTrap]]:
    """Start a trap by the name of its scenario: `trap = smtp_trap("certificate-expired")`.

    It listens on 127.0.0.1 until the end of the test. Until then SSL_CERT_FILE and its like name the authority of the
    traps, so that sound code trusts the sound ones.
    """
    for name, value in smtp_trap_stage.trust.items():
        monkeypatch.setenv(name, value)
    started: list[RunningTrap] = []

    def start(scenario: str) -> RunningTrap:
        started.append(smtp_trap_stage.start(scenario))
        return started[-1]

    yield start
    for trap in started:
        trap.close()


@pytest.fixture
def smtp_sink(smtp_trap: Callable[[str], RunningTrap]) -> RunningTrap:
    """A sound submission server on 127.0.0.1 that takes every login and every message, and sends nothing on."""
    from smtp_audit.probes.client.loopback import SOUND

    return smtp_trap(SOUND)


@pytest.fixture
def assert_no_header_injection(
    smtp_trap: Callable[[str], RunningTrap],
) -> Callable[..., None]:
    """Assert that no value becomes a header field or a recipient: `assert_no_header_injection(send)`.

    `send(server, value)` sends one message to `server` with `value` in the place under test; an exception is a refusal.
    `kind` says what the place is: "text" (a subject), "name" (a display name) or "address".
    """
    from smtp_audit.plugin.own_injection import injection_faults
    from smtp_audit.probes.client.loopback import SOUND

    def check(send: Callable[[RunningTrap, str], object], kind: Literal["text", "name", "address"] = "text") -> None:
        __tracebackhide__ = True
        faults = injection_faults(send, kind, lambda: smtp_trap(SOUND))
        if faults:
            more = f"\n... and {len(faults) - 20} more" if len(faults) > 20 else ""
            pytest.fail("values become more than values:\n" + "\n".join(faults[:20]) + more)

    return check
