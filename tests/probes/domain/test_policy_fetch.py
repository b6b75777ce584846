"""Fetching a policy: certificates, redirects, sizes, times, and answers that are none."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from smtp_audit.facts.mta_sts import FetchOutcome, PolicyFetch
from smtp_audit.limits import MAX_POLICY_BYTES, Limits
from smtp_audit.probes.domain.policy_fetch import Place, fetch_policy
from smtp_audit.probes.tls.trust import Anchors
from tests.probes.tls.pki import Issuer, name, new_key

HOST = "mta-sts.example.com"
BODY = b"version: STSv1\r\nmode: none\r\nmax_age: 1\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
QUICK = Limits(connect_seconds=0.5, handshake_seconds=0.3, reply_seconds=0.2)


class Host:
    """A policy host on loopback that says what it is told, and then hangs up, or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issuer = Issuer()
        self.anchors = Anchors(self.issuer.write(folder / "ca.pem"))
        self.requests: list[bytes] = []

    def context(
        self, dns_name: str = HOST, days: tuple[float, float] = (-1, 9), issuer: Issuer | None = None
    ) -> ssl.SSLContext:
        key = new_key()
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        names = x509.SubjectAlternativeName([x509.DNSName(dns_name)]) if dns_name else constraints
        leaf = (issuer or self.issuer).sign(name(HOST), key, names, days=days)
        path = self.folder / f"{dns_name.replace('*', 'any')}{days[1]}.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(pem + leaf.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    @contextlib.asynccontextmanager
    async def serving(self, said: bytes, context: ssl.SSLContext | None, *, stay: bool = False) -> AsyncIterator[Place]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(said)
                await writer.drain()
                if stay:
                    await reader.read()
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        try:
            yield Place("127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            server.close()

    async def fetched(self, said: bytes, context: ssl.SSLContext | None = None, *, stay: bool = False) -> PolicyFetch:
        async with self.serving(said, context or self.context(), stay=stay) as place:
            return await fetch_policy(place, HOST, self.anchors, QUICK)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


async def test_a_sound_answer(host: Host) -> None:
    fetch = await host.fetched(OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
    assert (fetch.outcome, fetch.status, fetch.content_type) == (FetchOutcome.ANSWERED, 200, "text/plain")
    assert fetch.body.encode("latin-1") == BODY
    assert host.requests[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\n")


async def test_a_server_that_keeps_the_connection(host: Host) -> None:
    fetch = await host.fetched(OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, stay=True)
    assert fetch.body.encode("latin-1") == BODY


async def test_a_body_in_chunks(host: Host) -> None:
    chunks = b"5;x=y\r\n" + BODY[:5] + b"\r\n" + b"%X\r\n" % (len(BODY) - 5) + BODY[5:] + b"\r\n0\r\n\r\n"
    fetch = await host.fetched(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, stay=True)
    assert fetch.body.encode("latin-1") == BODY


async def test_an_interim_answer_comes_first(host: Host) -> None:
    fetch = await host.fetched(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n")
    assert (fetch.status, fetch.body) == (200, "")


async def test_a_wildcard_names_the_host(host: Host) -> None:
    fetch = await host.fetched(OK + b"Content-Length: 0\r\n\r\n", host.context("*.example.com"))
    assert fetch.outcome is FetchOutcome.ANSWERED


@pytest.mark.parametrize(
    ("dns_name", "days", "stranger", "says"),
    [
        ("www.example.com", (-1.0, 9.0), False, "mismatch"),
        ("", (-1.0, 9.0), False, "mismatch"),
        (HOST, (-9.0, -1.0), False, "expired"),
        (HOST, (1.0, 9.0), False, "not yet valid"),
        (HOST, (-1.0, 9.0), True, "unable to get local issuer"),
    ],
)
async def test_a_wrong_certificate(
    host: Host, dns_name: str, days: tuple[float, float], stranger: bool, says: str
) -> None:
    context = host.context(dns_name, days, Issuer(subject=name("Stranger")) if stranger else None)
    fetch = await host.fetched(OK + b"Content-Length: 0\r\n\r\n", context)
    assert fetch.outcome is FetchOutcome.CERTIFICATE
    assert says in fetch.detail
    assert host.requests == []


@pytest.mark.parametrize(
    ("alert", "outcome"), [(112, FetchOutcome.NAME_REFUSED), (40, FetchOutcome.TLS), (80, FetchOutcome.TLS)]
)
async def test_a_server_that_knows_no_such_name(host: Host, alert: int, outcome: FetchOutcome) -> None:
    """Another alert says nothing of the policy."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"\x15\x03\x03\x00\x02\x02" + bytes([alert]))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    place = Place("127.0.0.1", server.sockets[0].getsockname()[1])
    fetch = await fetch_policy(place, HOST, host.anchors, QUICK)
    server.close()
    assert fetch.outcome is outcome


async def test_a_redirect_is_not_followed(host: Host) -> None:
    fetch = await host.fetched(b"HTTP/1.1 301 Moved\r\nLocation: https://evil.example/\x1b\r\n\r\n")
    assert (fetch.status, fetch.location) == (301, r"https://evil.example/\u{1b}")
    assert len(host.requests) == 1


async def test_a_long_page_of_another_status_is_not_read(host: Host) -> None:
    fetch = await host.fetched(b"HTTP/1.1 404 No\r\n\r\n" + b"x" * (2 * MAX_POLICY_BYTES))
    assert (fetch.status, fetch.body) == (404, "")


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 65537\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n10001\r\n", b"\r\n" + b"x" * 65537],
)
async def test_a_policy_that_is_too_large(host: Host, head: bytes) -> None:
    assert (await host.fetched(OK + head)).outcome is FetchOutcome.TOO_LARGE


@pytest.mark.parametrize(
    "said",
    [
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        OK + b"Content-Length: x\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000 + b"\r\n",
    ],
)
async def test_what_is_no_answer(host: Host, said: bytes) -> None:
    assert (await host.fetched(said)).outcome is FetchOutcome.MALFORMED


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", OK + b"Content-Length: 9\r\n\r\nabc"])
async def test_an_answer_that_breaks_off(host: Host, said: bytes) -> None:
    assert (await host.fetched(said)).outcome is FetchOutcome.UNREACHABLE


async def test_an_answer_that_does_not_come(host: Host) -> None:
    fetch = await host.fetched(OK, stay=True)
    assert (fetch.outcome, fetch.detail) == (FetchOutcome.UNREACHABLE, "no whole answer within 1 s")


async def test_a_port_without_tls(host: Host) -> None:
    async with host.serving(b"", None) as place:
        fetch = await fetch_policy(place, HOST, host.anchors, QUICK)
    assert fetch.outcome in (FetchOutcome.TLS, FetchOutcome.UNREACHABLE)


async def test_a_port_that_is_closed(host: Host) -> None:
    async with host.serving(b"", None) as place:
        pass
    fetch = await fetch_policy(place, HOST, host.anchors, QUICK)
    assert fetch.outcome is FetchOutcome.UNREACHABLE


async def test_anchors_that_are_gone_are_no_fault_of_the_host(host: Host, tmp_path: Path) -> None:
    async with host.serving(OK, host.context()) as place:
        fetch = await fetch_policy(place, HOST, Anchors(tmp_path / "missing.pem"), QUICK)
    assert fetch.outcome is FetchOutcome.TLS
