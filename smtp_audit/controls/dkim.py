"""DKIM keys: that there are some, one at a selector, and that verifiers can use them."""

from __future__ import annotations

from collections.abc import Callable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.dkim import DkimFacts, DkimSelector
from smtp_audit.facts.endpoint import Domain

NO_KEY = "there is no key to look at; dkim-selectors judges that"


def judge_each(
    dkim: DkimFacts,
    fault: Callable[[DkimSelector], str],
    good: str,
    *,
    only_configured: bool = False,
    republish: bool = False,
) -> Verdict:
    """Fail for the selectors with a fault; the others pass when every configured one was answered.

    `republish`: the key itself is sound, and the evidence has the record to publish instead.
    """
    looked_at = [each for each in dkim.published if each.configured or not only_configured]
    faults = [(each, why) for each in looked_at if (why := fault(each))]
    evidence = list(dkim.told())
    if faults:
        if republish:
            broken = [(each, record) for each, _ in faults for record in each.records]
            evidence += [line for each, record in broken if (line := each.publication(record))]
        return fail("; ".join(f"{each.selector}: {why}" for each, why in faults), evidence=evidence)
    dkim.require_known()
    if not looked_at:
        return not_applicable(NO_KEY, evidence=evidence)
    return passed(f"{good}: {', '.join(each.selector for each in looked_at)}", evidence=evidence)


@control(
    "dkim-selectors",
    title="The domain has a DKIM key that verifiers can use",
    expects="every selector that the domain signs with ([dkim] selectors) has a key, and at least one of the keys can "
    "be used: well-formed, for mail, and for SHA-256",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.2", "RFC 6376 section 6.1.2", "RFC 9989 section 5.1.2"),
    remedy={
        "any": "make a key (openssl genrsa 2048; its public half: openssl rsa -pubout), and publish it: "
        'mail2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=MIIB..."',
        "docker-mailserver": "setup config dkim, then publish what it writes to config/opendkim/keys/DOMAIN/mail.txt",
    },
)
def selectors(dkim: DkimFacts, rule: Rule) -> Verdict:
    """A signature whose key is not there is as good as none, and with it DMARC is left to SPF alone.

    SPF breaks when mail is passed on; a signature holds. Selectors are not listed in the DNS: name those that sign in
    the configuration. Without that, what common selectors have is looked at, which are guesses.
    """
    evidence = dkim.told()
    missing = [
        f"{each.selector} (only a wildcard answers)" if each.answer.found else each.selector
        for each in dkim.configured
        if each.answer.absent or (dkim.from_wildcard(each) and not any(r.looks_like_key for r in each.records))
    ]
    if missing:
        return fail(f"there is no key at {', '.join(missing)}", evidence=evidence)
    dkim.require_known()
    candidates = dkim.configured or dkim.published
    usable = [each for each in candidates if each.usable]
    if not usable:
        reasons = "; ".join(f"{each.selector} {_reason(each)}" for each in candidates)
        return fail(f"no key can be used: {reasons}", evidence=evidence)
    guessed = "" if dkim.configured else "; these are guesses, [dkim] selectors names those that sign"
    return passed(f"keys that can be used: {', '.join(each.selector for each in usable)}{guessed}", evidence=evidence)


def _reason(selector: DkimSelector) -> str:
    if len(selector.records) != 1:
        return f"has {len(selector.records)} records"
    record = selector.records[0]
    if record.revoked:
        return "is revoked"
    if record.problems:
        return record.problems[0]
    if record.key is None:
        return f"is of type {record.shown_type}"
    return "is not for mail" if not record.for_mail else "does not allow SHA-256"


@control(
    "dkim-one-record",
    title="Each selector has exactly one TXT record",
    expects="there is one TXT record at a selector, and no other beside it",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.2.2",),
    remedy={"any": "leave one TXT record at the name; for another key take another selector"},
)
def one_record(dkim: DkimFacts, rule: Rule) -> Verdict:
    """With several records it is left to chance which one a verifier takes, and mail fails now and then.

    That holds for any text: a verifier may take what is no key at all.
    """
    return judge_each(
        dkim, lambda each: f"{len(each.records)} TXT records" if len(each.records) > 1 else "", "one record each"
    )


@control(
    "dkim-syntax",
    title="DKIM key records are well-formed",
    expects="a list of tags, v=DKIM1 first if it is there, and in p= base64 of a key of the type that k= says",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.2", "RFC 6376 section 3.6.1", "RFC 8463 section 4"),
    remedy={
        "any": 'write the record like this, semicolons without backslash, p= on one line without "-----BEGIN": '
        'mail2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=MIIB..."',
    },
)
def syntax(dkim: DkimFacts, rule: Rule) -> Verdict:
    """A verifier ignores a record that is not well-formed: every signature with that key fails, and for good.

    Unknown tags are no fault, nor is white space within the key.
    """

    def fault(each: DkimSelector) -> str:
        # Of several records, those that are no key at all are the fault of dkim-one-record.
        meant = [record for record in each.records if record.looks_like_key] or list(each.records)
        return ", ".join(dict.fromkeys(problem for record in meant for problem in record.problems))

    verdict = judge_each(dkim, fault, "well-formed", republish=True)
    notes = [f"{each.selector}: {note}" for each in dkim.published for record in each.records for note in record.notes]
    return verdict.model_copy(update={"evidence": (*verdict.evidence, *notes)})


@control(
    "dkim-hash",
    title="DKIM keys may be used with SHA-256",
    expects="h= is absent, or has sha256 in it",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.1", "RFC 8301 section 3.1"),
    remedy={"any": "take h= out of the record, or write h=sha256"},
)
def hashes(dkim: DkimFacts, rule: Rule) -> Verdict:
    """SHA-256 is the only hash that signatures may still have: a key that excludes it verifies nothing.

    h=sha1 is from the time before 2018, when RFC 8301 ended rsa-sha1.
    """

    def fault(each: DkimSelector) -> str:
        return next((f"h={r.shown_hashes} only" for r in each.records if not r.allows_sha256), "")

    return judge_each(dkim, fault, "SHA-256 is allowed", republish=True)


@control(
    "dkim-service",
    title="DKIM keys are for mail",
    expects="s= is absent, or has email or * in it",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.1", "RFC 8460 section 3"),
    remedy={"any": "take s= out of the record, or write s=email"},
)
def services(dkim: DkimFacts, rule: Rule) -> Verdict:
    """Verifiers of mail ignore a key that its owner reserved for another service.

    s=tlsrpt alone is for the reports of RFC 8460, and right there: do not name that selector in [dkim] selectors.
    """

    def fault(each: DkimSelector) -> str:
        return next((f"s={r.shown_services} only" for r in each.records if not r.for_mail), "")

    return judge_each(dkim, fault, "for mail", only_configured=bool(dkim.configured), republish=True)


@control(
    "dkim-test-flag",
    title="DKIM is not in test mode",
    expects="t= does not have y in it",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.1",),
    remedy={"any": "take t=y out of the record"},
)
def not_testing(dkim: DkimFacts, rule: Rule) -> Verdict:
    """With t=y a domain says that it is only trying DKIM: its signed mail must be treated like mail without signature.

    Many verifiers ignore the flag, others do what it asks for, and DMARC then has one leg less.
    """

    def fault(each: DkimSelector) -> str:
        return "t=y" if any(record.testing for record in each.records) else ""

    return judge_each(dkim, fault, "no test mode", republish=True)


@control(
    "dkim-revoked",
    title="No key that the domain signs with is revoked",
    expects="p= is not empty at the selectors of [dkim] selectors",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.1",),
    remedy={"any": "sign with a selector whose key is published, or publish the key again; then name that selector"},
)
def revoked(dkim: DkimFacts, rule: Rule) -> Verdict:
    """An empty p= withdraws a key: signatures with it are invalid from then on.

    At selectors that are not in use any more that is as it should be.
    """

    def fault(each: DkimSelector) -> str:
        return "p= is empty" if any(record.revoked for record in each.records) else ""

    return judge_each(dkim, fault, "not revoked", only_configured=True)
