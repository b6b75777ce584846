"""Any value of any facts model, built from the models' own annotations: a new field is tested without a change here."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from smtp_audit.facts.observation import Absence, Facts, Line, Observation

# Not a number and infinity are no times: nothing that measures gives them, and JSON has no word for them.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
# Any text that UTF-8 can carry, line ends, NUL and the like included.
TEXTS = st.text(max_size=12)
MOMENTS = st.datetimes(timezones=st.just(UTC))
PORTS = st.integers(1, 65535)


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(arguments[0])
    if origin in (Union, UnionType):
        return st.one_of([st.none() if each is NoneType else values(each) for each in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    if origin is Literal:
        return st.sampled_from(arguments)
    if issubclass(annotation, Observation):
        return observations()
    if issubclass(annotation, BaseModel):
        return models(annotation)
    if issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    simple = {str: TEXTS, bool: st.booleans(), int: st.integers(), float: FLOATS, AwareDatetime: MOMENTS}
    return simple[annotation]


def models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Instances of a model."""
    fields = model.model_fields.items()
    return st.builds(model, **{name: PORTS if name == "port" else values(field.annotation) for name, field in fields})


def all_facts() -> st.SearchStrategy[Facts]:
    """Facts of any kind that the package knows."""
    return st.one_of([models(kind) for kind in package_kinds()])


def package_kinds() -> list[type[Facts]]:
    """The kinds of the package, without those that other tests made."""
    return [kind for kind in Facts.registry.values() if kind.__module__.startswith("smtp_audit.facts.")]


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """An observation, with facts or with the reason why there are none."""
    facts = draw(st.none() | all_facts())
    return Observation(
        kind=facts.kind if facts is not None else draw(TEXTS),
        subject=draw(TEXTS),
        address=draw(st.none() | TEXTS),
        facts=facts,
        absence=None if facts is not None else draw(st.sampled_from(Absence)),
        reason=draw(TEXTS),
        transcript=draw(st.lists(models(Line), max_size=2).map(tuple)),
        started=draw(MOMENTS),
        finished=draw(MOMENTS),
    )
