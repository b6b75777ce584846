"""Facts about templates: what values came to, what hostile ones did, and what is in the document."""

from __future__ import annotations

from typing import ClassVar

from smtp_audit.documents.differences import Context, EffectKind
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class Place(Frozen):
    """A place that a value comes to; `where` in words, escaped."""

    context: Context
    where: str


class Tried(Frozen):
    """A variable and what was tried with it.

    `refused`: how often it ended without a document. `unknown`: why what was tried says nothing, empty where it does.
    """

    name: str
    places: tuple[Place, ...] = ()
    tried: int = 0
    refused: int = 0
    unknown: str = ""
    word: str = ""
    """The harmless value that the document below has in its place."""


class Effect(Frozen):
    """What a payload (by its id) did through a variable."""

    variable: str
    payload: str
    kind: EffectKind
    told: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.payload} {self.told}"


class Link(Frozen):
    """An address in the document, escaped. `loads`: it is asked when the message is shown."""

    where: str
    address: str
    scheme: str
    host: str | None
    loads: bool = False
    variables: tuple[str, ...] = ()
    tiny: bool = False


class Rendering(Frozen):
    """What a template makes: `plain` text or HTML.

    `text` is what people read of it, with harmless words, escaped. `whole`: it is a document with an `html` element.
    """

    name: str
    plain: bool
    variables: tuple[Tried, ...]
    effects: tuple[Effect, ...] = ()
    payloads: int = 0
    links: tuple[Link, ...] = ()
    text: str = ""
    title: str = ""
    whole: bool = False
    language: str | None = None

    def of(self, *kinds: EffectKind) -> tuple[Effect, ...]:
        """The effects of some kinds."""
        return tuple(effect for effect in self.effects if effect.kind in kinds)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The variables about which nothing can be said, each with why."""
        return tuple(f"{each.name} {each.unknown}" for each in self.variables if each.unknown)


class ClientTemplateFacts(Facts):
    """What a program does with HTML that it is given, and with the values of its own templates.

    `delivers`: a harmless message arrived. `html_used`: its HTML did. `html_refused`: payloads after which nothing did.
    `untried`: templates that could not be tried, each with why.
    """

    kind: ClassVar[str] = "client_templates"

    delivers: bool
    html_used: bool = False
    html_tried: int = 0
    html_refused: int = 0
    html_effects: tuple[Effect, ...] = ()
    templates: tuple[Rendering, ...] = ()
    untried: tuple[str, ...] = ()


class TemplateFacts(Facts):
    """A template that was rendered; `beside` is the plain text template next to one of HTML.

    `escaping`: who says whether values are escaped, in words. `beside_why`: why the one beside says nothing.
    """

    kind: ClassVar[str] = "template_renders"

    engine: str
    escaping: str
    rendering: Rendering
    beside: Rendering | None = None
    beside_why: str = ""
