"""Asking the authority whether a certificate is revoked, by OCSP and by its lists: only when the user allows it.

The addresses are those that the certificate names, so they are the peer's words: plain http only, which is what they
are published with (RFC 5280 section 4.2.1.13: the answers are signed), no redirects, capped in octets and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from smtp_audit.configuration.model import Config
from smtp_audit.facts.certificate import CertificateStatus, RevocationAnswer, RevocationFacts, RevocationSource
from smtp_audit.facts.endpoint import is_address
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import MAX_CRL_BYTES, MAX_OCSP_BYTES, MAX_REVOCATION_URLS
from smtp_audit.probes.dns import addresses_of
from smtp_audit.probes.tls.certificate import read_certificate
from smtp_audit.probes.tls.status import Pair, pair_of, read_staple
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape, escape_text

_MAX_HEAD = 16 * 1024
"""Octets of the head of an answer."""

NOT_ALLOWED = "looking up revocation was not allowed (--smtp-revocation)"

ISSUER_KEYS = (
    rsa.RSAPublicKey,
    ec.EllipticCurvePublicKey,
    dsa.DSAPublicKey,
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
)


async def check_revocation(
    chain: Sequence[bytes], config: Config, anchors: Anchors, transcript: Transcript
) -> RevocationFacts:
    """Ask every OCSP responder and fetch every list that the leaf names, one after the other.

    Args:
        chain: the certificates in DER as sent, leaf first.
        config: says whether it is allowed (`revocation`), which resolver to ask, and how long an answer may take.
        anchors: where the issuer is looked for when it was not sent.
        transcript: where the connections are noted.

    Raises:
        PeerError: it is not allowed, or the leaf cannot be read.
    """
    if not config.revocation:
        raise PeerError(Absence.NOT_ALLOWED, NOT_ALLOWED)
    try:
        leaf = read_certificate(chain[0])
        pair = pair_of(chain, anchors)
    except Exception as error:  # the parser's own errors are many, and the octets are hostile
        why = f"{type(error).__name__}: {escape_text(str(error), 200)}"
        raise PeerError(Absence.MALFORMED, f"the certificate cannot be read: {why}") from None
    answers: list[RevocationAnswer] = []
    left_out: list[str] = []
    for source, urls in ((RevocationSource.OCSP, leaf.ocsp_urls), (RevocationSource.CRL, leaf.crl_urls)):
        left_out += [f"{url}: one of more than {MAX_REVOCATION_URLS}" for url in urls[MAX_REVOCATION_URLS:]]
        for url in urls[:MAX_REVOCATION_URLS]:
            try:
                place = _place(url)
            except ValueError as error:
                left_out.append(f"{url}: {error}")
                continue
            answers.append(await _ask(_Question(source, url, place, chain, pair, anchors), config, transcript))
    return RevocationFacts(offered=True, answers=tuple(answers), left_out=tuple(left_out))


@dataclass(frozen=True)
class _Place:
    host: str
    port: int
    target: str

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"


@dataclass(frozen=True)
class _Question:
    source: RevocationSource
    url: str
    place: _Place
    chain: Sequence[bytes]
    pair: Pair
    anchors: Anchors


def _place(url: str) -> _Place:
    """Where to ask. Raises ValueError for what is not asked, with the reason."""
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:  # a backslash: something was escaped
        raise ValueError("it has characters that no address has")
    parts = urlsplit(url)
    if parts.scheme.lower() != "http":
        raise ValueError("only plain http is asked")
    host, port = parts.hostname, parts.port  # the port raises ValueError when it is no number in range
    if not host or parts.username is not None or "%" in host:
        raise ValueError("it names no host")
    target = parts.path or "/"
    return _Place(host, port or 80, f"{target}?{parts.query}" if parts.query else target)


class _NoAnswer(Exception):
    """No octets to judge; `reached` says whether there was an HTTP answer of any kind."""

    def __init__(self, reason: str, *, reached: bool) -> None:
        super().__init__(reason)
        self.reached = reached


async def _ask(question: _Question, config: Config, transcript: Transcript) -> RevocationAnswer:
    body, limit, what = b"", MAX_CRL_BYTES, "GET"
    if question.source is RevocationSource.OCSP:
        if question.pair.issuer is None:
            return _nothing(question, "its question needs the certificate of the issuer, which was not sent")
        # RFC 5019 section 2.1.1: SHA-1, which every responder knows, identifies and does not protect here.
        builder = ocsp.OCSPRequestBuilder().add_certificate(question.pair.leaf, question.pair.issuer, SHA1())  # noqa: S303
        body, limit, what = builder.build().public_bytes(Encoding.DER), MAX_OCSP_BYTES, "POST"
    transcript.note(f"asking {question.url} ({question.source})")
    try:
        octets = await _fetch(question.place, what, body, limit, config)
    except _NoAnswer as error:
        transcript.note(f"no answer: {error}")
        return _nothing(question, str(error), reached=error.reached)
    transcript.note(f"{len(octets)} octets")
    read = _read_ocsp if question.source is RevocationSource.OCSP else _read_list
    # In a thread: a long list takes a while, and the connections of other probes must not wait for it.
    return await asyncio.to_thread(read, question, octets)


def _nothing(question: _Question, detail: str, *, reached: bool = False) -> RevocationAnswer:
    return RevocationAnswer(source=question.source, url=question.url, reachable=reached, detail=detail)


async def _fetch(place: _Place, method: str, body: bytes, limit: int, config: Config) -> bytes:
    """The body of an answer with status 200. Raises _NoAnswer."""
    seconds = config.limits.connect_seconds + config.limits.reply_seconds
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(await _address(place, config), place, method, body, limit)
    except TimeoutError:
        raise _NoAnswer(f"no whole answer within {seconds:g} s", reached=False) from None
    except asyncio.IncompleteReadError:
        raise _NoAnswer("the connection was closed in the middle of the answer", reached=True) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise _NoAnswer(f"cannot be asked: {escape_text(reason, 200)}", reached=False) from None


async def _address(place: _Place, config: Config) -> str:
    """The address to connect to.

    An address is taken as the certificate has it. A name must not lead to this machine: whoever wrote it could have
    services asked there that only it can reach.
    """
    if is_address(place.host):
        return place.host
    found = await addresses_of(config, place.host)
    if not found.addresses:
        raise _NoAnswer(found.trouble or "it has no address", reached=False)
    address = found.addresses[0]
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    if mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast:
        raise _NoAnswer(f"its name leads to {address}, which is not asked", reached=False)
    return address


async def _exchange(address: str, place: _Place, method: str, body: bytes, limit: int) -> bytes:
    reader, writer = await asyncio.open_connection(address, place.port, limit=_MAX_HEAD)
    try:
        # HTTP/1.0: the answer ends with the connection and comes in one piece (RFC 9112 section 6.1).
        head = [f"{method} {place.target} HTTP/1.0", f"Host: {place.shown}", "Connection: close"]
        if body:
            head += ["Content-Type: application/ocsp-request", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise _NoAnswer(f"the head of the answer has more than {_MAX_HEAD} octets", reached=True) from None
        length = _check_head(answer)
        return await _body(reader, length, limit)
    finally:
        writer.close()
        with contextlib.suppress(Exception):
            writer.transport.abort()


def _check_head(answer: bytes) -> int | None:
    """The length that the head of an answer gives, if any. Raises _NoAnswer for all but a plain 200."""
    status, *fields = answer.split(b"\r\n")
    found = re.fullmatch(rb"HTTP/1\.[0-9] ([0-9]{3})(?: .*)?", status)
    if found is None:
        raise _NoAnswer(f"no answer of HTTP: {escape(status, 100)}", reached=True)
    if found[1] != b"200":
        also = " (redirects are not followed)" if found[1].startswith(b"3") else ""
        raise _NoAnswer(f"answered with {found[1].decode()}{also}", reached=True)
    length = None
    for field in fields:
        name, _, value = field.partition(b":")
        if name.lower() == b"transfer-encoding":
            raise _NoAnswer("answered in pieces (Transfer-Encoding), which HTTP/1.0 does not have", reached=True)
        if name.lower() == b"content-length" and value.strip().isdigit():
            length = int(value.strip()[:12])
    return length


async def _body(reader: asyncio.StreamReader, length: int | None, limit: int) -> bytes:
    octets = bytearray()
    while length is None or len(octets) < length:
        part = await reader.read(64 * 1024)
        if not part:
            if length is not None:
                raise asyncio.IncompleteReadError(bytes(octets), length)
            break
        octets += part
        if len(octets) > limit:
            raise _NoAnswer(f"the answer has more than {limit} octets", reached=True)
    return bytes(octets if length is None else octets[:length])


def _read_ocsp(question: _Question, octets: bytes) -> RevocationAnswer:
    said = read_staple(octets, question.chain, question.anchors)
    if not said.readable:
        return _nothing(question, f"the answer cannot be used: {said.problem}", reached=True)
    if not said.signature_valid:
        return _nothing(question, f"the answer is not authentic: {said.signature_problem}", reached=True)
    if not said.about_leaf:
        return _nothing(question, "the answer is about another certificate", reached=True)
    return RevocationAnswer(
        source=question.source,
        url=question.url,
        reachable=True,
        status=said.cert_status,
        this_update=said.this_update,
        next_update=said.next_update,
        revoked_at=said.revoked_at,
    )


def _read_list(question: _Question, octets: bytes) -> RevocationAnswer:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _look_up(question, x509.load_der_x509_crl(octets))
    except Exception as error:  # the parser's own errors are many, and the octets are hostile
        why = f"{type(error).__name__}: {escape_text(str(error), 200)}"
        return _nothing(question, f"the list cannot be used: {why}", reached=True)


def _look_up(question: _Question, revoked: x509.CertificateRevocationList) -> RevocationAnswer:
    """Look the leaf up in a complete list of its own issuer (RFC 5280 section 6.3.3)."""
    issuer = question.pair.issuer
    if issuer is None:
        return _nothing(question, "the certificate of the issuer, which signs the list, was not sent", reached=True)
    if revoked.issuer != question.pair.leaf.issuer:
        return _nothing(question, "the list is of another issuer", reached=True)
    key = issuer.public_key()
    if not isinstance(key, ISSUER_KEYS):
        return _nothing(question, "a kind of signature that cannot be checked here", reached=True)
    if not revoked.is_signature_valid(key):
        return _nothing(question, "the signature of the list is wrong", reached=True)
    narrow = _narrow(revoked)
    if narrow:
        return _nothing(question, narrow, reached=True)
    entry = revoked.get_revoked_certificate_by_serial_number(question.pair.leaf.serial_number)
    return RevocationAnswer(
        source=question.source,
        url=question.url,
        reachable=True,
        status=CertificateStatus.GOOD if entry is None else CertificateStatus.REVOKED,
        this_update=revoked.last_update_utc,
        next_update=revoked.next_update_utc,
        revoked_at=None if entry is None else entry.revocation_date_utc,
    )


def _narrow(revoked: x509.CertificateRevocationList) -> str:
    """Why a list says nothing of the leaf, though it is not in it: it is about changes, or about other certificates."""
    for extension in revoked.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            return "the list has only what changed"
        if isinstance(value, x509.IssuingDistributionPoint) and (
            value.only_contains_ca_certs or value.only_contains_attribute_certs or value.only_some_reasons
        ):
            return "the list is not about certificates of servers, or not about every reason"
    return ""
