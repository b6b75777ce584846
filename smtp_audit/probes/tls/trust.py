"""TLS client contexts that take almost anything, so that faults can be seen, and the trust anchors they verify with."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

# X509_V_FLAG_NO_CHECK_TIME: dates are judged apart, so that an expired certificate is not also called untrusted.
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True)
class Anchors:
    """The trust anchors: a file the user gave, or the system's store."""

    file: Path | None = None

    @cached_property
    def name(self) -> str:
        """For the report: which anchors, and the hash of a file as it was at the first look."""
        if self.file is None:
            return "the system's store"
        try:
            content = self.file.read_bytes()
        except OSError:
            return f"{self.file} (cannot be read)"
        return f"{self.file} (SHA-256 {hashlib.sha256(content).hexdigest()[:16]}...)"

    @property
    def usable(self) -> bool:
        """Whether there are any: without anchors "not trusted" would say nothing about the server."""
        if self.file is not None:
            return True
        paths = ssl.get_default_verify_paths()
        if paths.cafile is not None and Path(paths.cafile).stat().st_size > 0:
            return True
        return paths.capath is not None and any(Path(paths.capath).iterdir())


@cache
def tolerant_context(anchors: Anchors, verify: bool) -> ssl.SSLContext:
    """A client context for looking: every version and suite this OpenSSL has, weak keys and old servers included.

    With `verify`, the handshake ends with SSLCertVerificationError unless the chain as sent leads to an anchor and is
    meant for a TLS server; dates and names are left to their own controls.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    # Not aNULL: an anonymous suite has no certificate to look at.
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    if verify:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
        _load(context, anchors)
    return context


@cache
def strict_context(anchors: Anchors) -> ssl.SSLContext:
    """A context as a careful client has it: for sending the password, chain and name verified."""
    context = ssl.create_default_context(cafile=str(anchors.file) if anchors.file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9525 section 2: a common name names no host.
    context.hostname_checks_common_name = False
    return context


def _load(context: ssl.SSLContext, anchors: Anchors) -> None:
    if anchors.file is not None:
        context.load_verify_locations(cafile=str(anchors.file))
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
