"""The chain that a server sends, one certificate at a time: order, keys, signatures, purposes, lifetime."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.certificate import FULL_CHAIN, chain_lines, leaf_of
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.certificate import Certificate, CertificateFacts
from smtp_audit.facts.endpoint import Endpoint

_REISSUE = {
    "postfix": "{make}, install it (smtpd_tls_chain_files) and run postfix reload",
    "dovecot": "{make}, install it (2.4: ssl_server_cert_file and ssl_server_key_file; 2.3: ssl_cert and ssl_key) and "
    "run doveadm reload",
    "exim": "{make}, install it (tls_certificate and tls_privatekey)",
    "sendmail": "{make}, install it (confSERVER_CERT and confSERVER_KEY) and restart sendmail",
    "opensmtpd": "{make}, install it (pki NAME cert and pki NAME key) and restart smtpd",
    "docker-mailserver": "{make} on the host, where SSL_CERT_PATH and SSL_KEY_PATH (or /etc/letsencrypt) are mounted "
    "from, and run docker restart on the container",
}


def reissue(make: str) -> dict[str, str]:
    """The remedies of a fault that only another certificate mends; `make` says how to get it."""
    return {software: text.format(make=make) for software, text in _REISSUE.items()}


@control(
    "certificate-chain-order",
    title="The chain is sent in order, with nothing besides",
    expects="each certificate sent certifies the one before it; none is sent twice, and none belongs to no chain",
    subject=Endpoint,
    needs=CertificateFacts,
    spec=("RFC 5246 section 7.4.2", "RFC 8446 section 4.4.2"),
    remedy={
        **FULL_CHAIN,
        "any": "put the leaf first, then the certificate of its issuer, then that one's issuer; leave the root out, "
        "and everything that belongs to another certificate",
    },
)
def certificate_chain_order(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """A chain in disorder works with the clients that sort it themselves, and fails with the others.

    Before TLS 1.3 the order was mandatory; TLS 1.3 says that it should be kept. What belongs to no chain makes every
    handshake longer, and is often the sign of a file that was put together by hand and will be again. A second
    certificate of the same authority, as in a change of roots, is allowed. Whether an intermediate is missing is
    certificate-trusted's to say.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    leaf_of(certificate)
    faults = list(_disorder(certificate.chain))
    if faults:
        return fail("; ".join(faults), evidence=chain_lines(certificate))
    if certificate.unreadable:
        raise Undetermined(f"a certificate of the chain could not be read: {certificate.unreadable}")
    count = len(certificate.chain)
    root = count > 1 and certificate.chain[-1].self_issued
    note = "; the root is sent, too, which no client needs" if root else ""
    return passed(f"{_certificates(count)} in order{note}", evidence=chain_lines(certificate))


def _certificates(count: int) -> str:
    return "1 certificate" if count == 1 else f"{count} certificates"


def _disorder(chain: tuple[Certificate, ...]) -> Iterator[str]:
    for place, one in enumerate(chain):
        who = f"certificate {place + 1} ({one.subject or 'no subject'})"
        before = chain[:place]
        if any(one.sha256 == other.sha256 for other in before):
            yield f"{who} is sent twice"
        elif before and not (_certifies(one, before[-1]) or _stands_for(one, before[-1])):
            if any(_certifies(one, other) for other in chain if other is not one):
                yield f"{who} is out of order: it does not certify the one before it"
            else:
                yield f"{who} belongs to no certificate of the chain"


def _certifies(issuer: Certificate, one: Certificate) -> bool:
    """By name, and by key where both name it: authorities renew keys and keep their names."""
    ids = one.authority_key_id and issuer.subject_key_id
    return issuer.subject == one.issuer and (not ids or one.authority_key_id == issuer.subject_key_id)


def _stands_for(one: Certificate, other: Certificate) -> bool:
    """Whether both are certificates of the same authority, by different issuers: a cross-certificate."""
    return one.is_ca and other.is_ca and one.subject == other.subject and one.issuer != other.issuer


@control(
    "certificate-key-strength",
    title="The keys of the chain are strong enough",
    expects="RSA of at least {minimum_rsa_bits} bits, elliptic curves of at least {minimum_ec_bits} bits, among "
    "{allowed_curves}",
    subject=Endpoint,
    needs=CertificateFacts,
    parameters={
        "minimum_rsa_bits": Annotated[int, Field(ge=1)],
        "minimum_ec_bits": Annotated[int, Field(ge=1)],
        "allowed_curves": list[str],
    },
    spec=("RFC 9325 section 4.5", "RFC 8422 section 5.1.1", "NIST SP 800-57 part 1, section 5.6"),
    remedy={
        **reissue("certbot certonly --key-type ecdsa --elliptic-curve secp256r1 -d NAME"),
        "any": "make a new key (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256, or RSA of 3072 bits) "
        "and have a certificate issued for it; a weak key of an intermediate is a reason to change the authority",
    },
)
def certificate_key_strength(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """Whoever can compute the private key from the public one can be the server.

    RSA with 1024 bits is within reach of those with the means; DSA is used by no client any longer. Every key of the
    chain counts, since an intermediate's can issue new leaves; that of a root that is sent along does not: clients use
    their own copy of it.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    return _each_below_root(certificate, lambda one: _weakness(one, rule), "the keys")


def _weakness(one: Certificate, rule: Rule) -> str:
    kind = one.key_kind
    if one.key_bits is None and kind in ("RSA", "RSA-PSS", "EC"):
        raise Undetermined(f"the size of the key of {one.subject or '(no subject)'} is not known")
    bits = one.key_bits or 0
    if kind in ("RSA", "RSA-PSS"):
        few = bits < rule["minimum_rsa_bits"]
        return f"{kind} of {bits} bits, at least {rule['minimum_rsa_bits']} are asked for" if few else ""
    if kind == "DSA":
        return f"DSA of {bits} bits, which clients do not take any longer"
    if not one.curve:
        raise Undetermined(f"how strong a key of the kind {one.key_type} is, is not known")
    if one.curve.lower() not in {curve.lower() for curve in rule["allowed_curves"]}:
        return f"the curve {one.curve}, which is not allowed"
    few = bits < rule["minimum_ec_bits"]
    return f"{one.key_type} of {bits} bits, at least {rule['minimum_ec_bits']} are asked for" if few else ""


@control(
    "certificate-signature",
    title="The certificates are signed with a sound digest",
    expects="no certificate below the root is signed with {forbidden_hashes}",
    subject=Endpoint,
    needs=CertificateFacts,
    parameters={"forbidden_hashes": list[str]},
    spec=("RFC 9155", "RFC 8446 section 4.4.2.4", "RFC 9325 section 4.5"),
    remedy={
        **reissue("have the certificate issued again, with SHA-256"),
        "any": "have the certificate issued again: every public authority has signed with SHA-256 since 2016; a "
        "private one has to be told (openssl ca -md sha256)",
    },
)
def certificate_signature(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """A digest for which two inputs with one value can be found lets somebody have a certificate that nobody issued.

    That was done with MD5 in 2008; for SHA-1 chosen prefixes cost about as much as a car since 2020. The signature of a
    root on itself protects nothing and does not count.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    forbidden = {digest.lower().replace("-", "") for digest in rule["forbidden_hashes"]}
    return _each_below_root(certificate, lambda one: _bad_digest(one, forbidden), "the signatures")


def _bad_digest(one: Certificate, forbidden: set[str]) -> str:
    if one.signature_hash is None:
        raise Undetermined(f"the digest of {one.signature_algorithm} is not known")
    digest = one.signature_hash.lower().replace("-", "")
    return f"signed with {one.signature_algorithm}" if digest in forbidden else ""


def _each_below_root(certificate: CertificateFacts, fault, what: str) -> Verdict:  # type: ignore[no-untyped-def]
    """Judge every certificate but roots that were sent along. A fault seen counts more than what is not known."""
    leaf_of(certificate)
    faults, unknown = [], []
    for place, one in enumerate(certificate.chain):
        if place and one.self_issued:
            continue
        try:
            found = fault(one)
        except Undetermined as reason:
            unknown.append(str(reason))
            continue
        if found:
            faults.append(f"{'the certificate' if not place else one.subject or f'certificate {place + 1}'}: {found}")
    if faults:
        return fail("; ".join(faults), evidence=chain_lines(certificate))
    if certificate.unreadable:
        unknown.append(f"a certificate of the chain could not be read: {certificate.unreadable}")
    if unknown:
        raise Undetermined("; ".join(unknown))
    leaf = certificate.leaf
    said = f"{leaf.key_type}, {leaf.key_bits} bits" if what == "the keys" else leaf.signature_algorithm
    return passed(
        f"{what} of {_certificates(len(certificate.chain))} are sound; the leaf: {said}",
        evidence=chain_lines(certificate),
    )


@control(
    "certificate-purpose",
    title="The certificate is meant for a TLS server",
    expects="extended key usage serverAuth, and a key usage that lets the key sign handshakes",
    subject=Endpoint,
    needs=CertificateFacts,
    spec=("RFC 5280 section 4.2.1.3", "RFC 5280 section 4.2.1.12", "RFC 8446 section 4.4.2.2"),
    remedy={
        **reissue("order a certificate for a TLS server"),
        "any": "have a certificate issued for TLS servers: extendedKeyUsage = serverAuth, keyUsage = digitalSignature",
    },
)
def certificate_purpose(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """An authority says with the usages what it has checked the holder for; other uses prove nothing.

    Clients refuse a certificate for clients or for mail signatures on a server. A certificate without an extended key
    usage may be used for anything (RFC 5280 section 4.2.1.12), which passes here. A key that may not sign
    (digitalSignature) cannot be used with forward secrecy at all, nor with TLS 1.3.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    leaf = leaf_of(certificate)
    leaf.require_extensions()
    faults = []
    purposes = leaf.extended_key_usage
    if purposes is not None and not {"serverAuth", "anyExtendedKeyUsage"} & set(purposes):
        faults.append(f"meant for {', '.join(purposes) or 'nothing'}, not for serverAuth")
    if leaf.key_usage is not None and "digitalSignature" not in leaf.key_usage:
        uses = ", ".join(leaf.key_usage) or "nothing"
        faults.append(f"its key may be used for {uses}, not for digitalSignature, which TLS with forward secrecy needs")
    if faults:
        return fail("; ".join(faults), evidence=(str(leaf),))
    if purposes is None:
        return passed("no extended key usage: meant for every purpose", evidence=(str(leaf),))
    also = [name for name in purposes if name != "serverAuth"]
    kind = "serverAuth" if "serverAuth" in purposes else "every purpose"
    return passed(f"meant for {kind}{' and ' + ', '.join(also) if also else ''}", evidence=(str(leaf),))


@control(
    "certificate-not-an-authority",
    title="The server's certificate can issue no others, and its issuers may",
    expects="the leaf is no authority; every issuer sent is one, may sign certificates, and keeps the length of path",
    subject=Endpoint,
    needs=CertificateFacts,
    spec=("RFC 5280 section 4.2.1.9", "RFC 5280 section 4.2.1.3", "RFC 5280 section 6.1.4"),
    remedy={
        **reissue("have a certificate issued that is no authority (basicConstraints = CA:FALSE)"),
        "any": "do not use the authority's own certificate on a server: issue a leaf with basicConstraints = CA:FALSE, "
        "and give authorities CA:TRUE and keyUsage = keyCertSign",
    },
)
def certificate_not_an_authority(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """A certificate that may issue others turns a stolen server key into certificates for every name in the world.

    That key lies on a machine that talks to everybody. The other way round, an issuer that may not issue is refused by
    clients that check, and accepted by those that should not be trusted to.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    leaf = leaf_of(certificate)
    faults = [f"the certificate is an authority{_by_itself(leaf)}"] if leaf.is_ca else []
    unknown = ""
    for place, one in enumerate(certificate.chain[1:], start=1):
        if not any(_certifies(one, other) for other in certificate.chain[:place]):
            continue  # it issues nothing here; certificate-chain-order judges that
        try:
            faults += _not_an_issuer(one, below=_authorities_below(certificate.chain, place))
        except Undetermined as reason:
            unknown = str(reason)
    if faults:
        return fail("; ".join(faults), evidence=chain_lines(certificate))
    if certificate.unreadable:
        raise Undetermined(f"a certificate of the chain could not be read: {certificate.unreadable}")
    if unknown:
        raise Undetermined(unknown)
    leaf.require_extensions()
    return passed("the leaf is no authority, its issuers are", evidence=chain_lines(certificate))


def _by_itself(leaf: Certificate) -> str:
    return " (self-issued)" if leaf.self_issued else ""


def _authorities_below(chain: tuple[Certificate, ...], place: int) -> int:
    """How many authorities stand between the leaf and this one; self-issued ones do not count (RFC 5280)."""
    subjects = {one.subject for one in chain[1:place] if not one.self_issued}
    return len(subjects - {chain[place].subject})


def _not_an_issuer(one: Certificate, below: int) -> Iterator[str]:
    who = one.subject or "an issuer without subject"
    if not one.is_ca:
        yield f"{who} is sent as an issuer and is no authority"
        return
    one.require_extensions()
    if one.key_usage is not None and "keyCertSign" not in one.key_usage:
        yield f"{who} may not sign certificates (no keyCertSign)"
    if one.path_length is not None and one.path_length < below:
        yield f"{who} may have {one.path_length} authorities below it and has {below}"


@control(
    "certificate-lifetime",
    title="The certificate is issued for no longer than it should be",
    expects="at most {maximum_days} days from the first to the last",
    subject=Endpoint,
    needs=CertificateFacts,
    parameters={"maximum_days": Annotated[int, Field(ge=1)]},
    spec=("RFC 5280 section 4.1.2.5", "CA/Browser Forum Baseline Requirements section 6.3.2"),
    remedy={
        **reissue("have a certificate issued for a shorter time, renewed by a program (ACME)"),
        "any": "let a program renew it (ACME), which makes short lifetimes free of work; a private authority can be "
        "told (openssl ca -days 90)",
    },
)
def certificate_lifetime(certificate: CertificateFacts, rule: Rule) -> Verdict:
    """What was checked at issue gets older with the certificate, and a stolen key stays good until the end.

    Revocation reaches few mail programs, so that the end of the validity is what really ends a certificate. Public
    authorities issue for 200 days at most from March 2026 on, 100 from 2027, 47 from 2029.
    """
    if not certificate.offered:
        return not_applicable(NO_TLS)
    leaf = leaf_of(certificate)
    lifetime = leaf.not_after - leaf.not_before
    days = -(-lifetime // timedelta(days=1))
    said = f"issued for {days} days, {leaf.not_before:%Y-%m-%d} to {leaf.not_after:%Y-%m-%d}"
    if lifetime > timedelta(days=rule["maximum_days"]):
        return fail(said, evidence=(str(leaf),))
    return passed(said, evidence=(str(leaf),))
