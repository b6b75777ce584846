"""SPF: the addresses that mail really leaves from pass, by the domain in MAIL FROM and by the name in HELO."""

from __future__ import annotations

from collections.abc import Iterable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.spf_record import NO_RECORD, shown
from smtp_audit.controls.zone_line import publish
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.spf import SpfEvaluation, SpfHeloFacts, SpfResult, SpfSendingFacts
from smtp_audit.published.spf import is_spf, parse_spf
from smtp_audit.wiretext import escape_text


@control(
    "spf-covers-sending",
    title="Every address that mail leaves from passes SPF",
    expects="each address in [sending] passes as MAIL FROM of the domain",
    subject=Domain,
    needs=SpfSendingFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 2.4", "RFC 7208 section 4", "RFC 7208 section 8"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all": every address of every server that '
        "sends, also its IPv6 address",
        "any": "add ip4: and ip6: for the addresses that do not pass, in front of all",
    },
)
def spf_covers_sending(sending: SpfSendingFacts, rule: Rule) -> Verdict:
    """What the record forgets is refused: most often the IPv6 address, which the system prefers without being told.

    Evaluated as a receiver does it, with all includes and limits, for the addresses that the configuration names.
    """
    texts = [text for text in sending.record.require().records if is_spf(text)]
    if len(texts) != 1:
        return not_applicable(NO_RECORD)
    bad, evidence = _not_passing(sending.evaluations)
    if bad:
        line = _with_addresses(sending.domain, texts[0], bad)
        return fail(_told(bad), evidence=[*evidence, *shown(sending.record), *line])
    return passed(f"{_count(sending.evaluations)} as MAIL FROM {sending.domain}", evidence=evidence)


@control(
    "spf-helo",
    title="The name in HELO has an SPF record of its own, which the server passes",
    expects="each address in [sending] passes as HELO with the name that is given there, and foreign addresses do not",
    subject=Domain,
    needs=SpfHeloFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 2.3", "RFC 7208 section 10.1.3"),
    remedy={
        "dns": 'mail.example.com. IN TXT "v=spf1 a -all": at the name that the server gives in HELO',
        "any": "publish an SPF record at the server's own name",
    },
)
def spf_helo(helo: SpfHeloFacts, rule: Rule) -> Verdict:
    """Bounces have no sender: the name in HELO is all that SPF can check there, and anyone may give it.

    RFC 7208 recommends to check it first, for all mail; a record at the name keeps others from using it.
    """
    helo.record.require()
    passing = [each for each in helo.foreign if each.result is SpfResult.PASS]
    if passing:
        summary = f"foreign addresses pass: {passing[0].address} by {escape_text(' > '.join(passing[0].by), 200)}"
        return fail(summary, evidence=[*map(str, helo.foreign), *shown(helo.record)])
    bad, evidence = _not_passing(helo.evaluations)
    if bad:
        text = " ".join(["v=spf1", *(_term(each.address) for each in helo.evaluations), "-all"])
        has_one = any(is_spf(each) for each in helo.record.records)
        summary = _told(bad) if has_one else f"{helo.helo} has no SPF record"
        return fail(summary, evidence=[*evidence, *shown(helo.record), publish(helo.helo, text)])
    for each in helo.foreign:
        each.require()
    return passed(f"{_count(helo.evaluations)} as HELO {helo.helo}", evidence=[*evidence, *map(str, helo.foreign)])


def _not_passing(evaluations: tuple[SpfEvaluation, ...]) -> tuple[list[SpfEvaluation], list[str]]:
    """Those that certainly do not pass, and all of them in lines.

    Raises:
        Undetermined: there is none of the former, and some could not be told.
    """
    if not evaluations:
        raise Undetermined("no address was tried")
    bad: list[SpfEvaluation] = []
    unknown: Undetermined | None = None
    for each in evaluations:
        try:
            if each.require().result is not SpfResult.PASS:
                bad.append(each)
        except Undetermined as reason:
            unknown = unknown or reason
    if unknown is not None and not bad:
        raise unknown
    return bad, [str(each) for each in evaluations]


def _told(bad: list[SpfEvaluation]) -> str:
    first = bad[0]
    reason = f" ({first.reason})" if first.reason else ""
    more = f", and {len(bad) - 1} more that do not pass" if len(bad) > 1 else ""
    return f"{first.address}: {first.result}{reason}{more}"


def _count(evaluations: tuple[SpfEvaluation, ...]) -> str:
    return f"{len(evaluations)} {'address passes' if len(evaluations) == 1 else 'addresses pass'}"


def _term(address: str) -> str:
    return f"ip6:{address}" if ":" in address else f"ip4:{address}"


def _with_addresses(domain: str, text: str, bad: Iterable[SpfEvaluation]) -> list[str]:
    """The record with the addresses in front, where nothing can keep them from passing; none for a broken record."""
    record = parse_spf(text)
    added = [_term(each.address) for each in bad if each.result is not SpfResult.PERMERROR]
    if record.problems or record.cut or not added:
        return []
    return [publish(domain, " ".join(["v=spf1", *added, *text.split()[1:]]))]
