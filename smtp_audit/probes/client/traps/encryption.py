"""The TLS settings of the traps, and what a client's hello offers."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smtp_audit.facts.client import Offer
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.client.traps.ancient import SSL3, TLS12, Ancient, Context
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.scenario import Scenario
from smtp_audit.probes.tls.client_hello import SERVER_NAME, parse_client_hello
from smtp_audit.probes.tls.hello import suite_name
from smtp_audit.probes.tls.parameters import group_name, signature_name


@dataclass(frozen=True)
class Encryption:
    """What a trap speaks. `ciphers` are in OpenSSL's words, with its security level where that has to be low."""

    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: str = ""
    dh: str = ""
    """The file of DH parameters, one of `certificates.DH`."""


_V = ssl.TLSVersion

SETTINGS: Final[Mapping[str, Encryption]] = {
    "modern": Encryption(),
    "tls13": Encryption(_V.TLSv1_3, _V.TLSv1_3),
    "tls12": Encryption(_V.TLSv1_2, _V.TLSv1_2),
    "tls11": Encryption(_V.TLSv1_1, _V.TLSv1_1, "ALL:@SECLEVEL=0"),
    "tls10": Encryption(_V.TLSv1, _V.TLSv1, "ALL:@SECLEVEL=0"),
    "anonymous": Encryption(_V.TLSv1_2, _V.TLSv1_2, "aNULL:@SECLEVEL=0"),
    "null": Encryption(_V.TLSv1_2, _V.TLSv1_2, "eNULL:@SECLEVEL=0"),
    "rsa": Encryption(_V.TLSv1_2, _V.TLSv1_2, "kRSA:@SECLEVEL=0"),
    "dh-1024": Encryption(_V.TLSv1_2, _V.TLSv1_2, "kDHE:@SECLEVEL=0", dh="dh-1024"),
    "weak-keys": Encryption(_V.TLSv1_2, _V.TLSv1_3, "DEFAULT:@SECLEVEL=0"),
}
"""By name."""

ANCIENT: Final = {"ssl3": (SSL3, "aes128"), "rc4": (TLS12, "rc4"), "3des": (TLS12, "3des")}
"""The versions and ciphers that OpenSSL has no more, by name."""


def server_context(scenario: Scenario, host: str, certificates: Certificates) -> Context:
    """The TLS of a trap.

    Raises:
        ssl.SSLError, ValueError: this OpenSSL does not have it.
    """
    if scenario.tls in ANCIENT:
        version, cipher = ANCIENT[scenario.tls]
        return Ancient(version, cipher, certificates.chain(scenario.certificate, host))
    settings = SETTINGS[scenario.tls]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the point
        context.minimum_version = settings.lowest
        context.maximum_version = settings.highest
    if settings.ciphers:
        # Before the certificate: OpenSSL judges the key by the security level that is set then.
        context.set_ciphers(settings.ciphers)
    if settings.dh:
        context.load_dh_params(str(certificates.dh(settings.dh)))
    context.load_cert_chain(certificates.chain(scenario.certificate, host))
    # A ticket behind the handshake that the client never reads turns its close into a reset, which destroys evidence.
    context.num_tickets = 0
    return context


def offer_of(flight: bytes) -> Offer | None:
    """What a client's first flight offers; None when it is no ClientHello."""
    try:
        hello = parse_client_hello(_handshake(flight))
    except ValueError:
        return None
    name = hello.extension(SERVER_NAME)
    return Offer(
        versions=tuple(_version(number) for number in hello.versions if not _grease(number)),
        suites=tuple(suite_name(number) for number in hello.suites if not _grease(number)),
        groups=tuple(group_name(number) for number in hello.groups if not _grease(number)),
        signatures=tuple(signature_name(number) for number in hello.signatures if not _grease(number)),
        server_name=None if name is None else name[5:].decode("ascii", "replace"),
    )


_VERSIONS = {version.code: version.value for version in TlsVersion}


def _version(number: int) -> str:
    return _VERSIONS.get(number, f"0x{number:04X}")


def _handshake(flight: bytes) -> bytes:
    """The handshake messages of TLS records (RFC 8446 section 5.1), put together; the first of them."""
    content = b""
    while len(flight) >= 5 and flight[0] == 22:
        length = int.from_bytes(flight[3:5])
        content += flight[5 : 5 + length]
        flight = flight[5 + length :]
    if len(content) < 4:
        raise ValueError("no handshake message")
    return content[: 4 + int.from_bytes(content[1:4])]


def _grease(number: int) -> bool:
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
