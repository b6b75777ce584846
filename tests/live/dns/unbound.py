"""Unbound, the resolver of the lab: it asks knot, beginning with the lab's own root, and validates."""

import time
from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from ..network import Daemon

UNBOUND = Path("/usr/sbin/unbound")
START_SECONDS = 10.0
_POLL_SECONDS = 0.02

# What unbound answers by itself unless it is told otherwise (unbound.conf(5), local-zone).
_ITS_OWN = (
    "2.0.192.in-addr.arpa.",
    "100.51.198.in-addr.arpa.",
    "113.0.203.in-addr.arpa.",
    "127.in-addr.arpa.",
    "10.in-addr.arpa.",
    "8.b.d.0.1.0.0.2.ip6.arpa.",
    "test.",
    "invalid.",
)

_CONFIGURATION = """\
server:
    interface: {address}@{port}
    access-control: 127.0.0.0/8 allow
    do-ip6: no
    do-daemonize: no
    directory: "{directory}"
    chroot: ""
    username: ""
    pidfile: "{directory}/pid"
    use-syslog: no
    logfile: "{directory}/log"
    log-servfail: yes
    verbosity: 1
    num-threads: 1
    module-config: "{modules}"
    root-hints: "{directory}/root.hints"
    {anchor}
    do-not-query-localhost: no
    ede: yes
    trust-anchor-signaling: no
    qname-minimisation: no
    outgoing-range: 512
    num-queries-per-thread: 1024
    cache-max-negative-ttl: 60
    infra-host-ttl: 1
    max-udp-size: 4096
    {local_zones}
{stubs}
remote-control:
    control-enable: no
"""


class Unbound:
    """One resolver. Without an anchor it does not validate. `stubs`: zones and the only address they are asked at."""

    def __init__(
        self,
        directory: Path,
        address: str,
        port: int,
        *,
        root: str,
        anchor: str = "",
        stubs: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.address = address
        self.port = port
        self._root = root
        self._anchor = anchor
        self._stubs = dict(stubs or {})
        self._daemon: Daemon | None = None

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def start(self) -> None:
        """Start it; returns when it answers for the root, signed when it has an anchor."""
        self.directory.mkdir(parents=True)
        (self.directory / "root.hints").write_text(f". 3600000 NS a.root.\na.root. 3600000 A {self._root}\n")
        (self.directory / "anchor").write_text(self._anchor)
        configuration = self.directory / "unbound.conf"
        configuration.write_text(self._configuration())
        self._daemon = Daemon([str(UNBOUND), "-d", "-c", str(configuration)], log=self.directory / "console")
        self._wait()

    def stop(self) -> None:
        """End it."""
        if self._daemon is not None:
            self._daemon.stop()

    def _configuration(self) -> str:
        anchored = bool(self._anchor)
        stubs = (
            f'stub-zone:\n    name: "{zone}."\n    stub-addr: {address}\n' for zone, address in self._stubs.items()
        )
        return _CONFIGURATION.format(
            address=self.address,
            port=self.port,
            directory=self.directory,
            modules="validator iterator" if anchored else "iterator",
            anchor=f'trust-anchor-file: "{self.directory}/anchor"' if anchored else "",
            local_zones="\n    ".join(f'local-zone: "{zone}" nodefault' for zone in _ITS_OWN),
            stubs="".join(stubs),
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        query = dns.message.make_query(".", "SOA", want_dnssec=True)
        said: object = None
        while time.monotonic() < deadline:
            try:
                said = reply = dns.query.udp(query, self.address, timeout=1.0, port=self.port)
            except (OSError, dns.exception.DNSException) as error:
                said = error
            else:
                checked = bool(reply.flags & dns.flags.AD) or not self._anchor
                if reply.rcode() == dns.rcode.NOERROR and reply.answer and checked:
                    return
            time.sleep(_POLL_SECONDS)
        logs = (self.directory / name for name in ("log", "console"))
        end = "".join(path.read_text(errors="replace")[-3000:] for path in logs if path.exists())
        raise RuntimeError(f"unbound does not answer after {START_SECONDS} s: {said}\n{end}")
