"""The rules for source text: data, one file a topic, and how they are read.

`[[rule]]`: `id`, `languages`, what was found (`told`), `why` it matters, the `fix`, and the `clause` of the standard.
One of these says what is looked for:

`match`  a rule of ast-grep, for every language named; `constraints` as there
`text`   a regular expression for the literal texts of a program: comments are none
`flow`   the name of a check in `python_flow.py`

`where`    a regular expression that the file has to match besides
`unless`   one that it must not match
`secret`   how sure the text named SECRET in `match` has to look like a secret: "given" to a login, or "named" like one
`in_tests` files of tests are looked at, too
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from smtp_audit.facts.source import Language, Topic
from smtp_audit.frozen import Frozen

_SHORT = {language.name.lower(): language for language in Language}


def _language(word: object) -> object:
    return _SHORT.get(word, word) if isinstance(word, str) else word


class SourceRule(Frozen):
    """One rule; the file that it stands in says the topic."""

    id: str
    topic: Topic
    languages: tuple[Annotated[Language, BeforeValidator(_language)], ...] = Field(min_length=1)
    told: str
    why: str
    fix: str
    clause: str
    match: dict[str, Any] | None = None
    constraints: dict[str, Any] = {}
    text: str | None = None
    flow: str | None = None
    where: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    secret: Literal["given", "named"] | None = None
    in_tests: bool = False

    @model_validator(mode="after")
    def _looks_for_one_thing(self) -> Self:
        if sum(each is not None for each in (self.match, self.text, self.flow)) != 1:
            raise ValueError(f"{self.id}: one of match, text and flow")
        if self.flow is not None and self.languages != (Language.PYTHON,):
            raise ValueError(f"{self.id}: flow is for Python")
        return self


@cache
def source_rules() -> tuple[SourceRule, ...]:
    """Every rule, topic by topic.

    Raises:
        ValueError: a file is wrong, or an id is used twice.
    """
    rules: list[SourceRule] = []
    for topic in Topic:
        data = tomllib.loads((Path(__file__).parent / f"{topic}.toml").read_text("utf-8"))
        rules += [SourceRule(topic=topic, **table) for table in data["rule"]]
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise ValueError(f"used twice: {sorted(each for each in set(ids) if ids.count(each) > 1)}")
    return tuple(rules)


def covered() -> dict[Topic, tuple[Language, ...]]:
    """The languages that there are rules for, by topic."""
    return {
        topic: tuple(
            language
            for language in Language
            if any(language in rule.languages for rule in source_rules() if rule.topic is topic)
        )
        for topic in Topic
    }
