"""What of a document acts: elements, handlers, addresses and styles that no message needs, whoever wrote it."""

from __future__ import annotations

import re
from typing import Final

from smtp_audit.documents.addresses import ATTRIBUTES, HARMLESS, addresses_in, scheme_of
from smtp_audit.documents.differences import Change, Context, EffectKind, context_of
from smtp_audit.documents.markup import COMMENT, Element, Markup
from smtp_audit.documents.tokens import plain_css

ELEMENTS: Final = frozenset(
    {
        "script",
        "iframe",
        "frame",
        "frameset",
        "object",
        "embed",
        "applet",
        "base",
        "form",
        "input",
        "button",
        "textarea",
    }
    | {"select", "svg", "math", "link", "plaintext", "portal", "noscript", "template", "video", "audio", "isindex"}
)
"""Elements that run, load, ask for input, or change how the rest is read."""

_ACTIVE_STYLE = re.compile(
    r"url\(|expression\(|@import|-moz-binding|behaviou?r\s*:|position\s*:\s*fixed", re.IGNORECASE
)


def active(document: Markup) -> tuple[Change, ...]:
    """Everything that acts, each once."""
    found: list[Change] = []
    for index, element in enumerate(document.elements):
        if element.tag == COMMENT:
            continue
        if element.tag in ELEMENTS or _refreshes(element):
            found.append(Change(EffectKind.ELEMENT, f"<{element.tag}> arrives"))
        for name, value in element.attributes:
            context = context_of(element, name)
            if context is Context.SCRIPT or name in ("srcdoc", "formaction"):
                found.append(Change(EffectKind.ATTRIBUTE, f"the handler {name} of <{element.tag}> arrives"))
            elif context is Context.STYLE and _ACTIVE_STYLE.search(plain_css(value)):
                found.append(Change(EffectKind.STYLE, f"an active style of <{element.tag}> arrives"))
            elif name in ATTRIBUTES:
                schemes = {scheme_of(each) for each in addresses_in(name, value)} - HARMLESS
                # Images may be part of an address; what they are is said by the address itself.
                if {each for each in schemes if not (each == "data" and _is_picture(element, value))}:
                    told = f"{name} of <{element.tag}> with {', '.join(sorted(schemes))}: arrives"
                    found.append(Change(EffectKind.URL_SCHEME, told))
        if element.tag == "style":
            text = "".join(text for (owner, _), text in document.texts.items() if owner == index)
            if _ACTIVE_STYLE.search(plain_css(text)):
                found.append(Change(EffectKind.STYLE, "an active <style> arrives"))
    return tuple(dict.fromkeys(found))


def _refreshes(element: Element) -> bool:
    return element.tag == "meta" and (element.get("http-equiv") or "").strip().lower() == "refresh"


def _is_picture(element: Element, value: str) -> bool:
    return element.tag == "img" and bool(re.match(r"\s*data:image/(?:png|gif|jpe?g|webp)[;,]", value, re.IGNORECASE))
