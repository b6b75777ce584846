"""Keys, protected records and key exchange of TLS 1.3, against the published values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.probes.tls.tls13.key_schedule import SUITES, KeySchedule, Protection
from smtp_audit.probes.tls.tls13.key_share import DOABLE_GROUPS, ffdhe_prime, new_share
from smtp_audit.probes.tls.tls13.octets import BeyondUs, HandshakeFault


class TestKeySchedule:
    """The simple handshake of RFC 8448 section 3."""

    def test_the_secrets(self):
        shared = bytes.fromhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")
        transcript = bytes.fromhex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8")
        client, server_secret = KeySchedule(SUITES[0x1301], shared).handshake_secrets(transcript)
        assert client.hex().startswith("b3eddb126e067f35a780b3abf45e2d8f")
        assert server_secret.hex().startswith("b67b7d690cc16c4e75e54213cb2d37b4")


class TestProtection:
    @settings(deadline=None)
    @pytest.mark.parametrize("number", SUITES)
    @given(content=st.binary(min_size=1, max_size=100), kind=st.integers(1, 255))
    def test_what_is_sealed_is_opened(self, number, content, kind):
        suite = SUITES[number]
        secret = bytes(suite.hash.digest_size)
        sealing, opening = Protection(suite, secret), Protection(suite, secret)
        for _ in range(3):
            out = sealing.seal(kind, content)
            assert int.from_bytes(out[3:5]) == len(out) - 5
            assert opening.open(out[:5], out[5:]) == (kind, content)
        with pytest.raises(HandshakeFault):
            opening.open(out[:5], out[5:])  # the same record again

    @given(st.binary(max_size=60))
    def test_anything_else_is_a_fault(self, payload):
        with pytest.raises(HandshakeFault):
            Protection(SUITES[0x1301], bytes(32)).open(b"\x17\x03\x03" + len(payload).to_bytes(2), payload)


class TestKeyShare:
    @pytest.mark.parametrize("group", DOABLE_GROUPS)
    def test_both_sides_have_the_same_secret(self, group):
        ours, theirs = new_share(group), new_share(group)
        assert ours.public != theirs.public
        assert ours.exchange(theirs.public) == theirs.exchange(ours.public)

    @settings(deadline=None)
    @pytest.mark.parametrize("group", DOABLE_GROUPS)
    @given(peer=st.binary(max_size=140))
    def test_no_share_but_a_fault(self, group, peer):
        share = new_share(group)
        if len(peer) == len(share.public):
            return  # of X25519 and X448 any octets are a share
        with pytest.raises(HandshakeFault, match="key share"):
            share.exchange(peer)

    @pytest.mark.parametrize(("group", "bits"), [(0x0100, 2048), (0x0101, 3072), (0x0102, 4096)])
    @pytest.mark.parametrize("less", [None, 0, 1])
    def test_the_ends_of_a_finite_field(self, group, bits, less):
        prime = new_share(group)._prime
        assert prime.bit_length() == bits
        for value in (0, 1) if less is None else (prime - less,):
            with pytest.raises(HandshakeFault):
                new_share(group).exchange(value.to_bytes(bits // 8))

    @pytest.mark.parametrize(
        ("bits", "offset", "end"),
        [(2048, 560316, "61285c97"), (3072, 2625351, "66c62e37"), (4096, 5736041, "5e655f6a")],
    )
    def test_the_primes_of_rfc_7919(self, bits, offset, end):
        shown = f"{ffdhe_prime(bits, offset):x}"
        assert shown.startswith("f" * 16 + "adf85458a2bb4a9aafdc5620273d3cf1")
        assert shown.endswith(end + "f" * 16)

    def test_another_group(self):
        with pytest.raises(BeyondUs, match="0x11EC"):
            new_share(0x11EC)
