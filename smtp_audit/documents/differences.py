"""The differential oracle: what a hostile value changed in a document, beside one with a harmless value.

The places where two harmless values differ are the sinks. A hostile value has to leave elements and attributes as
they are, and may change text in the sinks alone; what it makes of an address, a style or a script is looked at there.
Where a template itself reacts to a value (line ends that become `<br>`, addresses that become links, a different text
for long ones), the hostile value's twin shows it: the same value with what is dangerous made letters.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from os.path import commonprefix
from typing import Final

from smtp_audit.documents.addresses import ATTRIBUTES, HARMLESS, addresses_in, host_of, refreshed_to, scheme_of
from smtp_audit.documents.markup import COMMENT, Element, Gap, Markup, read_markup
from smtp_audit.documents.tokens import css_shape, script_shape


class Context(StrEnum):
    """What kind of place a value comes to."""

    TEXT = "text"
    ATTRIBUTE = "attribute"
    URL = "url"
    STYLE = "style"
    SCRIPT = "script"
    COMMENT = "comment"
    NAME = "name"
    """A tag, or the name of an attribute: nothing can be escaped there."""


class EffectKind(StrEnum):
    """What a hostile value did."""

    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    SCRIPT = "script"
    URL_SCHEME = "url-scheme"
    URL_HOST = "url-host"
    STYLE = "style"
    EVALUATED = "evaluated"


@dataclass(frozen=True)
class Sink:
    """A place that a value comes to: an attribute (`name`) or text of an element."""

    context: Context
    tag: str
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return f'{self.name}="" of <{self.tag}>'
        return "a comment" if self.context is Context.COMMENT else f"text of <{self.tag}>"


@dataclass(frozen=True)
class Change:
    """An effect of a value, and where."""

    kind: EffectKind
    told: str


_CONDITIONAL = re.compile(r"<!--\[if[^\]]*\]>(?:\s*<!-->)?|<!(?:--)?\[endif\]-->", re.IGNORECASE)
_FORMATTING: Final = frozenset({"br", "p", "wbr", "div", "span", "li", "ul", "ol", "b", "i", "em", "strong"})
_LINKING: Final = {"a": frozenset({"href", "rel", "target", "title"})}
_ADDRESS = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)

_HOST = re.compile(r"[\w.:\[\]-]*\w[\w.:\[\]-]*")
"""What can be a host; an address with another one leads nowhere."""

_ENOUGH: Final = 6
"""Characters of a harmless value that are known again where a template cuts it."""

Place = tuple[int, str] | Gap
"""An attribute's element and name, or a text's gap."""


def readings(text: str) -> tuple[Markup, ...]:
    """A document as browsers read it, and as Outlook does, which reads what is in conditional comments."""
    first = read_markup(text)
    if not re.search(r"<!--\[if", text, re.IGNORECASE):
        return (first,)
    return first, read_markup(_CONDITIONAL.sub("", text))


def twin_of(value: str) -> str:
    """A harmless value of the same form: letters for what could act, line ends and plain addresses left."""
    kept = re.compile(r"(?:https?://[\w.-]+)|[\w\n.@/]", re.ASCII)
    found: list[str] = []
    place = 0
    while place < len(value):
        match = kept.match(value, place)
        found.append(match[0] if match else "x")
        place = match.end() if match else place + 1
    return "".join(found).replace("//", "/x") if not value.startswith("http") else "".join(found)


def context_of(element: Element, name: str) -> Context:
    """The context of an attribute."""
    if name.startswith("on"):
        return Context.SCRIPT
    if name == "style":
        return Context.STYLE
    refreshing = element.tag == "meta" and (element.get("http-equiv") or "").strip().lower() == "refresh"
    return Context.URL if name in ATTRIBUTES or (name == "content" and refreshing) else Context.ATTRIBUTE


def text_context(element: Element) -> Context:
    """The context of text in an element."""
    return {COMMENT: Context.COMMENT, "style": Context.STYLE, "script": Context.SCRIPT}.get(element.tag, Context.TEXT)


def differing(one: Markup, other: Markup) -> frozenset[Place]:
    """Where two documents of the same skeleton differ."""
    places: set[Place] = {gap for gap in {*one.texts, *other.texts} if one.texts.get(gap) != other.texts.get(gap)}
    for index, (a, b) in enumerate(zip(one.elements, other.elements, strict=True)):
        if a.attributes != b.attributes:
            places |= {(index, name) for name, value in a.attributes if b.get(name) != value}
    return frozenset(places)


def sinks_of(one: Markup, other: Markup) -> tuple[Sink, ...]:
    """The places that differ between two harmless values; one of context NAME where the skeletons do."""
    if one.skeleton != other.skeleton:
        return (Sink(Context.NAME, "?"),)
    found: list[Sink] = []
    for index, what in sorted(differing(one, other), key=str):
        element = one.elements[index]
        if isinstance(what, str):
            found.append(Sink(context_of(element, what), element.tag, what))
        else:
            found.append(Sink(text_context(element), element.tag))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Controls:
    """A document with two harmless values of the same length; `noise` is what differs by itself."""

    first: Markup
    second: Markup
    values: tuple[str, str]
    noise: frozenset[Place] = frozenset()

    @property
    def places(self) -> frozenset[Place]:
        """The sinks, and what differs by itself."""
        return differing(self.first, self.second) | self.noise


def changes(controls: Controls, hostile: Markup, twin: Markup | None = None) -> tuple[Change, ...]:
    """What a hostile value changed. Without its twin, everything that a template might have meant counts too."""
    base, places = controls.first, controls.places
    if hostile.skeleton != base.skeleton:
        if twin is None or twin.skeleton != hostile.skeleton or not _formats_only(base, twin):
            return (_structure(base, hostile),)
        base = twin
    if twin is not None and twin.skeleton == controls.first.skeleton:
        places |= differing(controls.first, twin)
    found: list[Change] = []
    for place in sorted(differing(base, hostile), key=str):
        index, what = place
        if not isinstance(what, str):
            found += _text_change(base.elements[index], base.texts.get((index, what), ""), hostile, (index, what))
            continue
        mine, theirs = base.elements[index], hostile.elements[index]
        if base is controls.first and place not in places:
            found.append(Change(EffectKind.ATTRIBUTE, f'changes {what}="" of <{mine.tag}>, which is no place of it'))
            continue
        found += _attribute_change(controls, base, index, what, theirs)
    return tuple(dict.fromkeys(found))


def _formats_only(base: Markup, twin: Markup) -> bool:
    """Whether what the twin added is what templates add on purpose: line breaks, paragraphs, links."""
    added = Counter((each.tag, each.names) for each in twin.elements)
    added.subtract(Counter((each.tag, each.names) for each in base.elements))
    return all(
        set(names) <= ({"class", "style"} if tag in _FORMATTING else _LINKING.get(tag, frozenset()))
        for (tag, names), count in added.items()
        if count > 0 and (tag in _FORMATTING or tag in _LINKING)
    ) and not any(count > 0 and tag not in _FORMATTING and tag not in _LINKING for (tag, _), count in added.items())


def _structure(base: Markup, hostile: Markup) -> Change:
    """What is new in the skeleton, in words."""
    tags = Counter(each.tag for each in hostile.elements)
    tags.subtract(Counter(each.tag for each in base.elements))
    new = sorted(tag for tag, count in tags.items() if count > 0)
    if new:
        return Change(EffectKind.ELEMENT, f"makes <{'>, <'.join(new[:4])}>")
    names = Counter((each.tag, name) for each in hostile.elements for name in each.names)
    names.subtract(Counter((each.tag, name) for each in base.elements for name in each.names))
    fresh = sorted(pair for pair, count in names.items() if count > 0)
    if fresh:
        told = ", ".join(f"{name} of <{tag}>" for tag, name in fresh[:4])
        return Change(EffectKind.ATTRIBUTE, f"makes the attribute {told}")
    return Change(EffectKind.ELEMENT, "closes or swallows elements")


def _text_change(element: Element, before: str, hostile: Markup, gap: Gap) -> list[Change]:
    after = hostile.texts.get(gap, "")
    context = text_context(element)
    if context is Context.STYLE and css_shape(before) != css_shape(after):
        return [Change(EffectKind.STYLE, "changes the rules in <style>")]
    if context is Context.SCRIPT and script_shape(before) != script_shape(after):
        return [Change(EffectKind.SCRIPT, "changes the program in <script>")]
    return []


def _attribute_change(controls: Controls, base: Markup, index: int, name: str, theirs: Element) -> list[Change]:
    mine = base.elements[index]
    before, after = mine.get(name) or "", theirs.get(name) or ""
    where = f'{name}="" of <{mine.tag}>'
    context = context_of(mine, name)
    if context is Context.STYLE and css_shape(before) != css_shape(after):
        return [Change(EffectKind.STYLE, f"changes the declarations in {where}")]
    if context is Context.SCRIPT and script_shape(before) != script_shape(after):
        return [Change(EffectKind.SCRIPT, f"changes the program in {where}")]
    if context is not Context.URL:
        return []
    if name == "content":
        before, after = refreshed_to(before) or "", refreshed_to(after) or ""
    found: list[Change] = []
    known = {scheme_of(each) for each in addresses_in(name, before)}
    schemes = {scheme_of(each) for each in addresses_in(name, after)} - HARMLESS - known
    if schemes:
        found.append(Change(EffectKind.URL_SCHEME, f"makes {where} an address of {', '.join(sorted(schemes))}:"))
    elif base is controls.first:
        second = controls.second.elements[index].get(name) or ""
        if name == "content":
            second = refreshed_to(second) or ""
        host = taken_host(before, second, after, controls.values)
        if host is not None:
            found.append(Change(EffectKind.URL_HOST, f"makes {where} lead to {host[:80]}"))
    return found


def taken_host(one: str, other: str, hostile: str, values: tuple[str, str]) -> str | None:
    """The host that a hostile value makes an address lead to, where the template had fixed it; None where all is well.

    An address that is the value as a whole is its giver's: nothing of it was fixed.
    """
    starts = (value[:_ENOUGH].lower() for value in values)
    if any(address.strip().lower().startswith(start) for address, start in zip((one, other), starts, strict=True)):
        return None
    first, second, now = host_of(one), host_of(other), host_of(hostile)
    if not now or now == first or not _HOST.fullmatch(now):
        return None
    if first is not None and second is not None and first != second:
        return None if _keeps(first, second, now) else now
    return now


def _keeps(first: str, second: str, now: str) -> bool:
    """Whether a host keeps what was fixed of it, when two harmless values are part of it."""
    suffix = commonprefix((first[::-1], second[::-1]))[::-1]  # noqa: RUF071 (no paths)
    suffix = suffix[suffix.find(".") :] if "." in suffix else ""
    if "." in suffix[1:]:
        return now.endswith(suffix)
    prefix = commonprefix((first, second))  # noqa: RUF071
    if prefix.endswith(":"):
        return now.startswith(prefix)
    if now == prefix:
        return True
    # After "app." the value is the domain, and its giver's; right behind a domain it should have been a path.
    return prefix.endswith((".", "-")) or "." not in prefix


def plain_changes(one: str, other: str, hostile: str, values: tuple[str, str]) -> tuple[Change, ...]:
    """What a hostile value did to a plain text: programs that show it make links of its addresses."""
    found: list[Change] = []
    addresses = [_ADDRESS.findall(text) for text in (one, other)]
    for a, b in zip(*addresses, strict=False):
        if a == b or values[0] not in a:
            continue
        before = a.partition(values[0])[0]
        for after in re.findall(re.escape(before) + r"\S*", hostile):
            host = taken_host(a, b, after, values)
            if host is not None:
                found.append(Change(EffectKind.URL_HOST, f"makes the link {escape_link(a)} lead to {host[:80]}"))
    return tuple(dict.fromkeys(found))


def escape_link(address: str) -> str:
    """An address for a line of evidence."""
    return address if len(address) <= 80 else address[:77] + "..."
