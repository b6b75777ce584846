"""Answers are read as dnspython reads them; records that it refuses come as octets, and nonsense is none."""

from __future__ import annotations

import contextlib

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.probes.domain import lookups
from smtp_audit.probes.domain.reply import UnreadableError, read_reply
from tests.probes.domain.test_lookups import Reply, serving

NAME = dns.name.from_text("a.example")

SHORT = b"\x03\x01\x01\x00"
SOUND = b"\x03\x01\x01" + bytes(32)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "TRY_SECONDS", 0.5)


def odd(query: dns.message.Message, *data: bytes, alias: str = "") -> dns.message.Message:
    """An answer with these octets as records of the type that was asked for."""
    answer = dns.message.make_response(query, recursion_available=True)
    name = query.question[0].name
    if alias:
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", alias))
        name = answer.answer[0][0].target
    kind = query.question[0].rdtype
    records = [dns.rdata.GenericRdata(dns.rdataclass.IN, kind, each) for each in data]
    if records:
        answer.answer.append(dns.rrset.from_rdata(name, 300, *records))
    return answer


async def asked(rdtype: str, *data: bytes, alias: str = "") -> Answer:
    def script(query: dns.message.Message, over_tcp: bool, before: int) -> Reply:
        return odd(query, *data, alias=alias).to_wire()

    async with serving(script) as server:
        return await server.lookups().ask("_25._tcp.mail.example.com", rdtype)


async def test_a_digest_that_is_too_short_is_seen_beside_a_sound_one() -> None:
    answer = await asked("TLSA", SHORT, SOUND)
    assert answer.outcome is LookupOutcome.FOUND
    assert answer.records == ("3 1 1 " + "00" * 32, r"\# 4 03010100")
    assert not answer.tcp


async def test_behind_an_alias() -> None:
    answer = await asked("TLSA", SHORT, alias="dane.example.net.")
    assert (answer.records, answer.aliases) == ((r"\# 4 03010100",), ("dane.example.net",))


async def test_a_tag_with_a_hyphen() -> None:
    answer = await asked("CAA", b"\0\x06is-sueca.example")
    assert answer.outcome is LookupOutcome.FOUND
    assert answer.records[0].startswith(r"\# 18 0006")


async def test_other_types_stay_malformed() -> None:
    """An MX record has a name in it, which nobody may look for in octets."""
    assert (await asked("MX", b"\0")).outcome is LookupOutcome.MALFORMED


def test_an_answer_to_another_question_is_none() -> None:
    query = dns.message.make_query("a.example", "TLSA")
    wire = odd(query, SHORT).to_wire()
    kind = dns.rdatatype.TLSA
    assert read_reply(wire, query.id, NAME, kind).chain().records is not None
    for number, name, wanted in (
        (query.id ^ 1, NAME, kind),
        (query.id, dns.name.from_text("b.example"), kind),
        (query.id, NAME, dns.rdatatype.TXT),
    ):
        with pytest.raises(UnreadableError, match="question"):
            read_reply(wire, number, name, wanted)


@pytest.mark.parametrize(
    "name",
    [b"\xc0\x0c", b"\xc0\xff", b"\x40a\0", b"\x3fa\0", b"\x01a" * 128 + b"\0", b"\xc0"],
    ids=["itself", "ahead", "unknown", "cut", "long", "half"],
)
def test_names_that_are_none(name: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_reply(b"\0\1\x80\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1", 1, NAME, dns.rdatatype.A)


def test_the_same_record_twice_is_one() -> None:
    query = dns.message.make_query("a.example", "A", id=1)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
    wire = bytearray(dns.message.make_response(query).to_wire() + record * 2)
    wire[7] = 2
    chain = read_reply(bytes(wire), 1, NAME, dns.rdatatype.A).chain()
    assert chain.records is not None
    assert (len(chain.records), chain.ttl) == (1, 60)


RECORDS = {
    "TXT": ('"v=spf1 -all"', '"one" "two"'),
    "MX": ("10 Mail.a.example.", "20 b.example."),
    "AAAA": ("2001:db8::1",),
    "SOA": ("ns.a.example. hostmaster.a.example. 1 2 3 4 5",),
}
SIGNATURE = "13 2 3600 20300101000000 20260101000000 1234 A.example. c2lnbmF0dXJl"


Given = tuple[dns.message.Message, dns.rdatatype.RdataType]


@st.composite
def messages(draw: st.DrawFn) -> Given:
    """An answer as a resolver gives it, with or without records, aliases, signatures and errors."""
    kind = draw(st.sampled_from(sorted(RECORDS)))
    query = dns.message.make_query("a.example", kind, id=1, want_dnssec=True)
    answer = dns.message.make_response(query, recursion_available=True)
    owner = NAME
    for target in draw(st.sampled_from([(), ("c.b.example.",), ("x.example.", "Y.example.")])):
        answer.answer.append(dns.rrset.from_text(owner, draw(st.integers(0, 99)), "IN", "CNAME", target))
        owner = dns.name.from_text(target)
    if draw(st.booleans()):
        answer.answer.append(dns.rrset.from_text(owner, draw(st.integers(0, 99)), "IN", kind, *RECORDS[kind]))
        answer.answer.append(dns.rrset.from_text(owner, 60, "IN", "RRSIG", f"{kind} {SIGNATURE}"))
    else:
        answer.set_rcode(draw(st.sampled_from([dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.BADVERS])))
        answer.authority.append(dns.rrset.from_text("B.example.", 60, "IN", "SOA", *RECORDS["SOA"]))
        answer.authority.append(dns.rrset.from_text("B.example.", 60, "IN", "RRSIG", f"SOA {SIGNATURE}"))
    if draw(st.booleans()):
        answer.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "bad")])
    return answer, dns.rdatatype.from_text(kind)


@given(messages())
def test_it_reads_what_dnspython_reads(given_message: Given) -> None:
    message, kind = given_message
    wire = message.to_wire()
    whole = dns.message.from_wire(wire)
    assert isinstance(whole, dns.message.QueryMessage)
    expected = whole.resolve_chaining()
    reply = read_reply(wire, 1, NAME, kind)
    chain = reply.chain()
    assert (reply.rcode, reply.flags) == (whole.rcode(), int(whole.flags) & 0xFFFF)
    assert chain.aliases == tuple(str(each[0].target).rstrip(".").lower() for each in expected.cnames)
    assert (chain.records is None) == (expected.answer is None)
    if chain.records is not None and expected.answer is not None:
        assert sorted(chain.records) == sorted(expected.answer)
        assert chain.ttl == expected.minimum_ttl
    assert [each.code for each in reply.errors()] == [
        each.code for each in whole.options if isinstance(each, dns.edns.EDEOption)
    ]
    assert {(each.algorithm, each.signer) for each in reply.signatures()} == {(13, "a.example")}
    soa = [each for each in whole.authority if each.rdtype == dns.rdatatype.SOA]
    assert reply.zone == (str(soa[0].name).rstrip(".").lower() if soa else "")


def everything(wire: bytes, kind: dns.rdatatype.RdataType) -> None:
    reply = read_reply(wire, 1, NAME, kind)
    assert reply.zone is not None
    assert reply.rcode in range(4096)
    for read in (reply.chain, reply.signatures, reply.errors):
        assert read() is not None


@given(messages(), st.binary(max_size=60), st.integers(0, 300))
def test_garbage_raises_nothing_else(given_message: Given, garbage: bytes, place: int) -> None:
    message, kind = given_message
    wire = message.to_wire()
    for octets in (garbage, wire[:place] + garbage, wire[:place] + garbage + wire[place + len(garbage) :]):
        with contextlib.suppress(dns.exception.DNSException, ValueError):
            everything(octets, kind)
