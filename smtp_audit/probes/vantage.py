"""Where an audit runs, and with what: for whoever reads its snapshot."""

from __future__ import annotations

import platform
import socket
import ssl
import sys
from importlib import metadata

from smtp_audit.configuration.model import Config
from smtp_audit.facts.snapshot import Vantage
from smtp_audit.probes.dns import resolver_name
from smtp_audit.wiretext import escape_text

PACKAGES = ("pytest", "pydantic", "cryptography", "dnspython", "idna", "aiosmtplib", "jinja2")
"""The packages whose versions a report names."""


def vantage(config: Config, anchors: str) -> Vantage:
    """This machine and this process; `anchors` names the trust anchors."""
    return Vantage(
        host=escape_text(socket.gethostname()),
        platform=escape_text(_system()),
        python=platform.python_version(),
        openssl=ssl.OPENSSL_VERSION,
        resolver=resolver_name(config),
        anchors=anchors,
        versions={name: version for name in PACKAGES if (version := _version(name))},
        command=_command_line(),
    )


def _system() -> str:
    """The operating system; `platform.platform()` would start a program to ask for the processor."""
    known = platform.uname()
    return f"{known.system} {known.release} {known.machine}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _command_line() -> str:
    """How this process was started; passwords are never on it, and what looks like one is masked all the same."""
    words: list[str] = []
    for word in sys.argv:
        name, equals, _ = word.partition("=")
        secret = equals and any(part in name.lower() for part in ("pass", "secret", "token", "key"))
        words.append(f"{name}=<masked>" if secret else word)
    return escape_text(" ".join(words))
