"""Properties of the handshake beside versions, suites and groups, and of the sessions that come of it."""

from __future__ import annotations

from collections.abc import Mapping

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS, UPDATE_TLS_LIBRARY
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import STARTTLS_ROLES, Endpoint
from smtp_audit.facts.handshake import Feature, StarttlsBoundaryFacts, TlsFeatureFacts, TlsSessionFacts


def _library(how: str, **more: str) -> Mapping[str, str]:
    return {**UPDATE_TLS_LIBRARY, "any": how, **more}


def _has(features: TlsFeatureFacts, feature: Feature, *, wanted: bool, words: str) -> Verdict:
    """A feature that has to be there (`wanted`) or must not be."""
    if not features.offered:
        return not_applicable(NO_TLS)
    seen = features.of(feature)
    if not seen.applies:
        return not_applicable(seen.detail or "there is nothing to have it in")
    if seen.present is wanted:
        return passed(str(seen), evidence=(str(seen),))
    return fail(f"{words}: {seen.detail}" if seen.detail else words, evidence=(str(seen),))


@control(
    "tls-extended-master-secret",
    title="Session keys are bound to their handshake (extended master secret)",
    expects="TLS 1.2 and before answer the extension extended_master_secret",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 7627 section 5", "RFC 9325 section 3.5"),
    remedy=_library("OpenSSL 1.1.0, GnuTLS 3.4, NSS 3.21 and later have it on; or accept TLS 1.3 alone"),
)
def extended_master_secret(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """Without it one who stands between can make two sessions with the same keys and play them against each other.

    That is the triple handshake attack: a client's certificate then speaks for the attacker.
    """
    return _has(features, Feature.EXTENDED_MASTER_SECRET, wanted=True, words="extended_master_secret is not answered")


@control(
    "tls-secure-renegotiation",
    title="Renegotiation is bound to the session it renews",
    expects="TLS 1.2 and before answer renegotiation_info",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 5746 section 3.6", "RFC 9325 section 3.5", "CVE-2009-3555"),
    remedy=_library("OpenSSL 0.9.8m, GnuTLS 2.10 and later answer it; a server without it is fifteen years old"),
)
def secure_renegotiation(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """Without it somebody on the way can begin a session with commands of his own and hand it on to the client.

    The server takes both for one: the client's login then follows the attacker's MAIL FROM.
    """
    return _has(features, Feature.SECURE_RENEGOTIATION, wanted=True, words="renegotiation_info is not answered")


@control(
    "tls-compression",
    title="TLS compresses nothing",
    expects="a hello that offers DEFLATE is answered without compression",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 9325 section 3.3", "RFC 8446 section 4.1.2", "CVE-2012-4929"),
    remedy=_library(
        "OpenSSL: SSL_OP_NO_COMPRESSION, the default since 1.1.0",
        postfix="tls_ssl_options = NO_COMPRESSION",
        dovecot="ssl_options = no_compression",
        exim="openssl_options = +no_compression; with GnuTLS: -COMP-ALL:+COMP-NULL",
        sendmail="define(`confSERVER_SSL_OPTIONS', `+SSL_OP_NO_COMPRESSION')dnl",
    ),
)
def compression(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """The length of compressed text tells what is in it: with text of the attacker's beside a secret, letter by letter.

    CRIME took cookies in that way; a password beside a mail is no different.
    """
    return _has(features, Feature.COMPRESSION, wanted=False, words="compresses")


@control(
    "tls-fallback-scsv",
    title="A second try with a lower version is refused",
    expects="a hello with TLS_FALLBACK_SCSV and a version below the highest gets the alert inappropriate_fallback",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 7507 section 3",),
    remedy=_library("OpenSSL 1.0.1j, GnuTLS 3.4, Go 1.4 and later refuse it; or accept one version alone"),
)
def fallback_scsv(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """Careless clients try again with an older version when a handshake fails, and anybody on the way can make it fail.

    The signal tells the server that this is such a try; one that knows a better version then refuses.
    """
    return _has(features, Feature.FALLBACK_SCSV, wanted=True, words="the signal is passed over")


@control(
    "tls-heartbeat",
    title="The heartbeat extension is off",
    expects="a hello that offers the heartbeat extension is answered without it",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 6520 section 2", "CVE-2014-0160"),
    remedy=_library("OpenSSL 1.1.1 and later have no heartbeat; before: build with -DOPENSSL_NO_HEARTBEATS"),
)
def heartbeat(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """Nothing over TCP needs heartbeats, and the extension is what Heartbleed was in.

    A server that answers it runs a library of that time; whether it leaks is for tls-heartbleed to find out.
    """
    return _has(features, Feature.HEARTBEAT, wanted=False, words="answers the heartbeat extension")


@control(
    "tls-hello-tolerance",
    title="Unknown numbers in a hello are passed over",
    expects="a hello with unknown suites, groups, versions and extensions (GREASE) is taken like any other",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 8701 section 3", "RFC 8446 section 4.1.2", "RFC 8446 section 4.2"),
    remedy=_library("a current TLS library; look for a firewall or proxy before the server that reads handshakes"),
)
def hello_tolerance(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """Phones and browsers strew in numbers that mean nothing; who chokes on them chokes on every new one, too.

    New versions and groups could never be deployed if that were usual.
    """
    return _has(features, Feature.HELLO_TOLERANCE, wanted=True, words="an unknown number is not passed over")


@control(
    "client-certificate-request",
    title="No certificate is asked of clients",
    expects="the handshake has no CertificateRequest",
    subject=Endpoint,
    needs=TlsFeatureFacts,
    spec=("RFC 8446 section 4.3.2", "RFC 5246 section 7.4.4"),
    remedy={
        "postfix": "smtpd_tls_ask_ccert = no and smtpd_tls_req_ccert = no (the defaults)",
        "dovecot": "ssl_verify_client_cert = no (2.4: ssl_server_request_client_cert = no)",
        "exim": "tls_verify_hosts and tls_try_verify_hosts empty",
        "sendmail": "define(`confTLS_SRV_OPTIONS', `V')dnl",
        "opensmtpd": "the listen line without verify",
        "any": "turn it off where no client is known by its certificate",
    },
)
def client_certificate_request(features: TlsFeatureFacts, rule: Rule) -> Verdict:
    """Some mail programs ask their user for a certificate then, or give up; and few servers look at what they get.

    A service that does tell its clients by certificates leaves this control out of its profile.
    """
    return _has(features, Feature.CLIENT_CERTIFICATE_REQUEST, wanted=False, words="asks for a certificate")


@control(
    "tls-early-data",
    title="No early data is taken",
    expects="no session ticket allows early data (0-RTT)",
    subject=Endpoint,
    needs=TlsSessionFacts,
    spec=("RFC 8446 section 8", "RFC 8446 appendix E.5", "RFC 9325 section 3.10"),
    remedy={
        "any": "turn it off: mail has no profile for early data. In OpenSSL it is off unless the server asks for it"
    },
)
def early_data(sessions: TlsSessionFacts, rule: Rule) -> Verdict:
    """What is sent before the handshake ends can be sent once more by anybody who recorded it: a command, a login."""
    if not sessions.offered:
        return not_applicable(NO_TLS)
    taking = [each for each in sessions.versions if each.early_data]
    if taking:
        return fail(f"{taking[0].version}: a ticket allows {taking[0].early_data} octets", evidence=sessions.evidence())
    newest = [each for each in sessions.versions if each.version.code >= 0x0304]
    if not newest:
        if not sessions.versions:
            raise Undetermined("no version is known to be accepted")
        return not_applicable("TLS 1.3 is not accepted, and older versions have no early data")
    if newest[0].early_data is None:
        raise Undetermined(f"{newest[0].version}: {newest[0].detail or 'no handshake was carried through'}")
    return passed("no ticket allows early data", evidence=sessions.evidence())


@control(
    "tls-ticket-lifetime",
    title="Session tickets do not live long",
    expects="tickets are good for at most {maximum_hours} hours",
    subject=Endpoint,
    needs=TlsSessionFacts,
    parameters={"maximum_hours": int},
    spec=("RFC 9325 section 3.4", "RFC 8446 section 4.6.1", "RFC 5077 section 5.6"),
    remedy={
        "postfix": "smtpd_tls_session_cache_timeout = 3600s",
        "dovecot": "ssl_options = no_ticket, or leave the default of OpenSSL (two hours)",
        "exim": "tls_resumption_hosts empty (the default), or a current version with its two hours",
        "any": "a lifetime of a few hours; the key of the tickets has to change as often",
    },
)
def ticket_lifetime(sessions: TlsSessionFacts, rule: Rule) -> Verdict:
    """A ticket's key opens the sessions of all its tickets: forward secrecy is as good as that key is short-lived."""
    if not sessions.offered:
        return not_applicable(NO_TLS)
    most = rule["maximum_hours"] * 3600
    long = [each for each in sessions.versions if each.lifetime is not None and each.lifetime > most]
    if long:
        found = ", ".join(f"{each.version}: {each.lifetime} s" for each in long)
        return fail(f"tickets live longer than {most} s: {found}", evidence=sessions.evidence())
    unknown = [each for each in sessions.versions if each.resumed is None and each.lifetime is None]
    if unknown or not sessions.versions:
        raise Undetermined("; ".join(str(each) for each in unknown) or "no version is known to be accepted")
    lifetimes = [each.lifetime for each in sessions.versions if each.lifetime is not None]
    if not lifetimes:
        return not_applicable("no ticket with a lifetime is given")
    return passed(f"at most {max(lifetimes)} s", evidence=sessions.evidence())


@control(
    "starttls-injection",
    title="Nothing that was said before TLS counts inside",
    expects="a command that stands in one segment with STARTTLS is forgotten, or refused with it",
    subject=Endpoint,
    needs=StarttlsBoundaryFacts,
    roles=STARTTLS_ROLES,
    spec=("RFC 3207 section 4.2", "RFC 3207 section 5", "RFC 8314 section 3.3", "CVE-2011-0411"),
    remedy={
        "postfix": "Postfix 2.8.3, 2.7.4 or later",
        "dovecot": "Dovecot 2.3.14.1 or later",
        "exim": "Exim 4.94.2 or later",
        "sendmail": "sendmail 8.18 or later",
        "opensmtpd": "OpenSMTPD 6.8 or later",
        "docker-mailserver": "pull a current image",
        "any": "update the server; its reader must empty its buffer when TLS begins",
    },
)
def starttls_injection(boundary: StarttlsBoundaryFacts, rule: Rule) -> Verdict:
    """Otherwise somebody on the way puts commands before the client's own, and the server believes they came encrypted.

    He can have the client's login and mail go into a session that he began, for instance as the text of a message to
    himself.
    """
    if not boundary.offered:
        return not_applicable("STARTTLS is not offered; starttls-offered judges that")
    if boundary.answered_inside:
        said = f"{boundary.command} from before TLS is answered inside: {boundary.answered_inside}"
        return fail(said, evidence=(said,))
    if boundary.clear_text:
        said = f"between its yes to STARTTLS and the handshake it says in clear: {boundary.clear_text}"
        return fail(said, evidence=(said,))
    if not boundary.command:
        raise Undetermined("no command was sent behind STARTTLS")
    if boundary.refused:
        return passed(f"refuses STARTTLS with {boundary.command} behind it: {boundary.refused}")
    return passed(f"{boundary.command} from before TLS is forgotten")
