"""Every text among facts: what a server said, one by one, without the words and escapes of JSON."""

from collections.abc import Iterator, Mapping
from enum import Enum

from pydantic import BaseModel


def texts_of(value: object) -> Iterator[str]:
    """The texts in a model, a mapping or a list of them, as deep as they go; names of choices are none."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from texts_of(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from texts_of((*value.keys(), *value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, str) and not isinstance(value, Enum):
        yield value
