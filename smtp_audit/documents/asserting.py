"""The oracle for a function that renders, in a team's own tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from smtp_audit.documents.differences import EffectKind
from smtp_audit.documents.examining import Examination, Rendered, Rounds, Values, examine
from smtp_audit.documents.payloads import payloads
from smtp_audit.errors import Undetermined

Render = Callable[[dict[str, str]], str]


def examine_function(
    render: Render, variables: Iterable[str], given: Mapping[str, str] | None = None, *, plain: bool = False
) -> Examination:
    """Put every payload into every variable of a function that makes a document.

    Args:
        render: gets a value for each variable, and returns the document. To raise is to refuse.
        variables: their names.
        given: harmless values for those that cannot be any word.
        plain: it makes plain text, not HTML.

    Raises:
        Undetermined: it cannot be rendered with harmless values, or a variable says nothing.
    """
    rounds = examine(tuple(variables), given or {}, payloads(), plain=plain)
    asked, found = step(rounds, None)
    while found is None:
        asked, found = step(rounds, [_rendered(render, values) for values in asked])
    unknown = [f"{each.name} {each.unknown}" for each in found.variables if each.unknown]
    if unknown and not found.effects:
        raise Undetermined(f"not every variable could be tried: {'; '.join(unknown)}")
    return found


def assert_safe(
    render: Render,
    variables: Iterable[str],
    given: Mapping[str, str] | None = None,
    *,
    plain: bool = False,
    allow: Iterable[str] = (),
) -> None:
    """Assert that no payload has an effect. `allow` names kinds of effects that may be (`url-scheme`, for example).

    Raises:
        AssertionError: one has; the message lists which, and what it did.
        Undetermined: nothing can be said.
    """
    allowed = {EffectKind(kind) for kind in allow}
    found = examine_function(render, variables, given, plain=plain)
    effects = [effect for effect in found.effects if effect.kind not in allowed]
    lines = [f"{effect.variable}: {effect.payload} {effect.told} ({effect.kind})" for effect in effects]
    if lines:
        more = f"\n... and {len(lines) - 20} more" if len(lines) > 20 else ""
        raise AssertionError("values have effects in the template:\n" + "\n".join(lines[:20]) + more)


def _rendered(render: Render, values: Values) -> Rendered:
    try:
        text = render(dict(values))
    except Exception as error:  # to raise is to refuse
        return Rendered(None, f"{type(error).__name__}: {error}")
    if not isinstance(text, str):
        raise TypeError(f"render returned {type(text).__name__}, not a str")
    return Rendered(text)


def step(rounds: Rounds, answers: Sequence[Rendered] | None) -> tuple[Sequence[Values], Examination | None]:
    """One round of an examination: what is asked for next, or what was found."""
    try:
        return (next(rounds) if answers is None else rounds.send(answers)), None
    except StopIteration as end:
        return (), end.value
