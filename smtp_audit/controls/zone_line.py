"""The record to publish, as a line of a zone file (RFC 1035 section 5.1), for the evidence of a verdict."""

from __future__ import annotations

_LONGEST_STRING = 255
"""Octets of one string in a TXT record (RFC 1035 section 3.3)."""


def publish(name: str, text: str, rdtype: str = "TXT") -> str:
    """A TXT record in one line; texts over 255 octets in several strings, which receivers join (RFC 7208 section
    3.3)."""
    escaped = [
        f"\\{char}" if char in '"\\' else char if " " <= char <= "~" else f"\\{ord(char) & 0xFF:03d}" for char in text
    ]
    strings = [
        "".join(escaped[start : start + _LONGEST_STRING]) for start in range(0, len(escaped) or 1, _LONGEST_STRING)
    ]
    return f"publish: {name}. IN {rdtype} " + " ".join(f'"{string}"' for string in strings)
