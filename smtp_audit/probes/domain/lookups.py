"""Questions to one resolver: each name and type once in a run, many at a time, every answer with its outcome.

dnspython's own resolver turns an answer that it cannot parse into a time-out and hides the bits that matter here, so
that the messages are made and read one by one. Whatever a server does, `ask` returns an `Answer` and never raises.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.RRSIG
import dns.rdtypes.ANY.TXT
import dns.resolver
import dns.rrset

from smtp_audit.configuration.model import Config
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.limits import MAX_LOOKUPS, MAX_LOOKUPS_AT_ONCE, MAX_RECORDS
from smtp_audit.wiretext import escape_text

TRIES = 3
"""How often a question is put before silence counts as a time-out; each time to the next server."""

DEAD_AFTER = 3
"""Questions without any reply after which servers that never replied get one try each."""

TRY_SECONDS = 2.0
"""How long one try may take."""

MAX_SERVERS = 3
"""Lines of /etc/resolv.conf that count (resolv.conf(5))."""

EDNS_SIZE = 1232
"""Octets that an answer by UDP may have (DNS flag day 2020): more goes by TCP instead of in fragments."""

_CASE_MATTERS = frozenset({"TXT", "CAA", "TLSA", "DS", "CDS", "DNSKEY", "CDNSKEY", "RRSIG", "SPF"})
"""Types whose text holds more than names and numbers; base64 is among it."""


@dataclass(frozen=True)
class Server:
    """A name server: where questions go to."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


def servers_of(config: Config) -> tuple[Server, ...]:
    """The resolver of the configuration, and nothing else; without one those of the system."""
    if config.resolver is not None:
        return (Server(config.resolver.address, config.resolver.port),)
    try:
        system = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):
        return ()
    return tuple(Server(str(each)) for each in system.nameservers[:MAX_SERVERS])


class Lookups:
    """All questions of a run, to the servers given. For one event loop."""

    def __init__(self, servers: tuple[Server, ...], *, recursive: bool = True) -> None:
        self.servers = servers
        self._recursive = recursive
        self._asked: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._replied = False
        self._unheard = 0
        self._at_once = asyncio.Semaphore(MAX_LOOKUPS_AT_ONCE)

    @property
    def count(self) -> int:
        """How many questions there were."""
        return len(self._asked)

    async def ask(self, name: str, rdtype: str) -> Answer:
        """The answer to a question; one that was asked before is not asked again, also while it is under way."""
        key = (name.rstrip(".").lower() or ".", rdtype)
        known = self._asked.get(key)
        if known is None:
            if len(self._asked) >= MAX_LOOKUPS:
                return _unasked(key, f"more than {MAX_LOOKUPS} questions in one run")
            known = self._asked[key] = asyncio.create_task(self._ask(*key))
        # Who asked first may be cancelled; whoever else waits for the same answer is not.
        return await asyncio.shield(known)

    async def _ask(self, name: str, rdtype: str) -> Answer:
        try:
            asked = dns.name.from_text(name)
            kind = dns.rdatatype.from_text(rdtype)
        except (dns.exception.DNSException, UnicodeError, ValueError) as error:
            return _unasked((name, rdtype), f"no name that can be asked for: {_told(error)}")
        if not self.servers:
            return _unasked((name, rdtype), "no resolver is configured")
        question = _Question(asked, kind, name, self._recursive)
        async with self._at_once:
            try:
                return await self._settle(question)
            except Exception as error:  # whatever a hostile answer does to the parser costs this answer only
                return question.failed(LookupOutcome.MALFORMED, f"cannot be read: {_told(error)}")

    async def _settle(self, question: _Question) -> Answer:
        answer = await self._try(question)
        if answer.outcome is not LookupOutcome.SERVFAIL or not self._recursive:
            return answer
        # A validating resolver says SERVFAIL for signatures that do not fit, and for servers that do not answer. With
        # CD it does not check: when it answers then, and fails again without, it is the signatures (RFC 4035 section
        # 5.5).
        unchecked = await self._try(question, check=False)
        if not unchecked.answered:
            return answer
        again = await self._try(question)
        if again.outcome is not LookupOutcome.SERVFAIL:
            return again
        detail = again.detail or "fails, and is answered when signatures are not checked (CD)"
        return question.failed(LookupOutcome.BOGUS, detail)

    async def _try(self, question: _Question, *, check: bool = True) -> Answer:
        """Put a question until a server answers it. What the last one said counts when none does."""
        answer = question.failed(LookupOutcome.TIMEOUT, "")
        for number in range(1 if not self._replied and self._unheard >= DEAD_AFTER else TRIES):
            server = self.servers[number % len(self.servers)]
            answer = await self._once(question, server, check=check)
            if answer.answered:
                return answer
            if answer.outcome is LookupOutcome.SERVFAIL and len(self.servers) == 1 and number:
                return answer
            if answer.outcome is LookupOutcome.REFUSED and len(self.servers) == 1:
                return answer
        if answer.outcome is LookupOutcome.TIMEOUT:
            self._unheard += 1
        return answer

    async def _once(self, question: _Question, server: Server, *, check: bool) -> Answer:
        message = question.message(check=check)
        began = time.monotonic()
        try:
            reply, tcp = await dns.asyncquery.udp_with_fallback(
                message, server.address, timeout=TRY_SECONDS, port=server.port, ignore_unexpected=True
            )
        except dns.exception.Timeout:
            return question.failed(LookupOutcome.TIMEOUT, f"{server} does not answer within {TRY_SECONDS:g} s")
        except ConnectionRefusedError:
            await asyncio.sleep(0)
            return question.failed(LookupOutcome.TIMEOUT, f"{server} refuses connections")
        except (dns.exception.DNSException, ValueError, IndexError) as error:
            return question.failed(LookupOutcome.MALFORMED, f"{server}: {_told(error)}")
        except (OSError, EOFError) as error:
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
            return question.failed(LookupOutcome.TIMEOUT, f"{server}: {_told(error)}")
        self._replied = True
        return question.read(reply, tcp=tcp)


@dataclass(frozen=True)
class _Question:
    """A name and a type, and how an answer to them is read."""

    asked: dns.name.Name
    kind: dns.rdatatype.RdataType
    name: str
    recursive: bool

    def message(self, *, check: bool) -> dns.message.QueryMessage:
        """The question on the wire: DO for signatures, AD to hear whether they were checked (RFC 6840 section 5.7)."""
        flags = dns.flags.AD | (dns.flags.RD if self.recursive else 0) | (0 if check else dns.flags.CD)
        return dns.message.make_query(
            self.asked, self.kind, use_edns=0, want_dnssec=True, payload=EDNS_SIZE, flags=dns.flags.Flag(flags)
        )

    def failed(self, outcome: LookupOutcome, detail: str) -> Answer:
        """An answer that says nothing of the name."""
        return Answer(name=self.name, type=self.kind.name, outcome=outcome, detail=detail)

    def read(self, reply: dns.message.Message, *, tcp: bool) -> Answer:
        """The answer that a message holds."""
        code = reply.rcode()
        extended = _extended(reply)
        if code == dns.rcode.SERVFAIL:
            return self.failed(LookupOutcome.SERVFAIL, extended)
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            refused = code in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)
            outcome = LookupOutcome.REFUSED if refused else LookupOutcome.MALFORMED
            return self.failed(outcome, f"{dns.rcode.to_text(code)}{': ' if extended else ''}{extended}")
        if not reply.flags & dns.flags.QR or not isinstance(reply, dns.message.QueryMessage):
            return self.failed(LookupOutcome.MALFORMED, "no reply to a query")
        try:
            chain = reply.resolve_chaining()
        except dns.exception.DNSException as error:
            return self.failed(LookupOutcome.MALFORMED, _told(error))
        rrset = chain.answer
        aliases = tuple(_plain(record.target) for each in chain.cnames for record in each)
        if rrset is not None and len(rrset) > MAX_RECORDS:
            return self.failed(LookupOutcome.MALFORMED, f"{len(rrset)} records, at most {MAX_RECORDS} are read")
        if self.recursive and rrset is None and not reply.flags & (dns.flags.RA | dns.flags.AA):
            return self.failed(LookupOutcome.REFUSED, "the server does not look names up for others (no RA)")
        if not self.recursive and not reply.flags & dns.flags.AA:
            return self.failed(LookupOutcome.REFUSED, "the server is not authoritative for the name (no AA)")
        signatures = [
            record
            for section in (reply.answer, reply.authority)
            for each in section
            if each.rdtype == dns.rdatatype.RRSIG
            for record in each
            if isinstance(record, dns.rdtypes.ANY.RRSIG.RRSIG)
        ]
        outcome = LookupOutcome.FOUND
        if rrset is None:
            outcome = LookupOutcome.NXDOMAIN if code == dns.rcode.NXDOMAIN else LookupOutcome.NO_DATA
        expire = [int(signature.expiration) for signature in signatures]
        vouched = bool(reply.flags & dns.flags.AD)
        return Answer(
            name=self.name,
            type=self.kind.name,
            outcome=outcome,
            secure=vouched and bool(signatures),
            records=tuple(sorted(_text(record) for record in rrset)) if rrset is not None else (),
            ttl=chain.minimum_ttl if rrset is not None else None,
            aliases=aliases,
            detail=extended or ("the AD bit is set, and there are no signatures" if vouched and not signatures else ""),
            tcp=tcp,
            size=len(reply.wire or b"") or len(reply.to_wire(max_size=65535)),
            algorithms=tuple(sorted({int(signature.algorithm) for signature in signatures})),
            signatures_expire=datetime.fromtimestamp(min(expire), UTC) if expire else None,
            zone=_plain(signatures[0].signer) if signatures else _owner(reply),
        )


def _unasked(key: tuple[str, str], detail: str) -> Answer:
    return Answer(name=key[0], type=key[1], outcome=LookupOutcome.NOT_ASKED, detail=detail)


def _text(record: dns.rdata.Rdata) -> str:
    if isinstance(record, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(record.strings).decode("latin-1")
    text = record.to_text()
    return text if dns.rdatatype.to_text(record.rdtype) in _CASE_MATTERS else text.lower()


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _owner(reply: dns.message.Message) -> str:
    return next((_plain(each.name) for each in reply.authority if each.rdtype == dns.rdatatype.SOA), "")


def _extended(reply: dns.message.Message) -> str:
    """The extended errors of an answer (RFC 8914), in words."""
    errors = [option for option in reply.options if isinstance(option, dns.edns.EDEOption)]
    return ", ".join(
        f"EDE {int(error.code)}" + (f" ({escape_text(error.text, 120)})" if error.text else "") for error in errors
    )


def _told(error: Exception) -> str:
    return escape_text(str(error) or type(error).__name__, 200)
