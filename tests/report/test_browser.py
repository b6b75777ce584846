"""The page in a real browser: nothing is refused by its policy, nothing is fetched, folded parts open from links.

Needs Chromium (Debian: `chromium`); `tests/live/install-servers` installs it.
"""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smtp_audit.report.html import render
from tests.live.installed import skip_or_fail
from tests.report.samples import poor_snapshot, sample_report, sample_unfinished, sound_snapshot
from tests.report.test_hostile_text import FULL, VENOM, poison

pytestmark = pytest.mark.live

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --enable-logging=stderr --v=0"
)

Browse = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's program; skips, or fails where live tests are demanded."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        skip_or_fail("run tests/live/install-servers (missing: chromium)")
    return found


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Browse:
    """Runs the browser once."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        return subprocess.run(
            [chromium, *_FLAGS.split(), profile, *args], capture_output=True, text=True, timeout=90, check=False
        )

    return run


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A web server on loopback for a folder, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, directory=str(folder), **options)  # type: ignore[arg-type, misc]

        def log_message(self, *args: object) -> None:
            asked.append(self.path)

    folder = tmp_path / "www"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder, asked
    server.shutdown()
    thread.join()
    server.server_close()


def console_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line or "Content Security Policy" in line]


PAGES = {
    "sound": lambda: sample_report(sound_snapshot()),
    "poor": lambda: sample_report(poor_snapshot(), waived=True),
    "unfinished": sample_unfinished,
    "hostile": lambda: poison(FULL, " ".join(VENOM[:-1])),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_loads_without_a_complaint_and_fetches_nothing(
    name: str, browse: Browse, served: tuple[str, Path, list[str]]
) -> None:
    address, folder, asked = served
    (folder / "report.html").write_text(render(PAGES[name]()), encoding="utf-8")
    done = browse("--dump-dom", f"{address}/report.html")
    assert "Gate " in done.stdout
    assert console_of(done) == []
    assert set(asked) <= {"/report.html", "/favicon.ico"}
    assert "<script" not in done.stdout


def test_a_refusal_would_be_seen(browse: Browse, served: tuple[str, Path, list[str]]) -> None:
    """The test above can fail: a style that the policy does not name is refused, with a line on the console."""
    address, folder, _ = served
    page = render(sample_unfinished()).replace("<style>", "<style>/* changed */", 1)
    (folder / "report.html").write_text(page, encoding="utf-8")
    assert console_of(browse("--dump-dom", f"{address}/report.html"))


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_style_applies_and_something_is_to_be_seen(width: int, height: int, browse: Browse, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(sample_report(poor_snapshot())), encoding="utf-8")
    plain = tmp_path / "plain.html"
    plain.write_text(re.sub(r"<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.S), encoding="utf-8")
    sizes = []
    for source in (page, plain):
        shot = tmp_path / f"{source.stem}.png"
        browse(f"--window-size={width},{height}", f"--screenshot={shot}", source.as_uri())
        sizes.append(shot.stat().st_size)
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert sizes[0] > 20_000, "an empty page makes a picture of a few kilobytes"
    assert sizes[0] != sizes[1]


def measured(browse: Browse, page: Path, source: str, width: int, *numbers: str, fragment: str = "") -> list[int]:
    """What a script of our own measures on a page: the numbers that these expressions give."""
    listed = " ".join(f"${{{number}}}" for number in numbers)
    # After loading: only then is the fragment's element the target.
    script = f"<script>onload = () => {{ document.title = `${{innerWidth}} {listed}` }}</script></body>"
    # Without the policy, so that the measuring may run.
    page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", source).replace("</body>", script), encoding="utf-8")
    done = browse(f"--window-size={width},900", "--dump-dom", f"{page.as_uri()}{fragment}")
    title = re.search(r"<title>(\d+) ([\d ]+)</title>", done.stdout)
    assert title is not None
    assert int(title[1]) <= max(width, 500)  # the narrowest window there is
    return [int(number) for number in title[2].split()]


@pytest.mark.parametrize("table", ["subjects", "transport"])
@pytest.mark.parametrize("width", [1280, 1440])
def test_wide_tables_need_no_sideways_scrolling(table: str, width: int, browse: Browse, tmp_path: Path) -> None:
    source = render(sample_report(poor_snapshot()))
    box = f"document.querySelector('table.{table}').parentElement"
    needed, there = measured(browse, tmp_path / "r.html", source, width, f"{box}.scrollWidth", f"{box}.clientWidth")
    assert 0 < needed <= there


def test_the_subjects_fit_a_small_screen(browse: Browse, tmp_path: Path) -> None:
    box = "document.querySelector('table.subjects').parentElement"
    source = render(sample_report(poor_snapshot()))
    needed, there = measured(browse, tmp_path / "r.html", source, 1100, f"{box}.scrollWidth", f"{box}.clientWidth")
    assert 0 < needed <= there


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_itself_never_scrolls_sideways(width: int, browse: Browse, tmp_path: Path) -> None:
    """Wide tables scroll inside their region, also with everything unfolded."""
    source = render(sample_report(poor_snapshot())).replace("<details", "<details open")
    root = "document.documentElement"
    sizes = measured(browse, tmp_path / "r.html", source, width, f"{root}.scrollWidth", f"{root}.clientWidth")
    assert sizes[0] <= sizes[1]


def test_a_row_opens_the_details_of_its_endpoint(browse: Browse, tmp_path: Path) -> None:
    source = render(sample_report(poor_snapshot()))
    name = re.search(r'<a href="#(transport-[^"]+)">', source)
    assert name is not None
    height = f"document.getElementById('{name[1]}').offsetHeight"
    [folded] = measured(browse, tmp_path / "r.html", source, 1280, height)
    [opened] = measured(browse, tmp_path / "r.html", source, 1280, height, fragment=f"#{name[1]}")
    assert folded < 100 < 300 < opened


def test_it_prints_with_all_folded_parts_open(browse: Browse, tmp_path: Path) -> None:
    opening = "details::details-content { content-visibility: visible; block-size: auto; display: block; }"
    source = render(sample_report(poor_snapshot()))
    assert source.count(opening) == 1
    # Without the policy, so that the changed style sheet applies.
    source = re.sub(r"<meta http-equiv[^>]*>", "", source)
    pages = []
    for name, text in (("unfolded", source), ("folded", source.replace(opening, ""))):
        page, paper = tmp_path / f"{name}.html", tmp_path / f"{name}.pdf"
        page.write_text(text, encoding="utf-8")
        browse("--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
        assert paper.read_bytes().startswith(b"%PDF-")
        pages.append(len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())))
    assert pages[0] > pages[1] + 5
