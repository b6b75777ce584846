"""Asking about revocation: only when allowed, only what is authentic counts, and every answerer is left in time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.configuration.model import Config
from smtp_audit.facts.certificate import CertificateStatus, RevocationAnswer, RevocationFacts, RevocationSource
from smtp_audit.facts.observation import Absence
from smtp_audit.limits import Limits
from smtp_audit.probes.tls import revocation
from smtp_audit.probes.tls.revocation import check_revocation
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.wire import PeerError, Transcript

from .pki import HOST, NOW, Issuer, der, name, write_index

CA = Issuer()
NOBODY = Anchors(Path("/nonexistent/anchors.pem"))
ALLOWED = Config(revocation=True, limits=Limits(connect_seconds=1, reply_seconds=1))
GOOD, REVOKED, UNKNOWN = CertificateStatus.GOOD, CertificateStatus.REVOKED, CertificateStatus.UNKNOWN

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def http(answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that takes one request a connection; gives its address, and the requests as they came."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(f.split(b":")[1]) for f in head.split(b"\r\n") if f.startswith(b"Content-Length")), 0)
            heard.append(head + await reader.readexactly(length))
            await answer(heard[-1], writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()


def sends(body: bytes, head: bytes = b"HTTP/1.0 200 OK\r\n\r\n") -> Answer:
    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)

    return answer


async def ask(
    chain: list[bytes], *, config: Config = ALLOWED, anchors: Anchors = NOBODY
) -> tuple[RevocationFacts, Transcript]:
    transcript = Transcript()
    began = time.monotonic()
    facts = await check_revocation(chain, config, anchors, transcript)
    assert time.monotonic() - began < 8
    for one in facts.answers:
        assert str(one).isascii()
    return facts, transcript


async def by_ocsp(make: Callable[[x509.Certificate], bytes] | None, answer: Answer | None = None) -> RevocationAnswer:
    """Ask a responder on this machine: it says what `make` makes of the leaf, or does what `answer` says."""
    made: list[bytes] = []

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        await (answer or sends(made[0]))(request, writer)

    async with http(respond) as (url, _):
        leaf = CA.leaf(ocsp_url=f"{url}/ocsp")
        if make is not None:
            made.append(make(leaf))
        facts, _ = await ask(der(leaf, CA.certificate))
    assert len(facts.answers) == 1
    assert facts.answers[0].source is RevocationSource.OCSP
    return facts.answers[0]


async def by_list(make: Callable[[x509.Certificate], bytes], chain: list[bytes] | None = None) -> RevocationAnswer:
    """The same with a revocation list."""
    made: list[bytes] = []

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        assert request.startswith(b"GET /ca.crl HTTP/1.0\r\n")
        await sends(made[0])(request, writer)

    async with http(respond) as (url, _):
        leaf = CA.leaf(crl_url=f"{url}/ca.crl")
        made.append(make(leaf))
        facts, _ = await ask(der(leaf, CA.certificate) if chain is None else der(leaf))
    assert facts.answers[0].source is RevocationSource.CRL
    return facts.answers[0]


class TestAllowed:
    async def test_not_by_default(self):
        async with http(sends(b"")) as (url, heard):
            with pytest.raises(PeerError, match="--smtp-revocation") as raised:
                await ask(der(CA.leaf(ocsp_url=url), CA.certificate), config=Config())
            assert raised.value.absence is Absence.NOT_ALLOWED
            assert heard == []

    @pytest.mark.parametrize("chain", [[], [b"junk"]])
    async def test_an_unreadable_leaf(self, chain):
        with pytest.raises(PeerError) as raised:
            await ask(chain)
        assert raised.value.absence is Absence.MALFORMED

    async def test_nothing_to_ask(self):
        facts, _ = await ask(der(CA.leaf(), CA.certificate))
        assert facts == RevocationFacts(offered=True)

    @pytest.mark.parametrize(
        "url",
        [
            "https://127.0.0.1:{port}/",
            "ldap://127.0.0.1:{port}/",
            "file:///etc/passwd",
            "127.0.0.1:{port}",
            "http:///x",
            "http://user@127.0.0.1:{port}/",
            "http://127.0.0.1:{port}/a b",
            "http://127.0.0.1:{port}/\r\nX-Injected: 1",
            "http://127.0.0.1:{port}/back\\slash",
            "http://127.0.0.1:99999/",
            "http://[::1%lo]:{port}/",
            "",
        ],
    )
    async def test_what_is_not_asked(self, url):
        async with http(sends(b"")) as (base, heard):
            leaf = CA.leaf(ocsp_url=url.replace("{port}", base.rpartition(":")[2]) or "x", crl_url=url or "x")
            facts, _ = await ask(der(leaf, CA.certificate))
            assert heard == []
        assert facts.answers == ()
        assert len(facts.left_out) == 2
        assert all(text.isascii() and text.isprintable() for text in facts.left_out)

    async def test_a_name_that_leads_to_this_machine(self):
        async with http(sends(b"")) as (base, heard):
            url = base.replace("127.0.0.1", "localhost")
            facts, _ = await ask(der(CA.leaf(ocsp_url=url), CA.certificate))
            assert heard == []
        assert not facts.answers[0].reachable
        assert "is not asked" in facts.answers[0].detail

    async def test_not_too_many(self):
        async with http(sends(b"")) as (base, heard):
            places = [
                x509.DistributionPoint([x509.UniformResourceIdentifier(f"{base}/{n}")], None, None, None)
                for n in range(20)
            ]
            facts, _ = await ask(der(CA.leaf(x509.CRLDistributionPoints(places)), CA.certificate))
            assert len(heard) == len(facts.answers) == revocation.MAX_REVOCATION_URLS
        assert len(facts.left_out) == 20 - revocation.MAX_REVOCATION_URLS


def responding(command: list[str | Path]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class TestOcsp:
    @pytest.mark.parametrize("status", list(ocsp.OCSPCertStatus))
    async def test_every_status(self, status):
        said = await by_ocsp(lambda leaf: CA.respond(leaf, status=status))
        assert (said.reachable, said.detail) == (True, "")
        assert said.status.name == status.name
        assert (said.revoked_at is not None) is (said.status is REVOKED)
        assert said.next_update == NOW + timedelta(days=3)

    async def test_the_question(self):
        async with http(sends(b"")) as (url, heard):
            leaf = CA.leaf(ocsp_url=f"{url}/a/b?c=d")
            await ask(der(leaf, CA.certificate))
        head, _, body = heard[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /a/b?c=d HTTP/1.0\r\n")
        assert b"application/ocsp-request" in head
        assert ocsp.load_der_ocsp_request(body).serial_number == leaf.serial_number

    @pytest.mark.parametrize(
        ("make", "why"),
        [
            (lambda leaf: CA.respond(leaf, signer=Issuer(), send=[]), "not authentic"),
            (lambda leaf: CA.respond(leaf, signer=CA.delegate(may_sign=False)), "not authentic"),
            (lambda leaf: CA.respond(CA.leaf()), "another certificate"),
            (lambda leaf: b"garbage", "cannot be used"),
            (lambda leaf: b"", "cannot be used"),
        ],
        ids=["impostor", "not-delegated", "other-certificate", "garbage", "empty"],
    )
    async def test_what_does_not_count(self, make, why):
        said = await by_ocsp(make)
        assert (said.reachable, said.status) == (True, None)
        assert why in said.detail

    async def test_without_the_issuer(self):
        async with http(sends(b"")) as (url, heard):
            facts, _ = await ask(der(CA.leaf(ocsp_url=url)))
            assert heard == []
        assert "issuer" in facts.answers[0].detail

    async def test_the_issuer_may_be_an_anchor(self, tmp_path):
        async with http(sends(b"")) as (url, heard):
            await ask(der(CA.leaf(ocsp_url=url)), anchors=Anchors(CA.write(tmp_path / "ca.pem")))
            assert heard

    @pytest.mark.parametrize(("state", "status"), [("V", GOOD), ("R", REVOKED), ("-", UNKNOWN)])
    async def test_openssls_responder(self, tmp_path, state, status):
        """A responder that is not ours."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        leaf = CA.leaf(ocsp_url=f"http://127.0.0.1:{port}/")
        ca = CA.write(tmp_path / "ca.pem")
        command = ["openssl", "ocsp", "-index", write_index(tmp_path / "index.txt", leaf, state), "-port", str(port)]
        command += ["-CA", ca, "-rsigner", ca, "-rkey", CA.write_key(tmp_path / "ca.key"), "-ndays", "2"]
        with responding(command) as responder:
            try:
                for _ in range(100):
                    facts, _ = await ask(der(leaf, CA.certificate))
                    if facts.answers[0].reachable:
                        break
                    await asyncio.sleep(0.02)
            finally:
                responder.kill()
        assert facts.answers[0].status is status, facts.answers[0]


class TestList:
    async def test_not_in_it(self):
        said = await by_list(lambda leaf: CA.crl(1, 2, 3))
        assert (said.reachable, said.status, said.detail) == (True, GOOD, "")
        assert said.next_update == NOW + timedelta(days=3)

    async def test_in_it(self):
        said = await by_list(lambda leaf: CA.crl(1, leaf.serial_number))
        assert said.status is REVOKED
        assert said.revoked_at == NOW - timedelta(days=1)

    @pytest.mark.parametrize(
        ("make", "why"),
        [
            (lambda leaf: Issuer().crl(), "signature of the list is wrong"),
            (lambda leaf: Issuer(subject=name("Other")).crl(), "of another issuer"),
            (lambda leaf: CA.crl(extensions=[x509.DeltaCRLIndicator(1)]), "only what changed"),
            (
                lambda leaf: CA.crl(
                    extensions=[x509.IssuingDistributionPoint(None, None, False, True, None, False, False)]
                ),
                "not about certificates of servers",
            ),
            (lambda leaf: b"garbage", "cannot be used"),
            (lambda leaf: CA.crl()[:-1], "cannot be used"),
        ],
        ids=["impostor", "other", "delta", "authorities", "garbage", "cut"],
    )
    async def test_what_does_not_count(self, make, why):
        said = await by_list(make)
        assert (said.reachable, said.status) == (True, None)
        assert why in said.detail

    async def test_without_the_issuer(self):
        said = await by_list(lambda leaf: CA.crl(), chain=[])
        assert said.status is None
        assert "issuer" in said.detail

    async def test_a_long_one(self):
        said = await by_list(lambda leaf: CA.crl(*range(1, 5000), leaf.serial_number))
        assert said.status is REVOKED


async def _endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(64 * 1024))
        await writer.drain()


async def _endless_head(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


async def _drip(_: bytes, writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


class TestAnswerers:
    """Whatever the other end does: an answer that says why there is none."""

    @pytest.mark.parametrize(
        ("answer", "reachable", "why"),
        [
            (_endless, True, "more than"),
            (_endless_head, True, "the head of the answer"),
            (_drip, False, "no whole answer within 2 s"),
            (_silent, False, "no whole answer within 2 s"),
            (sends(b"", b""), True, "closed in the middle"),
            (sends(b"abc", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), True, "closed in the middle"),
            (sends(b"", b"220 mail ESMTP\r\n\r\n"), True, "no answer of HTTP: 220 mail ESMTP"),
            (sends(b"", b"\x1b[2J\xff\r\n\r\n"), True, r"no answer of HTTP: \x1b[2J\xff"),
            (sends(b"", b"HTTP/1.1 404 Not Found\r\n\r\n"), True, "answered with 404"),
            (sends(b"", b"HTTP/1.1 500 Oops\r\n\r\n"), True, "answered with 500"),
            (sends(b"", b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"), True, "redirects are not"),
            (sends(b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), True, "in pieces"),
        ],
        ids=["endless", "endless-head", "drip", "silent", "closed", "cut", "smtp", "escapes", "404", "500", "redirect",
             "pieces"],
    )  # fmt: skip
    async def test_of_every_kind(self, answer, reachable, why):
        said = await by_ocsp(None, answer)
        assert (said.reachable, said.status) == (reachable, None)
        assert why in said.detail

    async def test_a_redirect_leads_nowhere(self):
        async with http(sends(b"")) as (there, heard):
            said = await by_ocsp(None, sends(b"", f"HTTP/1.1 307 Go\r\nLocation: {there}/\r\n\r\n".encode()))
            assert heard == []
        assert said.status is None

    async def test_a_closed_port(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        facts, transcript = await ask(der(CA.leaf(ocsp_url=f"http://127.0.0.1:{port}/"), CA.certificate))
        assert (facts.answers[0].reachable, facts.answers[0].status) == (False, None)
        assert any("no answer" in line.text for line in transcript.lines)

    async def test_a_name_without_address(self):
        facts, _ = await ask(der(CA.leaf(ocsp_url=f"http://{HOST}.invalid/"), CA.certificate))
        assert not facts.answers[0].reachable

    async def test_a_length_is_kept_to(self):
        """What comes after it is no part of the answer."""
        made: list[bytes] = []

        async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(made[0])}\r\n\r\n".encode() + made[0] + b"more")
            await writer.drain()
            await asyncio.sleep(0.2)

        async with http(respond) as (url, _):
            leaf = CA.leaf(ocsp_url=url)
            made.append(CA.respond(leaf))
            facts, _ = await ask(der(leaf, CA.certificate))
        assert facts.answers[0].status is GOOD


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_any_head_is_taken_or_refused_with_a_reason(octets):
    reason, length = "", None
    try:
        length = revocation._check_head(octets)
    except revocation._NoAnswer as error:
        reason = str(error)
    assert reason.isascii()
    assert reason.isprintable()
    assert length is None or length >= 0


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_any_url_is_a_place_or_is_refused(url):
    for candidate in (url, f"http://{url}", f"http://[{url}"):
        with contextlib.suppress(ValueError):
            place = revocation._place(candidate)
            assert candidate.lower().startswith("http://")
            assert place.target.startswith("/")
            assert not {" ", "\r", "\n"} & set(place.target + place.shown)
