"""What stands by a certificate: stapled OCSP responses, certificate transparency, the authority's word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.certificate_chain import reissue
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import (
    CertificateStatus,
    ClientKind,
    Presentation,
    RevocationAnswer,
    RevocationFacts,
    ShownCertificatesFacts,
    Staple,
)
from smtp_audit.facts.endpoint import Endpoint

_REFUSED = "a client that gives the name is refused; certificate-every-client judges that"

_SKEW = timedelta(hours=1)
"""How far in the future a statement may begin: clocks differ, and the run's time is that of its beginning."""

_LONGEST = timedelta(days=10)
"""How long a statement without an end counts: what the CA/Browser Forum allows one at most (section 4.9.10)."""


@control(
    "certificate-staple",
    title="The stapled OCSP response is there where it has to be, and sound",
    expects="a response that comes along is fresh, authentic, about this certificate, and says good; one is there when "
    "the certificate asks for it (required otherwise, too: {required})",
    subject=Endpoint,
    needs=ShownCertificatesFacts,
    parameters={"required": bool},
    spec=("RFC 7633 section 4.2.2", "RFC 6066 section 8", "RFC 6960 section 3.2"),
    remedy={
        "postfix": "Postfix does not staple: have the certificate issued without must-staple",
        "dovecot": "Dovecot does not staple: have the certificate issued without must-staple",
        "exim": "tls_ocsp_file = RESPONSE.der, fetched by a timer before it runs out (openssl ocsp -respout)",
        "sendmail": "sendmail does not staple: have the certificate issued without must-staple",
        "opensmtpd": "OpenSMTPD does not staple: have the certificate issued without must-staple",
        "docker-mailserver": "Postfix and Dovecot do not staple: have the certificate issued without must-staple",
        "any": "fetch a new response before the old one ends, and staple none rather than an old one; where the "
        "software cannot staple, the certificate must not ask for it (certbot: leave out --must-staple)",
    },
)
def certificate_staple(shown: ShownCertificatesFacts, rule: Rule) -> Verdict:
    """A certificate with must-staple and no staple is refused by the clients that know the rule, and by those only.

    It fails for some and works for others, which takes long to understand. A staple that is old, or about another
    certificate, makes clients give up that would have been content with none.
    """
    if not shown.offered:
        return not_applicable(NO_TLS)
    first = shown.to(ClientKind.DEFAULT)
    if first.refused:
        return not_applicable(_REFUSED)
    faults: list[str] = []
    for presentation in shown.presentations:
        faults += _staple_faults(presentation, rule)
    lines = tuple(f"{one.client}: {one.staple}" for one in shown.presentations if one.staple is not None)
    if faults:
        return fail("; ".join(dict.fromkeys(faults)), evidence=lines)
    leaf, staple = first.leaf, first.staple
    if staple is None:
        raise Undetermined("no client asked for an OCSP response")
    if not staple.present:
        if rule["required"] and leaf.ocsp_urls:
            return fail("no OCSP response is stapled", evidence=lines)
        reason = "the certificate does not ask for it" if leaf.ocsp_urls else "the certificate names no OCSP responder"
        return not_applicable(f"no OCSP response is stapled, and {reason}", evidence=lines)
    for one in shown.presentations:
        if one.staple is not None and one.staple.present and one.staple.signature_valid is None:
            raise Undetermined(f"the staple could not be checked: {one.staple.signature_problem}")
    return passed(str(staple), evidence=lines)


def _staple_faults(presentation: Presentation, rule: Rule) -> Iterator[str]:
    staple = presentation.staple
    if staple is None or presentation.refused:
        return
    if not staple.present:
        if presentation.chain and presentation.leaf.must_staple:
            yield "the certificate demands a stapled OCSP response (must-staple), and none came"
        return
    if not staple.readable:
        yield f"the stapled OCSP response cannot be used: {staple.problem}"
        return
    if staple.about_leaf is not None:  # where the leaf cannot be read, nothing can be said of its staple
        yield from _contents(staple, rule.time)


def _contents(staple: Staple, now: datetime) -> Iterator[str]:
    if staple.signature_valid is False:
        yield f"the stapled OCSP response is not authentic: {staple.signature_problem}"
    if staple.about_leaf is False:
        yield "the stapled OCSP response is about another certificate"
    if staple.cert_status is not CertificateStatus.GOOD:
        since = f" since {staple.revoked_at:%Y-%m-%d}" if staple.revoked_at else ""
        yield f"the stapled OCSP response says {staple.cert_status}{since}"
    late = _out_of_date(staple.this_update, staple.next_update, now)
    if late:
        yield f"the stapled OCSP response {late}"


def _out_of_date(begin: datetime | None, end: datetime | None, now: datetime) -> str:
    if begin is not None and begin > now + _SKEW:
        return f"is from the future, {begin:%Y-%m-%d %H:%M} UTC"
    if end is not None:
        return f"ran out on {end:%Y-%m-%d %H:%M} UTC" if end < now else ""
    if begin is None or begin < now - _LONGEST:
        return "has no end, and is older than 10 days"
    return ""


@control(
    "certificate-transparency",
    title="The certificate is in public logs",
    expects="signed timestamps of at least {minimum_scts} different logs come with a publicly trusted certificate",
    subject=Endpoint,
    needs=ShownCertificatesFacts,
    parameters={"minimum_scts": Annotated[int, Field(ge=0)]},
    spec=("RFC 6962 section 3.3", "RFC 9162 section 6"),
    remedy={
        **reissue("take the certificate of an authority that logs what it issues"),
        "any": "every authority that browsers trust embeds the timestamps by itself; a certificate without them was "
        "made on another way. With a private authority give the audit its root: --smtp-ca FILE",
    },
)
def certificate_transparency(shown: ShownCertificatesFacts, rule: Rule) -> Verdict:
    """What is in public logs can be seen by the domain's owner, also a certificate that somebody else had issued.

    The timestamps are the logs' promises. Their signatures are not checked here, only how many different logs they
    come from. Private authorities do not log, so that this is about publicly trusted certificates alone.
    """
    if not shown.offered:
        return not_applicable(NO_TLS)
    first = shown.to(ClientKind.DEFAULT)
    if first.refused:
        return not_applicable(_REFUSED)
    trust = first.trust
    if trust is not None and trust.system_anchors is False:
        return not_applicable("the trust anchors are a file that was given: private authorities do not log")
    if trust is not None and not trust.trusted:
        return not_applicable("the chain is not publicly trusted; certificate-trusted judges that")
    leaf, logs = first.leaf, first.sct_logs
    leaf.require_extensions()
    said = f"timestamps of {len(logs)} different logs, {rule['minimum_scts']} are asked for"
    evidence = (str(leaf), *(f"log {log}" for log in logs))
    if len(logs) >= rule["minimum_scts"]:
        return passed(said, evidence=evidence)
    if trust is None:
        raise Undetermined(f"{said}; whether it is publicly trusted is not known: {first.trust_unknown}")
    if first.tls_sct_logs is None or first.sct_problem:
        raise Undetermined(f"{said}; {first.sct_problem or 'no client asked for more of them in the handshake'}")
    return fail(said, evidence=evidence)


@control(
    "certificate-revocation",
    title="The authority says that the certificate is not revoked",
    expects="an authentic answer in date, by OCSP or a revocation list, that the certificate is good; none says else",
    subject=Endpoint,
    needs=RevocationFacts,
    spec=("RFC 6960", "RFC 5280 section 6.3", "RFC 5280 section 4.2.1.13"),
    safety=Safety.ACTIVE,
    remedy={
        **reissue("make a new key, have a new certificate issued"),
        "any": "find out why it was revoked (a lost key, a mistake of the authority), make a new key and have a new "
        "certificate issued for it",
    },
)
def certificate_revocation(revocation: RevocationFacts, rule: Rule) -> Verdict:
    """A revoked certificate is one whose key may be in other hands, or that should never have been issued.

    Few mail programs look, so that a revoked certificate can stay in use unnoticed; those that do look refuse it. The
    authorities are asked only when that was allowed, since they learn from it which server is looked at.
    """
    if not revocation.offered:
        return not_applicable(NO_TLS)
    evidence = (*map(str, revocation.answers), *(f"not asked: {one}" for one in revocation.left_out))
    bad: list[RevocationAnswer] = []
    good: list[RevocationAnswer] = []
    unclear = [f"not asked: {one}" for one in revocation.left_out]
    for one in revocation.answers:
        late = _out_of_date(one.this_update, one.next_update, rule.time) if one.status else ""
        if one.status is CertificateStatus.REVOKED:
            bad.append(one)  # for good, however old the word is
        elif one.status is None or late:
            unclear.append(f"{one.source} {one.url}: {late or one.detail or 'no usable answer'}")
        else:
            (good if one.status is CertificateStatus.GOOD else bad).append(one)
    if bad:
        return fail("; ".join(map(_bad_word, bad)), evidence=evidence)
    if good:
        also = f" (of no use: {'; '.join(unclear)})" if unclear else ""
        return passed(f"good, says {' and '.join(one.source for one in good)}{also}", evidence=evidence)
    if not unclear:
        return not_applicable("the certificate names no address where its authority could be asked")
    raise Undetermined("; ".join(unclear))


def _bad_word(one: RevocationAnswer) -> str:
    if one.status is CertificateStatus.REVOKED:
        return f"revoked{f' since {one.revoked_at:%Y-%m-%d}' if one.revoked_at else ''}, says {one.source} {one.url}"
    return f"unknown to its own authority, says {one.source} {one.url}"
