"""The lab cleans up: when it stops, when it fails to start, and when the test run is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import network
from .catalogue import Catalogue
from .network import lab_directory, listening, session_members
from .postfix import Postfix, Service
from .standard import hardened

pytestmark = pytest.mark.live

_SECONDS = 10.0


def test_stopping_leaves_no_process_port_or_file(servers_installed: None, catalogue: Catalogue) -> None:
    with hardened(catalogue) as server:
        pids = [server.postfix.pid, server.dovecot.pid]
        directory = server.postfix.directory
        assert all(session_members(pid) for pid in pids)
        assert listening(server.address, 25)
    assert [session_members(pid) for pid in pids] == [[], []]
    assert not listening(server.address, 25)
    assert not directory.parent.exists()


def test_a_server_that_does_not_start_is_a_clear_error(
    servers_installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "START_SECONDS", 1.0)
    with lab_directory() as directory:
        # An address of documentation (RFC 5737) that this machine does not have.
        postfix = Postfix(directory / "postfix", [Service("192.0.2.1", 2525)])
        with pytest.raises(RuntimeError, match=r"not there after .*192\.0\.2\.1"):
            postfix.start()
        assert session_members(postfix.pid) == []


def test_a_killed_test_run_takes_its_servers_along(servers_installed: None, tmp_path: Path) -> None:
    program = (
        "import time\n"
        f"from {__package__}.catalogue import catalogue\n"
        f"from {__package__}.standard import hardened\n"
        "with hardened(catalogue()) as server:\n"
        "    print(server.postfix.pid, server.dovecot.pid, server.postfix.directory.parent, flush=True)\n"
        "    time.sleep(60)\n"
    )
    top = Path(__file__).parents[len(__package__.split("."))]
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=top)
    try:
        assert run.stdout is not None
        *pids, directory = run.stdout.readline().split()
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
    deadline = time.monotonic() + _SECONDS
    while any(session_members(int(pid)) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = [session_members(int(pid)) for pid in pids]
    # A killed run cannot remove its directory; this test does it in its place.
    subprocess.run(["rm", "-rf", "--", directory], check=True)
    assert left == [[], []]
