"""The certificates a server presents: trusted, issued to its name, in date, and for a while yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import Certificate, CertificateFacts
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.hostnames import matching_name

FULL_CHAIN = {
    "postfix": "smtpd_tls_chain_files = KEY-AND-CHAIN.pem: key, certificate, intermediates, in this order (before "
    "Postfix 3.4: smtpd_tls_cert_file = FULLCHAIN.pem, smtpd_tls_key_file = KEY.pem)",
    "dovecot": "2.4: ssl_server_cert_file = FULLCHAIN.pem and ssl_server_key_file = KEY.pem; 2.3: ssl_cert = "
    "<FULLCHAIN.pem and ssl_key = <KEY.pem",
    "exim": "tls_certificate = FULLCHAIN.pem and tls_privatekey = KEY.pem",
    "sendmail": "define(`confSERVER_CERT', `CERT.pem')dnl and define(`confSERVER_KEY', `KEY.pem')dnl; the "
    "intermediates in the file of define(`confCACERT', `CHAIN.pem')dnl",
    "opensmtpd": 'pki NAME cert "FULLCHAIN.pem" and pki NAME key "KEY.pem"',
    "docker-mailserver": "SSL_TYPE=letsencrypt, or SSL_TYPE=manual with SSL_CERT_PATH=FULLCHAIN.pem and "
    "SSL_KEY_PATH=KEY.pem",
}

_RENEW = {
    "postfix": 'certbot renew --deploy-hook "postfix reload"',
    "dovecot": 'certbot renew --deploy-hook "doveadm reload"',
    "exim": 'certbot renew --deploy-hook "systemctl restart exim4"',
    "sendmail": 'certbot renew --deploy-hook "systemctl restart sendmail"',
    "opensmtpd": 'certbot renew --deploy-hook "systemctl restart opensmtpd" (OpenBSD: acme-client NAME && rcctl '
    "restart smtpd)",
    "docker-mailserver": "renew on the host and run docker restart on the container; with SSL_TYPE=letsencrypt mount "
    "/etc/letsencrypt",
}

# What OpenSSL's commonest verdicts (X509_V_ERR_*) mean for the person who has to mend it.
_HINTS = {
    18: "self-signed",
    19: "the chain ends at a root that is not among the trust anchors",
    20: "the issuer of a certificate was not sent and is not among the trust anchors: an intermediate is missing, "
    "or the authority is unknown",
    21: "the leaf was sent without the certificate of its issuer",
    24: "a certificate of the chain may not issue others",
    25: "an authority of the chain may not have so many others below it",
    26: "not issued for TLS servers",
    47: "an authority's name constraints exclude this host",
    79: "a certificate of the chain may not issue others",
}


@control(
    "certificate-trusted",
    title="The certificate chain leads to a trusted authority",
    expects="the chain as the server sends it leads to a trust anchor and may be used by a TLS server",
    subject=Endpoint,
    needs=CertificateFacts,
    spec=("RFC 5280 section 6.1", "RFC 5280 section 4.2.1.12", "RFC 8446 section 4.4.2", "RFC 8314 section 4.4"),
    remedy={
        **FULL_CHAIN,
        "any": "take a certificate of a public authority (for instance through ACME) and send it with every "
        "intermediate: FULLCHAIN.pem, not CERT.pem. With a private authority give the audit its root: --smtp-ca FILE",
    },
)
def certificate_trusted(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """Without a chain to a trusted authority anybody on the way can put a certificate of his own in its place.

    Mail programs then warn their users, who learn to click warnings away; servers that check (MTA-STS, RFC 8461) do not
    deliver. A missing intermediate shows with some clients only: those that do not have it from elsewhere. Dates and
    names are left to the other certificate controls, so that one fault does not hide another.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    trust = certificate.trust
    if trust is None:
        raise Undetermined(certificate.unreadable or certificate.trust_unknown or "the chain was not verified")
    if trust.trusted:
        return passed(f"trusted by {trust.anchors}", evidence=chain_lines(certificate))
    hint = _HINTS.get(trust.code, "")
    reason = f"{trust.error or 'no reason given'} (OpenSSL error {trust.code})"
    return fail(
        f"not trusted by {trust.anchors}: {reason}" + (f": {hint}" if hint else ""), evidence=chain_lines(certificate)
    )


@control(
    "certificate-name",
    title="The certificate is issued to the host's name",
    expects="a subject alternative name of the certificate matches the host (the common name does not count)",
    subject=Endpoint,
    needs=CertificateFacts,
    spec=("RFC 9525 section 2", "RFC 9525 section 6.3", "RFC 9525 section 6.4", "RFC 8314 section 4.4"),
    remedy={
        "postfix": FULL_CHAIN["postfix"] + "; several names with several certificates: tls_server_sni_maps",
        "dovecot": FULL_CHAIN["dovecot"]
        + "; several names with several certificates: these lines in a block local_name NAME "
        "{ ... }",
        "exim": FULL_CHAIN["exim"]
        + "; several names with several certificates: make tls_certificate depend on $tls_in_sni",
        "opensmtpd": FULL_CHAIN["opensmtpd"] + ", and one pki NAME for each name on the listen line",
        "docker-mailserver": "hostname: in compose.yaml is the name that the certificate has to carry",
        "any": "order a certificate whose subject alternative names hold the name that clients use: certbot certonly "
        "-d mail.example.com. Or let clients and MX records use a name that it holds",
    },
)
def certificate_name(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """A certificate for another name proves nothing: whoever owns any trusted certificate could stand here.

    Clients that check refuse the server. Only the subject alternative names count: DNS names, compared by their
    A-labels (a name with an umlaut is `xn--...` in certificates), and IP addresses for a host that is one. A wildcard
    stands for one whole label; one over a top-level domain (*.com) is ignored here, a choice that RFC 9525 section 7.1
    leaves open.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    leaf = leaf_of(certificate)
    found = matching_name(certificate.host, leaf.dns_names, leaf.ip_addresses)
    if found is not None:
        return passed(f"issued to {found}", evidence=(str(leaf),))
    names = ", ".join((*leaf.dns_names, *leaf.ip_addresses)) or "no name at all"
    hint = ""
    if matching_name(certificate.host, leaf.common_names, ()) is not None:
        hint = "; its common name would match, but does not count (RFC 9525 section 2): clients ignore it"
    elif matching_name(certificate.host, (), leaf.dns_names) is not None:
        hint = "; the address stands in a DNS name, and has to be an IP address (RFC 9525 section 6.4)"
    return fail(f"issued to {names}, not to {certificate.host}{hint}", evidence=(str(leaf),))


@control(
    "certificate-in-date",
    title="Every certificate of the chain is in date",
    expects="now lies within the validity of every certificate that the server sends",
    subject=Endpoint,
    needs=CertificateFacts,
    spec=("RFC 5280 section 4.1.2.5", "RFC 5280 section 6.1.3", "RFC 8314 section 4.4"),
    remedy={
        **_RENEW,
        "any": "renew the certificate, let the service read it (reload or restart), and take expired certificates out "
        "of the chain file; if it is not valid yet, check the clocks",
    },
)
def certificate_in_date(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """Clients refuse an expired certificate, and nobody promises any longer to revoke it if its key is stolen.

    Every certificate sent counts, also an expired root or cross-certificate that another path would go around: clients
    choose paths in different ways, and when AddTrust's root ran out in May 2020 those that followed the chain as sent
    went dark. The two dates themselves still belong to the validity.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    faults: list[str] = []
    for place, one in enumerate(certificate.chain):
        who = (
            "the certificate" if place == 0 else f"certificate {place + 1} of the chain ({one.subject or 'no subject'})"
        )
        if rule.time > one.not_after:
            faults.append(f"{who} expired on {one.not_after:%Y-%m-%d %H:%M} UTC")
        elif rule.time < one.not_before:
            faults.append(f"{who} is valid from {one.not_before:%Y-%m-%d %H:%M} UTC only")
    if faults:
        return fail("; ".join(faults), evidence=chain_lines(certificate))
    leaf = leaf_of(certificate)
    if certificate.unreadable:
        raise Undetermined(f"a certificate of the chain could not be read: {certificate.unreadable}")
    return passed(f"valid until {leaf.not_after:%Y-%m-%d %H:%M} UTC", evidence=chain_lines(certificate))


@control(
    "certificate-days-left",
    title="The certificate is valid for a while yet",
    expects="at least {minimum_days} days are left",
    subject=Endpoint,
    needs=CertificateFacts,
    parameters={"minimum_days": Annotated[int, Field(ge=0)]},
    spec=("RFC 5280 section 4.1.2.5",),
    remedy={
        **_RENEW,
        "any": "renew it now, and find out why it was not renewed by itself: ACME clients do so when a third of the "
        "time is left",
    },
)
def certificate_days_left(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """Certificates do not expire by surprise, yet that is how most outages with certificates begin.

    Few days left mean that automatic renewal has stopped working, or that there is none.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    leaf = leaf_of(certificate)
    if not leaf.not_before <= rule.time <= leaf.not_after:
        return not_applicable("it is not in date; certificate-in-date judges that")
    left = leaf.not_after - rule.time
    said = f"{left.days} days left, until {leaf.not_after:%Y-%m-%d %H:%M} UTC"
    if left < timedelta(days=rule["minimum_days"]):
        return fail(said, evidence=(str(leaf),))
    return passed(said, evidence=(str(leaf),))


def leaf_of(certificate: CertificateFacts) -> Certificate:
    """The server's own certificate.

    Raises:
        Undetermined: it could not be read, or was not recorded.
    """
    if not certificate.chain:
        raise Undetermined(certificate.unreadable or "no certificate was recorded")
    return certificate.leaf


def chain_lines(certificate: CertificateFacts) -> tuple[str, ...]:
    """A line of evidence for each certificate sent."""
    return tuple(f"{place}: {one}" for place, one in enumerate(certificate.chain))
