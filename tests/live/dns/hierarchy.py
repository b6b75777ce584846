"""All zones of the lab in one tree, from a root of its own down: delegations, glue, and DS records."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.DS
import dns.rrset

from .records import TTL, Records
from .signing import OfflineKey
from .zones import TOP, Case, Served

ROOT = ""
"""The name of the root, without its last dot."""

NAMES = "dns.example"
"""Where the name servers' own names are."""

REVERSE = ("in-addr.arpa", "ip6.arpa")

FIRST_SERIAL = 1
SECOND_SERIAL = 2


@dataclass(frozen=True)
class Addresses:
    """Where the name servers listen: two that are the same one, and one that may differ from them."""

    first: str
    same: str
    other: str


@dataclass
class Tree:
    """The zones by name; the deepest one that holds a name has its records."""

    addresses: Addresses
    zones: dict[str, Served] = field(default_factory=dict)
    _keys: dict[str, OfflineKey] = field(default_factory=dict)

    def zone_of(self, owner: str, *, above: bool = False) -> str:
        """The zone that a name is in; `above`: the one that delegates it."""
        labels = owner.split(".") if owner else []
        for start in range(1 if above else 0, len(labels) + 1):
            if (name := ".".join(labels[start:])) in self.zones:
                return name
        raise ValueError(f"no zone has {owner}")

    def children(self, name: str) -> list[str]:
        """The zones that this one delegates."""
        return [child for child in self.zones if child and self.zone_of(child, above=True) == name]

    @property
    def parents(self) -> list[str]:
        """The zones that delegate others."""
        return sorted({self.zone_of(child, above=True) for child in self.zones if child})

    def text(self, name: str, serial: int, keys: Callable[[str], dns.rrset.RRset]) -> str:
        """The zone file. `keys` gives the DNSKEY records of a child that knot signs."""
        zone = self.zones[name]
        records = _lines(zone.records)
        if not any(key[0] == name and key[1] == "SOA" for key in zone.records):
            records += self._top(zone, serial)
        for child in self.children(name):
            records += [f"{child}. {TTL} IN NS {server}." for server in self._servers(self.zones[child])]
            records += [f"{child}. {TTL} IN DS {ds}" for ds in self._delegation(self.zones[child], keys)]
        if not name:
            records += self._glue()
        text = "\n".join(sorted(set(records), key=lambda line: (" SOA " not in line, line))) + "\n"
        if zone.signing.offline:
            return self._offline(zone).sign(name, text, zone.signing)
        return text

    def second_text(self, zone: Served, serial: int) -> str:
        """What the other name server says of a zone."""
        changed = {**zone.records, **(zone.second or {})}
        kept = {key: values for key, values in changed.items() if values}
        return "\n".join(_lines(kept) + self._top(zone, serial)) + "\n"

    def _top(self, zone: Served, serial: int) -> list[str]:
        """SOA (with the times that RFC 1912 section 2.2 takes for usual) and name servers."""
        at = f"{zone.name}. {TTL} IN"
        soa = f"{at} SOA ns1.{NAMES}. hostmaster.{NAMES}. {serial} 7200 3600 1209600 3600"
        if any(key == (zone.name, "NS") for key in zone.records):
            return [soa]
        return [soa, *(f"{at} NS {server}." for server in self._servers(zone))]

    def _servers(self, zone: Served) -> tuple[str, str]:
        return f"ns1.{NAMES}", f"ns{3 if zone.apart else 2}.{NAMES}"

    def _glue(self) -> list[str]:
        """In the root: what a resolver has to know before it can ask anybody else."""
        servers = {"ns1": self.addresses.first, "ns2": self.addresses.same, "ns3": self.addresses.other}
        return [f"{name}.{NAMES}. {TTL} IN A {address}" for name, address in servers.items()]

    def _offline(self, zone: Served) -> OfflineKey:
        if zone.name not in self._keys:
            self._keys[zone.name] = OfflineKey(zone.signing.algorithm, zone.signing.bits)
        return self._keys[zone.name]

    def _delegation(self, zone: Served, keys: Callable[[str], dns.rrset.RRset]) -> Iterable[str]:
        """The DS records of a zone, as its parent has them."""
        signing = zone.signing
        if signing.how in ("unsigned", "no-ds"):
            return
        name = dns.name.from_text(f"{zone.name}.")
        if signing.how in ("wrong-ds", "stripped"):
            own = [OfflineKey(13, 0).record]
        elif signing.offline:
            own = [self._offline(zone).record]
        else:
            own = list(keys(zone.name))
        for key in own:
            for digest in signing.digests:
                yield _ds(name, key, digest).to_text()


def tree(cases: Iterable[Case], addresses: Addresses) -> Tree:
    """All zones of these cases and what they need above them, each record in the zone that its name is in."""
    found = Tree(addresses)
    for name in (ROOT, TOP, NAMES, *REVERSE):
        found.zones[name] = Served(name, {})
    servers = {"ns1": addresses.first, "ns2": addresses.same, "ns3": addresses.other}
    loose: list[Records] = [{(f"{name}.{NAMES}", "A"): [_address("A", address)] for name, address in servers.items()}]
    for case in cases:
        for zone in case.zones:
            known = found.zones.get(zone.name)
            if known is None:
                found.zones[zone.name] = replace(zone, records={})
            elif known.signing != zone.signing:
                raise ValueError(f"{case.name}: zone {zone.name} is signed in another way elsewhere")
            loose.append(zone.records)
    for records in loose:
        for key, values in records.items():
            there = found.zones[found.zone_of(key[0], above=key[1] == "DS")].records.setdefault(key, [])
            there.extend(value for value in values if value not in there)
    return found


def _address(rdtype: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)


def _lines(records: Mapping[tuple[str, str], Iterable[dns.rdata.Rdata]]) -> list[str]:
    return [
        f"{owner}. {TTL} IN {rdtype} {value.to_text()}"
        for (owner, rdtype), values in records.items()
        for value in values
    ]


def _ds(name: dns.name.Name, key: dns.rdata.Rdata, digest: int) -> dns.rdtypes.ANY.DS.DS:
    # SHA-1 is made here on purpose: what is judged is a domain that still has it.
    policy = dns.dnssec.allow_all_policy
    return dns.dnssec.make_ds(name, key, digest, policy=policy)
