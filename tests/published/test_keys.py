"""TLSA, DNSSEC, CAA and MX records, read as their RFCs have them and, where it can, as dnspython does."""

from __future__ import annotations

import hashlib

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.published.caa import Caa, issuers_for, parse_caa
from smtp_audit.published.caa_issuers import caa_domains
from smtp_audit.published.dnssec import ds_of, parse_dnskey, parse_ds, parse_nsec3param
from smtp_audit.published.mail_exchanger import exchanges
from smtp_audit.published.tlsa import parse_tlsa
from smtp_audit.published.unknown_form import octets_of
from tests.trust_factories import ECDSA_KEY, rsa_key


def _rdata(kind: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(min_size=1, max_size=300))
def test_a_tlsa_record_is_read_in_either_form(usage: int, selector: int, matching: int, data: bytes) -> None:
    read = parse_tlsa(f"{usage} {selector} {matching} {data.hex()}")
    assert (read.usage, read.selector, read.matching, read.data) == (usage, selector, matching, data.hex())
    assert read.usable <= (usage in (2, 3) and selector in (0, 1) and matching in (0, 1, 2))
    octets = bytes([usage, selector, matching]) + data
    assert parse_tlsa(dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.TLSA, octets).to_text()) == read


@given(st.binary(max_size=300))
def test_octets_come_back_from_the_form_for_unknown_types(octets: bytes) -> None:
    assert octets_of(dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.TLSA, octets).to_text()) == octets


@pytest.mark.parametrize("text", [r"\# 2 03", r"\# x 03", r"\# 1 0g", "# 1 03", r"\#1 03", ""])
def test_what_is_not_that_form(text: str) -> None:
    assert octets_of(text) is None


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    for read in (parse_tlsa(text), parse_caa(text), parse_dnskey(text), parse_ds(text), parse_nsec3param(text)):
        assert str(read).isascii()
        assert str(read).isprintable()
    assert len(exchanges((text,))) <= 1
    assert caa_domains(text) == () or text.strip()


def test_a_whole_certificate_is_compared_by_its_hashes() -> None:
    read = parse_tlsa("3 0 0 3003020101")
    octets = bytes.fromhex("3003020101")
    assert (read.sha256, read.sha512) == (hashlib.sha256(octets).hexdigest(), hashlib.sha512(octets).hexdigest())
    assert parse_tlsa(f"3 0 1 {read.sha256.upper()}").sha256 == read.sha256
    assert parse_tlsa(f"3 0 2 {read.sha512}").sha512 == read.sha512
    assert parse_tlsa(f"3 0 2 {read.sha512}").sha256 == ""


@pytest.mark.parametrize("text", [ECDSA_KEY, rsa_key(1024), rsa_key(2048, 5, 257), rsa_key(2047)])
def test_keys_have_the_tags_and_digests_that_dnspython_gives_them(text: str) -> None:
    theirs = _rdata("DNSKEY", text)
    read = parse_dnskey(theirs.to_text())
    assert read.tag == dns.dnssec.key_id(theirs)  # type: ignore[arg-type]
    ds = dns.dnssec.make_ds("Mail.example.com.", theirs, "SHA256")  # type: ignore[arg-type]
    assert ds_of("mail.example.com.", read) == ds.to_text()
    assert parse_ds(ds.to_text()).digest_type == 2


def test_the_sizes_of_keys() -> None:
    assert parse_dnskey(rsa_key(1024)).bits == 1024
    assert parse_dnskey(rsa_key(2047)).bits == 2047
    assert parse_dnskey(ECDSA_KEY).bits is None
    assert parse_dnskey(ECDSA_KEY).signs
    assert not parse_dnskey(ECDSA_KEY.replace("257", "385")).signs  # revoked (RFC 5011)
    assert not parse_dnskey(ECDSA_KEY.replace("257", "0")).signs


@pytest.mark.parametrize("text", ["257 3 13", "257 3 13 !!", "70000 3 13 AAAA", "257 3 300 AAAA", "", "a b c d"])
def test_a_key_that_cannot_be_read(text: str) -> None:
    read = parse_dnskey(text)
    assert read.problem
    assert not read.signs
    assert ds_of("example.com", read) == ""


def test_names_that_have_no_digest() -> None:
    key = parse_dnskey(ECDSA_KEY)
    assert ds_of("a..b", key) == ds_of(r"a\.b", key) == ds_of("é", key) == ""


def test_nsec3_parameters() -> None:
    assert parse_nsec3param("1 0 10 ab").iterations == 10
    assert parse_nsec3param("1 0 0 -").salt == ""
    assert parse_nsec3param("1 0 0").problem


@pytest.mark.parametrize(
    ("text", "tag", "issuer"),
    [
        ('0 issue "letsencrypt.org"', "issue", "letsencrypt.org"),
        ('0 ISSUE "Letsencrypt.org; validationmethods=dns-01"', "issue", "letsencrypt.org"),
        ('128 issue " ca.example ; a=b ; c= "', "issue", "ca.example"),
        ('0 issue ";"', "issue", ""),
        ('0 issue ""', "issue", ""),
        ('0 issuewild "ca.example;"', "issuewild", "ca.example"),
        ("0 issue ca.example", "issue", "ca.example"),
        (r'0 issue "ca\046example"', "issue", "ca.example"),
    ],
)
def test_an_issuing_property(text: str, tag: str, issuer: str) -> None:
    read = parse_caa(text)
    assert (read.tag, read.issuer, read.problem) == (tag, issuer, "")


@pytest.mark.parametrize(
    "text",
    ['0 issue "a b"', '0 issue "ca.example a=b"', '0 issue "-a.example"', '0 issue "ca..example"', '0 issue "a; b"',
     r"\# 8 00 06 69732d737565", r"\# 3 000078",
     '0 iodef "x"', '0 iodef "mailto:x"', '0 is-sue "x"', '128 unheard "x"', '300 issue "x"', "issue", ""],
)  # fmt: skip
def test_a_property_with_a_problem(text: str) -> None:
    assert parse_caa(text).problem


@given(st.binary(max_size=200))
def test_a_caa_value_comes_back_from_dnspython(value: bytes) -> None:
    text = dns.rdata.from_wire(
        dns.rdataclass.IN, dns.rdatatype.CAA, b"\x00\x03tbs" + value, 0, 5 + len(value)
    ).to_text()
    read = parse_caa(text)
    assert (read.flags, read.tag) == (0, "tbs")


def _records(*texts: str) -> list[Caa]:
    return [parse_caa(text) for text in texts]


def test_who_may_issue() -> None:
    """RFC 8659 sections 4.2 and 4.3."""
    assert issuers_for([]) is None
    assert issuers_for(_records('0 iodef "mailto:a@b.c"', '0 issuewild "b.c"')) is None
    assert issuers_for(_records('0 iodef "mailto:a@b.c"', '0 issuewild "b.c"'), wildcard=True) == ("b.c",)
    assert issuers_for(_records('0 issue "a.b"', '0 issue ";"', '0 issue "c.d"')) == ("a.b", "c.d")
    assert issuers_for(_records('0 issue "a.b"'), wildcard=True) == ("a.b",)
    assert issuers_for(_records('0 issue "a.b"', '0 issuewild ";"'), wildcard=True) == ()
    assert issuers_for(_records('0 issue "a b"')) == ()
    assert issuers_for(_records('0 issue "a.b"', '128 unheard "x"')) == ()
    assert issuers_for(_records('0 issue "a.b"', '0 unheard "x"')) == ("a.b",)


@pytest.mark.parametrize(
    ("organisation", "domain"),
    [
        ("Let's Encrypt", "letsencrypt.org"),
        ("DigiCert Inc", "digicert.com"),
        ("DigiCert, Inc.", "digicert.com"),
        ("Sectigo Limited", "sectigo.com"),
        ("Google Trust Services LLC", "pki.goog"),
        ("Google Trust Services", "pki.goog"),
        ("GlobalSign nv-sa", "globalsign.com"),
        ("Telia Company AB", "telia.com"),
        ("Buypass AS-983163327", "buypass.com"),
        ("Actalis S.p.A.", "actalis.it"),
        ("D-Trust GmbH", "d-trust.net"),
        ("SSL Corporation", "ssl.com"),
        ("GoDaddy.com, Inc.", "godaddy.com"),
        ("Amazon", "amazon.com"),
    ],
)
def test_authorities_are_known_by_their_organisation(organisation: str, domain: str) -> None:
    assert domain in caa_domains(organisation)


@pytest.mark.parametrize("organisation", ["", "Example Trust", "Inc", "DigiCert Fake", "Lets Encrypt"])
def test_others_are_not(organisation: str) -> None:
    assert caa_domains(organisation) == ()


def test_exchanges_come_by_preference() -> None:
    assert exchanges(("20 b.example.", "10 A.example.", "10 a.example.", "x", "30 b.example.")) == (
        "a.example",
        "b.example",
    )
    assert exchanges(("0 .",)) == ("",)
    assert exchanges(("0 .", "10 a.example.")) == ("", "a.example")
