"""Words docs/detection.md. Nothing here depends on the time, on ports or on the order in which things were seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .detection import Row

_NOTE = "<!-- Generated from a run by `make detection`. Do not edit: change tests/live/servers, and run it again. -->"

_SUMS: Sequence[tuple[str, Callable[[Row], bool]]] = (
    ("broken on purpose", lambda row: row.kind == "broken" and row.audit not in ("strict", "legacy")),
    ("broken on purpose: old TLS", lambda row: row.kind == "broken" and row.audit == "legacy"),
    ("the same and well-kept ones, under profile enterprise-strict", lambda row: row.audit == "strict"),
    ("right, though unusual", lambda row: row.kind == "right" and row.audit != "strict"),
    ("slow on purpose, or hiding facts", lambda row: row.kind == "slow"),
    ("well kept", lambda row: row.kind == "sound" and row.audit != "strict"),
    ("Debian's, as installed", lambda row: row.kind == "default"),
    ("independent", lambda row: row.kind == "independent"),
)
"""The lines of the summary; every row is in one of them."""


def mutants(rows: Iterable[Row]) -> list[Row]:
    """The servers with a fault of their own, each once."""
    return [row for row in rows if row.kind == "broken" and row.audit != "strict"]


def counts(rows: Sequence[Row]) -> str:
    """The counts in one line."""
    broken = mutants(rows)
    sound = [row for row in rows if row.kind in ("sound", "right", "slow") and row.audit != "strict"]
    listed, caught, missed, unlisted = _sums(rows)
    return (
        f"{len(broken)} broken servers; {listed} faults listed in all audits, {caught} caught, {missed} missed, "
        f"{unlisted} false; {len(sound)} servers without a fault of their own, "
        f"{sum(len(row.unlisted) for row in sound)} false findings on them"
    )


def render(rows: Sequence[Row], about: Mapping[str, str]) -> str:
    """The page; `about` says what a chapter is about."""
    return "\n".join([_NOTE, "", *_page(rows, about)]).rstrip() + "\n"


def _sums(rows: Iterable[Row]) -> tuple[int, int, int, int]:
    rows = list(rows)
    return (
        sum(len(row.must_fail) for row in rows),
        sum(len(row.caught) for row in rows),
        sum(len(row.missed) for row in rows),
        sum(len(row.unlisted) for row in rows),
    )


def _page(rows: Sequence[Row], about: Mapping[str, str]) -> Iterator[str]:
    yield from _beginning(rows)
    chapters = dict.fromkeys(row.chapter for row in rows if row.kind in ("broken", "right", "slow"))
    own = [row for row in rows if row.audit not in ("strict", "legacy")]
    for chapter in sorted(set(chapters) - {"legacy"}):
        title = chapter.replace("-", " ").capitalize()
        yield from _chapter(title, about.get(chapter, ""), [row for row in own if row.chapter == chapter])
    legacy = [row for row in rows if row.audit == "legacy"]
    yield from _chapter("Old TLS", _OLD_TLS, legacy)
    yield from _plain("Profile enterprise-strict", _STRICT, [row for row in rows if row.audit == "strict"])
    yield from _plain("Well kept", _WELL_KEPT, [row for row in own if row.kind == "sound"])
    yield from _plain("Debian's servers as installed", _DEFAULT, [row for row in rows if row.kind == "default"])
    independent = [row for row in rows if row.kind == "independent"]
    if independent:
        yield from _plain("Independent servers", _INDEPENDENT, independent)
    yield from _controls(rows)


_OLD_TLS = (
    "What Debian's OpenSSL no longer serves: servers written for these tests (`tests/legacy`), which run in the tests' "
    "own process. `tests/legacy` shows with openssl, with Python's ssl and octet by octet that they are what they say. "
    "By hand: `.venv/bin/python -m tests.live.reproduce legacy/NAME`."
)
_STRICT = "The servers of the other chapters that say something about the stricter profile, audited once more with it."
_WELL_KEPT = (
    "The services that all broken ones start from. The three that are found for an open port are well kept otherwise: "
    "profile enterprise wants them closed. Those of group asked are audited with everything allowed: a login, "
    "mailboxes, `--smtp-intrusive`."
)
_DEFAULT = (
    "Postfix as an internet site, and Dovecot, made from the packages' own templates. The findings are true, and the "
    "second judge sees the same."
)
_INDEPENDENT = (
    "Servers that are neither Postfix nor Dovecot, configured with care. What is found on them is true, for the reason "
    "given, or it is false."
)


def _beginning(rows: Sequence[Row]) -> Iterator[str]:
    yield "# What the audit detects"
    yield ""
    yield f"{counts(rows)}."
    yield ""
    yield (
        "Real servers are broken on purpose, each in one way, and audited as a user does it. For each it is written "
        "down beforehand which controls must fail; all others must not. *Missed* is a listed control that did not "
        "fail, *false* is a failure that is not listed: both close the CI run, as does a server without the verdict "
        "that it should have got."
    )
    yield ""
    lines = [(name, [row for row in rows if belongs(row)]) for name, belongs in _SUMS]
    table = [[name, str(len(found)), *map(str, _sums(found))] for name, found in lines if found]
    total = ["**all**", str(len(rows)), *map(str, _sums(rows))]
    yield from _table(("Servers", "audited", "faults listed", "caught", "missed", "false"), [*table, total])
    yield ""
    yield "## How to check this page"
    yield ""
    yield (
        "- That a server is broken, and in no other way, is shown by a second judge: `tests/live/judge.py` and "
        "`tests/live/judges/`, plain sockets, Python's ssl and the openssl program, without any code of `smtp_audit`. "
        "It looks at each server and has to name the same controls as the catalogue. The column *second judge* says "
        "whether it does; servers that are slow or hide facts have tests of their own "
        "(`tests/live/test_lab_servers.py`)."
    )
    yield (
        "- One server by hand: `sudo .venv/bin/python -m tests.live.reproduce NAME` starts it alone, shows where it "
        "listens and what is set, what the second judge sees, and what the audit says; with `--stay` it keeps running."
    )
    yield (
        "- All of it: `make detection` audits every server and writes this page; it has no times and no ports in it, "
        "so another run gives the same. `.ci/run` compares it with its own run and fails when they differ."
    )
    yield (
        "- The catalogue is data: `tests/live/servers/`, a file a chapter, and `tests/legacy/catalogue.py`. What is "
        "broken stands there as a setting of Postfix or Dovecot."
    )


def _chapter(title: str, about: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield from _heading(title, about)
    broken = [row for row in rows if row.kind == "broken"]
    others = [row for row in rows if row.kind in ("right", "slow")]
    if broken:
        header = ("Broken server", "Role", "What is broken", "Must fail", "Caught", "False", "Second judge")
        yield ""
        yield from _table(header, (_cells(row) for row in broken))
    if others:
        yield ""
        yield from _table(
            ("Not to be found fault with", "Role", "What is unusual", "False", "Second judge"),
            ([row.name, row.role, _plain_text(row.what), _names(row.unlisted, "none"), _judge(row)] for row in others),
        )


def _plain(title: str, about: str, rows: Sequence[Row]) -> Iterator[str]:
    yield from _heading(title, about)
    yield ""
    header = ("Server", "Role", "What it is", "Must fail", "Caught", "False", "Second judge")
    yield from _table(header, (_cells(row) for row in rows))


def _heading(title: str, about: str) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    if about:
        yield ""
        yield about


def _cells(row: Row) -> list[str]:
    caught = "all" if not row.missed else f"missed: {_names(row.missed, '')}"
    return [
        row.name,
        row.role,
        _plain_text(row.what),
        _names(row.must_fail, "nothing"),
        caught if row.must_fail else "",
        _names(row.unlisted, "none"),
        _judge(row),
    ]


def _judge(row: Row) -> str:
    if not row.needs_proof:
        return ""
    if row.proven:
        return "agrees"
    return "not asked" if row.proof is None else f"sees {_names(row.proof, 'no fault')}"


def _controls(rows: Sequence[Row]) -> Iterator[str]:
    yield from _heading(
        "Control by control",
        "On how many servers each control had to fail, and did; on how many it had to pass, and did; and on how many "
        "it failed without being listed. The servers are those of all audits above.",
    )
    yield ""
    controls = sorted({control for row in rows for control in row.must_fail | row.must_pass | row.failed})
    yield from _table(
        ("Control", "had to fail", "failed", "had to pass", "passed", "false"),
        (
            [
                f"[{control}](controls.md#{control})",
                *(
                    str(sum(control in group for group in groups))
                    for groups in (
                        [row.must_fail for row in rows],
                        [row.caught for row in rows],
                        [row.must_pass for row in rows],
                        [row.passed for row in rows],
                        [row.unlisted for row in rows],
                    )
                ),
            ]
            for control in controls
        ),
    )


def _names(controls: Iterable[str], nothing: str) -> str:
    return ", ".join(sorted(controls)) or nothing


def _plain_text(text: str) -> str:
    return text.removeprefix("right: ").replace("|", "\\|")


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|---" * len(header) + "|"
    for cells in lines:
        yield f"| {' | '.join(cells)} |"
