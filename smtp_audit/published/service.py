"""SRV records for the programs of mail users (RFC 2782, RFC 6186, RFC 8314 section 5.1, RFC 5804 section 1.8)."""

from __future__ import annotations

import re

from smtp_audit.frozen import Frozen
from smtp_audit.hostnames import host_name_flaw

_FORM = re.compile(r"(\d{1,5}) (\d{1,5}) (\d{1,5}) (\S{1,1100})", re.ASCII)
_LARGEST = 65535


class Service(Frozen):
    """Where a service is offered. `target` is lower case without the last dot, and empty where the record says that the
    service is not offered at all (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str
    problems: tuple[str, ...] = ()

    @property
    def offered(self) -> bool:
        """There is a host that offers it."""
        return bool(self.target)

    def __str__(self) -> str:
        return f"{self.priority} {self.weight} {self.port} {self.target or '.'}"


def parse_srv(text: str) -> Service:
    """What an SRV record says; never raises."""
    found = _FORM.fullmatch(text)
    numbers = [int(found[number]) for number in (1, 2, 3)] if found else []
    if found is None or max(numbers) > _LARGEST:
        return Service(priority=0, weight=0, port=0, target="", problems=("no priority, weight, port and target",))
    priority, weight, port = numbers
    target = found[4].lower().removesuffix(".")
    problems = []
    if target:
        flaw = host_name_flaw(target)
        if flaw:
            problems.append(f"the target {target} is no name of a host: {flaw}")
        if port == 0:
            problems.append(f"port 0 of {target} is none that can be connected to")
    return Service(priority=priority, weight=weight, port=port, target=target, problems=tuple(problems))
