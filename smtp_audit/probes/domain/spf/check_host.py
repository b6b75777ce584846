"""check_host() of RFC 7208 section 4: what a receiver makes of an address, a domain and a sender.

Pure logic: all it knows of the DNS comes through `ask`. A look-up that is not answered is a temperror that names it;
what the RFC passes over without a word (section 5.5) is kept in `skipped`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.spf import SpfEvaluation, SpfIdentity, SpfResult
from smtp_audit.limits import MAX_SPF_STEPS
from smtp_audit.probes.domain.spf.asking import Ask, domain_to_check, plain_name, target_name
from smtp_audit.published.spf import Mechanism, Modifier, Qualifier, SpfRecord, is_spf, parse_spf
from smtp_audit.published.spf_macro import expand, macro_letters, macro_problem
from smtp_audit.wiretext import escape_text

Address = IPv4Address | IPv6Address

_RESULTS = {
    Qualifier.PASS: SpfResult.PASS,
    Qualifier.FAIL: SpfResult.FAIL,
    Qualifier.SOFTFAIL: SpfResult.SOFTFAIL,
    Qualifier.NEUTRAL: SpfResult.NEUTRAL,
}


@dataclass(frozen=True)
class SpfLimits:
    """The limits of RFC 7208 section 4.6.4."""

    lookups: int = 10
    void: int = 2
    names: int = 10
    """MX hosts of one term, and names of one address."""


@dataclass(frozen=True)
class Receiver:
    """What a receiver says of itself in explanations (RFC 7208 section 7.2): its name, and the time."""

    name: str = "unknown"
    time: int = 0


async def check_host(
    ask: Ask,
    address: str,
    domain: str,
    sender: str,
    helo: str,
    *,
    identity: SpfIdentity = SpfIdentity.MAIL_FROM,
    limits: SpfLimits | None = None,
    receiver: Receiver | None = None,
) -> SpfEvaluation:
    """The result for one address.

    Args:
        ask: the DNS.
        address: the client's. IPv4 that is mapped into IPv6 counts as IPv4 (section 5).
        domain: that of MAIL FROM, or the name in HELO.
        sender: the mailbox of MAIL FROM, or postmaster at the name in HELO (section 2.4).
        helo: the name in HELO, for macros.
        identity: which of them is checked; it is noted in the result.
        limits: other limits than those of the RFC.
        receiver: who receives, for explanations.
    """
    client = ip_address(address)
    client = getattr(client, "ipv4_mapped", None) or client
    local, at, host = sender.rpartition("@")
    check = _Check(
        ask, client, local if at and local else "postmaster", host, helo, limits or SpfLimits(), receiver or Receiver()
    )
    name = domain_to_check(domain)
    if name is None:
        ended = _Ended(SpfResult.NONE, reason=f"{escape_text(domain, 100)} is no domain that could be asked for")
    else:
        ended = await check.begin(name)
    return SpfEvaluation(
        address=str(client),
        identity=identity,
        domain=domain,
        result=ended.result,
        by=ended.by,
        reason=ended.reason,
        lookups=check.lookups,
        void=check.void,
        skipped=tuple(check.skipped),
        steps=tuple(check.steps),
        explanation=ended.explanation,
    )


@dataclass(frozen=True)
class _Ended:
    """How the check of one record ended; `explain` is the exp modifier that applies, with the domain it stands in."""

    result: SpfResult
    by: tuple[str, ...] = ()
    reason: str = ""
    explain: tuple[Modifier, str] | None = None
    explanation: str = ""


class _PermanentError(Exception):
    """permerror, with its reason."""


class _TemporaryError(Exception):
    """temperror, with the look-up that was not answered."""


@dataclass
class _Check:
    """One check under way: its counts go through all includes (section 4.6.4)."""

    ask: Ask
    client: Address
    local: str
    host: str
    helo: str
    limits: SpfLimits
    receiver: Receiver
    lookups: int = 0
    void: int = 0
    skipped: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    _validated: list[str] | None = None

    async def begin(self, domain: str) -> _Ended:
        """The check of the domain itself, errors and explanation included."""
        try:
            ended = await self._check(domain)
        except _PermanentError as error:
            return _Ended(SpfResult.PERMERROR, reason=str(error))
        except _TemporaryError as error:
            return _Ended(SpfResult.TEMPERROR, reason=str(error))
        if ended.result is SpfResult.FAIL and ended.explain is not None:
            modifier, where = ended.explain
            return _Ended(ended.result, ended.by, explanation=await self._explanation(modifier, where))
        return ended

    async def _check(self, domain: str) -> _Ended:
        """Sections 4.4 to 4.7 for one name."""
        found = [text for text in (await self._answer(domain, "TXT")).records if is_spf(text)]
        if not found:
            return _Ended(SpfResult.NONE, reason=f"{escape_text(domain)} has no SPF record")
        if len(found) > 1:
            raise _PermanentError(f"{escape_text(domain)} has {len(found)} SPF records")
        record = parse_spf(found[0])
        if record.problems:
            raise _PermanentError(f"{escape_text(domain)}: {record.problems[0]}")
        if record.cut:
            raise _TemporaryError(f"{escape_text(domain)}: its record has more terms than are read")
        for term in record.mechanisms:
            inside = await self._match(term, domain)
            self._step(f"{domain}: {term.text}: {'no match' if inside is None else 'match'}")
            if inside is not None:
                explain = (record.explanation, domain) if record.explanation is not None else None
                return _Ended(_RESULTS[term.qualifier], (term.text, *inside), explain=explain)
        return await self._default(record, domain)

    async def _default(self, record: SpfRecord, domain: str) -> _Ended:
        """Sections 4.7 and 6.1: nothing matched."""
        if record.redirect is None:
            return _Ended(SpfResult.NEUTRAL, reason="nothing matched")
        self._count_lookup(record.redirect.text)
        target = target_name(await self._expand(record.redirect.value, domain))
        self._step(f"{domain}: {record.redirect.text}")
        if target is None:
            raise _PermanentError(f"{record.redirect.text} leads to no name that could be asked for")
        ended = await self._check(target)
        if ended.result is SpfResult.NONE:
            raise _PermanentError(f"{record.redirect.text}: {ended.reason}")
        return _Ended(ended.result, (record.redirect.text, *ended.by), ended.reason, ended.explain)

    async def _match(self, term: Mechanism, domain: str) -> tuple[str, ...] | None:
        """Whether a mechanism matches: the terms of an include that did, or nothing more; None when it does not."""
        if term.asks:
            self._count_lookup(term.text)
        match term.name:
            case "all":
                matches = True
            case "ip4" | "ip6":
                matches = self._within(term.address, term)
            case "include":
                return await self._include(term, domain)
            case "ptr":
                matches = await self._ptr(term, domain)
            case _:
                matches = await self._by_name(term, domain)
        return () if matches else None

    async def _include(self, term: Mechanism, domain: str) -> tuple[str, ...] | None:
        """Section 5.2."""
        target = target_name(await self._expand(term.domain, domain))
        if target is None:
            raise _PermanentError(f"{term.text} leads to no name that could be asked for")
        ended = await self._check(target)
        if ended.result is SpfResult.NONE:
            raise _PermanentError(f"{term.text}: {ended.reason}")
        return ended.by if ended.result is SpfResult.PASS else None

    async def _by_name(self, term: Mechanism, domain: str) -> bool:
        """Sections 5.3, 5.4 and 5.7: a, mx and exists."""
        target = target_name(await self._expand(term.domain, domain)) if term.domain else domain
        if target is None:
            return False
        if term.name == "exists":
            return (await self._counted(target, "A", term)).found
        if term.name == "a":
            return any(self._within(each, term) for each in (await self._counted(target, self._type, term)).records)
        hosts = mail_hosts(await self._counted(target, "MX", term))
        if len(hosts) > self.limits.names:
            raise _PermanentError(f"{term.text}: {len(hosts)} MX hosts, at most {self.limits.names} are allowed")
        counted = False
        for host in hosts:
            found = await self._answer(host, self._type)
            if found.absent and not counted:
                counted = True  # the limit is one of terms, and not of questions
                self._count_void(term.text)
            if any(self._within(each, term) for each in found.records):
                return True
        return False

    async def _ptr(self, term: Mechanism, domain: str) -> bool:
        """Section 5.5."""
        target = target_name(await self._expand(term.domain, domain)) if term.domain else domain
        if target is None:
            return False
        return any(_is_within(name, target) for name in await self._validated_names(term))

    async def _validated_names(self, term: Mechanism | None = None) -> list[str]:
        """The names of the client that lead back to it. Errors are passed over, and noted."""
        if self._validated is not None:
            return self._validated
        reverse = await self.ask(self.client.reverse_pointer, "PTR")
        if not reverse.answered:
            self.skipped.append(_not_answered(reverse))
        if reverse.absent and term is not None:
            self._count_void(term.text)
        names = []
        for record in reverse.records[: self.limits.names]:
            forward = await self.ask(record.removesuffix("."), self._type)
            if not forward.answered:
                self.skipped.append(_not_answered(forward))
            if any(_is_address(each, self.client) for each in forward.records):
                names.append(record.removesuffix(".").lower())
        self._validated = names
        return names

    async def _expand(self, text: str, domain: str, *, explanation: bool = False) -> str:
        """Section 7.3."""
        letters = macro_letters(text)
        if not letters:
            return expand(text, {})
        four = isinstance(self.client, IPv4Address)
        dotted = str(self.client) if four else ".".join(self.client.exploded.replace(":", "")).upper()
        values = {
            "s": f"{self.local}@{self.host}",
            "l": self.local,
            "o": self.host,
            "d": plain_name(domain),
            "i": dotted,
            "v": "in-addr" if four else "ip6",
            "h": self.helo,
            "p": await self._validated_name(domain) if "p" in letters else "",
        }
        if explanation:
            values |= {"c": str(self.client), "r": self.receiver.name, "t": str(self.receiver.time)}
        return expand(text, values)

    async def _validated_name(self, domain: str) -> str:
        """The macro p: the domain itself if it is among the names, then one below it, then any."""
        names = await self._validated_names()
        below = [name for name in names if _is_within(name, domain)]
        return next((name for name in below if name == domain.lower()), (below or names or ["unknown"])[0])

    async def _explanation(self, modifier: Modifier, domain: str) -> str:
        """Section 6.2: whatever goes wrong, there is no explanation."""
        target = target_name(await self._expand(modifier.value, domain))
        answer = await self.ask(target, "TXT") if target is not None else None
        if answer is None or len(answer.records) != 1 or macro_problem(answer.records[0], spaces=True):
            return ""
        return await self._expand(answer.records[0], domain, explanation=True)

    @property
    def _type(self) -> str:
        return "A" if isinstance(self.client, IPv4Address) else "AAAA"

    def _within(self, address: str, term: Mechanism) -> bool:
        """Whether the client is in the network of an address and the term's prefix for its family."""
        try:
            there = ip_address(address)
        except ValueError:
            return False
        if there.version != self.client.version:
            return False
        prefix = term.prefix4 if there.version == 4 else term.prefix6
        return self.client in ip_network((there, there.max_prefixlen if prefix is None else prefix), strict=False)

    def _count_lookup(self, term: str) -> None:
        self.lookups += 1
        if self.lookups > self.limits.lookups:
            raise _PermanentError(f"{term} is one look-up more than the {self.limits.lookups} that are allowed")

    def _count_void(self, term: str) -> None:
        self.void += 1
        if self.void > self.limits.void:
            raise _PermanentError(f"{term} is one void look-up more than the {self.limits.void} that are allowed")

    def _step(self, text: str) -> None:
        if len(self.steps) < MAX_SPF_STEPS:
            self.steps.append(escape_text(text, 200))

    async def _answer(self, name: str, rdtype: str) -> Answer:
        answer = await self.ask(name, rdtype)
        if not answer.answered:
            raise _TemporaryError(_not_answered(answer))
        return answer

    async def _counted(self, name: str, rdtype: str, term: Mechanism) -> Answer:
        answer = await self._answer(name, rdtype)
        if answer.absent:
            self._count_void(term.text)
        return answer


def _not_answered(answer: Answer) -> str:
    try:
        answer.require()
    except Undetermined as reason:
        return str(reason)
    return ""


def mail_hosts(answer: Answer) -> tuple[str, ...]:
    """The hosts of an MX answer by preference, without the last dot; a null MX (RFC 7505) is none."""
    pairs = []
    for record in answer.records:
        preference, _, host = record.partition(" ")
        if preference.isdecimal() and host.removesuffix("."):
            pairs.append((int(preference), host.removesuffix(".")))
    return tuple(host for _, host in sorted(pairs))


def _is_address(text: str, address: Address) -> bool:
    try:
        return ip_address(text) == address
    except ValueError:
        return False


def _is_within(name: str, domain: str) -> bool:
    return name.lower() == domain.lower() or name.lower().endswith(f".{domain.lower()}")
