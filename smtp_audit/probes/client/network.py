"""A private network for traps and programs: nothing can leave it, every address is this machine's, names are ours.

`unshare` gives new network, mount and process namespaces, for everybody where the system lets users have user
namespaces, else for root. Inside, the loopback interface is all there is; a route makes every other address local too,
so that whoever connects elsewhere is heard instead of lost. `hosts`, `resolv.conf` and `nsswitch.conf` are replaced for
the namespace alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NAME_SERVER = "127.0.0.53"
"""Where the private network's name server listens, port 53."""

TRY_SECONDS = 10.0

_NETWORK = ("--net", "--mount", "--fork", "--pid", "--mount-proc", "--kill-child")


@dataclass(frozen=True)
class Containment:
    """How a process gets a private network; `command` goes before its own, empty where there is no way."""

    command: tuple[str, ...]
    told: str

    @property
    def possible(self) -> bool:
        """Whether there is one."""
        return bool(self.command)


@functools.cache
def containment() -> Containment:
    """The way to a private network on this machine, tried out once."""
    unshare = shutil.which("unshare")
    if unshare is None or sys.platform != "linux":
        return Containment((), "no private network: this system has no unshare (util-linux)")
    ways: list[tuple[str, ...]] = [(unshare, "--user", "--map-root-user", *_NETWORK)]
    if os.geteuid() == 0:
        ways.insert(0, (unshare, *_NETWORK))
    why = ""
    for way in ways:
        try:
            done = subprocess.run(  # noqa: S603 (our own words)
                [*way, sys.executable, "-I", "-c", "pass"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TRY_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            why = str(error)
            continue
        if done.returncode == 0:
            who = "as root" if "--user" not in way else "as an ordinary user"
            return Containment(way, f"a private network and mount namespace ({who}): nothing could leave")
        why = done.stderr.decode("utf-8", "replace").strip()[-200:]
    return Containment((), f"no private network: namespaces are not permitted here ({why})")


def speaks_ipv6() -> bool:
    """Whether this system has IPv6 at all; without it nobody goes anywhere by it."""
    return Path("/proc/net/if_inet6").exists()


def set_up(folder: Path, names: dict[str, str]) -> tuple[str, ...]:
    """Make this process's namespaces a place for traps: interfaces, routes, and files about names.

    To be called inside, once. `names` are those of hosts with their addresses; `folder` holds the files.

    Returns:
        What could not be done, in words; without a route to everywhere, for example, strays are not heard.
    """
    commands = (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo"),
        *((("ip", "-6", "route", "add", "local", "::/0", "dev", "lo"),) if speaks_ipv6() else ()),
    )
    missing = [" ".join(command) for command in commands if not _run(command)]
    hosts = "".join(f"{address} {name}\n" for name, address in names.items())
    for name, text in (
        ("hosts", f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n{hosts}"),
        ("resolv.conf", f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ):
        target = Path("/etc") / name
        if not target.exists():
            continue
        ours = folder / name
        ours.write_text(text, encoding="ascii")
        ours.chmod(0o644)
        if not _run(("mount", "--bind", str(ours), str(target.resolve()))):
            missing.append(f"/etc/{name}")
    return tuple(missing)


def _run(command: tuple[str, ...]) -> bool:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603 (our own words)
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRY_SECONDS, check=False
        )
        return done.returncode == 0
    return False


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process that was started in a private network, and with it all that runs there (`--kill-child`)."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
