"""Examining a template: which values to render it with, and what came of them. Whoever renders drives the generator.

All variables get a payload at once first. Where nothing at all came of that, nothing came of it in any of them; where
something did, or where it was refused, each variable is tried alone, so that verdicts never mix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from smtp_audit.documents.addresses import host_of, scheme_of
from smtp_audit.documents.differences import (
    Change,
    Context,
    Controls,
    EffectKind,
    Place,
    Sink,
    changes,
    context_of,
    differing,
    plain_changes,
    readings,
    sinks_of,
    text_context,
    twin_of,
)
from smtp_audit.documents.markup import Markup
from smtp_audit.documents.payloads import AIMS, Payload
from smtp_audit.errors import Undetermined

ENOUGH: Final = 4
"""Payloads of one group that are tried at a time with a variable: once they had an effect, the group has shown it."""

WORD: Final = 11
"""Letters of a harmless word."""

CANARY: Final = "q\"'><b>&\\;(){{7}}"
"""A value that shows whether two ways through a template treat values alike."""

MAX_BRANCHES: Final = 24
"""Ways through a template that are tried."""

Values = Mapping[str, str]
Rounds = Generator[Sequence[Values], Sequence["Rendered"], "Examination"]


@dataclass(frozen=True)
class Rendered:
    """What came of a rendering; `text` None: it was refused, `why` says how."""

    text: str | None
    why: str = ""


@dataclass(frozen=True)
class Effect:
    """What a payload did through a variable."""

    variable: str
    payload: str
    kind: EffectKind
    told: str


@dataclass
class Variable:
    """What was tried with a variable. `unknown`: why that says nothing, empty where it does."""

    name: str
    sinks: tuple[Sink, ...] = ()
    tried: int = 0
    refused: int = 0
    unknown: str = ""


@dataclass
class Examination:
    """What came of it: `text` is the document with harmless words, `words` which."""

    text: str
    words: Values
    variables: tuple[Variable, ...]
    effects: list[Effect] = field(default_factory=list)

    def add(self, branch: Examination) -> None:
        """Add what another way through the template showed."""
        own = {each.name: each for each in self.variables}
        for other in branch.variables:
            mine = own[other.name]
            mine.sinks = tuple(dict.fromkeys((*mine.sinks, *other.sinks)))
            mine.tried += other.tried
            mine.refused += other.refused
            mine.unknown = mine.unknown or other.unknown
        self.effects = list(dict.fromkeys((*self.effects, *branch.effects)))


def word(name: str, side: int = 0) -> str:
    """A harmless word for a variable, the same every time: letters only, always as long."""
    digest = hashlib.sha256(name.encode()).digest()
    start = ord("n" if side else "a")  # no letter of the two is the same: nothing of them looks fixed
    return "".join(chr(start + octet % 13) for octet in digest[:WORD])


def examine(
    names: Sequence[str],
    given: Values,
    payloads: Sequence[Payload],
    *,
    plain: bool,
    others: Mapping[str, Sequence[str]] | None = None,
) -> Rounds:
    """Which values to render, round by round; send what came of each. Returns what was found.

    Where an empty variable, or one with a value of `others`, makes the template say something else, all is tried again.

    Args:
        names: the variables.
        given: harmless values that a variable needs in place of a word (a number, for example).
        payloads: what to try.
        plain: the template makes plain text.
        others: values that the template compares a variable with.

    Raises:
        Undetermined: it cannot be rendered with harmless values, or differs each time.
    """
    background = yield from _background(names, given)
    examination = yield from _examine(background, tuple(background), payloads, plain=plain)
    branches = [(name, value) for name in names for value in ("", *(others or {}).get(name, ()))]
    usual = [{**background, **dict.fromkeys(names, CANARY), name: background[name]} for name, _ in branches]
    answers = yield [
        *({**background, name: value} for name, value in branches),
        *({**values, name: value} for values, (name, value) in zip(usual, branches, strict=True)),
        *usual,
    ]
    count = len(branches)
    ways: set[tuple[str | None, str | None]] = set()
    for number, (name, value) in enumerate(branches):
        calm, wild, known = (answers[number + part * count].text for part in range(3))
        if calm is None or len(ways) >= MAX_BRANCHES:
            continue
        same = known is not None and wild == known.replace(background[name], value)
        if (calm, wild) in ways or (same and calm == examination.text.replace(background[name], value)):
            continue
        ways.add((calm, wild))
        rest = tuple(each for each in background if each != name)
        branch = yield from _examine({**background, name: value}, rest, payloads, plain=plain)
        examination.add(branch)
    return examination


def _examine(background: Values, names: Sequence[str], payloads: Sequence[Payload], *, plain: bool) -> Rounds:
    """One way through a template."""
    both = [background, background, {**background, **{name: word(name, 1) for name in names}}]
    alone = [
        {**background, name: value}
        for name in names
        for value in (word(name), word(name, 1), background[name], _other(name, background[name]))
    ]
    done = yield [*both, *alone]
    base = done[0].text
    again = done[1].text
    if base is None or again is None:
        raise Undetermined(f"cannot be rendered again with the same values: {(done[0].why or done[1].why)[:200]}")
    oracle = _Oracle(base, again, plain=plain)
    examination = Examination(base, background, tuple(Variable(name) for name in names))
    tests: dict[str, _Test] = {}
    for number, variable in enumerate(examination.variables):
        name = variable.name
        first, second, given, other = (each.text for each in done[3 + 4 * number : 7 + 4 * number])
        test = _Test(variable, first, second, (word(name), word(name, 1)))
        if (first is None or second is None) and given != other:
            # It wants more than a word: an address, for example.
            test = _Test(variable, given, other, (background[name], _other(name, background[name])), alone=True)
        tests[name] = test
        if test.first is None or test.second is None:
            continue
        variable.sinks, structural = oracle.places(test)
        if structural:
            test.named = True
            examination.effects.append(Effect(variable.name, "a harmless word", EffectKind.ELEMENT, structural))
    together = [name for name, test in tests.items() if test.is_usual]
    all_second = done[2].text
    flagged: set[str] = {payload.id for payload in payloads}
    if together:
        words_a = {**background, **{name: word(name) for name in together}}
        words_b = {**background, **{name: word(name, 1) for name in together}}
        answers = yield [words_a, words_b, *({**background, **dict.fromkeys(together, p.text)} for p in payloads)]
        first_text, second_text = answers[0].text, answers[1].text or all_second
        if first_text is not None and second_text is not None:
            flagged = {
                payload.id
                for payload, answer in zip(payloads, answers[2:], strict=True)
                if not oracle.is_plainly_safe(first_text, second_text, answer.text, payload)
            }
            for name in together:
                tests[name].variable.tried += len(payloads) - len(flagged)
    yield from _alone(oracle, examination, tests, payloads, flagged, background)
    return examination


def _background(names: Sequence[str], given: Values) -> Generator[Sequence[Values], Sequence[Rendered], dict[str, str]]:
    """Harmless values that the template can be rendered with: words, or numbers where it wants some."""
    words = {name: given.get(name, word(name)) for name in names}
    free = [name for name in names if name not in given]
    candidates = [words, *({**words, name: "42"} for name in free), {**words, **dict.fromkeys(free, "42")}]
    done = yield candidates[:1]
    if done[0].text is not None:
        return candidates[0]
    why = done[0].why
    done = yield candidates[1:]
    for values, rendered in zip(candidates[1:], done, strict=True):
        if rendered.text is not None:
            return values
    raise Undetermined(f"cannot be rendered with harmless values, which 'variables' can give: {why[:300]}")


def _other(name: str, value: str) -> str:
    """Another harmless value of the form of this one, which has the word of the variable in it; else the same."""
    return value.replace(word(name), word(name, 1))


@dataclass
class _Test:
    """A variable with its two harmless documents."""

    variable: Variable
    first: str | None
    second: str | None
    words: tuple[str, str]
    named: bool = False
    """The harmless word is a name in the skeleton."""
    alone: bool = False
    """It takes no words, so that it cannot be tried together with others."""

    @property
    def is_usual(self) -> bool:
        """Whether payloads can be tried in it together with others."""
        return self.first is not None and self.second is not None and not self.named and not self.alone


def _alone(
    oracle: _Oracle,
    examination: Examination,
    tests: Mapping[str, _Test],
    payloads: Sequence[Payload],
    flagged: set[str],
    background: Values,
) -> Generator[Sequence[Values], Sequence[Rendered], None]:
    """Each variable by itself, some payloads of each group at a time until one of them had what it tries."""
    waiting = {
        (name, group): [p for p in payloads if p.group == group and (p.id in flagged or not test.is_usual)]
        for name, test in tests.items()
        for group in AIMS
        if not test.named
    }
    while any(waiting.values()):
        now = [(tests[name], p) for (name, _), rest in waiting.items() for p in rest[:ENOUGH]]
        answers = yield [{**background, test.variable.name: p.text} for test, p in now]
        suspects: list[tuple[_Test, Payload, str]] = []
        for (test, payload), answer in zip(now, answers, strict=True):
            test.variable.tried += 1
            if answer.text is None:
                test.variable.refused += 1
            elif test.first is None or test.second is None:
                test.variable.unknown = "takes a payload, but no harmless word"
            elif oracle.changes(test, answer.text, payload, None):
                suspects.append((test, payload, answer.text))
        twins = yield [{**background, test.variable.name: twin_of(p.text)} for test, p, _ in suspects]
        for (test, payload, text), twin in zip(suspects, twins, strict=True):
            for change in oracle.changes(test, text, payload, twin.text):
                examination.effects.append(Effect(test.variable.name, payload.id, change.kind, change.told))
        for key, rest in waiting.items():
            name, group = key
            tried = {p.id for p in rest[:ENOUGH]}
            found = {e.kind for e in examination.effects if e.variable == name and e.payload in tried}
            waiting[key] = [] if found & AIMS[group] else rest[ENOUGH:]


class _Oracle:
    """Compares documents, knowing what differs by itself."""

    def __init__(self, base: str, again: str, *, plain: bool) -> None:
        self._plain = plain
        self._noise: list[frozenset[Place]] = []
        if not plain:
            for one, other in zip(readings(base), readings(again), strict=False):
                if one.skeleton != other.skeleton:
                    raise Undetermined("its elements differ each time it is rendered with the same values")
                self._noise.append(differing(one, other))

    def places(self, test: _Test) -> tuple[tuple[Sink, ...], str]:
        """The sinks of a variable, and what its harmless words do to the skeleton."""
        assert test.first is not None and test.second is not None  # noqa: S101, PT018 (asked before)
        if self._plain:
            return ((Sink(Context.TEXT, "text"),) if test.first != test.second else ()), ""
        found: list[Sink] = []
        for one, other in zip(readings(test.first), readings(test.second), strict=False):
            found += sinks_of(one, other)
        if any(sink.context is Context.NAME for sink in found):
            return (), "a harmless word changes elements or attributes: it is in the place of a name"
        return tuple(dict.fromkeys(found)), ""

    def changes(self, test: _Test, hostile: str, payload: Payload, twin: str | None) -> tuple[Change, ...]:
        """What the payload changed."""
        assert test.first is not None and test.second is not None  # noqa: S101, PT018 (asked before)
        found: list[Change] = []
        if payload.was_evaluated(hostile, test.first):
            found.append(Change(EffectKind.EVALUATED, f"is evaluated: {payload.gives} appears"))
        if self._plain:
            return (*found, *plain_changes(test.first, test.second, hostile, test.words))
        twins: Iterable[Markup | None] = (None, None) if twin is None else readings(twin)
        parts = zip(readings(test.first), readings(test.second), readings(hostile), twins, self._noise, strict=False)
        for first, second, read, beside, noise in parts:
            found += changes(Controls(first, second, test.words, noise), read, beside)
        return tuple(dict.fromkeys(found))

    def is_plainly_safe(self, first: str, second: str, hostile: str | None, payload: Payload) -> bool:
        """Whether a payload in all variables at once changed nothing but words in their places."""
        if hostile is None or payload.was_evaluated(hostile, first):
            return False
        if self._plain:
            return payload.group != "host"
        parts = [readings(text) for text in (first, second, hostile)]
        if len({len(part) for part in parts}) != 1:
            return False
        return all(map(_keeps_form, *parts, self._noise))


def _keeps_form(first: Markup, second: Markup, hostile: Markup, noise: frozenset[Place]) -> bool:
    if not first.skeleton == second.skeleton == hostile.skeleton:
        return False
    sinks = differing(first, second) | noise
    for place in differing(first, hostile):
        index, what = place
        element, other = first.elements[index], hostile.elements[index]
        if not isinstance(what, str):
            if text_context(element) in (Context.STYLE, Context.SCRIPT):
                return False
            continue
        context = context_of(element, what)
        before, after = element.get(what) or "", other.get(what) or ""
        same = (scheme_of(before), host_of(before)) == (scheme_of(after), host_of(after))
        if place not in sinks or context in (Context.STYLE, Context.SCRIPT) or (context is Context.URL and not same):
            return False
        if context is Context.URL and what in ("content", "srcset"):
            return False
    return True
