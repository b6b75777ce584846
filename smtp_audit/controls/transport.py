"""Whether TLS is there, works, and is of a current version."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import IMPLICIT_TLS_ROLES, STARTTLS_ROLES, Endpoint
from smtp_audit.facts.service import ImplicitTlsFacts, Reply, StarttlsFacts
from smtp_audit.facts.tls import TlsFacts, TlsVersion

_CERTIFICATE_LINES = {
    "postfix": "smtpd_tls_security_level = may (port 25) or encrypt (587), and smtpd_tls_chain_files = "
    "KEY-AND-CHAIN.pem (key first; before Postfix 3.4: smtpd_tls_cert_file and smtpd_tls_key_file)",
    "dovecot": "ssl = required; 2.4: ssl_server_cert_file = FULLCHAIN.pem and ssl_server_key_file = KEY.pem; 2.3: "
    "ssl_cert = <FULLCHAIN.pem and ssl_key = <KEY.pem",
    "exim": "tls_advertise_hosts = *, tls_certificate = FULLCHAIN.pem, tls_privatekey = KEY.pem",
    "sendmail": "define(`confSERVER_CERT', `CERT.pem')dnl, define(`confSERVER_KEY', `KEY.pem')dnl and "
    "define(`confCACERT', `CHAIN.pem')dnl; srv_features without S",
    "opensmtpd": 'pki NAME cert "FULLCHAIN.pem" and pki NAME key "KEY.pem", then tls pki NAME (587: tls-require) on '
    "the listen line",
    "docker-mailserver": "SSL_TYPE=letsencrypt, or SSL_TYPE=manual with SSL_CERT_PATH and SSL_KEY_PATH",
}


@control(
    "starttls-offered",
    title="STARTTLS is offered",
    expects="the capabilities before TLS list STARTTLS (POP3: STLS)",
    subject=Endpoint,
    needs=StarttlsFacts,
    roles=STARTTLS_ROLES,
    spec=(
        "RFC 3207 section 4",
        "RFC 8314 section 4",
        "RFC 9051 section 6.2.1",
        "RFC 2595 section 4",
        "RFC 5804 section 1.7",
    ),
    remedy={
        **_CERTIFICATE_LINES,
        "postfix": _CERTIFICATE_LINES["postfix"] + "; smtpd_discard_ehlo_keywords must not name starttls",
        "any": "give the service a certificate and key and enable STARTTLS; check that no firewall removes the word "
        "from the capabilities (Cisco's SMTP fixup turns it into XXXXXXXA)",
    },
)
def starttls_offered(starttls: StarttlsFacts, rule: Rule) -> Verdict:
    """Without the offer all mail, and every password, crosses the network in clear.

    Any router on the way can read and change it. The offer is also what STRIPTLS attacks and some firewalls take away.
    """
    if starttls.offered:
        return passed("offered")
    return fail("not among the capabilities")


@control(
    "starttls-works",
    title="STARTTLS leads to TLS",
    expects="the command is accepted and the TLS handshake completes",
    subject=Endpoint,
    needs=StarttlsFacts,
    roles=STARTTLS_ROLES,
    spec=("RFC 3207 section 4", "RFC 9051 section 6.2.1", "RFC 2595 section 4", "RFC 5804 section 2.2"),
    remedy={
        **_CERTIFICATE_LINES,
        "postfix": _CERTIFICATE_LINES["postfix"]
        + "; the log says why TLS could not be set up (warning: cannot get ... "
        "certificate or key, no shared cipher)",
        "exim": _CERTIFICATE_LINES["exim"] + "; both files readable by the Exim user, see the main log",
        "any": "read the server's log at the time of the audit: most often the key cannot be read, does not belong to "
        "the certificate, or fits none of the cipher suites allowed",
    },
)
def starttls_works(starttls: StarttlsFacts, rule: Rule) -> Verdict:
    """An offer that fails is worse than none: senders fall back to clear text without a word, or queue the mail.

    With MTA-STS or DANE the mail is not delivered at all (RFC 8461, RFC 7672).
    """
    if not starttls.offered:
        return not_applicable("not offered; starttls-offered judges that")
    if starttls.handshake:
        return passed(f"handshake complete after {starttls.reply}" if starttls.reply else "handshake complete")
    if starttls.reply is None:
        raise Undetermined("STARTTLS is offered, but was not tried")
    if not starttls.accepted:
        if _turned_away(starttls.reply):
            raise Undetermined(f"the server turned this client away: {starttls.reply}")
        return fail(f"offered, but refused: {starttls.reply}", evidence=(f"tried: {starttls.tried}",))
    if starttls.handshake is None:
        raise Undetermined("STARTTLS was accepted, but the handshake was not begun")
    return fail(f"accepted, but the TLS handshake fails: {starttls.handshake_error or 'no reason given'}")


def _turned_away(reply: Reply) -> bool:
    """421 and BYE end the session as a whole (RFC 5321 section 3.8): they say nothing about STARTTLS."""
    return reply.code.upper() in ("421", "BYE")


@control(
    "implicit-tls",
    title="TLS begins with the first octet",
    expects="a TLS handshake at once, and nothing in clear text",
    subject=Endpoint,
    needs=ImplicitTlsFacts,
    roles=IMPLICIT_TLS_ROLES,
    spec=("RFC 8314 section 3.1", "RFC 8314 section 3.2", "RFC 8314 section 3.3"),
    remedy={
        "postfix": "smtpd_tls_wrappermode = yes and smtpd_tls_security_level = encrypt for the service submissions "
        "(465) in master.cf, and " + _CERTIFICATE_LINES["postfix"].partition(", and ")[2],
        "dovecot": "ssl = yes in inet_listener imaps (993) and pop3s (995); " + _CERTIFICATE_LINES["dovecot"],
        "exim": "tls_on_connect_ports = 465; " + _CERTIFICATE_LINES["exim"],
        "sendmail": "DAEMON_OPTIONS(`Port=smtps, Name=TLSMTA, M=s')dnl; " + _CERTIFICATE_LINES["sendmail"],
        "opensmtpd": 'listen on all smtps pki NAME auth, with pki NAME cert "FULLCHAIN.pem" and pki NAME key "KEY.pem"',
        "docker-mailserver": _CERTIFICATE_LINES["docker-mailserver"] + "; publish 465:465 and 993:993",
        "any": "turn on TLS for the listener itself, and give it a certificate, its key and suites that fit the key",
    },
)
def implicit_tls(tls: ImplicitTlsFacts, rule: Rule) -> Verdict:
    """On these ports there is no clear text for an attacker to keep a client in, and no command to strip.

    That holds only if the server begins with TLS. A server that greets in clear text here takes the passwords of every
    client that was told to expect TLS and falls back.
    """
    if tls.clear_text is not None:
        return fail("speaks in clear text at once", evidence=(f"the server said: {tls.clear_text}",))
    if tls.handshake:
        return passed("handshake complete")
    return fail(f"no TLS handshake: {tls.handshake_error or 'no reason given'}")


@control(
    "tls-obsolete-version",
    title="Obsolete versions of TLS are refused",
    expects="every version below {minimum_version} is refused",
    subject=Endpoint,
    needs=TlsFacts,
    parameters={"minimum_version": TlsVersion},
    spec=(
        "RFC 6176 section 3",
        "RFC 7568 section 3",
        "RFC 8996 section 4",
        "RFC 8996 section 5",
        "RFC 8997 section 3",
        "RFC 9325 section 3.1.1",
    ),
    remedy={
        "postfix": "smtpd_tls_protocols = >=TLSv1.2 and smtpd_tls_mandatory_protocols = >=TLSv1.2 (before Postfix 3.6: "
        "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1); for TLS 1.3 only: >=TLSv1.3",
        "dovecot": "ssl_min_protocol = TLSv1.2; for TLS 1.3 only: ssl_min_protocol = TLSv1.3",
        "exim": "with OpenSSL: openssl_options = +no_sslv2 +no_sslv3 +no_tlsv1 +no_tlsv1_1 (TLS 1.3 only: also "
        "+no_tlsv1_2); with GnuTLS (Debian): tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3 "
        "(TLS 1.3 only: without +VERS-TLS1.2)",
        "sendmail": "define(`confSERVER_SSL_OPTIONS', `+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 "
        "+SSL_OP_NO_TLSv1_1')dnl (8.15 and later); for TLS 1.3 only: also +SSL_OP_NO_TLSv1_2",
        "opensmtpd": 'protocols "tlsv1.2,tlsv1.3" at the end of the listen line; for TLS 1.3 only: "tlsv1.3"',
        "docker-mailserver": "TLS_LEVEL=modern (the default); for TLS 1.3 only: the Postfix lines in postfix-main.cf "
        "and the Dovecot line in dovecot.cf of the configuration volume",
        "any": "set the lowest version in the service, or for the whole host: MinProtocol = TLSv1.2 in openssl.cnf "
        "(for TLS 1.3 only: TLSv1.3)",
    },
)
def tls_obsolete_version(tls: TlsFacts, rule: Rule) -> Verdict:
    """Versions before 1.2 rest on MD5 and SHA-1 and have known attacks.

    DROWN and its kin break SSL 2, POODLE breaks SSL 3, BEAST and Lucky Thirteen the CBC suites of TLS 1.0 and 1.1,
    SLOTH the handshake hashes of all of them. While a server accepts one, an attacker on the way can try to force both
    sides down to it. Each version is asked for by itself: a server that accepts 1.0 and 1.3 and nothing between is
    found, too.
    """
    if not tls.offered:
        return not_applicable(NO_TLS)
    minimum: TlsVersion = rule["minimum_version"]
    below = tuple(version for version in TlsVersion if version < minimum)
    seen = tuple(version for version in below if version in tls.seen)
    if seen:
        return fail(f"accepts {', '.join(seen)}", evidence=tls.handshakes(seen))
    tls.require_known(*below)
    return passed(f"refuses every version below {minimum}; accepts {_listed(tls.seen)}", evidence=tls.handshakes())


@control(
    "tls-current-version",
    title="A current version of TLS is accepted",
    expects="at least one of these versions is accepted: {accepted_versions}",
    subject=Endpoint,
    needs=TlsFacts,
    parameters={"accepted_versions": Annotated[list[TlsVersion], Field(min_length=1)]},
    spec=("RFC 9325 section 3.1.1", "RFC 8446 section 4.2.1", "RFC 8997 section 3"),
    remedy={
        "postfix": "smtpd_tls_protocols and smtpd_tls_mandatory_protocols = >=TLSv1.2, without an upper limit (<=); "
        "smtpd_tls_ciphers = medium or high, and tls_high_cipherlist with suites for the type of the key",
        "dovecot": "ssl_min_protocol = TLSv1.2; ssl_cipher_list with suites for the type of the key",
        "exim": "with OpenSSL: openssl_options without +no_tlsv1_2 and +no_tlsv1_3; with GnuTLS: tls_require_ciphers = "
        "NORMAL",
        "sendmail": "define(`confSERVER_SSL_OPTIONS', ...) without +SSL_OP_NO_TLSv1_2 and +SSL_OP_NO_TLSv1_3; "
        "CipherList with suites for the type of the key",
        "opensmtpd": 'protocols "tlsv1.2,tlsv1.3" at the end of the listen line',
        "docker-mailserver": "TLS_LEVEL=modern (the default)",
        "any": "OpenSSL 1.0.1 and later have TLS 1.2, 1.1.1 and later have TLS 1.3; look for MaxProtocol in "
        "openssl.cnf",
    },
)
def tls_current_version(tls: TlsFacts, rule: Rule) -> Verdict:
    """Refusing the old is half of it: a server that accepts no current version cannot be reached by a careful client.

    Clients that want TLS 1.2 or later then send in clear text, or not at all. TLS 1.3 also encrypts the certificates
    and has no suite without forward secrecy.
    """
    if not tls.offered:
        return not_applicable(NO_TLS)
    wanted: list[TlsVersion] = rule["accepted_versions"]
    found = tuple(version for version in wanted if version in tls.seen)
    if found:
        return passed(f"accepts {_listed(found)}", evidence=tls.handshakes(found))
    tls.require_known(*wanted)
    return fail(
        f"accepts none of {', '.join(wanted)}; accepts {_listed(tls.seen)}", evidence=tls.handshakes(tuple(wanted))
    )


def _listed(versions: tuple[TlsVersion, ...]) -> str:
    return ", ".join(versions) or "none"
