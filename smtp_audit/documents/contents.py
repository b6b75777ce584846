"""What is in a document besides text: links, what is loaded when it is shown, its language, what values are where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from smtp_audit.documents.addresses import ATTRIBUTES, LOADING, addresses_in, is_external, refreshed_to
from smtp_audit.documents.markup import Element, Markup, read_markup
from smtp_audit.documents.tokens import plain_css

_CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)
_LOADED_LINKS = frozenset({"stylesheet", "icon", "preload", "prefetch", "dns-prefetch", "preconnect", "import"})
_WHOLE = re.compile(r"<html[\s>]", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """An address in a document. `loads`: it is asked when the message is shown. `values`: whose words are in it."""

    where: str
    text: str
    loads: bool = False
    values: tuple[str, ...] = ()
    tiny: bool = False
    """An image that nobody is to see."""


@dataclass(frozen=True)
class Contents:
    """What is in a document. `whole`: it has an `html` element of its own; `language` None: it names none."""

    addresses: tuple[Address, ...]
    visible: str
    whole: bool = False
    language: str | None = None
    title: str = ""


def contents_of(text: str, words: Mapping[str, str], *, plain: bool) -> Contents:
    """Look into a document; `words` are the values that it was rendered with.

    Raises:
        Undetermined: it is too long.
    """
    if plain:
        links = (Address("text", found.rstrip(".,;:!?")) for found in _LINK.findall(text))
        return Contents(tuple(_with_values(link, words) for link in links), text)
    read = read_markup(text)
    found = [_with_values(each, words) for each in _addresses(read)]
    found += [_with_values(Address("shown text", link.rstrip(".,;:!?")), words) for link in _LINK.findall(read.visible)]
    root = read.first("html")
    title = next((t for (index, _), t in read.texts.items() if read.elements[index].tag == "title"), "")
    return Contents(
        tuple(found),
        read.visible,
        whole=bool(_WHOLE.search(text)),
        language=(root.get("lang") or root.get("xml:lang")) if root else None,
        title=title,
    )


def _addresses(read: Markup) -> list[Address]:
    found: list[Address] = []
    for index, element in enumerate(read.elements):
        for name, value in element.attributes:
            if name in ATTRIBUTES:
                loads = _loads(element, name)
                where = f'{name}="" of <{element.tag}>'
                found += [Address(where, each, loads, tiny=_is_tiny(element)) for each in addresses_in(name, value)]
            elif name == "style":
                found += _styled(f'style="" of <{element.tag}>', value)
            elif name == "content" and (element.get("http-equiv") or "").strip().lower() == "refresh":
                found.append(Address('content="" of <meta>', refreshed_to(value) or "", loads=True))
        if element.tag == "style":
            text = "".join(text for (owner, _), text in read.texts.items() if owner == index)
            found += _styled("<style>", text)
    return [each for each in found if each.text.strip()]


def _styled(where: str, text: str) -> list[Address]:
    return [Address(where, one or other, loads=True) for one, other in _CSS_URL.findall(plain_css(text))]


def _loads(element: Element, name: str) -> bool:
    if element.tag == "link" and name == "href":
        return bool(_LOADED_LINKS & set((element.get("rel") or "").lower().split()))
    return (name in LOADING and element.tag != "a") or (element.tag in ("image", "use") and name == "href")


def _is_tiny(element: Element) -> bool:
    sizes = [element.get("width"), element.get("height")]
    style = (element.get("style") or "").replace(" ", "").lower()
    small = all((size or "").strip().removesuffix("px") in ("0", "1") for size in sizes)
    return element.tag == "img" and (small or "display:none" in style or "width:1px" in style)


def _with_values(address: Address, words: Mapping[str, str]) -> Address:
    inside = tuple(name for name, word in words.items() if len(word) > 3 and word in address.text)
    return Address(address.where, address.text, address.loads, inside, address.tiny)


def is_external_load(address: Address) -> bool:
    """Whether showing the message asks somebody for it."""
    return address.loads and is_external(address.text)
