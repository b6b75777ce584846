"""What a server puts up with, and the other ports of its address."""

import contextlib
import socket
import time
from contextlib import ExitStack

from ..asked import OWN
from ..wire import Line, any_version, encrypted, smtp
from . import Seen

_SMTP = {"mx", "submission", "submissions"}
_FORBIDDEN_PORTS = (21, 23, 24, 3306, 6379, 10025, 11332, 12345)
_UNDECLARED_PORTS = (22, 110, 143, 2525, 8080)
_MOST_CONNECTIONS = 60
_MOST_COMMANDS = 30
_SLOW_SECONDS = 0.5
_PATIENCE = 2.5
_LONGEST_SILENCE = 4.5


def faults(seen: Seen) -> set[str]:
    found = _ports(seen) if seen.asked else set()
    if seen.place.role not in _SMTP:
        return found
    try:
        seen.encrypted().socket.close()
    except (OSError, EOFError):
        return found
    if seen.asked and _all_are_served(seen):
        found.add("connections-per-client-limited")
    if seen.slow:
        found |= _junk(seen) | _silence(seen)
    return found


def _ports(seen: Seen) -> set[str]:
    if any(other.address == seen.place.address and other.port < seen.place.port for other in seen.others):
        return set()
    own = {seen.place.port, *(other.port for other in seen.others)}
    found = set()
    for ports, fault in (
        (_FORBIDDEN_PORTS, "forbidden-ports-closed"),
        (_UNDECLARED_PORTS, "only-declared-ports"),
    ):
        for port in set(ports) - own:
            with contextlib.suppress(OSError):
                socket.create_connection((seen.place.address, port), 2).close()
                found.add(fault)
    return found


def _all_are_served(seen: Seen) -> bool:
    with ExitStack() as stack:
        for _ in range(_MOST_CONNECTIONS):
            line = stack.enter_context(Line(seen.place.address, seen.place.port))
            try:
                if seen.place.role == "submissions":
                    line.encrypt(any_version())
                if not line.line().startswith("220"):
                    return False
            except (OSError, EOFError):
                return False
    return True


def _junk(seen: Seen) -> set[str]:
    with encrypted(seen.place, any_version()) as line:
        smtp(line, "EHLO probe.example")
        try:
            for number in range(_MOST_COMMANDS):
                began = time.monotonic()
                if smtp(line, f"XJUNK{number}")[-1].startswith("421"):
                    return set()
        except EOFError:
            return set()
    return {"junk-commands-limited"} if time.monotonic() - began < _SLOW_SECONDS else set()


def _silence(seen: Seen) -> set[str]:
    with encrypted(seen.place, any_version()) as idle, encrypted(seen.place, any_version()) as stalled:
        smtp(idle, "EHLO probe.example")
        found = set()
        in_message = seen.place.role == "mx"
        if in_message:
            for command in ("EHLO probe.example", "MAIL FROM:<>", f"RCPT TO:<{OWN}>", "DATA"):
                smtp(stalled, command)
        began = time.monotonic()
        if not _ends(idle, _LONGEST_SILENCE):
            found.add("idle-connection-closed")
        elif time.monotonic() - began < _PATIENCE:
            found.add("idle-patience")
        if in_message and not _ends(stalled, max(0.5, _LONGEST_SILENCE - (time.monotonic() - began))):
            found.add("idle-message-closed")
    return found


def _ends(line: Line, seconds: float) -> bool:
    """Whether the server ends the connection, or says that it does, within this time."""
    line.socket.settimeout(seconds)
    try:
        return line.line().startswith("421")
    except TimeoutError:
        return False
    except (OSError, EOFError):
        return True
