"""Facts that tie a domain's DNS to TLS, each sound, each with one thing to vary."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

from smtp_audit.facts.dane import CaaClimb, CaaFacts, DaneFacts, DaneHost, DnssecFacts, SignedName, ZoneAnswers
from smtp_audit.facts.lookup import Answer, LookupOutcome
from smtp_audit.facts.matrix import ChainMember, MatrixFacts, MatrixRow, ShownChain
from smtp_audit.facts.mta_sts import FetchOutcome, MtaStsFacts, PolicyFetch, ReportDestination, TlsRptFacts
from smtp_audit.facts.mx_hosts import MxHosts
from smtp_audit.published.tls_rpt import parse_record
from tests.facts_factories import ADDRESS, HOST, NOW
from tests.lookup_factories import absent, found, resolver

DOMAIN = "example.com"
OTHER = "mx2.example.net"
POLICY = f"version: STSv1\r\nmode: enforce\r\nmx: {HOST}\r\nmax_age: 604800\r\n"
KEY, CERTIFICATE = hashlib.sha256(b"key").hexdigest(), hashlib.sha256(b"certificate").hexdigest()
KEY512 = hashlib.sha512(b"key").hexdigest()
NEXT = hashlib.sha256(b"next").hexdigest()
CA_KEY = hashlib.sha256(b"authority").hexdigest()
ECDSA_KEY = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="


def mx(*hosts: str, **more: Any) -> MxHosts:
    """The MX records of the domain."""
    records = (f"10 {host}." for host in hosts or (HOST,))
    return MxHosts(domain=DOMAIN, answer=found(DOMAIN, "MX", *records, **{"secure": True, **more}))


NULL_MX = MxHosts(domain=DOMAIN, answer=found(DOMAIN, "MX", "0 ."))


def mx_failed(outcome: LookupOutcome = LookupOutcome.SERVFAIL) -> MxHosts:
    return MxHosts(domain=DOMAIN, answer=Answer(name=DOMAIN, type="MX", outcome=outcome))


def fetch(**more: Any) -> PolicyFetch:
    """A sound answer of the policy host."""
    told = {
        "url": "https://mta-sts.example.com/.well-known/mta-sts.txt",
        "address": "192.0.2.80:443",
        "outcome": FetchOutcome.ANSWERED,
        "status": 200,
        "content_type": "text/plain; charset=utf-8",
        "body": POLICY,
    }
    return PolicyFetch(**{**told, **more})


def fetch_failed(outcome: FetchOutcome, detail: str = "refused") -> PolicyFetch:
    return fetch(outcome=outcome, detail=detail, status=None, content_type=None, body="")


def sts(*records: str, **more: Any) -> MtaStsFacts:
    """MTA-STS as it should be."""
    told = {
        "domain": DOMAIN,
        "mx": mx(),
        "record": found("_mta-sts.example.com", "TXT", *(records or ("v=STSv1; id=1",))),
        "addresses": (found("mta-sts.example.com", "A", "192.0.2.80"), absent("mta-sts.example.com", "AAAA")),
        "fetch": fetch(),
    }
    return MtaStsFacts(**{**told, **more})


def sts_policy(*lines: str, **more: Any) -> MtaStsFacts:
    """MTA-STS with a policy of these lines after the version."""
    return sts(fetch=fetch(body="\r\n".join(("version: STSv1", *lines, ""))), **more)


NO_STS = sts(record=absent("_mta-sts.example.com", "TXT"), fetch=None, unfetched="no record says so")


def rpt(*records: str, **more: Any) -> TlsRptFacts:
    """A sound TLS-RPT record, whose destinations take mail."""
    texts = records or ("v=TLSRPTv1; rua=mailto:tls@reports.example",)
    destinations = [each for text in texts[:1] for each in parse_record(text).destinations]
    told = {
        "domain": DOMAIN,
        "mx": mx(),
        "record": found("_smtp._tls.example.com", "TXT", *texts),
        "destinations": tuple(
            ReportDestination(
                destination=each,
                answers=(found(each.host, "MX" if each.scheme == "mailto" else "A", "10 mx.reports.example."),),
            )
            for each in destinations
        ),
    }
    return TlsRptFacts(**{**told, **more})


def rpt_to(*answers: Answer, uri: str = "mailto:tls@reports.example") -> TlsRptFacts:
    """A record with one destination, and what the DNS says of that."""
    record = f"v=TLSRPTv1; rua={uri}"
    (destination,) = parse_record(record).destinations
    return rpt(record, destinations=(ReportDestination(destination=destination, answers=answers),))


def dane_host(*records: str, host: str = HOST, **more: Any) -> DaneHost:
    """An MX host with secure addresses and TLSA records."""
    told = {
        "host": host,
        "addresses": (found(host, "A", ADDRESS, secure=True), absent(host, "AAAA", LookupOutcome.NO_DATA)),
        "tlsa": (found(f"_25._tcp.{host}", "TLSA", *(records or (f"3 1 1 {KEY}", f"3 1 1 {NEXT}")), secure=True),),
    }
    return DaneHost(**{**told, **more})


def no_tlsa(host: str = HOST) -> DaneHost:
    return dane_host(host=host, tlsa=(absent(f"_25._tcp.{host}", "TLSA"),))


def dane(*hosts: DaneHost, **more: Any) -> DaneFacts:
    """TLSA records of every MX host."""
    each = hosts or (dane_host(),)
    return DaneFacts(**{"domain": DOMAIN, "mx": mx(*(host.host for host in each)), "hosts": each, **more})


def zone(*keys: str, ds: tuple[str, ...] = ("2371 13 2 " + "ab" * 32,), name: str = DOMAIN, **more: Any) -> ZoneAnswers:
    """A zone that signs with ECDSA and NSEC."""
    told = {
        "zone": name,
        "names": (name,),
        "keys": found(name, "DNSKEY", *(keys or (ECDSA_KEY,)), secure=True),
        "delegation": found(name, "DS", *ds, secure=True) if ds else absent(name, "DS", LookupOutcome.NO_DATA),
        "parameters": absent(name, "NSEC3PARAM", LookupOutcome.NO_DATA, secure=True),
    }
    return ZoneAnswers(**{**told, **more})


def nsec3(*records: str) -> ZoneAnswers:
    return zone(parameters=found(DOMAIN, "NSEC3PARAM", *records, secure=True))


def unsigned_zone(name: str = DOMAIN) -> ZoneAnswers:
    return zone(name=name, ds=(), keys=absent(name, "DNSKEY", LookupOutcome.NO_DATA))


def signed(name: str, *answers: Answer, zone: str = DOMAIN) -> SignedName:
    """A name whose answer is secure for ten days more."""
    sound = found(name, "SOA", "ns. h. 1 2 3 4 5", secure=True, signatures_expire=NOW + timedelta(days=10))
    return SignedName(name=name, zone=zone, answers=answers or (sound,))


def unsigned(name: str = DOMAIN) -> SignedName:
    return signed(name, found(name, "SOA", "ns. h. 1 2 3 4 5"))


def failed(name: str, outcome: LookupOutcome, detail: str = "") -> SignedName:
    return signed(name, Answer(name=name, type="SOA", outcome=outcome, detail=detail))


def dnssec(own: SignedName | None = None, *hosts: SignedName, **more: Any) -> DnssecFacts:
    """A domain and its MX host, in a zone that is well signed."""
    told = {
        "domain": DOMAIN,
        "mx": mx(),
        "own": own or signed(DOMAIN),
        "hosts": hosts or (signed(HOST),),
        "zones": (zone(),),
    }
    return DnssecFacts(**{**told, **more})


def zones(*each: ZoneAnswers) -> DnssecFacts:
    return dnssec(zones=each)


def climb(name: str, *records: str, at: str = DOMAIN, **more: Any) -> CaaClimb:
    """The climb from a name to the records at the domain, or to the top without any."""
    labels = name.split(".")
    names = [".".join(labels[depth:]) for depth in range(len(labels))]
    if records:
        names = names[: names.index(at)] if at in names else []
        return CaaClimb(name=name, answers=(*(absent(each, "CAA") for each in names), found(at, "CAA", *records)))
    return CaaClimb(name=name, answers=tuple(absent(each, "CAA") for each in names))


def caa(*records: str, **more: Any) -> CaaFacts:
    """CAA records at the domain, which count for the host too; none: no restriction."""
    told = {"domain": DOMAIN, "mx": mx(), "own": climb(DOMAIN, *records), "hosts": (climb(HOST, *records),)}
    return CaaFacts(**{**told, **more})


CAA_FAILED = CaaClimb(name=HOST, answers=(Answer(name=HOST, type="CAA", outcome=LookupOutcome.SERVFAIL),))


def member(**more: Any) -> ChainMember:
    """The leaf of the MX host."""
    told = {
        "subject": f"CN={HOST}",
        "issuer": "CN=Example CA",
        "sha256": CERTIFICATE,
        "sha512": hashlib.sha512(b"certificate").hexdigest(),
        "spki_sha256": KEY,
        "spki_sha512": KEY512,
        "not_before": NOW - timedelta(days=30),
        "not_after": NOW + timedelta(days=60),
    }
    return ChainMember(**{**told, **more})


def authority(**more: Any) -> ChainMember:
    told = {
        "subject": "CN=Example CA",
        "issuer": "CN=Example Root",
        "sha256": "cd" * 32,
        "sha512": "cd" * 64,
        "spki_sha256": CA_KEY,
        "spki_sha512": "ce" * 64,
    }
    return member(**{**told, **more})


def shown(**more: Any) -> ShownChain:
    """What the MX host shows: trusted, of its name, by a known authority."""
    told = {
        "endpoint": f"{HOST}:25",
        "address": ADDRESS,
        "members": (member(), authority()),
        "dns_names": (HOST,),
        "issuer_organisations": ("Let's Encrypt",),
        "trusted": True,
    }
    return ShownChain(**{**told, **more})


NO_CHAIN = {"members": (), "dns_names": (), "issuer_organisations": (), "trusted": None}


def row(*chains: ShownChain, host: str = HOST, **more: Any) -> MatrixRow:
    """A row where everything agrees."""
    told = {
        "host": host,
        "chains": chains or (shown(),),
        "dane": dane_host(host=host),
        "caa": climb(host, '0 issue "letsencrypt.org"'),
    }
    return MatrixRow(**{**told, **more})


def unaudited(host: str = OTHER) -> MatrixRow:
    return row(host=host).model_copy(update={"chains": (), "unseen": "it was not audited in this run"})


def matrix(*rows: MatrixRow, **more: Any) -> MatrixFacts:
    """A matrix where everything agrees, but for the rows given."""
    each = rows or (row(),)
    hosts = mx(*(one.host for one in each))
    told = {"domain": DOMAIN, "mx": hosts, "rows": each, "sts": sts(mx=hosts), "resolver": resolver()}
    return MatrixFacts(**{**told, **more})


def rsa_key(bits: int, algorithm: int = 8, flags: int = 256) -> str:
    """A DNSKEY record with a modulus of so many bits, which nobody can sign with (RFC 3110 section 2)."""
    modulus = ((1 << (bits - 1)) | 1).to_bytes((bits + 7) // 8, "big")
    octets = b"\x03" + (65537).to_bytes(3, "big") + modulus
    return f"{flags} 3 {algorithm} {base64.b64encode(octets).decode()}"
