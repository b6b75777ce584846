"""Known flaws of TLS implementations, as sslyze finds them. Slow: each costs many connections."""

from __future__ import annotations

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS, UPDATE_TLS_LIBRARY
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.tls import TlsFlaw, TlsFlawFacts


def _judge(facts: TlsFlawFacts, flaw: TlsFlaw, name: str) -> Verdict:
    if not facts.offered:
        return not_applicable(NO_TLS)
    tool = f"sslyze {facts.sslyze_version}".strip()
    told = tuple(f"{tool}: {o.flaw}: {o.detail}" for o in facts.outcomes if o.flaw is flaw and o.detail)
    if facts.connections is not None:
        told += (f"{tool} took {facts.seconds:.1f} s and {facts.connections} connections for all it was asked",)
    if facts.vulnerable(flaw):
        return fail(f"vulnerable to {name}", evidence=told)
    return passed(f"{tool} finds it not vulnerable to {name}", evidence=told)


@control(
    "tls-heartbleed",
    title="The server does not leak memory through TLS heartbeats (Heartbleed)",
    expects="a heartbeat that claims more than it carries gets no answer",
    subject=Endpoint,
    needs=TlsFlawFacts,
    spec=("RFC 6520 section 4", "CVE-2014-0160"),
    remedy={
        **UPDATE_TLS_LIBRARY,
        "any": "OpenSSL 1.0.1g or later; then replace every key, certificate and password that the server held",
    },
    safety=Safety.SLOW,
)
def heartbleed(flaws: TlsFlawFacts, rule: Rule) -> Verdict:
    """Heartbleed hands 64 kB of the server's memory to anyone who asks, without a trace in the logs.

    Private keys, passwords and mail were read that way.
    """
    return _judge(flaws, TlsFlaw.HEARTBLEED, "Heartbleed")


@control(
    "tls-ccs-injection",
    title="The server takes ChangeCipherSpec only in its place (CCS injection)",
    expects="an early ChangeCipherSpec ends the handshake",
    subject=Endpoint,
    needs=TlsFlawFacts,
    spec=("RFC 5246 section 7.1", "CVE-2014-0224"),
    remedy={**UPDATE_TLS_LIBRARY, "any": "OpenSSL 0.9.8za, 1.0.0m, 1.0.1h or later"},
    safety=Safety.SLOW,
)
def ccs_injection(flaws: TlsFlawFacts, rule: Rule) -> Verdict:
    """An attacker on the way who sends ChangeCipherSpec early makes both sides use keys that he knows.

    He then reads and changes the session. Both client and server have to be old for it, and mail clients are.
    """
    return _judge(flaws, TlsFlaw.CCS_INJECTION, "CCS injection")


@control(
    "tls-robot",
    title="The server is no oracle for RSA decryption (ROBOT)",
    expects="malformed RSA key exchanges all get the same answer, or RSA key exchange is not offered",
    subject=Endpoint,
    needs=TlsFlawFacts,
    spec=("RFC 5246 section 7.4.7.1", "RFC 9325 section 4.1", "CVE-2017-13099"),
    remedy={
        "postfix": "smtpd_tls_exclude_ciphers = aNULL, kRSA",
        "dovecot": "ssl_cipher_list = HIGH:!aNULL:!kRSA",
        "exim": "with OpenSSL: tls_require_ciphers = HIGH:!aNULL:!kRSA; with GnuTLS: NORMAL:-RSA",
        "sendmail": "define(`confCIPHER_LIST', `HIGH:!aNULL:!kRSA')dnl (8.15 and later)",
        "opensmtpd": 'smtp ciphers "HIGH:!aNULL:!MD5:!kRSA"',
        "docker-mailserver": "TLS_LEVEL=modern (the default) offers no RSA key exchange",
        "any": "turn off the suites with RSA key exchange (TLS_RSA_WITH_...), and update the TLS library or the load "
        "balancer in front",
    },
    safety=Safety.SLOW,
)
def robot(flaws: TlsFlawFacts, rule: Rule) -> Verdict:
    """Answers that differ by what is wrong with an RSA key exchange decrypt recorded sessions, one answer at a time.

    Bleichenbacher published the attack in 1998; ROBOT found it again in 2017. The same oracle can sign in the server's
    name.
    """
    return _judge(flaws, TlsFlaw.ROBOT, "ROBOT")


@control(
    "tls-client-renegotiation",
    title="Clients cannot renegotiate without end",
    expects="a client that renegotiates again and again within one connection is cut off, or not let to at all",
    subject=Endpoint,
    needs=TlsFlawFacts,
    spec=("RFC 9325 section 3.5", "RFC 5246 section 7.4.1.1", "CVE-2011-1473"),
    remedy={
        "postfix": "tls_ssl_options = NO_RENEGOTIATION (Postfix 3.4 and later, with OpenSSL 1.1.1 and later)",
        "dovecot": "update OpenSSL to 3.0 or later, which refuses it by itself",
        "exim": "openssl_options = +no_renegotiation; with GnuTLS: %UNSAFE_RENEGOTIATION must not be set",
        "sendmail": "SSL_OP_NO_RENEGOTIATION in define(`confSERVER_SSL_OPTIONS')dnl",
        "any": "OpenSSL: SSL_OP_NO_RENEGOTIATION, the default for servers since 3.0; TLS 1.3 has no renegotiation",
    },
    safety=Safety.SLOW,
)
def client_renegotiation(flaws: TlsFlawFacts, rule: Rule) -> Verdict:
    """A handshake costs the server ten times what it costs the client; inside one connection no limit counts them.

    One laptop can keep a server busy in that way.
    """
    return _judge(flaws, TlsFlaw.CLIENT_RENEGOTIATION, "client-initiated renegotiation without end")
