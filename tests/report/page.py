"""A page as a browser's parser sees it: elements, attributes and text, and the rules every page has to keep."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "rect"}
TAGS = """
html head meta title style body a header main nav footer section article h1 h2 h3 h4 h5 p span div code b i br pre
ol ul li dl dt dd table caption thead tbody tr th td details summary svg rect
"""
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@dataclass
class Element:
    """One element, its place in the tree and the text directly or indirectly inside it."""

    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text inside, white space folded."""
        return " ".join("".join(self.parts).split())


class Page(HTMLParser):
    """Parses a whole page; raises AssertionError where elements are not properly nested."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.elements: list[Element] = []
        self.comments: list[str] = []
        self._open: list[Element] = []
        self.feed(source)
        self.close()
        assert not self._open, f"left open: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(e.tag for e in self._open))
        assert len(element.attributes) == len(attrs), f"an attribute twice: {attrs}"
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements of a tag with these attributes (`class_` matches one of the classes)."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(
                value in element.attributes.get(name, "").split()
                if name == "class"
                else element.attributes.get(name) == value
                for name, value in wanted.items()
            )
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only one of them."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of <{tag} {attributes}>"
        return found[0]

    def by_id(self, name: str) -> Element:
        """The element of that id."""
        return next(element for element in self.elements if element.attributes.get("id") == name)

    @property
    def text(self) -> str:
        """The text of the body."""
        return self.one("body").text

    def skeleton(self) -> list[tuple[object, ...]]:
        """The tree without what texts may change: tags, places, attribute names, classes."""
        return [
            (element.tag, element.path, tuple(element.attributes), element.attributes.get("class", ""))
            for element in self.elements
        ]


def assert_sound(page: Page) -> None:
    """What holds for every page, whatever is in it."""
    allowed = set(TAGS.split())
    assert {element.tag for element in page.elements} <= allowed
    assert not page.comments
    for element in page.elements:
        names = set(element.attributes)
        assert not names & {"style", "src", "action", "srcset", "background", "xlink:href"}, element
        assert not any(name.startswith("on") for name in names), element
        assert element.attributes.get("href", "#").startswith("#"), element
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in ("href", "aria-labelledby"):
            assert element.attributes.get(name, f"#{ids[0]}").lstrip("#") in ids, element
    assert_policy(page)
    assert_headings(page)
    odd = {char for char in page.source if not char.isprintable()} - {"\n", "\t"}
    assert not odd, f"not printable: {odd}"


def assert_policy(page: Page) -> None:
    """The content security policy lets this style sheet apply and nothing else happen."""
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    style = "".join(page.one("style").parts)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "@import" not in style
    assert "url(" not in style


def assert_headings(page: Page) -> None:
    """One h1, and no level skipped on the way down."""
    levels = [HEADINGS.index(element.tag) + 1 for element in page.elements if element.tag in HEADINGS]
    assert levels.count(1) == 1
    assert levels[0] == 1
    for before, after in pairwise(levels):
        assert after <= before + 1, f"h{after} after h{before}"
