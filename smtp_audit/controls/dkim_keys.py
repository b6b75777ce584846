"""DKIM keys: their strength and type, and in whose hands they are."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.dkim import NO_KEY, judge_each
from smtp_audit.errors import Undetermined
from smtp_audit.facts.dkim import DkimFacts, DkimSelector
from smtp_audit.facts.endpoint import Domain

RFC_MINIMUM = 1024
"""RFC 8301 section 3.2: verifiers do not take less, and need not take more than 4096."""


@control(
    "dkim-key-broken",
    title="No DKIM key can be computed by outsiders",
    expects="RSA keys have at least 1024 bits",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 8301 section 3.2",),
    remedy={"any": "make a new key of 2048 bits at a new selector, sign with that, and empty p= of the old one"},
)
def key_broken(dkim: DkimFacts, rule: Rule) -> Verdict:
    """A key of 512 bits is computed for the price of a meal; who has it signs in the domain's name and passes DMARC.

    Verifiers that follow RFC 8301 treat such signatures as invalid, so that the domain's own mail loses, too. A key
    counts as long as it is published, whether the domain still signs with it or not.
    """
    return judge_each(dkim, lambda each: _smaller(each, RFC_MINIMUM), f"none of RSA has less than {RFC_MINIMUM} bits")


@control(
    "dkim-key-strength",
    title="DKIM keys are strong, and of a size that verifiers take",
    expects="RSA keys have at least {minimum_bits} and at most {maximum_bits} bits",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    parameters={"minimum_bits": int, "maximum_bits": int},
    spec=("RFC 8301 section 3.2",),
    remedy={"any": "make a new key of 2048 bits at a new selector, sign with that, and empty p= of the old one"},
)
def key_strength(dkim: DkimFacts, rule: Rule) -> Verdict:
    """1024 bits are in reach of those who can spend much; 2048 are what RFC 8301 recommends and all verifiers take.

    More than 4096 bits need not be understood by anyone.
    """

    def fault(each: DkimSelector) -> str:
        large = [key.bits for key in each.keys if key.type == "rsa" and key.bits > rule["maximum_bits"]]
        return _smaller(each, rule["minimum_bits"]) or (f"RSA of {large[0]} bits" if large else "")

    return judge_each(dkim, fault, f"{_sizes(dkim)}")


def _smaller(selector: DkimSelector, bits: int) -> str:
    small = [key.bits for key in selector.keys if key.type == "rsa" and key.bits < bits]
    return f"RSA of {min(small)} bits" if small else ""


def _sizes(dkim: DkimFacts) -> str:
    sizes = dict.fromkeys(
        f"RSA of {key.bits} bits" if key.type == "rsa" else "Ed25519" for each in dkim.published for key in each.keys
    )
    return ", ".join(sizes) or "no key that has a size"


@control(
    "dkim-key-type",
    title="DKIM keys are of a type that verifiers know",
    expects="k= is one of {accepted}",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    parameters={"accepted": list[str]},
    spec=("RFC 6376 section 3.6.1", "RFC 8463 section 4"),
    remedy={"any": 'mail2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=MIIB..."'},
)
def key_type(dkim: DkimFacts, rule: Rule) -> Verdict:
    """A verifier that does not know the type of a key cannot check the signature, and acts as if there were none.

    RSA is known everywhere; Ed25519 by those that follow RFC 8463.
    """
    accepted = set(rule["accepted"])

    def fault(each: DkimSelector) -> str:
        return next((f"k={record.shown_type}" for record in each.records if record.type not in accepted), "")

    return judge_each(dkim, fault, f"of types {', '.join(sorted(accepted))}")


@control(
    "dkim-rsa-beside-ed25519",
    title="Beside Ed25519 keys there is an RSA key",
    expects="where a key is Ed25519, another selector has an RSA key",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 8463 section 5",),
    remedy={"any": "sign twice: publish an RSA key of 2048 bits at another selector, and add its signature"},
)
def rsa_beside_ed25519(dkim: DkimFacts, rule: Rule) -> Verdict:
    """Large receivers still do not know Ed25519, and for them the mail has no signature at all.

    RFC 8463 has domains sign with both keys, at two selectors.
    """
    types = {key.type for each in dkim.published for key in each.keys}
    if "rsa" in types:
        return passed(f"there is an RSA key: {dkim.names}", evidence=dkim.told())
    dkim.require_known()
    if "ed25519" in types:
        return fail(f"all keys are Ed25519: {dkim.names}", evidence=dkim.told())
    return not_applicable(NO_KEY, evidence=dkim.told())


@control(
    "dkim-strict",
    title="DKIM keys are for the domain alone, and not for those below it",
    expects="t=s: the domain of i= in a signature is that of d=",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.1",),
    remedy={
        "any": 'mail2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; t=s; p=MIIB..." - unless users in sub-domains '
        "sign with this key (i=@sub.example.com)",
    },
)
def strict(dkim: DkimFacts, rule: Rule) -> Verdict:
    """Without t=s a key also vouches for users of every sub-domain; RFC 6376 recommends it unless that is needed.

    Advice: DMARC looks at d= and not at i=, so that little depends on it.
    """

    def fault(each: DkimSelector) -> str:
        return "no t=s" if any(record.key is not None and not record.strict for record in each.records) else ""

    return judge_each(dkim, fault, "t=s")


@control(
    "dkim-keys-differ",
    title="No two selectors have the same key",
    expects="every selector has a key of its own",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.1", "RFC 6376 section 8.4"),
    remedy={"any": "make a new key for each new selector; when keys change, only then does an old one lose its worth"},
)
def keys_differ(dkim: DkimFacts, rule: Rule) -> Verdict:
    """Selectors are there so that keys can change: a new selector with the old key changes nothing.

    Who has got hold of the key goes on signing under the other name.
    """
    places: dict[str, list[str]] = {}
    for each in dkim.published:
        for sha256 in {key.sha256 for key in each.keys}:
            places.setdefault(sha256, []).append(each.selector)
    same = [" and ".join(names) for names in places.values() if len(names) > 1]
    if same:
        return fail(f"the same key at {'; '.join(same)}", evidence=dkim.told())
    dkim.require_known()
    if not places:
        return not_applicable(NO_KEY, evidence=dkim.told())
    return passed(f"{len(places)} different keys at {dkim.names}", evidence=dkim.told())


@control(
    "dkim-foreign-key-host",
    title="No DKIM key is in the hands of somebody else's mail service",
    expects="no selector is an alias (CNAME) to a name of an external mail service",
    subject=Domain,
    needs=DkimFacts,
    medium=Medium.DNS,
    spec=("RFC 6376 section 3.6.2.1", "RFC 1034 section 3.6.2"),
    remedy={
        "any": "replace the CNAME by a TXT record with a key of your own: "
        'mail2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=MIIB..."',
    },
)
def foreign_key_host(dkim: DkimFacts, rule: Rule) -> Verdict:
    """Whoever holds the target of the alias publishes the key, and signs in the domain's name without asking.

    An alias within the domain is in the same hands. One to a domain that is neither its own nor on the list of mail
    services can be either: that is for a person to say.
    """
    looked_at = [each for each in dkim.selectors if each.configured or each in dkim.published]
    foreign = [f"{each.selector} is {each.alias} ({each.provider})" for each in looked_at if each.provider]
    evidence = dkim.told()
    if foreign:
        return fail("; ".join(foreign), evidence=evidence)
    dkim.require_known()
    if not dkim.published:
        return not_applicable(NO_KEY, evidence=evidence)
    elsewhere = [
        f"{each.selector} is {each.alias}"
        for each in looked_at
        if any(alias != dkim.domain and not alias.endswith(f".{dkim.domain}") for alias in each.answer.aliases)
    ]
    if elsewhere:
        raise Undetermined(f"whose names these are is not known: {'; '.join(elsewhere)}")
    aliases = [f"{each.selector} is {each.alias}" for each in looked_at if each.alias]
    return passed(f"no alias leads out of the domain: {'; '.join(aliases) or dkim.names}", evidence=evidence)
