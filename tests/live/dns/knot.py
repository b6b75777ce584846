"""Knot, an authoritative name server with all zones of the lab; it signs those that are signed."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.rrset

from ..network import Daemon
from .zones import Signing

KNOTD = Path("/usr/sbin/knotd")
KNOTC = Path("/usr/sbin/knotc")

START_SECONDS = 20.0
_POLL_SECONDS = 0.02
_ALGORITHMS = {
    5: "rsasha1",
    7: "rsasha1-nsec3-sha1",
    8: "rsasha256",
    10: "rsasha512",
    13: "ecdsap256sha256",
    14: "ecdsap384sha384",
    15: "ed25519",
    16: "ed448",
}

_SERVER = """\
server:
    listen: [{listen}]
    rundir: {directory}
    pidfile: {directory}/pid
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
    version: ""
    identity: ""
    nsid: ""
log:
  - target: {directory}/log
    any: notice
control:
    listen: {directory}/control
database:
    storage: {directory}
template:
  - id: default
    storage: {directory}/zones
    file: "%s.zone"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
"""

_POLICY = """\
  - id: {id}
    algorithm: {algorithm}
    {size}
    single-type-signing: on
    nsec3: {nsec3}
    nsec3-iterations: {iterations}
    nsec3-salt-length: {salt_length}
    nsec3-opt-out: off
"""


class Knot:
    """One server on port 53 of some addresses. Zones are given as text, and can be changed while it runs."""

    def __init__(self, directory: Path, addresses: Sequence[str], zones: Mapping[str, tuple[str, Signing]]) -> None:
        self.directory = directory
        self.addresses = tuple(addresses)
        self._zones = dict(zones)
        self._daemon: Daemon | None = None

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def start(self) -> None:
        """Start it; returns when every zone is answered for, the signed ones with their keys."""
        (self.directory / "zones").mkdir(parents=True)
        for name, (text, _) in self._zones.items():
            self._file(name).write_text(text)
        configuration = self.directory / "knot.conf"
        configuration.write_text(self._configuration())
        self._daemon = Daemon([str(KNOTD), "-c", str(configuration)], log=self.directory / "console")
        for name, (_, signing) in self._zones.items():
            self._wait_for(name, dns.rdatatype.DNSKEY if signing.by_knot else dns.rdatatype.SOA)

    def stop(self) -> None:
        """End it."""
        if self._daemon is not None:
            self._daemon.stop()

    def keys(self, name: str) -> dns.rrset.RRset:
        """The keys of a zone that it signs."""
        return self._wait_for(name, dns.rdatatype.DNSKEY)

    def change(self, zones: Mapping[str, str], serial: int) -> None:
        """Serve these zones with this content, whose serial number is the one given; returns when it does."""
        for name, text in zones.items():
            self._file(name).write_text(text)
        command = [str(KNOTC), "-c", str(self.directory / "knot.conf"), "zone-reload", *(f"{name}." for name in zones)]
        subprocess.run(command, check=True, capture_output=True, timeout=START_SECONDS)
        for name in zones:
            self._wait_for(name, dns.rdatatype.SOA, serial)

    def _file(self, name: str) -> Path:
        return self.directory / "zones" / f"{name}.zone"

    def _configuration(self) -> str:
        parts = [
            _SERVER.format(directory=self.directory, listen=", ".join(f"{address}@53" for address in self.addresses))
        ]
        policies: dict[str, str] = {}
        zones = []
        for name, (_, signing) in self._zones.items():
            lines = [f'  - domain: "{name}."', f'    file: "{self._file(name)}"']
            if signing.by_knot:
                policy = _policy_name(signing)
                policies[policy] = _policy(policy, signing)
                lines += ["    dnssec-signing: on", f"    dnssec-policy: {policy}"]
            zones.append("\n".join(lines))
        if policies:
            parts += ["policy:\n", *policies.values()]
        return "".join(parts) + "zone:\n" + "\n".join(zones) + "\n"

    def _wait_for(self, name: str, rdtype: dns.rdatatype.RdataType, serial: int = 0) -> dns.rrset.RRset:
        """The records of this type at the top of a zone; raises RuntimeError with the end of the log."""
        deadline = time.monotonic() + START_SECONDS
        query = dns.message.make_query(f"{name}.", rdtype)
        said: object = None
        while time.monotonic() < deadline:
            try:
                reply = dns.query.udp(query, self.addresses[0], timeout=1.0)
            except (OSError, dns.exception.DNSException) as error:
                said = error
            else:
                said = reply
                if reply.flags & dns.flags.TC:
                    reply = dns.query.tcp(query, self.addresses[0], timeout=1.0)
                for rrset in reply.answer:
                    if rrset.rdtype == rdtype and (not serial or rrset[0].serial >= serial):
                        return rrset
            time.sleep(_POLL_SECONDS)
        log = self.directory / "log"
        console = self.directory / "console"
        end = "".join(path.read_text(errors="replace")[-3000:] for path in (log, console) if path.exists())
        raise RuntimeError(f"knot does not serve {name} after {START_SECONDS} s: {said}\n{end}")


def _policy_name(signing: Signing) -> str:
    return f"a{signing.algorithm}-{signing.bits}-{signing.nsec3}-{signing.salt_octets}"


def _policy(name: str, signing: Signing) -> str:
    rsa = signing.algorithm in (5, 7, 8, 10)
    return _POLICY.format(
        id=name,
        algorithm=_ALGORITHMS[signing.algorithm],
        size=f"ksk-size: {signing.bits}\n    zsk-size: {signing.bits}" if rsa else "",
        nsec3="off" if signing.nsec3 is None else "on",
        iterations=signing.nsec3 or 0,
        salt_length=signing.salt_octets,
    )
