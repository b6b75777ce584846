"""What a run of the live lab detected: every server, what had to fail on it, and what did.

    python -m tests.live.detection build/detection.jsonl            write docs/detection.md
    python -m tests.live.detection build/detection.jsonl --check    compare it with the page that is there

Both print the counts, and end with an error when a fault was missed, a failure was not listed, a server was not
audited, or the second judge does not agree with the catalogue. `make detection` does all of it, the run included.
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.legacy.catalogue import SERVERS, Server

from . import detection_page, old_tls
from .catalogue import INDEPENDENT, Catalogue, Entry, catalogue
from .independent import findings
from .independent.running import SERVERS as SERVERS_OF_OTHERS
from .recorded import Found, Record, read

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"


@dataclass(frozen=True)
class Row:
    """One server in one audit."""

    audit: str
    chapter: str
    name: str
    role: str
    what: str
    kind: str
    """"broken", "right" (unusual, but right), "slow" (or hiding), "sound", "default" or "independent"."""
    must_fail: frozenset[str]
    must_pass: frozenset[str] = frozenset()
    inherent: frozenset[str] = frozenset()
    """What of `must_fail` every server of the role fails."""
    hides: bool = False
    excused: frozenset[str] = frozenset()
    """What is listed as coming to no verdict."""
    found: Found | None = None
    """None: it was not audited."""
    needs_proof: bool = False
    """Whether the second judge looks at it."""
    proof: frozenset[str] | None = None
    """What the second judge saw."""

    @property
    def fault(self) -> frozenset[str]:
        """What is broken in this server, and not in all of its role."""
        return self.must_fail - self.inherent

    @property
    def failed(self) -> frozenset[str]:
        return self.found.failed if self.found is not None else frozenset()

    @property
    def caught(self) -> frozenset[str]:
        return self.must_fail & self.failed

    @property
    def missed(self) -> frozenset[str]:
        return self.must_fail - self.failed

    @property
    def unlisted(self) -> frozenset[str]:
        return self.failed - self.must_fail

    @property
    def passed(self) -> frozenset[str]:
        return self.must_pass & (self.found.passed if self.found is not None else frozenset())

    @property
    def open_questions(self) -> frozenset[str]:
        """The controls without the verdict that they should have come to, where nothing hides the answer."""
        if self.found is None or self.hides:
            return frozenset()
        return (self.found.undecided | (self.must_pass - self.passed - self.failed)) - self.excused

    @property
    def proven(self) -> bool:
        """Whether the second judge saw exactly what the catalogue says."""
        return self.proof == self.must_fail


@dataclass(frozen=True)
class Truth:
    """What is true about one port of an independent server, and why."""

    server: str
    role: str
    why: tuple[str, ...]
    failed: frozenset[str]
    undecided: frozenset[str]
    passed: frozenset[str]


def rows(record: Record, known: Catalogue, old: Sequence[Server], independent: Sequence[Truth] = ()) -> list[Row]:
    """All servers, in the order of the page, with what the record says about them."""
    found = [_row(record, entry.group, entry) for entry in known.entries]
    found += [_row(record, "strict", entry, strict=True) for entry in known.entries if entry.strict is not None]
    found += [_row(record, "legacy", old_tls.entry(server, known)) for server in old]
    found += _default_rows(record, known)
    found += _independent_rows(record, independent)
    return found


def _row(record: Record, audit: str, entry: Entry, *, strict: bool = False) -> Row:
    listed = entry.strict if strict else entry.must_fail
    assert listed is not None
    must_pass = entry.must_pass - listed
    if strict:
        # Judged by another measure there.
        must_pass -= {"tls-obsolete-version", "tls-current-version"}
    key = (audit, entry.name)
    return Row(
        audit=audit,
        chapter=entry.chapter,
        name=entry.name,
        role=entry.role,
        what=entry.what,
        kind=_kind(entry),
        must_fail=listed,
        must_pass=must_pass,
        inherent=entry.role_fails,
        hides=entry.hides,
        excused=entry.undecided | entry.without,
        found=record.audits.get(key),
        needs_proof=audit not in ("throttled", "legacy"),
        proof=record.judge.get(key),
    )


def _kind(entry: Entry) -> str:
    if entry.sound:
        return "sound"
    if entry.group == "throttled":
        return "slow"
    return "broken" if entry.must_fail - entry.role_fails else "right"


def _default_rows(record: Record, known: Catalogue) -> Iterator[Row]:
    for role, listed in known.debian_default.items():
        yield Row(
            audit="debian",
            chapter="debian",
            name=f"debian-{role}",
            role=role,
            what="as Debian's packages leave it",
            kind="default",
            must_fail=listed,
            found=record.audits.get(("debian", role)),
            needs_proof=True,
            proof=record.judge.get(("debian", role)),
        )


def _independent_rows(record: Record, independent: Sequence[Truth]) -> Iterator[Row]:
    for truth in independent:
        name = f"{truth.server}-{truth.role}"
        yield Row(
            audit="independent",
            chapter="independent",
            name=name,
            role=truth.role,
            what="; ".join(truth.why),
            kind="independent",
            must_fail=truth.failed,
            must_pass=truth.passed,
            excused=truth.undecided,
            found=record.audits.get(("independent", name)),
        )


def independent_truth(known: Catalogue) -> list[Truth]:
    """What findings.toml lists, for every port of every independent server."""
    sound = {entry.role: replace(entry, group=INDEPENDENT) for entry in known.group("quick") if entry.sound}
    found = []
    for server in SERVERS_OF_OTHERS:
        for role in server.roles:
            expected = findings.expected(server.name, role)
            mine = [item for item in findings.findings() if item.server == server.name]
            why = [item.why for item in mine if item.roles is None or role in item.roles]
            like_it = replace(sound[role], must_fail=expected.failed, undecided=expected.undecided)
            passed = like_it.must_pass - expected.inapplicable
            found.append(Truth(server.name, role, tuple(why), expected.failed, expected.undecided, passed))
    return found


def not_audited(found: Iterable[Row]) -> list[str]:
    """The servers that nothing was recorded about: of a run that was not whole no page is made."""
    return [f"{row.name} ({row.audit})" for row in found if row.found is None]


def complaints(found: Iterable[Row]) -> list[str]:
    """What is wrong, one line each."""
    lines = []
    for row in found:
        differences = {
            "not caught": row.missed,
            "failed without being listed": row.unlisted,
            "without the verdict it should have": row.open_questions,
        }
        lines += [
            f"{row.name} ({row.audit}): {what}: {', '.join(sorted(controls))}"
            for what, controls in differences.items()
            if controls
        ]
        if row.needs_proof and not row.proven:
            seen = "nothing was recorded" if row.proof is None else ", ".join(sorted(row.proof)) or "no fault"
            lines.append(f"{row.name} ({row.audit}): the second judge sees something else: {seen}")
    return lines


def main(arguments: Sequence[str] | None = None, *, page: Path = PAGE) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.detection")
    parser.add_argument("record", type=Path, help="what the run left behind (SMTP_AUDIT_DETECTION named it)")
    parser.add_argument("--check", action="store_true", help="compare with the page instead of writing it")
    given = parser.parse_args(arguments)
    known = catalogue()
    found = rows(read(given.record), known, SERVERS, independent_truth(known))
    if missing := not_audited(found):
        print(f"the run was not whole, so there is nothing to say; not audited: {', '.join(missing)}", file=sys.stderr)
        return 1
    text = detection_page.render(found, known.about)
    print(detection_page.counts(found))
    status = 0
    for line in complaints(found):
        print(line, file=sys.stderr)
        status = 1
    if not given.check:
        page.write_text(text, encoding="utf-8")
        return status
    there = page.read_text(encoding="utf-8") if page.exists() else ""
    if there == text:
        return status
    diff = difflib.unified_diff(there.splitlines(), text.splitlines(), page.name, "this run", lineterm="")
    print("\n".join(diff), file=sys.stderr)
    print(f"docs/{page.name} is not what this run found: run `make detection` and commit the page", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
