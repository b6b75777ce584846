"""An HTML document as browsers read it, flat: elements with attributes, the text between them, comments.

The parser is lexbor (selectolax), which follows the HTML standard: what matters is how mail programs repair what is
broken, and a parser of its own rules would see other elements than they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smtp_audit.errors import Undetermined
from smtp_audit.limits import MAX_DOCUMENT

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

PARSER: Final = "selectolax"
"""The package that the extra `client` brings."""

COMMENT: Final = "#comment"
"""The tag of what is a comment."""

MAX_ELEMENTS: Final = 20_000

RAW: Final = frozenset({"script", "style"})
"""Elements whose text is no text for people."""

Gap = tuple[int, int]
"""Where a text is: in which element, and before which of its children."""


@dataclass(frozen=True)
class Element:
    """An element or comment; `attributes` in order of names, the first of a name counts (as parsers have it)."""

    depth: int
    tag: str
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its attributes."""
        return tuple(name for name, _ in self.attributes)

    def get(self, name: str) -> str | None:
        """The value of an attribute."""
        return next((value for key, value in self.attributes if key == name), None)


@dataclass(frozen=True)
class Markup:
    """A document; `elements` in the order of their start tags, `texts` by gap where there is any."""

    elements: tuple[Element, ...]
    texts: dict[Gap, str]

    @property
    def skeleton(self) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
        """What of it no value may change."""
        return tuple((each.depth, each.tag, each.names) for each in self.elements)

    @property
    def visible(self) -> str:
        """Its text for people, by a simple reading: in order, with a blank between elements."""
        shown = [
            text
            for (index, _), text in self.texts.items()
            if self.elements[index].tag not in (*RAW, "title", "template", "head", COMMENT)
        ]
        return " ".join(" ".join(shown).split())

    def first(self, tag: str) -> Element | None:
        """The first element of a name."""
        return next((each for each in self.elements if each.tag == tag), None)


def is_available() -> bool:
    """Whether the parser is installed."""
    from importlib.util import find_spec

    return find_spec(PARSER) is not None


def read_markup(text: str) -> Markup:
    """Read a document, however broken it is.

    Raises:
        Undetermined: it is too long or has too many elements.
        ImportError: the extra `client` is not installed.
    """
    from selectolax.lexbor import LexborHTMLParser

    if len(text) > MAX_DOCUMENT:
        raise Undetermined(f"a document of more than {MAX_DOCUMENT} characters")
    elements: list[Element] = []
    texts: dict[Gap, str] = {}
    root = LexborHTMLParser(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")).root
    # Nodes to come, the next one last: with their depth and the number of their parent.
    waiting: list[tuple[LexborNode, int, int]] = [] if root is None else [(root, 0, -1)]
    seen_children: dict[int, int] = {}
    while waiting:
        node, depth, parent = waiting.pop()
        if node.is_text_node:
            gap = (parent, seen_children.get(parent, 0))
            texts[gap] = texts.get(gap, "") + (node.text_content or "")
            continue
        seen_children[parent] = seen_children.get(parent, 0) + 1
        if len(elements) >= MAX_ELEMENTS:
            raise Undetermined(f"a document of more than {MAX_ELEMENTS} elements")
        number = len(elements)
        if node.is_comment_node:
            elements.append(Element(depth, COMMENT))
            texts[number, 0] = node.comment_content or ""
            continue
        if not node.is_element_node:
            continue
        elements.append(Element(depth, node.tag or "", _attributes(node)))
        children: list[LexborNode] = [*_children(node)]
        for fragment in node.template_fragments() if node.tag == "template" else ():
            children.extend((fragment,) if fragment.is_element_node else _children(fragment))
        waiting.extend((child, depth + 1, number) for child in reversed(children))
    return Markup(tuple(elements), texts)


def _children(node: LexborNode) -> list[LexborNode]:
    found: list[LexborNode] = []
    child = node.first_child
    while child is not None:
        found.append(child)
        child = child.next
    return found


def _attributes(node: LexborNode) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name.lower(), value or "") for name, value in node.attributes.items()))
