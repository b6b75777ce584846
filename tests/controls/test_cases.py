"""Every control on every row of its table, and no control without its rows."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

import smtp_audit.controls
from smtp_audit.control import REGISTRY, Control, load_builtin
from smtp_audit.facts.handshake import (
    StarttlsBoundaryFacts,
    TlsFeatureFacts,
    TlsGroupFacts,
    TlsSessionFacts,
    TlsSuiteFacts,
)
from smtp_audit.facts.tls import TlsFacts, TlsFlawFacts
from smtp_audit.profile import load_profile

from .case import Case, Expected

load_builtin()
CASES: tuple[Case, ...] = tuple(
    case
    for path in sorted(Path(__file__).parent.glob("cases_*.py"))
    for case in getattr(import_module(f"{__package__}.{path.stem}"), "CASES", ())
)
"""Every table, found by the name of its file; those that have no CASES are part of another's."""

BUILTIN = tuple(control for control in REGISTRY if control.origin.startswith("smtp_audit.controls."))

SERVERS = {"postfix", "dovecot", "exim", "sendmail", "opensmtpd", "docker-mailserver"}
LIBRARIES = {"nodemailer", "python", "phpmailer", "go"}

# What has no object to be without: every endpoint of its roles has one.
ALWAYS_APPLIES = {
    "client-sends",
    "client-starttls-required",
    "client-starttls-injection",
    "client-certificate-verified",
    "client-certificate-strict",
    "client-tls-version",
    "client-server-name",
    "client-reports-failure",
    "client-reports-success",
    "client-no-duplicates",
    "client-block-logged",
    "client-health-check",
    "client-login-logged",
    "client-no-fallback",
    "client-timeouts",
    "client-secrets-not-logged",
    "dkim-selectors",
    "dmarc-record",
    "client-header-injection",
    "client-envelope-injection",
    "client-recipient-syntax",
    "client-disposable-recipients",
    "client-subject-required",
    "client-content-required",
    "client-line-length",
    "client-line-ends",
    "client-addresses-masked",
    "client-settings-required",
    "client-local-files",
    "client-message-id",
    "client-headers",
    "starttls-offered",
    "implicit-tls",
    "auth-only-after-tls",
    "auth-absent-on-mx",
    "submission-requires-auth",
    "smtp-recipient-needs-sender",
    "relay-refused",
    "relay-not-delivered",
    "sender-own-envelope",
    "sender-own-header",
    "vrfy-tells-nothing",
    "expn-tells-nothing",
    "smtp-command-bare-lf",
    "smtp-command-bare-cr",
    "smtp-unauthorised-pipelining",
    "smtp-cross-protocol",
    "end-of-data-exact",
    "smtp-text-line",
    "smtp-message-pipelining",
    "auth-refused-before-tls",
    "auth-needs-mechanism",
    "auth-once",
    "auth-survives-ehlo",
    "auth-unknown-mechanism",
    "mailbox-version-hidden",
    "mailbox-product-hidden",
    "auth-wrong-passwords",
    "mailbox-wrong-passwords",
    "mailbox-limits-guesses",
    "auth-limits-guesses",
    "auth-lock-is-temporary",
    "extension-impersonation",
    "extension-private",
    "extension-turn",
    "etrn-restricted",
    "junk-commands-limited",
    "connections-per-client-limited",
    "idle-connection-closed",
    "idle-message-closed",
    "idle-patience",
    "smtp-data-needs-sender",
    "smtp-mail-before-hello",
    "smtp-unknown-command",
    "smtp-noop",
    "smtp-helo",
    "smtp-hello-needs-name",
    "smtp-command-case",
    "smtp-vrfy",
    "smtp-help",
    "smtp-quit",
    "smtp-mail-needs-path",
    "smtp-reply-form",
    "smtp-greeting-name",
    "smtp-command-length",
    "smtp-overlong-command",
    "smtp-size-announced",
    "smtp-postmaster",
    "smtp-null-sender",
    "smtp-data-needs-recipient",
    "smtp-one-sender",
    "smtp-reset-clears",
    "smtp-hello-resets",
    "smtp-path-case",
    "smtp-recipient-needs-path",
    "smtp-unknown-parameter",
    "smtp-address-length",
    "smtp-address-forms",
    "smtp-hundred-recipients",
    "smtp-utf8-needs-parameter",
    "spf-type-99",
    "spf-helo",
    "mx-record",
    "sending-reverse-confirmed",
    "sending-helo-agrees",
    "sending-not-listed",
    "dns-servers-count",
    "dns-servers-answer",
    "dns-servers-authoritative",
    "dns-servers-agree",
    "dns-serials-agree",
    "dnssec-secure",
    "mx-null-alone",
    "alias-dangling",
    "alias-registrable",
    "srv-form",
    "srv-no-alias",
    "srv-resolves",
    "srv-prefers-tls",
    "autoconfig-host",
}

# Facts that are whole or absent: the runner alone can say indeterminate.
NEVER_PARTLY_KNOWN = {
    "port-open",
    "port-closed",
    "starttls-offered",
    "implicit-tls",
    "imap-greeting-offers-no-login",
    "greeting-internal-names",
    "template-language",
    "template-token-leak",
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    control = REGISTRY[case.control]
    assert tuple(type(facts) for facts in case.given) == control.needs
    outcome, words = case.judged()
    assert outcome is case.expected, words
    assert case.says in words
    assert "\n" not in words


@pytest.mark.parametrize("control", BUILTIN, ids=lambda control: control.id)
def test_every_control_has_its_cases(control: Control) -> None:
    have = {case.expected for case in CASES if case.control == control.id}
    want = set(Expected)
    if control.id in ALWAYS_APPLIES:
        want.discard(Expected.NOT_APPLICABLE)
    if control.id in NEVER_PARTLY_KNOWN:
        want.discard(Expected.INDETERMINATE)
    assert have == want


@pytest.mark.parametrize("control", BUILTIN, ids=lambda control: control.id)
def test_every_control_says_what_it_is(control: Control) -> None:
    for text in (control.title, control.expects):
        assert text
        assert not text.endswith(".")
    assert control.spec
    first = control.rationale.partition("\n")[0]
    assert first.endswith((".", "?")), "the rationale begins with one whole sentence"
    assert len(control.rationale.split()) >= 15, "the rationale says why"
    assert set(control.remedy) <= SERVERS | LIBRARIES | {"any", "dns"}
    assert "any" in control.remedy, "a server that nobody thought of gets advice, too"
    assert all(text and "\n" not in text for text in control.remedy.values())


# What the enterprise standard does not ask for. It is older than the post-quantum hybrids, and has no list of signature
# schemes; its strict profile looks at both all the same.
NOT_ASKED_FOR = {
    "enterprise": {"tls-post-quantum", "tls-allowed-signatures"},
    "enterprise-strict": set(),
}

# Good practice that no clause of the standard asks for: a finding, but nothing that a clause turns green by.
WITHOUT_CLAUSE = {
    "source-headers-encoded",
    "sender-own-header",
    "mailbox-product-hidden",
    "tls-post-quantum",
    "client-certificate-request",
    "bimi-record",
    "greeting-product",
    "greeting-version",
    "greeting-system",
    "dkim-strict",
    "dmarc-alignment-modes",
    "spf-answer-size",
    "caa-issuemail",
    "mx-ipv6",
    "srv-published",
    "sending-not-listed",
    "dns-servers-count",
    "dns-servers-answer",
    "dns-servers-authoritative",
    "dns-servers-agree",
    "dns-serials-agree",
    "template-language",
}


@pytest.mark.parametrize("name", ["enterprise", "enterprise-strict"])
def test_enterprise_profiles_leave_no_control_out(name: str) -> None:
    profile = load_profile(name, REGISTRY)
    assert {control.id for control in BUILTIN} - set(profile.controls) == NOT_ASKED_FOR[name]
    for control in BUILTIN:
        if control.id in NOT_ASKED_FOR[name]:
            continue
        line = profile.rule(control)
        assert bool(line.clauses) is (control.id not in WITHOUT_CLAUSE), f"{control.id} shows no clause"
        assert "{" not in control.expectation(line.parameters)


def test_all_controls_of_the_first_chapter_are_there() -> None:
    assert {control.id for control in BUILTIN} >= {
        "port-open", "port-closed", "service-greeting", "starttls-offered", "starttls-works", "implicit-tls",
        "tls-obsolete-version", "tls-current-version", "certificate-trusted", "certificate-name", "certificate-in-date",
        "certificate-days-left", "auth-only-after-tls", "auth-mechanisms", "auth-offered", "auth-absent-on-mx",
        "submission-requires-auth", "auth-works", "tls-heartbleed", "tls-ccs-injection", "tls-robot",
    }  # fmt: skip


WITH_NOTHING_SEEN = (
    TlsFacts,
    TlsFlawFacts,
    TlsSuiteFacts,
    TlsGroupFacts,
    TlsFeatureFacts,
    TlsSessionFacts,
    StarttlsBoundaryFacts,
)
"""Facts that may be empty although TLS is offered. Those of signatures are so where neither TLS 1.2 nor 1.3 is."""


@pytest.mark.parametrize(
    "control", [each for each in BUILTIN if each.needs[0] in WITH_NOTHING_SEEN], ids=lambda control: control.id
)
def test_nothing_unknown_ever_passes(control: Control) -> None:
    """Facts of which nothing is known: offered, and not a single outcome."""
    facts = control.needs[0].model_validate({"offered": True})
    empty = Case(control.id, facts, Expected.INDETERMINATE, "", _any_parameters(control))
    assert empty.judged()[0] is Expected.INDETERMINATE


def _any_parameters(control: Control) -> dict[str, object]:
    return dict(load_profile("enterprise-strict", REGISTRY).rule(control).parameters)


MODULES = sorted(Path(smtp_audit.controls.__path__[0]).glob("*.py"))
MAY_IMPORT = {
    "__future__",
    "collections",
    "collections.abc",
    "datetime",
    "enum",
    "dataclasses",
    "ipaddress",
    "itertools",
    "math",
    "pydantic",
    "re",
    "smtp_audit.control",
    "smtp_audit.errors",
    "smtp_audit.hostnames",
    "smtp_audit.wiretext",
    "smtp_audit.mailtext",
    "typing",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_controls_are_pure(path: Path) -> None:
    """No network, no clock, no file, no randomness: only what is named may be imported, and nothing asks the time."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= MAY_IMPORT
        elif isinstance(node, ast.ImportFrom):
            parsed = ("smtp_audit.published.", "smtp_audit.documents.")
            ours = str(node.module).startswith(("smtp_audit.facts.", "smtp_audit.controls.", *parsed))
            assert node.module in MAY_IMPORT or ours, node.module
        elif isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "utcnow", "today"), ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "eval", "exec", "print", "input", "__import__"), ast.unparse(node)


def test_every_module_of_controls_is_looked_at() -> None:
    assert {path.stem for path in MODULES} > {"service", "transport", "certificate", "authentication", "flaws"}
