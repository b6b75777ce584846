"""A second, naive judge: what is wrong with a server, seen without any code of smtp_audit.

It proves that the lab's servers really show the faults that the catalogue names, and no others.
It shares nothing with the product but the names of the controls: plain sockets, Python's ssl, and
the openssl program. It trusts the servers, so nothing is capped and nothing is retried.
"""

import re
import socket
import ssl
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .catalogue import DOMAIN, HOST
from .lab import Place

IMPLICIT = frozenset({"submissions", "imaps", "pop3s"})
_SMTP = frozenset({"mx", "submission", "submissions"})
_SUBMISSION = frozenset({"submission", "submissions"})
_CLOSED_BY_PROFILE = frozenset({"imap", "pop3", "sieve"})
_FORBIDDEN = frozenset({"ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "APOP"})
_S_CLIENT_NAME = {"mx": "smtp", "submission": "smtp", "imap": "imap", "pop3": "pop3", "sieve": "sieve"}

VERSIONS = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)

# OpenSSL's flags that Python's ssl has no name for (x509_vfy.h).
_NO_CHECK_TIME = 0x200000
_PARTIAL_CHAIN = 0x80000
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_NAME_ERRORS = {62, 64}

_SILENCE_SECONDS = 0.7
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
    line = Line(place.address, place.port)
    try:
        if place.role not in IMPLICIT:
            greeting(line, place.role)
            features(line, place.role)
            if not ask_for_tls(line, place.role):
                raise ConnectionRefusedError("TLS refused")
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


def accepted_versions(place: Place) -> frozenset[ssl.TLSVersion]:
    """The versions that a handshake succeeds with."""
    accepted = set()
    for version in VERSIONS:
        try:
            encrypted(place, any_version(version, version)).socket.close()
        except (ssl.SSLError, ConnectionError, EOFError):
            continue
        accepted.add(version)
    return frozenset(accepted)


def faults(place: Place, anchors: Path, *, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> frozenset[str]:
    """The controls that this server must fail, as far as anyone can see from outside.

    A new control needs its own few lines here or in what is called from here, written from its RFC and not from its
    code. Without them this judge does not see the new fault, and the tests of the servers that show it fail.
    """
    found = {"port-closed"} if place.role in _CLOSED_BY_PROFILE else set()
    before = Features(starttls=False, mechanisms=frozenset())
    if place.role in IMPLICIT:
        try:
            encrypted_at_once(place).socket.close()
        except ssl.SSLError:
            if _greets_in_clear(place):
                return frozenset(found | {"implicit-tls"})
            raise
    else:
        if not _greets_in_clear(place):
            encrypted_at_once(place).socket.close()
            return frozenset(found | {"service-greeting"})
        with Line(place.address, place.port) as line:
            greeting(line, place.role)
            before = features(line, place.role)
            if before.mechanisms:
                found.add("auth-only-after-tls")
                found |= {"auth-absent-on-mx"} if place.role == "mx" else set()
            if not before.starttls:
                return frozenset(found | {"starttls-offered"})
            if not ask_for_tls(line, place.role):
                return frozenset(found | {"starttls-works"})
    accepted = accepted_versions(place)
    if not accepted:
        return frozenset(found | {"starttls-works", "tls-current-version"})
    if any(version < minimum for version in accepted):
        found.add("tls-obsolete-version")
    if not any(version >= minimum for version in accepted):
        found.add("tls-current-version")
    found |= _certificate_faults(place, anchors, old=max(accepted) < ssl.TLSVersion.TLSv1_2)
    return frozenset(found | _inside_faults(place, before))


def _greets_in_clear(place: Place) -> bool:
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


def _inside_faults(place: Place, before: Features) -> set[str]:
    found = set()
    with encrypted(place, any_version()) as line:
        inside = features(line, place.role)
        if place.role == "mx":
            found |= {"auth-absent-on-mx"} if inside.mechanisms else set()
        elif not inside.mechanisms:
            found.add("auth-offered")
        if (before.mechanisms | inside.mechanisms) & _FORBIDDEN:
            found.add("auth-mechanisms")
        if place.role in _SUBMISSION and accepts_without_auth(line):
            found.add("submission-requires-auth")
    return found


def accepts_without_auth(line: Line) -> bool:
    """Whether any recipient is taken, of the own domain or of another."""
    for recipient in (f"alice@{DOMAIN}", f"postmaster@{DOMAIN}", "someone@example.org"):
        smtp(line, "RSET")
        if not smtp(line, "MAIL FROM:<probe@example.org>")[-1].startswith("2"):
            continue
        if smtp(line, f"RCPT TO:<{recipient}>")[-1].startswith("2"):
            smtp(line, "RSET")
            return True
    return False


# Certificates


def _certificate_faults(place: Place, anchors: Path, *, old: bool) -> set[str]:
    chain, verdict = openssl_s_client(place, anchors, old=old)
    found = set() if verdict == 0 else {"certificate-trusted"}
    now = datetime.now(UTC)
    in_date = all(cert.not_valid_before_utc <= now <= cert.not_valid_after_utc for cert in chain)
    if not in_date:
        found.add("certificate-in-date")
    # An expired leaf has no days left; a leaf that is not valid yet has them.
    elif chain[0].not_valid_after_utc - now < timedelta(days=30):
        found.add("certificate-days-left")
    if not name_matches(place, chain[0]):
        found.add("certificate-name")
    return found


def openssl_s_client(place: Place, anchors: Path, *, old: bool = False) -> tuple[list[x509.Certificate], int]:
    """The chain as sent, and OpenSSL's verdict about it with the time left out (0 is trusted)."""
    command = ["/usr/bin/openssl", "s_client", "-connect", f"{place.address}:{place.port}"]
    command += ["-CAfile", str(anchors), "-no-CApath", "-no-CAstore", "-showcerts"]
    command += ["-no_check_time", "-purpose", "sslserver", "-servername", HOST]
    if place.role not in IMPLICIT:
        command += ["-starttls", _S_CLIENT_NAME[place.role]]
    if old:
        command += ["-cipher", "ALL:@SECLEVEL=0"]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", run.stdout, re.DOTALL)
    verdict = re.search(rb"Verify return code: (\d+)", run.stdout)
    if not blocks or verdict is None:
        raise AssertionError(f"openssl saw no certificate: {run.stdout!r} {run.stderr!r}")
    return [x509.load_pem_x509_certificate(block) for block in blocks], int(verdict[1])


def name_matches(place: Place, leaf: x509.Certificate) -> bool:
    """Whether OpenSSL takes the leaf for the host, common names left out (RFC 9525).

    The leaf itself is the trust anchor, so that only its name can be wrong.
    """
    context = any_version()
    context.hostname_checks_common_name = False
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME | _PARTIAL_CHAIN)
    context.load_verify_locations(cadata=leaf.public_bytes(Encoding.DER))
    try:
        encrypted(place, context, place.host).socket.close()
    except ssl.SSLCertVerificationError as error:
        # The name is checked last; another complaint (the purpose) stands before it.
        return error.verify_code not in _NAME_ERRORS
    return True
