"""Records that dnspython refuses come as octets; answers that are nonsense stay what they are."""

from __future__ import annotations

import contextlib

import dns.exception
import dns.flags
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.probes.domain import lookups
from smtp_audit.probes.domain.odd_records import read_tolerantly
from tests.probes.domain.test_lookups import Reply, serving

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


async def asked(rdtype: str, *data: bytes, alias: str = "", tcp: bool = True) -> Answer:
    def script(query: dns.message.Message, over_tcp: bool, before: int) -> Reply:
        return odd(query, *data, alias=alias).to_wire() if tcp or not over_tcp else b"\0"

    async with serving(script) as server:
        return await server.lookups().ask("_25._tcp.mail.example.com", rdtype)


async def test_a_digest_that_is_too_short_is_seen_beside_a_sound_one() -> None:
    answer = await asked("TLSA", SHORT, SOUND)
    assert answer.outcome is LookupOutcome.FOUND
    assert answer.records == ("3 1 1 " + "00" * 32, r"\# 4 03010100")
    assert answer.tcp


async def test_behind_an_alias() -> None:
    answer = await asked("TLSA", SHORT, alias="dane.example.net.")
    assert (answer.records, answer.aliases) == ((r"\# 4 03010100",), ("dane.example.net",))


async def test_a_tag_with_a_hyphen() -> None:
    answer = await asked("CAA", b"\0\x06is-sueca.example")
    assert answer.outcome is LookupOutcome.FOUND
    assert answer.records[0].startswith(r"\# 18 0006")


async def test_sound_records_need_no_second_question() -> None:
    answer = await asked("TLSA", SOUND)
    assert not answer.tcp


async def test_other_types_stay_malformed() -> None:
    """An MX record has a name in it, which nobody may look for in octets."""
    assert (await asked("MX", b"\0")).outcome is LookupOutcome.MALFORMED


async def test_without_tcp_it_stays_malformed() -> None:
    assert (await asked("TLSA", SHORT, tcp=False)).outcome is LookupOutcome.MALFORMED


def test_an_answer_to_another_question_is_none() -> None:
    query = dns.message.make_query("a.example", "TLSA")
    other = odd(dns.message.make_query("b.example", "TLSA", id=query.id), SHORT)
    with pytest.raises(ValueError, match="no answer"):
        read_tolerantly(query, other.to_wire())


@given(st.binary(max_size=200), st.integers(0, 200))
def test_garbage_raises_nothing_else(garbage: bytes, place: int) -> None:
    query = dns.message.make_query("a.example", "TLSA", id=1)
    wire = odd(query, SHORT).to_wire()
    for octets in (garbage, wire[:place] + garbage, wire[:place] + garbage + wire[place + len(garbage) :]):
        with contextlib.suppress(dns.exception.DNSException, ValueError, IndexError):
            read_tolerantly(query, octets)
