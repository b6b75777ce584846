"""One server, many clients and ports: whether all are shown a sound certificate, the same one, of a known issuer."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.certificate import FULL_CHAIN, leaf_of
from smtp_audit.controls.certificate_chain import reissue
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import (
    CertificateFacts,
    ClientKind,
    PortCertificatesFacts,
    PortLeaf,
    Presentation,
    ShownCertificatesFacts,
)
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.hostnames import matching_name

_ONE_KIND = (ClientKind.RSA_ONLY, ClientKind.ECDSA_ONLY)
_BY_NAME = (ClientKind.NAMELESS, ClientKind.OTHER_NAME)


@control(
    "certificate-every-client",
    title="Clients of every kind are shown a sound certificate",
    expects="with RSA or ECDSA only, without a server name or with a strange one: the certificate is trusted, in date, "
    "and for this host; nobody is refused who could have been served",
    subject=Endpoint,
    needs=(CertificateFacts, ShownCertificatesFacts),
    spec=("RFC 8446 section 4.4.2.2", "RFC 6066 section 3", "RFC 7672 section 8.1", "RFC 5246 section 7.4.2"),
    remedy={
        "postfix": "smtpd_tls_chain_files with the chains of both keys, each in full; tls_server_sni_maps only for "
        "further names: clients without a name get smtpd_tls_chain_files",
        "dovecot": "the certificate outside of every local_name block is what clients without a name get; the second "
        "key: ssl_server_alt_cert_file (2.3: ssl_alt_cert) and its key",
        "exim": "tls_certificate = RSA.pem : ECDSA.pem and both keys; when it depends on $tls_in_sni, give it a "
        "default for clients that send no name",
        "sendmail": FULL_CHAIN["sendmail"] + "; a second key: a second file in confSERVER_CERT after a comma",
        "opensmtpd": FULL_CHAIN["opensmtpd"] + "; on the listen line the pki without a name is the default",
        "docker-mailserver": "SSL_ALT_CERT_PATH and SSL_ALT_KEY_PATH for the second kind of key, renewed together with "
        "the first",
        "any": "renew the certificates of both kinds of keys together, each with its intermediates, and give clients "
        "that send no name the certificate of the host",
    },
)
def certificate_every_client(certificate: CertificateFacts, shown: ShownCertificatesFacts, rule: Rule) -> Verdict:
    """A server can have several certificates, and the broken one is the one that nobody looks at.

    With two kinds of keys each client is shown the one that suits it; with several names, the one that it asked for.
    Many mail servers give no name when they send mail, and what they are shown has to be right all the same. A client
    that takes one kind of key only, and is refused because the server has the other, is served as well as can be. The
    certificate that certificate-trusted, certificate-name and certificate-in-date have judged is not judged again.
    """
    if not shown.offered:
        return not_applicable(NO_TLS)
    faults: list[str] = []
    unknown: list[str] = []
    notes: list[str] = []
    judged = False
    served = {one.client for one in shown.presentations if not one.refused}
    refused = {one.client for one in shown.presentations if one.refused}
    for client in ClientKind:
        if client in _BY_NAME and _is_address(shown.host) and client not in served:
            continue  # nobody gives a name to a server that is an address (RFC 6066 section 3)
        try:
            one = shown.to(client)
            if one.refused:
                (faults if _is_fault(client, shown.role, refused) else notes).append(
                    f"{client.words} is refused ({one.refused})"
                )
            elif one.chain != certificate.chain or one.unreadable:
                judged = True
                faults += [f"{client.words}: {fault}" for fault in _unsound(one, shown.host, rule.time)]
        except Undetermined as reason:
            unknown.append(str(reason))
    evidence = tuple(map(str, shown.presentations))
    if faults:
        return fail("; ".join(faults), evidence=evidence)
    if unknown:
        raise Undetermined("; ".join(unknown))
    also = f"; {'; '.join(notes)}" if notes else ""
    if judged:
        return passed(f"what each kind of client is shown is sound{also}", evidence=evidence)
    if certificate.chain and not _sound(certificate, rule.time):
        judges = "certificate-trusted, certificate-name and certificate-in-date judge it"
        return not_applicable(f"every client is shown the same certificate, and {judges}", evidence=evidence)
    return passed(f"every kind of client is shown the same sound certificate{also}", evidence=evidence)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_fault(client: ClientKind, role: Role, refused: set[ClientKind]) -> bool:
    """Whether it is a fault to refuse this client."""
    if client is ClientKind.OTHER_NAME:
        return False  # RFC 6066 section 3: the alert unrecognized_name is one of two right answers
    if client in _ONE_KIND:
        return refused >= set(_ONE_KIND)
    # Postfix and others send no name unless DANE or a policy makes them (RFC 7672 section 8.1): that mail would not
    # come. Programs that submit or read mail do send one.
    return client is ClientKind.DEFAULT or role is Role.MX


def _unsound(one: Presentation, host: str, now: datetime) -> list[str]:
    """What is wrong with what one client is shown.

    Raises:
        Undetermined: nothing is known to be wrong, and something is not known.
    """
    leaf = one.leaf
    faults = []
    if one.trust is not None and not one.trust.trusted:
        faults.append(f"not trusted: {one.trust.error or 'no reason given'} (OpenSSL error {one.trust.code})")
    faults += [
        f"{other.subject or 'a certificate without subject'} is not in date"
        for other in one.chain
        if not other.not_before <= now <= other.not_after
    ]
    asked = one.client is not ClientKind.OTHER_NAME
    if asked and matching_name(host, leaf.dns_names, leaf.ip_addresses) is None:
        names = ", ".join((*leaf.dns_names, *leaf.ip_addresses)) or "no name at all"
        faults.append(f"issued to {names}, not to {host}")
    if not faults and one.trust is None:
        raise Undetermined(f"{one.client.words}: {one.trust_unknown or 'the chain was not verified'}")
    if not faults and one.unreadable:
        raise Undetermined(f"{one.client.words}: {one.unreadable}")
    return faults


def _sound(certificate: CertificateFacts, now: datetime) -> bool:
    leaf = certificate.leaf
    return (
        certificate.trust is not None
        and certificate.trust.trusted
        and all(one.not_before <= now <= one.not_after for one in certificate.chain)
        and matching_name(certificate.host, leaf.dns_names, leaf.ip_addresses) is not None
    )


@control(
    "certificate-same-on-ports",
    title="All ports of the host show the same certificate, or ones that differ for a reason",
    expects="the same leaf on every port; or leaves for the same names by the same issuer that differ in the kind of "
    "key or by a renewal only",
    subject=Endpoint,
    needs=PortCertificatesFacts,
    spec=("RFC 9325 section 6.1", "RFC 8314 section 4.4"),
    remedy={
        "postfix": "the same files in smtpd_tls_chain_files as in Dovecot, and no -o smtpd_tls_... of its own in "
        "master.cf; after a renewal: postfix reload",
        "dovecot": "the same files in ssl_server_cert_file and ssl_server_key_file (2.3: ssl_cert, ssl_key) as in "
        "Postfix; after a renewal: doveadm reload",
        "exim": "the same files in tls_certificate and tls_privatekey as in the IMAP server; after a renewal: restart",
        "sendmail": "the same files in confSERVER_CERT and confSERVER_KEY as in the IMAP server; after a renewal: "
        "restart",
        "opensmtpd": "the same pki NAME on every listen line; after a renewal: restart smtpd",
        "docker-mailserver": "docker restart after a renewal: Postfix and Dovecot read the certificate when they start",
        "any": "let all services read the same files, and reload or restart all of them after a renewal",
    },
)
def certificate_same_on_ports(ports: PortCertificatesFacts, rule: Rule) -> Verdict:
    """Certificates that differ between ports mostly mean that one service was forgotten.

    It was not reloaded after the renewal, or still has the certificate that the package made. It also means more keys
    to look after than are needed. A second kind of key, and a renewal while both are in date, are good reasons.
    """
    if not ports.offered:
        return not_applicable(NO_TLS)
    own = ports.own
    if own is None:
        raise Undetermined("the certificate of this endpoint could not be read")
    evidence = tuple(map(str, (own, *ports.others)))
    compared = [(other, _difference(own, other, rule.time)) for other in ports.others]
    faults = [f"{other.key} {why}" for other, (fine, why) in compared if not fine]
    if faults:
        return fail("; ".join(faults), evidence=evidence)
    if ports.unseen:
        unseen = "; ".join(f"{key}: {why}" for key, why in sorted(ports.unseen.items()))
        raise Undetermined(f"not every port could be seen: {unseen}")
    if not ports.others:
        return not_applicable("no other port of the host has TLS")
    notes = [f"{other.key} {why}" for other, (_, why) in compared if why]
    also = f"; {'; '.join(notes)}" if notes else ""
    same = sum(not why for _, (_, why) in compared)
    return passed(f"the same certificate on {same} of {len(compared)} other ports{also}", evidence=evidence)


def _difference(own: PortLeaf, other: PortLeaf, now: datetime) -> tuple[bool, str]:
    """Whether two leaves are the same or differ for a reason, and how they differ ("" when they are the same)."""
    if own.sha256 == other.sha256:
        return True, ""
    if set(own.names) != set(other.names):
        return False, f"has a certificate for other names: {', '.join(other.names) or 'none'}"
    if _issuer(own) != _issuer(other):
        return False, f"has a certificate of another issuer: {other.issuer or '(empty)'}"
    kinds = own.key_type.partition(" ")[0], other.key_type.partition(" ")[0]
    if kinds[0] != kinds[1]:
        return True, f"has one with another kind of key ({other.key_type})"
    late = [leaf.key for leaf in (own, other) if not leaf.not_before <= now <= leaf.not_after]
    if late:
        return False, f"has another certificate, and that of {' and '.join(late)} is not in date: not reloaded?"
    newer = "a newer" if other.not_before > own.not_before else "an older"
    return True, f"has {newer} one of the same issuer for the same names (a renewal; reload what has the older one)"


def _issuer(leaf: PortLeaf) -> tuple[str, ...]:
    """Authorities have intermediates for each kind of key, and change them; their organisation stays the same."""
    return leaf.issuer_organisations or (leaf.issuer,)


@control(
    "certificate-issuer",
    title="The certificate is of an accepted authority",
    expects="the organisation of the issuer (O=) is one of: {accepted}",
    subject=Endpoint,
    needs=CertificateFacts,
    parameters={"accepted": list[str]},
    spec=("RFC 5280 section 4.1.2.4", "RFC 8659"),
    remedy={
        **reissue("take a certificate of an accepted authority"),
        "any": "take a certificate of an accepted authority, and say in a CAA record of the domain (RFC 8659) that no "
        "other may issue; or add the authority to the list of the profile",
    },
)
def certificate_issuer(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """Who may issue for an organisation is a decision; a certificate of somebody else shows that it was passed over.

    The names are compared letter by letter, as the report shows them. A name alone proves nothing: it counts only where
    the chain is trusted.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    if not rule["accepted"]:
        return not_applicable("the profile accepts every authority")
    leaf = leaf_of(certificate)
    leaf.require_extensions()
    names = leaf.issuer_organisations
    said = ", ".join(names) or f"no organisation ({leaf.issuer or 'an empty name'})"
    if not names or not set(names) <= set(rule["accepted"]):
        return fail(f"issued by {said}, which is not accepted", evidence=(str(leaf),))
    if certificate.trust is None:
        raise Undetermined(f"says to be issued by {said}; {certificate.trust_unknown or 'the chain was not verified'}")
    if not certificate.trust.trusted:
        return not_applicable(f"says to be issued by {said}, and is not trusted; certificate-trusted judges that")
    return passed(f"issued by {said}", evidence=(str(leaf),))
