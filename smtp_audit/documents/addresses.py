"""Addresses in documents (URLs) as browsers read them: scheme and host, with everything that they forgive.

After the URL standard of the WHATWG, sections 4.1 and 4.4: leading controls and blanks, and tabs and line ends
anywhere, are dropped, and a backslash is a slash.
"""

from __future__ import annotations

import re
from typing import Final

ATTRIBUTES: Final = frozenset(
    {"href", "src", "action", "formaction", "background", "poster", "cite", "data", "longdesc", "lowsrc", "dynsrc"}
    | {"xlink:href", "srcset", "manifest", "ping", "usemap", "icon", "codebase", "classid", "profile"}
)
"""Attributes whose value is an address."""

LOADING: Final = frozenset({"src", "background", "poster", "data", "lowsrc", "dynsrc", "srcset", "xlink:href"})
"""Attributes whose address is loaded when the message is shown; `href` of `link` as well."""

HARMLESS: Final = frozenset({"", "http", "https", "mailto", "tel", "sms", "cid", "mid"})
"""Schemes that run nothing; the empty one is that of a relative address."""

_SPECIAL: Final = frozenset({"http", "https", "ftp", "ws", "wss"})
_DROPPED = re.compile(r"[\t\n\r]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_EDGE: Final = "".join(map(chr, range(0x21)))


def scheme_of(address: str) -> str:
    """The scheme, in lower case; empty for a relative address."""
    found = _SCHEME.match(_DROPPED.sub("", address.strip(_EDGE)))
    return found[1].lower() if found else ""


def host_of(address: str) -> str | None:
    """The host that a browser would ask, in lower case and with its port; None when the address names none of the web.

    A relative address with two slashes names one.
    """
    text = _DROPPED.sub("", address.strip(_EDGE))
    scheme = scheme_of(text)
    if scheme not in ("", *_SPECIAL):
        return None
    text = text.replace("\\", "/")
    rest = text[len(scheme) + 1 :] if scheme else text
    if scheme in _SPECIAL or (not scheme and rest.startswith("//")):
        rest = "//" + rest.lstrip("/")
    if not rest.startswith("//"):
        return None
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0]
    return authority.rpartition("@")[2].lower().rstrip(".")


def is_external(address: str) -> bool:
    """Whether it names a host over the web, to be asked when it is loaded."""
    return scheme_of(address) in ("", "http", "https", "ftp") and bool(host_of(address))


def addresses_in(name: str, value: str) -> tuple[str, ...]:
    """The addresses in the value of an attribute: `srcset` may have several."""
    if name != "srcset":
        return (value,)
    return tuple(part.split()[0] for part in value.split(",") if part.split())


def refreshed_to(content: str) -> str | None:
    """Where `<meta http-equiv=refresh>` leads to, by its content."""
    found = re.search(r"[;,]\s*(?:url\s*=)?\s*['\"]?(.*)", content, re.IGNORECASE | re.DOTALL)
    return found[1].rstrip("'\"") if found and found[1] else None
