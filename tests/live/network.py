"""Loopback addresses, listening ports and child processes of the live lab.

Nothing here leaves 127.0.0.0/8, and every process that is started ends with the test run.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 10.0
STOP_SECONDS = 10.0
_GRACE_SECONDS = 0.3
_POLL_SECONDS = 0.005


class Block:
    """One /24 of the loopback network, for one test run alone.

    Several runs (or xdist workers) can go on at the same time: each draws a block of its own and
    holds it with a listening socket on its last address.
    """

    def __init__(self) -> None:
        for _ in range(200):
            # 127.0.x.x is left to people and their own servers.
            prefix = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"
            holder = socket.socket()
            try:
                holder.bind((f"{prefix}.254", 1025))
                holder.listen(1)
            except OSError:
                holder.close()
                continue
            self._prefix = prefix
            self._holder = holder
            return
        raise RuntimeError("no free block of loopback addresses")

    def address(self, number: int) -> str:
        """The address with this last octet, 1 to 253."""
        if not 1 <= number <= 253:
            raise ValueError(f"no address number {number} in a block")
        return f"{self._prefix}.{number}"

    def release(self) -> None:
        """Let other runs have the block."""
        self._holder.close()


def listening(address: str, port: int) -> bool:
    """Whether something listens there, read from the kernel's table: no connection is made.

    A connection would count in the very limits that the throttling servers are here for.
    """
    packed = socket.inet_aton(address)
    # /proc/net/tcp writes the address as a little-endian hexadecimal number; 0A is LISTEN.
    wanted = f"{packed[::-1].hex().upper()}:{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(
            fields[1] == wanted and fields[3] == "0A" for fields in (line.split() for line in table) if len(fields) > 3
        )


def wait_until_listening(places: Sequence[tuple[str, int]], *, sockets: Sequence[Path] = (), log: Path) -> None:
    """Wait for every (address, port) and UNIX socket; raises RuntimeError with the end of the log."""
    deadline = time.monotonic() + START_SECONDS
    waiting = list(places)
    while True:
        waiting = [place for place in waiting if not listening(*place)]
        missing = [str(socket) for socket in sockets if not socket.exists()]
        if not waiting and not missing:
            return
        if time.monotonic() > deadline:
            console = log.with_name("console")
            said = "".join(path.read_text(errors="replace")[-3000:] for path in (log, console) if path.exists())
            raise RuntimeError(f"not there after {START_SECONDS} s: {waiting} {missing}\n{said}")
        time.sleep(_POLL_SECONDS)


# The guard waits for the end of its standard input, which comes when this process closes it or dies
# in any way, SIGKILL included; then it ends the server. (A parent-death signal would not do: the
# kernel forgets it when Postfix's master changes its user.) setsid gives the server a session and
# process group of its own, under the id that the guard reports.
_GUARD = """
setsid "$@" </dev/null >>"$GUARD_LOG" 2>&1 &
echo $!
exec >/dev/null
cat
kill -TERM $!
wait $!
"""


class Daemon:
    """A server in the foreground, in a session of its own; it ends with the test run."""

    def __init__(self, command: Sequence[str], *, log: Path) -> None:
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "GUARD_LOG": str(log)},
            cwd="/",
        )
        assert self._guard.stdout is not None
        self.pid = int(self._guard.stdout.readline())
        """Id of the server's first process, and of its session."""

    def stop(self) -> None:
        """End the server and whatever it started; returns when all of it is gone."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        began = time.monotonic()
        while members := session_members(self.pid):
            waited = time.monotonic() - began
            if waited > STOP_SECONDS:
                raise RuntimeError(f"processes that cannot be ended: {members}")
            if waited > _GRACE_SECONDS:
                # Dovecot takes a second to end well. It has nothing to lose here.
                for member in members:
                    _kill(member)
            time.sleep(_POLL_SECONDS)
        self._guard.wait(timeout=STOP_SECONDS)
        if self._guard.stdout is not None:
            self._guard.stdout.close()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def session_members(session: int) -> list[int]:
    """The living processes of a session, by id. A dead one that nobody has reaped does not count."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as stat:
                # The command name, in parentheses, may hold spaces: read from behind it.
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(entry))
    return found


@contextmanager
def lab_directory() -> Iterator[Path]:
    """A short directory that the mail users can walk into, removed at the end.

    pytest's own temporary directories are closed to other users, and their paths are too long for
    UNIX sockets (107 octets).
    """
    directory = Path(tempfile.mkdtemp(prefix="smtp-audit-lab-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
