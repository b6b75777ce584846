"""The second judge's connections: plain sockets and Python's ssl, in the protocols of mail.

It trusts the servers, so nothing is capped and nothing is retried.
"""

import re
import socket
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from .lab import Place

IMPLICIT = frozenset({"submissions", "imaps", "pop3s"})
_SMTP = frozenset({"mx", "submission", "submissions"})

VERSIONS = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)

# A server that has just been started may take more than a second to greet on a busy machine.
_SILENCE_SECONDS = 2.0
_SECONDS = 10.0


@dataclass(frozen=True)
class Features:
    """What a server says it can do."""

    starttls: bool
    mechanisms: frozenset[str]
    """AUTH mechanisms; USER and LOGIN-COMMAND for the passwords that need no mechanism."""


class Line:
    """One connection, read line by line."""

    def __init__(self, address: str, port: int, *, seconds: float = _SECONDS) -> None:
        self.socket: socket.socket = socket.create_connection((address, port), seconds)
        self._rest = b""
        self.greeted: list[str] = []

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def line(self) -> str:
        """The next line without its end; raises EOFError at the end of the connection."""
        while b"\n" not in self._rest:
            got = self.socket.recv(4096)
            if not got:
                raise EOFError
            self._rest += got
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def until(self, last: Callable[[str], bool]) -> list[str]:
        """The lines up to and with the last one of a reply."""
        lines = [self.line()]
        while not last(lines[-1]):
            lines.append(self.line())
        return lines

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode() + b"\r\n")

    def encrypt(self, context: ssl.SSLContext, name: str | None = None) -> None:
        """TLS from here on; raises ssl.SSLError or OSError."""
        self.socket = context.wrap_socket(self.socket, server_hostname=name)


def _smtp_end(line: str) -> bool:
    return line[3:4] != "-"


def _sieve_end(line: str) -> bool:
    return line.upper().startswith(("OK", "NO", "BYE"))


def greeting(line: Line, role: str) -> list[str]:
    """The lines of the greeting, which the connection remembers."""
    if role in _SMTP:
        line.greeted = line.until(_smtp_end)
    else:
        line.greeted = line.until(_sieve_end) if role == "sieve" else [line.line()]
    return line.greeted


def smtp(line: Line, command: str) -> list[str]:
    """One SMTP command and the lines of its reply."""
    line.send(command)
    return line.until(_smtp_end)


def features(line: Line, role: str) -> Features:
    """Ask for the capabilities."""
    if role in _SMTP:
        lines = [text[4:].upper() for text in smtp(line, "EHLO probe.example")[1:]]
        words = [re.split(r"[ =]", text) for text in lines if re.match(r"AUTH[ =]", text)]
        return Features("STARTTLS" in lines, frozenset(word for row in words for word in row[1:]))
    if role in {"imap", "imaps"}:
        line.send("a1 CAPABILITY")
        found = " ".join(line.until(lambda text: text.startswith("a1 "))).upper().split()
        offered = {word.removeprefix("AUTH=") for word in found if word.startswith("AUTH=")}
        if "LOGINDISABLED" not in found:
            offered.add("LOGIN-COMMAND")
        return Features("STARTTLS" in found, frozenset(offered))
    if role in {"pop3", "pop3s"}:
        line.send("CAPA")
        lines = [text.upper() for text in line.until(lambda text: text == ".")]
        offered = {word for text in lines if text.startswith("SASL") for word in text.split()[1:]}
        if "USER" in lines:
            offered.add("USER")
        # RFC 1939 section 7: a timestamp in the greeting offers APOP.
        if any(re.search(r"<[^<>]+@[^<>]+>", text) for text in line.greeted):
            offered.add("APOP")
        return Features("STLS" in lines, frozenset(offered))
    line.send("CAPABILITY")
    lines = [text.upper() for text in line.until(_sieve_end)]
    sasl = [re.findall(r'"([^"]*)"', text)[1] for text in lines if text.startswith('"SASL"')]
    return Features('"STARTTLS"' in lines, frozenset(word for text in sasl for word in text.split()))


def ask_for_tls(line: Line, role: str) -> bool:
    """Send STARTTLS or STLS; whether the server agreed."""
    if role in _SMTP:
        return smtp(line, "STARTTLS")[-1].startswith("220")
    if role == "imap":
        line.send("a2 STARTTLS")
        return line.until(lambda text: text.startswith("a2 "))[-1].startswith("a2 OK")
    line.send("STLS" if role == "pop3" else "STARTTLS")
    return line.line().upper().startswith(("+OK", "OK"))


def any_version(
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:
    """A context that believes every certificate and takes old versions too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        # Python warns against the old versions, rightly; here they are the question.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = lowest
        context.maximum_version = highest
    return context


def encrypted(place: Place, context: ssl.SSLContext, name: str | None = None) -> Line:
    """A connection with TLS, however the role starts it; raises OSError when there is none."""
    line = ready_for_hello(place)
    try:
        line.encrypt(context, name)
        if place.role in IMPLICIT:
            greeting(line, place.role)
        elif place.role == "sieve":
            # RFC 5804 section 2.2: the server says its capabilities again, unasked.
            line.until(_sieve_end)
    except BaseException:
        line.socket.close()
        raise
    return line


def ready_for_hello(place: Place) -> Line:
    """A connection on which a ClientHello comes next; raises OSError when there is none."""
    line = Line(place.address, place.port)
    try:
        if place.role not in IMPLICIT:
            greeting(line, place.role)
            features(line, place.role)
            if not ask_for_tls(line, place.role):
                raise ConnectionRefusedError("TLS refused")
    except BaseException:
        line.socket.close()
        raise
    return line


def accepted_versions(place: Place) -> frozenset[ssl.TLSVersion]:
    """The versions that a handshake succeeds with."""
    accepted = set()
    for version in VERSIONS:
        try:
            context = any_version(version, version)
            if version < ssl.TLSVersion.TLSv1_3:
                # The suites without encryption, too, in case there are no others.
                context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
            encrypted(place, context).socket.close()
        except (ssl.SSLError, ConnectionError, EOFError):
            continue
        accepted.add(version)
    return frozenset(accepted)


def greets_in_clear(place: Place) -> bool:
    """Whether there is a greeting without TLS."""
    try:
        with Line(place.address, place.port, seconds=_SILENCE_SECONDS) as line:
            return bool(greeting(line, place.role))
    except TimeoutError:
        return False


def encrypted_at_once(place: Place) -> Line:
    """TLS from the first octet, whatever the role says, up to the greeting inside."""
    line = Line(place.address, place.port)
    line.encrypt(any_version())
    greeting(line, place.role)
    return line
