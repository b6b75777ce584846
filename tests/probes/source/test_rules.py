"""Every rule finds what it is for, in every language that it names, and nothing of what only looks like it."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

import pytest

from smtp_audit.facts.source import Language
from smtp_audit.probes.source.reading import read_text
from smtp_audit.probes.source.rules import source_rules
from smtp_audit.probes.source.tree import GRAMMARS, SourceFile

SAMPLES = sorted(path for path in (Path(__file__).parent / "samples").rglob("*") if path.is_file())
_MARK = re.compile(r"(?://|#) (hit|hit-next|near): ([a-z0-9 -]+?)(?: -- .*)?$")


def sample(path: Path) -> SourceFile:
    language, grammar = GRAMMARS[path.suffix]
    return SourceFile(path, path.name, language, grammar, False)


def marks(path: Path, kinds: tuple[str, ...]) -> set[tuple[str, int]]:
    """What a file says is to be found, or nearly: rule and line."""
    return {
        (rule, number + (found[1] == "hit-next"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := _MARK.search(line)) and found[1] in kinds
        for rule in found[2].split()
    }


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_found_is_what_is_marked(path: Path) -> None:
    reading = read_text(path.read_text(), sample(path))
    assert {(finding.rule, finding.line) for finding in reading.findings} == marks(path, ("hit", "hit-next"))
    assert not reading.unread


@pytest.mark.parametrize("rule", source_rules(), ids=lambda rule: rule.id)
def test_every_rule_has_a_hit_and_a_near_miss(rule: object) -> None:
    for language in {GRAMMARS[path.suffix][0] for path in SAMPLES}:
        if language not in rule.languages:  # type: ignore[attr-defined]
            continue
        if language is Language.TYPESCRIPT and Language.JAVASCRIPT in rule.languages:  # type: ignore[attr-defined]
            continue  # one grammar is the other's superset; the samples of TypeScript show that it holds
        for kinds in (("hit", "hit-next"), ("near",)):
            here = {name for path in SAMPLES if GRAMMARS[path.suffix][0] is language for name, _ in marks(path, kinds)}
            assert rule.id in here, (language, kinds)  # type: ignore[attr-defined]


def test_every_mark_is_of_a_rule() -> None:
    known = {rule.id for rule in source_rules()}
    assert {name for path in SAMPLES for name, _ in marks(path, ("hit", "hit-next", "near"))} <= known


@pytest.mark.parametrize("rule", source_rules(), ids=lambda rule: rule.id)
def test_every_rule_says_what_it_is(rule: object) -> None:
    for text in (rule.told, rule.why, rule.fix):  # type: ignore[attr-defined]
        assert text
        assert "\n" not in text
        assert text.isascii()
        assert not text.endswith(".")
    assert re.fullmatch(r"[a-z0-9-]+", rule.id)  # type: ignore[attr-defined]


def test_in_tests_only_keys_are_looked_for() -> None:
    path = next(path for path in SAMPLES if path.name == "unsound.py")
    file = SourceFile(path, str(PurePath("tests/unsound.py")), Language.PYTHON, "python", True)
    assert {finding.rule for finding in read_text(path.read_text(), file).findings} == {"key-of-a-provider"}
