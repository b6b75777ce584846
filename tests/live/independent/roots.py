"""Folders to chroot into: a server's package with all that it needs, users of its own, and nothing of this machine.

A chroot needs root and nothing else, which a container has, too; mounts and overlays would need more.
"""

import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.live.network import Daemon, wait_until_listening

from .site import Site

_DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}


def installed() -> Path:
    """The folder that `install` fills; without its servers it does not exist."""
    script = Path(__file__).with_name("install")
    return Path(subprocess.run([script, "--where"], check=True, capture_output=True, text=True).stdout.strip())


def accepted_by(console: Path) -> list[str]:
    """The recipients of the mail that a program of these tests took: it says a line about each message."""
    lines = (line.split() for line in console.read_text(errors="replace").splitlines())
    return [recipient for words in lines if words[:1] == ["accepted"] for recipient in words[1:]]


class Root:
    """A copy of an unpacked server, in which it can write; one process of it may run."""

    def __init__(self, server: str, directory: Path, site: Site, users: Mapping[str, int]) -> None:
        """`users` are the names and ids of its accounts, each with a group of the same name."""
        self.path = directory / server
        self._console = directory / f"{server}.console"
        self._daemon: Daemon | None = None
        subprocess.run(["cp", "-a", installed() / server, self.path], check=True)
        everyone = {"root": 0, "nobody": 65534, **users}
        self.write(
            "etc/passwd", "".join(f"{name}:x:{n}:{n}::/home/{name}:/bin/false\n" for name, n in everyone.items())
        )
        self.write("etc/group", "".join(f"{name}:x:{n}:\n" for name, n in everyone.items()))
        # Not 127.0.0.1: it is the tests' client, and a stranger (running.py gives it another name).
        self.write("etc/hosts", f"{site.address} {site.host}\n")
        self.write("etc/resolv.conf", f"nameserver {site.resolver}\noptions timeout:1 attempts:1\n")
        self.write("etc/mailname", f"{site.host}\n")
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n")
        self.write("etc/services", "smtp 25/tcp mail\nsubmissions 465/tcp smtps\nsubmission 587/tcp msa\n")
        for folder, mode in (("tmp", 0o1777), ("run", 0o755), ("dev", 0o755), ("home", 0o755), ("var/mail", 0o775)):
            self.folder(folder, mode=mode)
        if not (self.path / "var/run").exists():
            (self.path / "var/run").symlink_to("../run")
        for name, numbers in _DEVICES.items():
            _device(self.path / "dev" / name, *numbers)

    def folder(self, name: str, *, mode: int = 0o755, owner: int = 0) -> Path:
        """Make a folder, and those above it."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        os.chown(path, owner, owner)
        return path

    def write(self, name: str, text: str, *, mode: int = 0o644, owner: int = 0) -> Path:
        """Write a file, and make the folders above it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, owner, owner)
        return path

    def run(self, *command: str, text: str = "") -> str:
        """Run a program of the root to its end; what it printed."""
        done = subprocess.run(
            ["/usr/sbin/chroot", self.path, *command],
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin"},
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, command: Sequence[str], places: Sequence[tuple[str, int]]) -> None:
        """Start its server, which has to stay in the foreground; returns when it listens at all places."""
        self._daemon = Daemon(["chroot", str(self.path), *command], log=self._console)
        try:
            wait_until_listening(places, log=self._console)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all processes of the server."""
        if self._daemon is not None:
            self._daemon.stop()

    @property
    def console(self) -> str:
        """What the server said to its terminal."""
        return self._console.read_text(errors="replace")


def _device(path: Path, major: int, minor: int) -> None:
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        path.chmod(0o666)
        path.open("rb").close()
    except PermissionError:
        # No devices here: not this user's right, or a file system without them. An empty file does for these servers.
        path.unlink(missing_ok=True)
        path.touch()
        path.chmod(0o666)
