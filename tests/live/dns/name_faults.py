"""Ways in which a resolver can fail, as a table: what it does with every question, or with those of one type."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .scripted_names import Asked, Script, Sent, truth

TOO_LATE_SECONDS = 2.6
"""More than `smtp_audit.probes.domain.lookups.TRY_SECONDS`."""


@dataclass(frozen=True)
class Fault:
    """One way. The script None: nobody listens."""

    name: str
    script: Script | None
    tcp: bool = True
    blind: bool = False
    """The resolver behind is the one that does not validate."""


async def _silence(asked: Asked) -> Sent:
    return Sent()


def _code(code: dns.rcode.Rcode, extended: int | None = None) -> Script:
    async def script(asked: Asked) -> Sent:
        reply = _reply(asked)
        reply.set_rcode(code)
        if extended is not None:
            option = dns.edns.EDEOption(dns.edns.EDECode(extended), "said the resolver")
            reply.use_edns(0, options=[option])
        return Sent((asked.packed(reply),))

    return script


def _reply(asked: Asked) -> dns.message.Message:
    return dns.message.make_response(asked.query, recursion_available=True)


def _octets(change: Callable[[Asked, bytes], bytes]) -> Script:
    """The true answer, with its octets changed."""

    async def script(asked: Asked) -> Sent:
        return Sent((change(asked, asked.packed(await asked.truth())),))

    return script


def _truncated(by_tcp: Script) -> Script:
    """No more than the TC bit by UDP, and this by TCP."""

    async def script(asked: Asked) -> Sent:
        if asked.tcp:
            return await by_tcp(asked)
        reply = _reply(asked)
        reply.flags |= dns.flags.TC
        return Sent((asked.packed(reply),))

    return script


async def _hang_up(asked: Asked) -> Sent:
    return Sent(hang_up=True)


async def _half_by_tcp(asked: Asked) -> Sent:
    wire = asked.packed(await asked.truth())
    return Sent((wire[: len(wire) // 2],), hang_up=True)


def _after(seconds: float) -> Script:
    async def script(asked: Asked) -> Sent:
        sent = await truth(asked)
        await asyncio.sleep(seconds)
        return sent

    return script


async def _wrong_question(asked: Asked) -> Sent:
    reply = await asked.truth()
    other = dns.rrset.RRset(dns.name.from_text("else.example."), dns.rdataclass.IN, dns.rdatatype.A)
    reply.question = [other]
    return Sent((asked.packed(reply),))


async def _elsewhere(asked: Asked) -> Sent:
    return Sent(strays=(asked.packed(await asked.truth()),))


async def _loop(asked: Asked) -> Sent:
    reply = _reply(asked)
    name = asked.query.question[0].name
    other = dns.name.from_text("loop.example.")
    reply.answer = [
        dns.rrset.from_text(name, 60, "IN", "CNAME", other.to_text()),
        dns.rrset.from_text(other, 60, "IN", "CNAME", name.to_text()),
    ]
    return Sent((asked.packed(reply),))


async def _a_thousand(asked: Asked) -> Sent:
    if not asked.tcp:
        return await _truncated(truth)(asked)
    reply = _reply(asked)
    question = asked.query.question[0]
    kind = dns.rdatatype.to_text(question.rdtype)
    rdata = {
        "A": [f"10.0.{n // 256}.{n % 256}" for n in range(1000)],
        "MX": [f"{n} mail." for n in range(1000)],
    }.get(kind, [f"\\# 4 {n:08x}" for n in range(1000)])
    # Records of a type that nobody knows are read as they are.
    rdata = rdata if kind in ("A", "MX") else [f'"record {n}"' for n in range(1000)]
    shown = kind if kind in ("A", "MX", "TXT") else "TXT"
    rrset = dns.rrset.from_text_list(question.name, 60, "IN", shown, rdata)
    if shown != kind:
        reply.set_rcode(dns.rcode.SERVFAIL)
    else:
        reply.answer = [rrset]
    return Sent((asked.packed(reply),))


async def _no_resolver(asked: Asked) -> Sent:
    """An authoritative server that knows no more than who the root is."""
    reply = dns.message.make_response(asked.query)
    reply.authority = [dns.rrset.from_text(".", 60, "IN", "NS", "a.root.")]
    return Sent((asked.packed(reply),))


async def _lies_about_validation(asked: Asked) -> Sent:
    reply = await asked.truth()
    reply.flags |= dns.flags.AD
    for section in (reply.answer, reply.authority):
        section[:] = [rrset for rrset in section if rrset.rdtype not in _SIGNATURES]
    return Sent((asked.packed(reply),))


_SIGNATURES = (dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3)


async def _nothing_exists(asked: Asked) -> Sent:
    reply = _reply(asked)
    reply.set_rcode(dns.rcode.NXDOMAIN)
    return Sent((asked.packed(reply),))


async def _empty(asked: Asked) -> Sent:
    return Sent((asked.packed(_reply(asked)),))


async def _first_is_lost(asked: Asked) -> Sent:
    return Sent() if asked.number == 0 and not asked.tcp else await truth(asked)


async def _strangers_first(asked: Asked) -> Sent:
    right = asked.packed(await asked.truth())
    forged = _reply(asked)
    forged.set_rcode(dns.rcode.NXDOMAIN)
    return Sent((right,), strays=(asked.packed(forged),))


def _other_id(asked: Asked, wire: bytes) -> bytes:
    return bytes([wire[0] ^ 0xFF, wire[1]]) + wire[2:]


def only(rdtypes: str | tuple[str, ...], script: Script) -> Script:
    """This with questions of these types alone, and the truth with all others."""

    async def chosen(asked: Asked) -> Sent:
        return await (script if asked.rdtype in rdtypes else truth)(asked)

    return chosen


SERVFAIL = _code(dns.rcode.SERVFAIL)

DEAD = (
    Fault("nobody listens", None, tcp=False),
    Fault("silence", _silence),
    Fault("SERVFAIL", SERVFAIL),
    Fault("SERVFAIL, with the reason that no server could be reached", _code(dns.rcode.SERVFAIL, 22)),
    Fault("REFUSED", _code(dns.rcode.REFUSED)),
    Fault("REFUSED, with the reason that it is prohibited", _code(dns.rcode.REFUSED, 18)),
    Fault("FORMERR", _code(dns.rcode.FORMERR)),
    Fault("NOTIMP", _code(dns.rcode.NOTIMP)),
    Fault("garbage", _octets(lambda asked, wire: wire[:2] + bytes(range(256)))),
    Fault("the id of another question", _octets(_other_id)),
    Fault("the answer to another question", _wrong_question),
    Fault("half a message", _octets(lambda asked, wire: wire[: len(wire) // 2])),
    Fault("the header alone", _octets(lambda asked, wire: wire[:4] + bytes(8))),
    Fault("an empty datagram", _octets(lambda asked, wire: b"")),
    Fault("the question itself", _octets(lambda asked, wire: asked.wire)),
    Fault("too long for UDP, and TCP is closed", _truncated(truth), tcp=False),
    Fault("too long for UDP, and TCP never answers", _truncated(_silence)),
    Fault("too long for UDP, and TCP hangs up", _truncated(_hang_up)),
    Fault("too long for UDP, and TCP breaks off in the middle", _truncated(_half_by_tcp)),
    Fault("answers that come too late", _after(TOO_LATE_SECONDS)),
    Fault("answers from another address", _elsewhere),
    Fault("a loop of CNAMEs", _loop),
    Fault("a thousand records", _a_thousand),
    Fault("no resolver: it refers to the root", _no_resolver),
)
"""Nothing can be learnt: no verdict may be made up."""

ODD = (
    Fault("slow answers", _after(0.2)),
    Fault("too long for UDP, and TCP answers", _truncated(truth)),
    Fault("every first datagram is lost", _first_is_lost),
    Fault("answers of strangers come first", _strangers_first),
)
"""All can be learnt: the verdicts are those of any other resolver."""

LIES = (
    Fault("nothing exists", _nothing_exists),
    Fault("there are names, and no data", _empty),
)
"""Answers that are answers: the domain is judged by them, and the gate stays closed."""

UNCHECKED = (
    Fault("does not validate", truth, blind=True),
    Fault("says that it validates, and has no signatures", _lies_about_validation, blind=True),
    Fault("says that it validates, and hides the signatures", _lies_about_validation),
)
"""What rests on DNSSEC cannot be known."""


async def _mangled(asked: Asked) -> Sent:
    """Records whose data ends too early for their type, in an answer that is whole."""
    reply = await asked.truth()
    question = asked.query.question[0]
    reply.answer = [dns.rrset.from_text(question.name, 60, "IN", "TYPE65280", "\\# 1 05")]
    wire = asked.packed(reply)
    return Sent((wire.replace((65280).to_bytes(2), question.rdtype.to_bytes(2)),))


# TLSA and CAA records that cannot be read are really published, and then judged: zones/trust.toml has some.
_READ_WHOLE = ("MX", "TXT", "A", "AAAA", "PTR", "SRV")
_TYPES = ("MX", "TXT", "A", "AAAA", "PTR", "TLSA", "CAA", "SRV")
PARTIAL = (
    *(Fault(f"SERVFAIL for {kind}", only((kind,), SERVFAIL)) for kind in _TYPES),
    *(Fault(f"mangled records for {kind}", only((kind,), _mangled)) for kind in _READ_WHOLE),
    Fault("silence for AAAA", only(("AAAA",), _silence)),
    Fault("silence for TXT", only(("TXT",), _silence)),
)
"""Something can be learnt: no more than that may be judged, and what is judged is judged as ever."""
