"""Networks without public servers: private, loopback and the like. The data are `special_networks.toml`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from smtp_audit.tomlfile import parse_toml

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def special_network(address: str, allowed: Iterable[Network] = ()) -> str:
    """What kind of special network an IP address is of, in words; empty for a public one, and in those `allowed`.

    Python's own `is_global` is another list with every minor release, and says nothing of the kind.
    """
    octets = ipaddress.ip_address(address.partition("%")[0])
    if any(octets in network for network in allowed):
        return ""
    return next((f"{words} {network}" for network, words in _networks() if octets in network), "")


@cache
def _networks() -> tuple[tuple[Network, str], ...]:
    text = files("smtp_audit.published").joinpath("special_networks.toml").read_text(encoding="utf-8")
    networks = parse_toml(text, "special_networks.toml")["networks"]
    return tuple((ipaddress.ip_network(network), str(words)) for network, words in networks.items())
