"""Facts about templates, for the cases of their controls."""

from __future__ import annotations

from typing import Any

from smtp_audit.documents.addresses import host_of, scheme_of
from smtp_audit.documents.differences import Context, EffectKind
from smtp_audit.facts.template import ClientTemplateFacts, Effect, Link, Place, Rendering, TemplateFacts, Tried


def variable(name: str = "name", context: Context = Context.TEXT, **more: Any) -> Tried:
    """A variable that all was tried with."""
    told = {"places": (Place(context=context, where="text of <p>"),), "tried": 133, "word": f"word{name}", **more}
    return Tried(name=name, **told)


def effect(kind: EffectKind, told: str = "does something", name: str = "name") -> Effect:
    """What a payload did."""
    return Effect(variable=name, payload="a-payload", kind=kind, told=told)


def link(address: str, where: str = 'href="" of <a>', **more: Any) -> Link:
    """A link of the document."""
    return Link(where=where, address=address, scheme=scheme_of(address), host=host_of(address), **more)


def rendering(*variables: Tried, name: str = "welcome.html", **more: Any) -> Rendering:
    """What a template makes; without variables it has one, in text."""
    told = {"plain": False, "payloads": 133, "text": "Hello", **more}
    return Rendering(name=name, variables=told.pop("variables", variables or (variable(),)), **told)


def template(*variables: Tried, beside: Rendering | None = None, beside_why: str = "", **more: Any) -> TemplateFacts:
    """A template."""
    return TemplateFacts(
        engine="Jinja2",
        escaping="autoescape on, as configured",
        rendering=rendering(*variables, **more),
        beside=beside,
        beside_why=beside_why or ("" if beside else "there is no plain text template beside it"),
    )


def program(**more: Any) -> ClientTemplateFacts:
    """A program that sends what HTML it is given, without what is dangerous."""
    return ClientTemplateFacts(**{"delivers": True, "html_used": True, "html_tried": 90, "html_refused": 2, **more})
