"""MX records as text (RFC 1035 section 3.3.9, RFC 7505): a preference and a host each."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from smtp_audit.frozen import Frozen
from smtp_audit.hostnames import host_name_flaw

_FORM = re.compile(r"(\d{1,5}) (\S{1,1100})", re.ASCII)
_LARGEST = 65535


class Exchange(Frozen):
    """One mail exchanger. `host` is lower case without the last dot, and empty where the record says that the domain
    takes no mail (null MX, RFC 7505)."""

    preference: int
    host: str
    literal: bool = False
    """The host is an IP address, which no MX record can name (RFC 1035 section 3.3.9, RFC 5321 section 5.1)."""
    problems: tuple[str, ...] = ()
    """Why it is no name of a host (RFC 1123 section 2.1)."""

    @property
    def null(self) -> bool:
        """The record says that the domain takes no mail."""
        return not self.host and not self.problems

    def __str__(self) -> str:
        return f"{self.preference} {self.host or '.'}"


def parse_mx(text: str) -> Exchange:
    """What an MX record says; never raises."""
    found = _FORM.fullmatch(text)
    if found is None or int(found[1]) > _LARGEST:
        return Exchange(preference=0, host="", problems=("no preference and host",))
    preference, host = int(found[1]), found[2].lower()
    if host == ".":
        return Exchange(preference=preference, host="")
    host = host.removesuffix(".")
    if _is_address(host.strip("[]")):
        return Exchange(preference=preference, host=host, literal=True)
    flaw = host_name_flaw(host)
    return Exchange(preference=preference, host=host, problems=(flaw,) if flaw else ())


def exchanges(records: Iterable[str]) -> tuple[str, ...]:
    """The hosts of MX records, by preference, each once. That of a null MX is ""; what is no MX record is left out."""
    found = [each for each in map(parse_mx, records) if each.host or each.null]
    return tuple(dict.fromkeys(each.host for each in sorted(found, key=lambda each: (each.preference, each.host))))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.removeprefix("ipv6:"))
    except ValueError:
        return False
    return True
