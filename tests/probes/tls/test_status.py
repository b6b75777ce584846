"""Staples and timestamps: what they say is read, what is wrong with them is said, and nothing makes the reader fail."""

from __future__ import annotations

import socket
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.facts.certificate import CertificateStatus, ClientKind
from smtp_audit.limits import MAX_OCSP_BYTES
from smtp_audit.probes.tls.certificate import MAX_VALUES
from smtp_audit.probes.tls.status import pair_of, present, read_scts, read_staple
from smtp_audit.probes.tls.trust import Anchors

from .pki import HOST, NOW, Issuer, der, name, sct, sct_list, write_index

CA = Issuer()
LEAF = CA.leaf()
CHAIN = der(LEAF, CA.certificate)
SOUND = CA.respond(LEAF)
SELF_MADE = Issuer(subject=name("Test Responder"))
SELF_MADE.certificate = SELF_MADE.sign(
    SELF_MADE.subject, SELF_MADE.key, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
)
"""It has the purpose of a responder, and gave it to itself."""
NOBODY = Anchors(Path("/nonexistent/anchors.pem"))


def read(response: bytes, chain=CHAIN):
    return read_staple(response, chain, NOBODY)


class TestStaple:
    def test_a_sound_one(self):
        staple = read(SOUND)
        assert (staple.present, staple.readable, staple.problem) == (True, True, "")
        assert staple.cert_status is CertificateStatus.GOOD
        assert (staple.this_update, staple.next_update) == (NOW - timedelta(days=1), NOW + timedelta(days=3))
        assert staple.produced_at is not None
        assert (staple.about_leaf, staple.signature_valid, staple.signature_problem) == (True, True, "")
        assert "Test CA" in staple.responder

    @pytest.mark.parametrize("status", list(ocsp.OCSPCertStatus))
    def test_every_status(self, status):
        staple = read(CA.respond(LEAF, status=status))
        assert staple.cert_status.name == status.name
        assert (staple.revoked_at is not None) is (status is ocsp.OCSPCertStatus.REVOKED)
        assert staple.signature_valid

    @pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384()])
    @pytest.mark.parametrize("by_key", [True, False])
    def test_ways_to_name_certificate_and_responder(self, algorithm, by_key):
        staple = read(CA.respond(LEAF, algorithm=algorithm, by_key=by_key))
        assert (staple.about_leaf, staple.signature_valid) == (True, True)
        assert staple.responder.startswith("key ") is by_key

    @pytest.mark.parametrize(
        "key",
        [
            rsa.generate_private_key(65537, 2048),
            ed25519.Ed25519PrivateKey.generate(),
            ed448.Ed448PrivateKey.generate(),
        ],
        ids=["rsa", "ed25519", "ed448"],
    )
    def test_other_kinds_of_keys(self, key):
        issuer = Issuer(key)
        leaf = issuer.leaf()
        staple = read(issuer.respond(leaf, by_key=True), der(leaf, issuer.certificate))
        assert (staple.about_leaf, staple.signature_valid) == (True, True)

    def test_without_an_end(self):
        assert read(CA.respond(LEAF, days=(-1, None))).next_update is None

    def test_of_a_delegated_responder(self):
        assert read(CA.respond(LEAF, signer=CA.delegate())).signature_valid is True

    @pytest.mark.parametrize(
        ("signer", "why"),
        [
            (CA.delegate(may_sign=False), "did not delegate"),
            (Issuer(subject=name("Stranger")), "did not delegate"),
            (SELF_MADE, "did not delegate"),
            (CA.delegate(days=(-30, -20)), "not in date"),
        ],
        ids=["purpose", "stranger", "self-made", "expired"],
    )
    def test_of_another_responder(self, signer, why):
        staple = read(CA.respond(LEAF, signer=signer))
        assert staple.readable
        assert staple.signature_valid is False
        assert why in staple.signature_problem

    def test_a_responder_that_is_not_sent(self):
        staple = read(CA.respond(LEAF, signer=CA.delegate(), send=[]))
        assert staple.signature_valid is False
        assert "names" in staple.signature_problem

    def test_of_an_authority_with_the_same_name(self):
        staple = read(CA.respond(LEAF, signer=Issuer(), send=[]))
        assert (staple.signature_valid, staple.signature_problem) == (False, "the signature is wrong")

    def test_about_another_certificate(self):
        staple = read(CA.respond(CA.leaf()))
        assert (staple.readable, staple.about_leaf, staple.signature_valid) == (True, False, True)

    def test_about_the_same_number_of_another_issuer(self):
        other = Issuer(subject=name("Other CA"))
        staple = read(CA.respond(other.leaf(serial=LEAF.serial_number), issuer=other))
        assert staple.about_leaf is False

    def test_without_the_issuer_the_signature_is_not_known(self):
        staple = read(SOUND, CHAIN[:1])
        assert (staple.readable, staple.signature_valid) == (True, None)
        assert "issuer" in staple.signature_problem

    def test_the_issuer_may_be_an_anchor(self, tmp_path):
        assert read_staple(SOUND, CHAIN[:1], Anchors(CA.write(tmp_path / "ca.pem"))).signature_valid is True

    @pytest.mark.parametrize("status", [s for s in ocsp.OCSPResponseStatus if s.value])
    def test_a_refusal_of_the_responder(self, status):
        response = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
        staple = read(response)
        assert (staple.present, staple.readable) == (True, False)
        assert status.name.lower() in staple.problem

    @pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x00", b"\n" * 9, SOUND[:-1], SOUND + b"x", bytes(5000)])
    def test_garbage(self, octets):
        staple = read(octets)
        assert (staple.present, staple.readable) == (True, False)
        assert staple.problem.isascii()

    def test_too_long(self):
        assert "more than" in read(bytes(MAX_OCSP_BYTES + 1)).problem

    @pytest.mark.parametrize("chain", [[], [b"junk"], [b"junk", CHAIN[1]]])
    def test_an_unreadable_leaf_is_no_fault_of_the_response(self, chain):
        staple = read(SOUND, chain)
        assert (staple.readable, staple.about_leaf, staple.signature_valid) == (True, None, None)

    def test_unreadable_company_is_passed_over(self):
        assert read(SOUND, [CHAIN[0], b"junk", CHAIN[1]]).signature_valid is True

    @given(st.binary(max_size=300))
    def test_any_octets(self, octets):
        assert not read(octets).readable

    @settings(max_examples=200)
    @given(place=st.floats(0, 0.99999), change=st.integers(1, 255))
    def test_a_damaged_one_is_never_valid_and_about_the_leaf_as_good(self, place, change):
        at = int(place * len(SOUND))
        staple = read(SOUND[:at] + bytes([SOUND[at] ^ change]) + SOUND[at + 1 :])
        assert staple.present
        sound = read(SOUND).model_copy(update={"responder": ""})
        if staple.readable and staple.signature_valid:
            # The algorithm's name stands outside of what is signed, too; nothing that is said may change.
            assert staple.model_copy(update={"responder": ""}) == sound
        assert all(text.isascii() and text.isprintable() for text in (str(staple), staple.problem, staple.responder))


class TestOfOpenssl:
    """Responses that another program has made."""

    @pytest.fixture
    def respond(self, tmp_path):
        def respond(state: str, *options: str, signer: Issuer = CA, issuer: Issuer = CA, leaf=LEAF) -> bytes:
            ca, signing, about = (tmp_path / f"{kind}.pem" for kind in ("ca", "signer", "leaf"))
            issuer.write(ca)
            signer.write(signing)
            about.write_bytes(leaf.public_bytes(Encoding.PEM))
            key = signer.write_key(tmp_path / "signer.key")
            index = write_index(tmp_path / "index.txt", leaf, state)
            out = tmp_path / "response.der"
            subprocess.run(
                ["openssl", "ocsp", "-index", index, "-CA", ca, "-rsigner", signing, "-rkey", key, "-issuer", ca,
                 *(options or ("-sha1",)), "-cert", about, "-ndays", "2", "-respout", out, "-noverify"],
                check=True, capture_output=True,
            )  # fmt: skip
            return out.read_bytes()

        return respond

    @pytest.mark.parametrize(("state", "status"), [("V", "good"), ("R", "revoked"), ("-", "unknown")])
    @pytest.mark.parametrize("algorithm", ["-sha1", "-sha256"])
    def test_every_status(self, respond, state, status, algorithm):
        staple = read(respond(state, algorithm))
        assert staple.cert_status == status
        assert (staple.about_leaf, staple.signature_valid) == (True, True)

    def test_of_a_delegated_responder(self, respond):
        assert read(respond("V", signer=CA.delegate())).signature_valid is True
        assert read(respond("V", signer=CA.delegate(may_sign=False))).signature_valid is False

    def test_a_pss_signature_cannot_be_checked_and_is_not_called_wrong(self, respond):
        issuer = Issuer(rsa.generate_private_key(65537, 2048))
        leaf = issuer.leaf()
        response = respond("V", "-rsigopt", "rsa_padding_mode:pss", signer=issuer, issuer=issuer, leaf=leaf)
        staple = read(response, der(leaf, issuer.certificate))
        assert (staple.readable, staple.about_leaf, staple.signature_valid) == (True, True, None)
        assert "cannot be checked" in staple.signature_problem


class TestOfAServer:
    """What `openssl s_server` sends, taken off the wire as it is."""

    @staticmethod
    def hello() -> bytes:
        """TLS 1.2 with one ECDSA suite, status_request (RFC 6066 section 8), P-256, ecdsa_secp256r1_sha256."""
        extensions = b"".join(
            number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
            for number, body in ((5, b"\1\0\0\0\0"), (10, b"\0\2\0\x17"), (13, b"\0\2\4\3"), (11, b"\1\0"))
        )
        body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\xc0\x2b" + b"\1\0" + len(extensions).to_bytes(2, "big") + extensions
        message = b"\1" + len(body).to_bytes(3, "big") + body
        return b"\x16\3\1" + len(message).to_bytes(2, "big") + message

    @classmethod
    def fetch(cls, port: int) -> dict[int, bytes]:
        """The server's handshake messages up to ServerHelloDone, by type."""
        messages: dict[int, bytes] = {}
        with socket.create_connection(("127.0.0.1", port), 5) as connection, connection.makefile("rb") as stream:
            connection.sendall(cls.hello())
            octets = b""
            while 14 not in messages:
                head = stream.read(5)
                assert head[:1] == b"\x16", head
                octets += stream.read(int.from_bytes(head[3:], "big"))
                while len(octets) >= 4 and len(octets) >= (end := 4 + int.from_bytes(octets[1:4], "big")):
                    messages[octets[0]], octets = octets[4:end], octets[end:]
        return messages

    @pytest.mark.parametrize("status", [None, *ocsp.OCSPCertStatus])
    def test_chain_and_staple(self, tmp_path, status):
        leaf, key = CA.leaf_and_key()
        server, company = tmp_path / "server.pem", CA.write(tmp_path / "ca.pem")
        server.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + leaf.public_bytes(Encoding.PEM)
        )
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", server, "-key", server]
        command += ["-cert_chain", company, "-tls1_2"]
        if status is not None:
            (tmp_path / "staple.der").write_bytes(CA.respond(leaf, status=status))
            command += ["-status_file", tmp_path / "staple.der"]
        pipe = subprocess.PIPE  # it ends with its input
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                assert process.stdout is not None
                told = next(line for line in process.stdout if line.startswith("ACCEPT"))
                messages = self.fetch(int(told.rpartition(":")[2]))
            finally:
                process.kill()
        chain, rest = [], messages[11][3:]
        while rest:
            end = 3 + int.from_bytes(rest[:3], "big")
            chain.append(rest[3:end])
            rest = rest[end:]
        assert chain == der(leaf, CA.certificate)
        staple = messages[22][4:] if 22 in messages else None
        shown = present(ClientKind.ECDSA_ONLY, chain, Anchors(company), staple=staple)
        assert shown.trust.trusted
        assert shown.staple.present is (status is not None)
        if status is not None:
            assert shown.staple.cert_status.name == status.name
            assert (shown.staple.about_leaf, shown.staple.signature_valid) == (True, True)


class TestTimestamps:
    A, B = b"a" * 32, b"b" * 32

    def test_logs_are_told_once_and_in_order(self):
        octets = sct_list(sct(self.B), sct(self.A), sct(self.B))
        assert read_scts(octets) == (self.B.hex(), self.A.hex())

    def test_another_version_is_left_out(self):
        assert read_scts(sct_list(sct(self.A), sct(self.B, version=1))) == (self.A.hex(),)

    def test_none(self):
        assert read_scts(b"\0\0") == ()

    def test_many_are_cut(self):
        assert len(read_scts(sct_list(*(sct(bytes([n]) * 32) for n in range(200))))) == MAX_VALUES

    @pytest.mark.parametrize(
        "octets",
        [b"", b"\0", b"\0\1", b"\0\1\0", b"\0\2\0\0", b"\0\3\0\5\0", sct_list(sct(A)[:20]), sct_list(sct(A)) + b"x"],
    )
    def test_what_is_malformed(self, octets):
        with pytest.raises(ValueError, match=r"wrong|short"):
            read_scts(octets)

    @given(st.binary(max_size=200))
    def test_any_octets(self, octets):
        try:
            logs = read_scts(octets)
        except ValueError:
            return
        assert len(logs) * 35 <= len(octets)

    @given(st.lists(st.binary(min_size=32, max_size=32), max_size=5))
    def test_every_list_comes_back(self, logs):
        assert read_scts(sct_list(*map(sct, logs))) == tuple(dict.fromkeys(log.hex() for log in logs))


class TestPresent:
    def test_everything(self, tmp_path):
        anchors = Anchors(CA.write(tmp_path / "ca.pem"))
        shown = present(ClientKind.RSA_ONLY, CHAIN, anchors, staple=SOUND, scts=sct_list(sct(b"a" * 32)))
        assert shown.client is ClientKind.RSA_ONLY
        assert shown.trust.trusted
        assert shown.trust.system_anchors is False
        assert shown.leaf.dns_names == (HOST,)
        assert shown.leaf.issuer_organisations == ("Test Trust",)
        assert shown.staple.signature_valid
        assert shown.sct_logs == shown.tls_sct_logs == ((b"a" * 32).hex(),)
        assert (shown.unreadable, shown.refused, shown.trust_unknown, shown.sct_problem) == ("", "", "", "")

    def test_nothing_came_along(self, tmp_path):
        shown = present(ClientKind.DEFAULT, CHAIN, Anchors(CA.write(tmp_path / "ca.pem")))
        assert shown.staple.present is False
        assert shown.tls_sct_logs == ()

    def test_nothing_was_asked_for(self, tmp_path):
        shown = present(ClientKind.DEFAULT, CHAIN, Anchors(CA.write(tmp_path / "ca.pem")), asked=False)
        assert shown.staple is None
        assert shown.tls_sct_logs is None

    def test_untrusted(self, tmp_path):
        shown = present(ClientKind.DEFAULT, CHAIN, Anchors(Issuer(subject=name("X")).write(tmp_path / "x.pem")))
        assert not shown.trust.trusted

    @settings(max_examples=30)
    @given(chain=st.lists(st.binary(max_size=50), max_size=3), staple=st.binary(max_size=50), scts=st.binary())
    def test_any_octets(self, chain, staple, scts):
        shown = present(ClientKind.DEFAULT, chain, NOBODY, staple=staple, scts=scts)
        assert shown.chain == ()
        assert shown.trust is None
        assert shown.trust_unknown
        assert not shown.staple.readable
        assert str(shown).isascii()

    def test_a_flood(self, tmp_path):
        """A chain as long as a handshake may be is read in part, and judged by OpenSSL as a whole."""
        shown = present(ClientKind.DEFAULT, CHAIN * 200, Anchors(CA.write(tmp_path / "ca.pem")))
        assert "are read" in shown.unreadable


def test_the_issuer_is_the_one_that_signed_not_one_of_that_name(tmp_path):
    impostor = Issuer()
    pair = pair_of(der(LEAF, impostor.certificate, CA.certificate), NOBODY)
    assert pair.issuer == CA.certificate
    assert pair_of(der(LEAF, impostor.certificate), NOBODY).issuer is None
    assert isinstance(pair.leaf, x509.Certificate)
