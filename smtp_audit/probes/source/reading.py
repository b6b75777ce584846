"""One file of source text, read with every rule of its language."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from smtp_audit.facts.source import Language, SourceFinding
from smtp_audit.frozen import Frozen
from smtp_audit.limits import MAX_SOURCE_FILE_BYTES
from smtp_audit.probes.source.libraries import libraries_in
from smtp_audit.probes.source.python_flow import NotPython, flows
from smtp_audit.probes.source.rules import SourceRule, source_rules
from smtp_audit.probes.source.secrets import looks_secret
from smtp_audit.probes.source.tree import SourceFile

if TYPE_CHECKING:
    from ast_grep_py import SgNode

TEXTS: Final = {
    "javascript": ("string", "template_string"),
    "typescript": ("string", "template_string"),
    "tsx": ("string", "template_string"),
    "python": ("string",),
    "php": ("string", "encapsed_string"),
    "ruby": ("string",),
    "go": ("interpreted_string_literal", "raw_string_literal"),
    "java": ("string_literal",),
}
"""What a literal text is called in each grammar."""

LONG_LINES: Final = 5000
"""Characters of a line by which text is taken for minified: by hand nobody writes them."""

_MATTERS: Final = re.compile(r"smtp|mail|\btls\b|\bssl\b|sendgrid|postmark|sparkpost|resend|\bses\b", re.IGNORECASE)
"""Words without one of which a part of a file that is not understood has nothing to do with mail."""

_FEW_LINES: Final = 3
"""Lines of such a part beyond which what stands around it may be misunderstood, too."""


class Reading(Frozen):
    """What one file gave. `skipped`: it is not meant to be read; `unread`: it is, and was not, or only in part."""

    findings: tuple[SourceFinding, ...] = ()
    libraries: tuple[str, ...] = ()
    skipped: str = ""
    unread: str = ""


def read_file(file: SourceFile) -> Reading:
    """Read one file. Whatever is in it, what cannot be read is said and never raised."""
    try:
        with file.path.open("rb") as opened:
            data = opened.read(MAX_SOURCE_FILE_BYTES + 1)
    except OSError as error:
        return Reading(unread=f"cannot be read ({type(error).__name__})")
    if len(data) > MAX_SOURCE_FILE_BYTES:
        return Reading(unread="grows while it is read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in data:
            return Reading(unread="is no text")
        text = data.decode("latin-1")
    if any(len(line) > LONG_LINES for line in text.split("\n")) and file.language in (
        Language.JAVASCRIPT,
        Language.TYPESCRIPT,
    ):
        return Reading(skipped=f"minified: a line of more than {LONG_LINES} characters")
    return read_text(text, file)


def read_text(text: str, file: SourceFile) -> Reading:
    """The same for text that is at hand."""
    from ast_grep_py import SgRoot  # an extra of the package: only what reads source text needs its 45 MB

    root = SgRoot(text, file.grammar).root()
    unread = ""
    if _MATTERS.search(text) and any(_matters(node) for node in root.find_all({"rule": {"kind": "ERROR"}})):
        unread = f"is no {file.language} throughout: understood in part"
    lines: dict[tuple[str, int], SourceRule] = {}
    for rule in source_rules():
        if file.language not in rule.languages or rule.flow or (file.test and not rule.in_tests):
            continue
        if (rule.where and not rule.where.search(text)) or (rule.unless and rule.unless.search(text)):
            continue
        for node in root.find_all(_config(rule, file.grammar)):
            captured = node.get_match("SECRET") if rule.secret else None
            if rule.secret and (captured is None or not looks_secret(captured.text(), rule.secret)):
                continue
            lines.setdefault((rule.id, node.range().start.line + 1), rule)
    if file.language is Language.PYTHON and not file.test:
        by_flow = {rule.flow: rule for rule in source_rules() if rule.flow}
        try:
            for name, line in flows(text):
                lines.setdefault((by_flow[name].id, line), by_flow[name])
        except NotPython as error:
            unread = unread or str(error)
    return Reading(
        findings=tuple(_finding(rule, file, line) for (_, line), rule in sorted(lines.items(), key=_by_line)),
        libraries=() if file.test else libraries_in(text, file.language),
        unread=unread,
    )


def _matters(error: SgNode) -> bool:
    """Whether what the parser did not understand may be about mail. Parsers lag behind their languages."""
    span = error.range()
    return span.end.line - span.start.line >= _FEW_LINES or _MATTERS.search(error.text()) is not None


@cache
def _matcher(rule: str, grammar: str) -> dict[str, Any]:
    known = next(each for each in source_rules() if each.id == rule)
    if known.text is not None:
        return {"rule": {"any": [{"kind": kind} for kind in TEXTS[grammar]], "regex": known.text}}
    return {"rule": known.match, **({"constraints": known.constraints} if known.constraints else {})}


def _config(rule: SourceRule, grammar: str) -> Any:
    return _matcher(rule.id, grammar)


def _by_line(item: tuple[tuple[str, int], SourceRule]) -> tuple[int, str]:
    return item[0][1], item[0][0]


def _finding(rule: SourceRule, file: SourceFile, line: int) -> SourceFinding:
    return SourceFinding(
        rule=rule.id,
        topic=rule.topic,
        language=file.language,
        path=file.shown,
        line=line,
        told=rule.told,
        why=rule.why,
        fix=rule.fix,
        clause=rule.clause,
    )
