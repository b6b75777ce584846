"""What a domain publishes about TLS reports: the TXT record of RFC 8460 section 3."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from smtp_audit.frozen import Frozen
from smtp_audit.published.fields import SHOWN, read_fields
from smtp_audit.wiretext import escape_text

VERSION = "v=TLSRPTv1"
"""What the TXT record begins with."""

MAX_DESTINATIONS = 10
"""Addresses for reports that are looked at."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"]+")


class TlsRptDestination(Frozen):
    """Where reports are to go. `scheme` is `mailto` or `https`, `host` the mail domain or the web host."""

    uri: str
    scheme: str = ""
    host: str = ""
    problem: str = ""
    """Why nothing can be sent there, if so."""

    def __str__(self) -> str:
        return f"{self.uri}: {self.problem}" if self.problem else self.uri


class TlsRptRecord(Frozen):
    """The TXT record; `problems` are those of its form, those of one address stand with it."""

    destinations: tuple[TlsRptDestination, ...] = ()
    problems: tuple[str, ...] = ()


def parse_record(text: str) -> TlsRptRecord:
    """Read a TXT record that begins with `v=TLSRPTv1;`. Never raises."""
    read = read_fields(text, VERSION, lists=frozenset({"rua"}))
    problems = list(read.problems)
    rua = read.fields.get("rua")
    if rua is None:
        problems.append("has no rua")
        return TlsRptRecord(problems=tuple(problems))
    uris = [uri.strip(" \t") for uri in rua.split(",")]
    if len(uris) > MAX_DESTINATIONS:
        problems.append(f"has more than {MAX_DESTINATIONS} addresses")
    return TlsRptRecord(destinations=tuple(map(_destination, uris[:MAX_DESTINATIONS])), problems=tuple(problems))


def _destination(uri: str) -> TlsRptDestination:
    shown = escape_text(uri, 2 * SHOWN)
    try:
        parts = urlsplit(uri)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        return TlsRptDestination(uri=shown, problem="is no URI")
    if scheme == "https":
        host = host.lower().removesuffix(".")
        if not _HOST.fullmatch(host) or port == 0:
            return TlsRptDestination(uri=shown, scheme=scheme, problem="names no host")
        return TlsRptDestination(uri=shown, scheme=scheme, host=host)
    if scheme == "mailto":
        local, at, domain = unquote(parts.path).rpartition("@")
        domain = domain.lower().removesuffix(".")
        if not (at and _LOCAL.fullmatch(local) and _HOST.fullmatch(domain)) or parts.netloc:
            return TlsRptDestination(uri=shown, scheme=scheme, problem="names no mailbox")
        return TlsRptDestination(uri=shown, scheme=scheme, host=domain)
    what = f"the scheme {escape_text(scheme, 20)}" if scheme else "no scheme"
    return TlsRptDestination(uri=shown, problem=f"has {what}: reports go to mailto: and https: alone")
