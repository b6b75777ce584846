"""Names of hosts: what is one, and whether a certificate names it (RFC 9525, without the common name).

Only what a certificate says in its subject alternative name counts: DNS names for a host that is a name, IP addresses
for a host that is an address. The common name never does (RFC 9525 section 2).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

MAX_NAME: Final = 253
"""Characters of a host name without the last dot (RFC 1035 section 2.3.4: 255 octets on the wire)."""

MAX_LABEL: Final = 63
"""Characters of one label (RFC 1035 section 2.3.4)."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_LABELS_AFTER_WILDCARD = 2
"""RFC 9525 section 7.1 leaves wildcards over a public suffix (`*.com`, `*.co.uk`) to others. Without the list of public
suffixes the worst of them are still known by their shape: an asterisk needs two labels behind it, as in
`*.example.com`."""


def matching_name(host: str, dns_names: Iterable[str], ip_addresses: Iterable[str]) -> str | None:
    """The first name of a certificate that matches `host`, or None.

    Args:
        host: an IP address, or a DNS name of A-labels (RFC 5890), with or without the final dot.
        dns_names: the certificate's DNS names (dNSName).
        ip_addresses: its IP addresses (iPAddress), as text.
    """
    wanted = _octets(host)
    if wanted is not None:
        return next((name for name in ip_addresses if _octets(name) == wanted), None)
    return next((name for name in dns_names if dns_name_matches(name, host)), None)


def dns_name_matches(presented: str, host: str) -> bool:
    """Whether one DNS name of a certificate matches a host (RFC 9525 section 6.3).

    Labels are compared as ASCII without case. An asterisk counts only as the complete left-most label and stands for
    exactly one label; a name with an asterisk anywhere else is ignored as a whole.
    """
    theirs, ours = _labels(presented), _labels(host)
    if theirs is None or ours is None or len(theirs) != len(ours) or "*" in "".join(ours):
        return False
    if theirs[0] == "*":
        if len(theirs) <= _LABELS_AFTER_WILDCARD:
            return False
        theirs, ours = theirs[1:], ours[1:]
    return "*" not in "".join(theirs) and theirs == ours


def _labels(name: str) -> list[str] | None:
    """The labels in lower case; None for what is no DNS name: not ASCII, empty, or with an empty label."""
    labels = name.removesuffix(".").lower().split(".")
    return labels if name.isascii() and all(labels) else None


def _octets(text: str) -> bytes | None:
    """The octets of an IP address, which are what is compared (RFC 9525 section 6.4); None for anything else."""
    try:
        return ipaddress.ip_address(text.partition("%")[0]).packed
    except ValueError:
        return None


def host_name_flaw(name: str) -> str:
    """Why a text in lower case, without the last dot, is not a host name (RFC 1123 section 2.1); empty when it is."""
    if len(name) > MAX_NAME:
        return f"it has more than {MAX_NAME} characters"
    labels = name.split(".")
    for label in labels:
        if not label:
            return "it has an empty label"
        if len(label) > MAX_LABEL:
            return f"a label has more than {MAX_LABEL} characters"
        if "_" in label:
            return "it has an underscore"
        if not _LABEL.fullmatch(label):
            return "labels are letters, digits and inner hyphens"
    if _NUMBER.fullmatch(labels[-1]):
        # 127.1, 010.0.0.1 or 0x7f000001: system resolvers read them as addresses, each in its own way.
        return "it ends in a number, and is no IPv4 address (four numbers of 0 to 255 without leading zeros)"
    return ""
