"""DKIM keys."""

from __future__ import annotations

from smtp_audit.facts.lookup import LookupOutcome
from tests import lookup_factories as look
from tests.dkim_factories import ED25519, KEY, OTHER, RSA512, RSA1024, RSA2048, at, dkim, selector, silent

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = (
    Expected.PASS,
    Expected.FAIL,
    Expected.NOT_APPLICABLE,
    Expected.INDETERMINATE,
)
_MISSING = dkim(selector("s1"))
_SILENT = dkim(silent("s1"))
_HALF = dkim(selector("s1", KEY), silent("s2"))
_BOGUS = dkim(at("s1", look.unanswered("s1._domainkey.example.com", "TXT", LookupOutcome.BOGUS)))
_SPF = "v=spf1 -all"


def _key(tags: str = "", p: str = RSA2048) -> str:
    return f"v=DKIM1; {tags}p={p}"


_SELECTORS = (
    Case("dkim-selectors", dkim(), PASS, "can be used: s1"),
    Case("dkim-selectors", dkim(selector("s1", KEY), selector("s2", OTHER)), PASS, "s1, s2"),
    # One key that cannot be used yet, or any more, does no harm beside one that can.
    Case("dkim-selectors", dkim(selector("s1", KEY), selector("s2", "v=DKIM1; p=")), PASS, "can be used: s1"),
    Case("dkim-selectors", dkim(selector("mail", KEY, configured=False)), PASS, "guesses"),
    Case("dkim-selectors", dkim(selector("s1", KEY), wildcard=KEY), PASS, "s1"),
    Case("dkim-selectors", _MISSING, FAIL, "no key at s1"),
    Case("dkim-selectors", dkim(selector("s1", KEY), selector("s2")), FAIL, "no key at s2"),
    Case("dkim-selectors", dkim(selector("s1"), silent("s2")), FAIL, "no key at s1"),
    Case("dkim-selectors", dkim(selector("s1", _SPF), wildcard=_SPF), FAIL, "only a wildcard answers"),
    Case("dkim-selectors", dkim(selector("s1", "v=DKIM1; p=")), FAIL, "s1 is revoked"),
    Case("dkim-selectors", dkim(selector("s1", KEY, OTHER)), FAIL, "has 2 records"),
    Case("dkim-selectors", dkim(selector("s1", "v=DKIM1; k=rsa")), FAIL, "has no p= tag"),
    Case("dkim-selectors", dkim(selector("s1", _key("k=ed448; "))), FAIL, "is of type ed448"),
    Case("dkim-selectors", dkim(selector("s1", _key("s=tlsrpt; "))), FAIL, "is not for mail"),
    Case("dkim-selectors", dkim(selector("s1", _key("h=sha1; "))), FAIL, "does not allow SHA-256"),
    # A key at a common selector is no proof that the configured ones are fine.
    Case("dkim-selectors", dkim(selector("s1", "v=DKIM1; p="), selector("mail", KEY, configured=False)), FAIL, "revok"),
    Case("dkim-selectors", _SILENT, INDETERMINATE, "does not answer"),
    Case("dkim-selectors", _HALF, INDETERMINATE, "s2._domainkey.example.com"),
    Case("dkim-selectors", _BOGUS, INDETERMINATE, "bogus"),
)

_ONE = (
    Case("dkim-one-record", dkim(), PASS, "one record each: s1"),
    Case("dkim-one-record", dkim(selector("s1", KEY, OTHER)), FAIL, "s1: 2 TXT records"),
    Case("dkim-one-record", dkim(selector("s1", KEY, "a verification")), FAIL, "2 TXT records"),
    Case("dkim-one-record", dkim(selector("s1", KEY, OTHER), silent("s2")), FAIL, "s1: 2"),
    Case("dkim-one-record", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-one-record", _HALF, INDETERMINATE, "s2"),
)

_SYNTAX = (
    Case("dkim-syntax", dkim(), PASS, "well-formed: s1"),
    Case("dkim-syntax", dkim(selector("s1", f"p={RSA2048[:60]} {RSA2048[60:]}")), PASS, "well-formed"),
    Case("dkim-syntax", dkim(selector("s1", _key("x=1; s=email:later; "))), PASS, "well-formed"),
    Case("dkim-syntax", dkim(selector("s1", KEY, "a verification")), PASS, "well-formed"),
    Case("dkim-syntax", dkim(selector("s1", "v=DKIM1; p=")), PASS, "well-formed"),
    Case("dkim-syntax", dkim(selector("s1", f"v=DKIM1\\; p={RSA2048}")), FAIL, "is not DKIM1"),
    Case("dkim-syntax", dkim(selector("s1", _key(p=RSA2048[:-1]))), FAIL, "characters are missing"),
    Case("dkim-syntax", dkim(selector("s1", _key(p=RSA2048[:200]))), FAIL, "no RSA key"),
    Case("dkim-syntax", dkim(selector("s1", _key("k=ed25519; "))), FAIL, "an Ed25519 key has 32"),
    Case("dkim-syntax", dkim(selector("s1", _SPF)), FAIL, "has no p= tag"),
    Case("dkim-syntax", dkim(selector("mail", _SPF, configured=False)), NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-syntax", dkim(selector("mail", "p=!", configured=False)), FAIL, "mail: p= is not base64"),
    Case("dkim-syntax", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-syntax", _HALF, INDETERMINATE, "s2"),
)

_USE = (
    Case("dkim-hash", dkim(), PASS, "allowed"),
    Case("dkim-hash", dkim(selector("s1", _key("h=sha1:sha256; "))), PASS, "allowed"),
    Case("dkim-hash", dkim(selector("s1", _key("h=sha1; "))), FAIL, "h=sha1 only"),
    Case("dkim-hash", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-hash", _HALF, INDETERMINATE, "s2"),
    Case("dkim-service", dkim(), PASS, "for mail"),
    Case("dkim-service", dkim(selector("s1", _key("s=*; "))), PASS, "for mail"),
    Case("dkim-service", dkim(selector("s1", _key("s=tlsrpt; "))), FAIL, "s=tlsrpt only"),
    Case(
        "dkim-service",
        dkim(selector("s1", KEY), selector("s2", _key("s=tlsrpt; "), configured=False)),
        PASS,
        "for mail: s1",
    ),
    Case("dkim-service", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-service", _HALF, INDETERMINATE, "s2"),
    Case("dkim-test-flag", dkim(), PASS, "no test mode"),
    Case("dkim-test-flag", dkim(selector("s1", _key("t=s:y; "))), FAIL, "s1: t=y"),
    Case("dkim-test-flag", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-test-flag", _HALF, INDETERMINATE, "s2"),
    Case("dkim-revoked", dkim(), PASS, "not revoked: s1"),
    Case("dkim-revoked", dkim(selector("s1", KEY), selector("mail", "p=", configured=False)), PASS, "not revoked: s1"),
    Case("dkim-revoked", dkim(selector("s1", KEY), selector("s2", "v=DKIM1; p=")), FAIL, "s2: p= is empty"),
    Case("dkim-revoked", dkim(selector("mail", KEY, configured=False)), NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-revoked", _HALF, INDETERMINATE, "s2"),
)

_2048 = {"minimum_bits": 2048, "maximum_bits": 4096}
_KEYS = (
    Case("dkim-key-broken", dkim(), PASS, "none of RSA"),
    Case("dkim-key-broken", dkim(selector("s1", _key(p=RSA1024))), PASS, "none of RSA"),
    Case("dkim-key-broken", dkim(selector("s1", _key(p=RSA512))), FAIL, "s1: RSA of 512 bits"),
    # Nobody has to sign with it: it is enough that it is there.
    Case(
        "dkim-key-broken",
        dkim(selector("s1", KEY), selector("mail", _key(p=RSA512), configured=False)),
        FAIL,
        "mail: RSA of 512",
    ),
    Case("dkim-key-broken", dkim(selector("s1", _key(p=RSA512)), silent("s2")), FAIL, "512"),
    Case("dkim-key-broken", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-key-broken", _HALF, INDETERMINATE, "s2"),
    Case(
        "dkim-key-strength", dkim(selector("s1", KEY), selector("s2", OTHER)), PASS, "RSA of 2048 bits, Ed25519", _2048
    ),
    Case("dkim-key-strength", dkim(selector("s1", _key(p=RSA1024))), FAIL, "RSA of 1024 bits", _2048),
    Case("dkim-key-strength", dkim(), FAIL, "RSA of 2048 bits", {"minimum_bits": 1024, "maximum_bits": 1536}),
    Case("dkim-key-strength", _MISSING, NOT_APPLICABLE, "dkim-selectors", _2048),
    Case("dkim-key-strength", _HALF, INDETERMINATE, "s2", _2048),
    Case(
        "dkim-key-type",
        dkim(selector("s1", KEY), selector("s2", OTHER)),
        PASS,
        "ed25519, rsa",
        {"accepted": ["rsa", "ed25519"]},
    ),
    Case("dkim-key-type", dkim(selector("s1", _key("k=ed448; "))), FAIL, "k=ed448", {"accepted": ["rsa", "ed25519"]}),
    Case("dkim-key-type", dkim(selector("s1", OTHER)), FAIL, "k=ed25519", {"accepted": ["rsa"]}),
    Case("dkim-key-type", _MISSING, NOT_APPLICABLE, "dkim-selectors", {"accepted": ["rsa"]}),
    Case("dkim-key-type", _HALF, INDETERMINATE, "s2", {"accepted": ["rsa"]}),
    Case("dkim-rsa-beside-ed25519", dkim(selector("s1", KEY), selector("s2", OTHER)), PASS, "RSA key"),
    Case("dkim-rsa-beside-ed25519", dkim(selector("s2", OTHER)), FAIL, "all keys are Ed25519: s2"),
    Case("dkim-rsa-beside-ed25519", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-rsa-beside-ed25519", dkim(selector("s2", OTHER), silent("s1")), INDETERMINATE, "s1"),
    Case("dkim-strict", dkim(), PASS, "t=s"),
    Case("dkim-strict", dkim(selector("s1", _key())), FAIL, "s1: no t=s"),
    Case("dkim-strict", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-strict", _HALF, INDETERMINATE, "s2"),
    Case("dkim-keys-differ", dkim(selector("s1", KEY), selector("s2", OTHER)), PASS, "2 different keys"),
    Case("dkim-keys-differ", dkim(selector("s1", KEY), selector("s2", _key("s=email; "))), FAIL, "at s1 and s2"),
    Case(
        "dkim-keys-differ", dkim(selector("s1", OTHER), selector("s2", _key("k=ed25519; ", ED25519))), FAIL, "s1 and s2"
    ),
    Case("dkim-keys-differ", dkim(selector("s1", "v=DKIM1; p=")), NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-keys-differ", _HALF, INDETERMINATE, "s2"),
)

_SENDGRID = selector("s1", KEY, aliases=("s1.domainkey.u1.wl.sendgrid.net",), provider="Twilio SendGrid")
_HOST = (
    Case("dkim-foreign-key-host", dkim(), PASS, "leads out of the domain: s1"),
    Case("dkim-foreign-key-host", dkim(selector("s1", KEY, aliases=("k.example.com",))), PASS, "s1 is k.example.com"),
    Case("dkim-foreign-key-host", dkim(_SENDGRID), FAIL, "(Twilio SendGrid)"),
    Case("dkim-foreign-key-host", dkim(_SENDGRID, silent("s2")), FAIL, "(Twilio SendGrid)"),
    Case("dkim-foreign-key-host", dkim(selector("s1", KEY, aliases=("notexample.com",))), INDETERMINATE, "whose names"),
    # The chain leaves the domain and comes back.
    Case(
        "dkim-foreign-key-host",
        dkim(selector("s1", KEY, aliases=("k.example.net", "k.example.com"))),
        INDETERMINATE,
        "whose names",
    ),
    Case("dkim-foreign-key-host", _MISSING, NOT_APPLICABLE, "dkim-selectors"),
    Case("dkim-foreign-key-host", _HALF, INDETERMINATE, "s2"),
)

CASES = (*_SELECTORS, *_ONE, *_SYNTAX, *_USE, *_KEYS, *_HOST)
