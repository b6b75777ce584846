"""Facts about the certificate chain that a server presents."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from smtp_audit.facts.observation import Facts, Moment


class Certificate(BaseModel):
    """One X.509 certificate. Names are escaped text; DNS names are lower case, without trailing dot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    der_base64: str
    subject: str
    issuer: str
    serial: str
    common_names: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    not_before: Moment
    not_after: Moment
    key_type: str
    key_bits: int | None = None
    signature_algorithm: str
    is_ca: bool = False
    self_issued: bool = False

    def __str__(self) -> str:
        names = ", ".join((*self.dns_names, *self.ip_addresses)) or "none"
        return (
            f"subject {self.subject or '(empty)'}; issuer {self.issuer or '(empty)'}; names {names}; valid "
            f"{self.not_before:%Y-%m-%d %H:%M} to {self.not_after:%Y-%m-%d %H:%M} UTC; {self.key_type}"
            f"{f' {self.key_bits} bits' if self.key_bits else ''}, {self.signature_algorithm}; SHA-256 "
            f"{self.sha256[:16]}..."
        )


class Trust(BaseModel):
    """What OpenSSL says of the chain as sent, for a TLS server, with the checks of dates and names left out.

    `anchors` names the trust anchors used; `error` is OpenSSL's text and `code` its number (X509_V_ERR_*) when not
    trusted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trusted: bool
    anchors: str
    code: int = 0
    error: str = ""


class CertificateFacts(Facts):
    """The chain in the order sent, leaf first, and its trust. `offered` is False where there is no TLS to speak of."""

    kind: ClassVar[str] = "certificate"

    offered: bool
    host: str
    chain: tuple[Certificate, ...] = ()
    trust: Trust | None = None
    unreadable: str = ""
    """Why a certificate of the chain could not be parsed, if so; `chain` ends before it."""

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate. Raises IndexError when there is none, which `offered` excludes."""
        return self.chain[0]
