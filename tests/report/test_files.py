"""Reports are written whole or not at all, and no failure leaves an open gate that the run did not earn."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.report.files import write_report, write_snapshot
from smtp_audit.report.html import render
from smtp_audit.report.machine import dump
from tests.factories import make_open_report, make_report, make_snapshot, make_unfinished_report

OPEN = make_open_report()
CLOSED = make_report()
UNFINISHED = make_unfinished_report()

NOBODY = 65534


def says_open(folder: Path) -> bool:
    """What a program reads off report.json."""
    report = folder / "report.json"
    return report.is_file() and bool(report.stat().st_size) and json.loads(report.read_text())["gate"]["open"]


def page_says_open(folder: Path) -> bool:
    """What a person reads off report.html."""
    page = folder / "report.html"
    return page.is_file() and "Gate OPEN" in page.read_text()


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Root may write anywhere: run as somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_all(tmp_path: Path) -> Iterator[Path]:
    """A folder that a user without privileges can reach."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="smtp-audit-files-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


class TestWriting:
    def test_both_files_are_what_was_worded(self, tmp_path: Path) -> None:
        folder = tmp_path / "a" / "reports"
        write_report(OPEN, folder)
        assert (folder / "report.html").read_text(encoding="utf-8") == render(OPEN)
        assert (folder / "report.json").read_text() == dump(OPEN)
        assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]

    def test_a_report_replaces_the_last_one(self, tmp_path: Path) -> None:
        write_report(OPEN, tmp_path)
        write_report(UNFINISHED, tmp_path)
        assert not says_open(tmp_path)
        assert not page_says_open(tmp_path)
        write_report(OPEN, tmp_path)
        assert says_open(tmp_path)
        assert page_says_open(tmp_path)

    def test_the_snapshot_has_the_hash_that_the_report_names(self, tmp_path: Path) -> None:
        snapshot = make_snapshot()
        write_snapshot(snapshot, tmp_path)
        data = (tmp_path / "snapshot.json").read_bytes()
        assert hashlib.sha256(data).hexdigest() == snapshot.sha256
        assert Snapshot.load(tmp_path / "snapshot.json") == snapshot

    def test_files_have_the_mode_of_ordinary_files(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            write_report(CLOSED, tmp_path)
        finally:
            os.umask(before)
        assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640

    def test_a_link_is_replaced_not_followed(self, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_text("mine")
        folder = tmp_path / "reports"
        folder.mkdir()
        (folder / "report.json").symlink_to(victim)
        write_report(CLOSED, folder)
        assert victim.read_text() == "mine"
        assert not (folder / "report.json").is_symlink()


class TestRefusal:
    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "reports").write_text("mine")
        for folder in (tmp_path / "reports", tmp_path / "reports" / "deeper"):
            with pytest.raises(ConfigurationError, match=r"report folder .*reports.*is a file") as raised:
                write_report(CLOSED, folder)
            assert "\n" not in str(raised.value)
        assert (tmp_path / "reports").read_text() == "mine"

    def test_a_file_that_is_a_folder(self, tmp_path: Path) -> None:
        for name, write in (
            ("report.html", lambda: write_report(OPEN, tmp_path)),
            ("report.json", lambda: write_report(OPEN, tmp_path)),
            ("snapshot.json", lambda: write_snapshot(make_snapshot(), tmp_path)),
        ):
            (tmp_path / name).mkdir()
            with pytest.raises(ConfigurationError, match=rf"{name}: cannot be written"):
                write()
            assert not says_open(tmp_path)
            assert not page_says_open(tmp_path)
            (tmp_path / name).rmdir()

    def test_a_folder_without_permission(self, open_to_all: Path) -> None:
        folder = open_to_all / "reports"
        folder.mkdir(mode=0o555)
        with without_privileges(), pytest.raises(ConfigurationError, match=r"cannot be written \(Permission denied\)"):
            write_report(CLOSED, folder)
        with without_privileges(), pytest.raises(ConfigurationError, match=r"cannot be made \(Permission denied\)"):
            write_report(CLOSED, open_to_all / "reports" / "deeper")
        assert list(folder.iterdir()) == []


class TestStaleReports:
    """A run that cannot write must not leave the last run's open gate for a pipeline to read."""

    def test_the_closed_report_stays(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_report(UNFINISHED, tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            write_report(OPEN, tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    @pytest.mark.parametrize(
        "write", [lambda f: write_report(UNFINISHED, f), lambda f: write_snapshot(make_snapshot(), f)]
    )
    def test_an_open_report_is_withdrawn(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
    ) -> None:
        write_report(OPEN, tmp_path)
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            write(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_an_unreadable_report_is_withdrawn(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "report.json").write_text('{"gate": {"open"')
        (tmp_path / "report.html").write_text("something else")
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(ConfigurationError):
            write_report(UNFINISHED, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_in_a_folder_without_permission_it_is_emptied(self, open_to_all: Path) -> None:
        write_report(OPEN, open_to_all)
        for name in ("report.html", "report.json"):
            (open_to_all / name).chmod(0o666)
        open_to_all.chmod(0o555)
        with without_privileges(), pytest.raises(ConfigurationError, match="Permission denied") as raised:
            write_report(UNFINISHED, open_to_all)
        assert "earlier run" not in str(raised.value)
        assert [path.stat().st_size for path in open_to_all.iterdir()] == [0, 0]

    def test_one_that_cannot_be_touched_is_named(self, open_to_all: Path) -> None:
        write_report(OPEN, open_to_all)
        for name in ("report.html", "report.json"):
            (open_to_all / name).chmod(0o444)
        open_to_all.chmod(0o555)
        with without_privileges(), pytest.raises(ConfigurationError, match=r"remove .*report\.json yourself") as raised:
            write_report(UNFINISHED, open_to_all)
        assert "\n" not in str(raised.value)


def full_disk(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


STEPS = [("open", n) for n in range(2)] + [("fsync", n) for n in range(2)] + [("replace", n) for n in range(2)]


def break_at(monkeypatch: pytest.MonkeyPatch, step: str, number: int, what: BaseException) -> None:
    """Let the nth call of a step go wrong."""
    owner, name = (Path, "replace") if step == "replace" else (os, step)
    real, calls = getattr(owner, name), iter(range(100))

    def broken(*args: object, **options: object) -> object:
        if next(calls) == number:
            raise what
        return real(*args, **options)

    monkeypatch.setattr(owner, name, broken)


class TestAtEveryStep:
    @pytest.mark.parametrize(("step", "number"), STEPS)
    @pytest.mark.parametrize("before", [UNFINISHED, OPEN, None], ids=["closed before", "open before", "nothing before"])
    @pytest.mark.parametrize("report", [OPEN, CLOSED, UNFINISHED], ids=["open", "closed", "unfinished"])
    def test_an_error_never_leaves_a_gate_open(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, before, report
    ) -> None:
        if before is not None:
            write_report(before, tmp_path)
        with monkeypatch.context() as patch:
            break_at(patch, step, number, OSError(errno.EIO, "Input/output error"))
            with pytest.raises(ConfigurationError, match="Input/output error"):
                write_report(report, tmp_path)
        assert not says_open(tmp_path)
        assert not page_says_open(tmp_path)
        assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]
        if before is UNFINISHED:
            assert (tmp_path / "report.json").is_file()

    @pytest.mark.parametrize(("step", "number"), STEPS)
    def test_a_killed_process_never_leaves_an_open_gate_without_its_page(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
    ) -> None:
        """SystemExit stands for the kill: after it, nothing is done but the unlinking of temporary files."""
        for report in (OPEN, UNFINISHED, OPEN):
            with monkeypatch.context() as patch:
                break_at(patch, step, number, SystemExit(9))
                with pytest.raises(SystemExit):
                    write_report(report, tmp_path)
            assert page_says_open(tmp_path) or not says_open(tmp_path)
            write_report(report, tmp_path)

    def test_sigkill_in_the_middle(self, tmp_path: Path) -> None:
        """A real one: the process dies between the two replacements of an open report."""
        write_report(UNFINISHED, tmp_path)
        code = """
            import os, signal, sys
            from pathlib import Path
            from smtp_audit.report.files import write_report
            from tests.factories import make_open_report
            real, calls = Path.replace, []
            def replace(self, target):
                if calls:
                    os.kill(os.getpid(), signal.SIGKILL)
                calls.append(target)
                return real(self, target)
            Path.replace = replace
            write_report(make_open_report(), Path(sys.argv[1]))
        """
        done = run_python(code, str(tmp_path))
        assert done.returncode == -signal.SIGKILL
        assert not says_open(tmp_path)
        # The next run cleans up by overwriting; the litter of the dead one is a hidden file and harms nobody.
        write_report(OPEN, tmp_path)
        assert says_open(tmp_path)


def run_python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestRealLimits:
    def test_the_kernel_refuses_in_the_middle_of_a_file(self, tmp_path: Path) -> None:
        """RLIMIT_FSIZE lets a write stop half way, as a full disk does, and needs no privileges."""
        write_report(UNFINISHED, tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        code = """
            import resource, signal, sys
            from pathlib import Path
            from smtp_audit.errors import ConfigurationError
            from smtp_audit.report.files import write_report
            from tests.factories import make_open_report
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
            try:
                write_report(make_open_report(), Path(sys.argv[1]))
            except ConfigurationError as error:
                sys.exit(str(error))
        """
        done = run_python(code, str(tmp_path))
        assert done.returncode == 1
        assert "report.html: cannot be written (File too large)" in done.stderr
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """A file system of 100 kilobytes, where it can be mounted (root, Linux)."""
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)]
        may = sys.platform == "linux" and os.geteuid() == 0
        if not may or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("a small file system cannot be mounted here; test_the_kernel_refuses_... covers the rest")
        try:
            (disk / "filler").write_bytes(b"x" * 60_000)
            with pytest.raises(ConfigurationError, match=r"cannot be written \(No space left on device\)"):
                write_report(OPEN, disk)
            assert [path.name for path in disk.iterdir()] == ["filler"]
            (disk / "filler").unlink()
            # Room for one report, but not for a second one beside it: the first, closed one stays.
            small = make_unfinished_report()
            write_report(small, disk)
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            (disk / "filler").write_bytes(b"x" * (free - 20_000))
            with pytest.raises(ConfigurationError, match="No space left on device"):
                write_report(make_open_report(), disk)
            assert not says_open(disk)
            assert not page_says_open(disk)
            assert (disk / "report.json").read_text() == dump(small)
        finally:
            subprocess.run(["umount", str(disk)], check=True)
