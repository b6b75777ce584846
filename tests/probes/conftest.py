"""Coroutines as tests, short pauses, and certificates of every kind."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from smtp_audit.lab.authority import Authority
from smtp_audit.probes import budget, session
from smtp_audit.probes.tls import ask, versions

TEST_SECONDS = 30.0
"""A coroutine that takes longer has hung."""

PAUSE = 0.005


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine to its end, in a loop of its own."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    wanted = inspect.signature(test).parameters
    given = {name: value for name, value in pyfuncitem.funcargs.items() if name in wanted}
    asyncio.run(asyncio.wait_for(test(**given), TEST_SECONDS))
    return True


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of the real thing are for real servers."""
    monkeypatch.setattr(budget, "FIRST_PAUSE", PAUSE)
    monkeypatch.setattr(budget, "LONGEST_PAUSE", PAUSE * 4)
    monkeypatch.setattr(versions, "RETRY_PAUSE", PAUSE)
    monkeypatch.setattr(ask, "RETRY_PAUSE", PAUSE)
    monkeypatch.setattr(ask, "FLIGHT_SECONDS", 0.3)  # scripted servers say a ServerHello and nothing more
    monkeypatch.setattr(session, "CLOSED_PAUSE", PAUSE)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
