"""The hostile values that are put in the place of every variable, as data."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smtp_audit.documents.differences import EffectKind

_FILE: Final = Path(__file__).with_name("payloads.toml")

AIMS: Final = {
    "tag": frozenset({EffectKind.ELEMENT, EffectKind.ATTRIBUTE}),
    "comment": frozenset({EffectKind.ELEMENT, EffectKind.ATTRIBUTE}),
    "attribute": frozenset({EffectKind.ELEMENT, EffectKind.ATTRIBUTE}),
    "scheme": frozenset({EffectKind.URL_SCHEME}),
    "host": frozenset({EffectKind.URL_HOST}),
    "style": frozenset({EffectKind.STYLE}),
    "script": frozenset({EffectKind.SCRIPT}),
    "expression": frozenset({EffectKind.EVALUATED}),
    "odd": frozenset({EffectKind.ELEMENT, EffectKind.ATTRIBUTE}),
}
"""The groups of payloads, and what one of each tries."""


@dataclass(frozen=True)
class Payload:
    """A hostile value. `gives` is in the output when it was evaluated, and not in `text`."""

    id: str
    group: str
    text: str
    gives: str = ""

    def was_evaluated(self, output: str, control: str) -> bool:
        """Whether its product is in the output, and not in that of a harmless value."""
        return bool(self.gives) and self.gives in output and self.gives not in control


@functools.cache
def payloads() -> tuple[Payload, ...]:
    """All of them."""
    with _FILE.open("rb") as file:
        return tuple(Payload(**each) for each in tomllib.load(file)["payload"])
