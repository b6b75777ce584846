"""The lab: knot with all zones, unbound in front of it, and the policy server, on addresses of its own."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from smtp_audit.configuration.model import Config, PolicyHost, Resolver, Scope, Sending
from smtp_audit.facts.endpoint import Endpoint, Role

from ..authority import Authority
from ..network import Block, lab_directory
from .hierarchy import FIRST_SERIAL, ROOT, SECOND_SERIAL, Addresses, tree
from .knot import Knot
from .mail_servers import MailServers
from .policies import PolicyServer
from .records import MAIL_KEY
from .unbound import Unbound
from .zones import Case

RESOLVER_PORT = 5300
PROFILE = Path(__file__).with_name("lab-profile.toml")


class DnsLab:
    """Everything that the audits of these cases ask."""

    def __init__(self, directory: Path, block: Block, cases: Sequence[Case]) -> None:
        self.cases = tuple(cases)
        self.block = block
        self.authority = Authority(directory / "ca", leaf_keys={"ec-p256": MAIL_KEY})
        self._directory = directory
        self.names = Addresses(block.address(53), block.address(54), block.address(55))
        self._tree = tree(cases, self.names)
        self.knot = Knot(directory / "knot", (self.names.first, self.names.same), self._contents(FIRST_SERIAL))
        self.other = Knot(directory / "other", (self.names.other,), self._others())
        self.policies = PolicyServer(directory / "policies", block.address(43), self.authority, self.cases)
        self.mail_servers = MailServers(directory / "mail", block, self.authority, self.cases)
        self.resolver: Unbound | None = None
        self.blind: Unbound | None = None
        self._running: list[Knot | Unbound | PolicyServer | MailServers] = []

    def start(self) -> None:
        """Start everything; returns when all of it answers."""
        with ThreadPoolExecutor(3) as pool:
            beside = [pool.submit(self._run, each) for each in (self.policies, self.mail_servers, self.other)]
            self._run(self.knot)
            # Only now knot has made the keys whose digests the parents publish.
            parents = {name: self._tree.text(name, SECOND_SERIAL, self.knot.keys) for name in self._tree.parents}
            self.knot.change(parents, SECOND_SERIAL)
            for each in beside:
                each.result()
        stubs = {name: self.names.first for name, zone in self._tree.zones.items() if zone.apart}
        anchor = self.knot.keys(ROOT).to_text() + "\n"
        self.resolver = Unbound(
            self._directory / "unbound",
            self.block.address(50),
            RESOLVER_PORT,
            root=self.names.first,
            anchor=anchor,
            stubs=stubs,
        )
        self._run(self.resolver)
        self.blind = Unbound(
            self._directory / "blind", self.block.address(51), RESOLVER_PORT, root=self.names.first, stubs=stubs
        )
        self._run(self.blind)

    def _run(self, server: "Knot | Unbound | PolicyServer | MailServers") -> None:
        self._running.append(server)
        server.start()

    def stop(self) -> None:
        """End everything."""
        for server in reversed(self._running):
            server.stop()

    def pids(self) -> list[int]:
        """The ids of the servers' processes."""
        return [server.pid for server in self._running]

    @property
    def resolver_place(self) -> tuple[str, int]:
        """Where the resolver that validates listens."""
        assert self.resolver is not None
        return self.resolver.address, self.resolver.port

    def config(self, case: Case, *, resolver: tuple[str, int] | None = None, report: Path | None = None) -> Config:
        """The configuration of an audit of this domain."""
        resolver = resolver or self.resolver_place
        return Config(
            targets=(case.domain,),
            profile=str(PROFILE),
            domain=case.domain,
            scope=(Scope.DNS,) if case.chain is None else (Scope.SERVER, Scope.DNS),
            endpoints=(*self.mail_servers.endpoints(case), *self._services(case)),
            ca=self.authority.anchors,
            resolver=Resolver(address=resolver[0], port=resolver[1]),
            sending=Sending(addresses=case.sending, helo=case.helo),
            dkim_selectors=case.selectors,
            dnsbl=case.dnsbl,
            authoritative=case.authoritative,
            mta_sts=PolicyHost(address=self.policies.address, port=self.policies.port, ca=self.authority.anchors),
            **({} if report is None else {"report": report}),
        )

    def _services(self, case: Case) -> tuple[Endpoint, ...]:
        """What the configuration names; no audit of this lab connects to it, and nobody would answer."""
        host, address = f"mail.{case.domain}", self.block.address(25)
        return tuple(Endpoint(role=Role(role), host=host, port=port, address=address) for role, port in case.services)

    def _contents(self, serial: int) -> dict[str, tuple[str, object]]:
        """The zones for the first start: what delegates has no DS records yet, for want of keys."""
        return {
            name: (self._tree.text(name, serial, lambda _: ()), zone.signing) for name, zone in self._tree.zones.items()
        }

    def _others(self) -> dict[str, tuple[str, object]]:
        apart = [zone for zone in self._tree.zones.values() if zone.second is not None and not zone.lame]
        return {zone.name: (self._tree.second_text(zone, FIRST_SERIAL), zone.signing) for zone in apart}


@contextmanager
def running_dns_lab(cases: Sequence[Case]) -> Iterator[DnsLab]:
    """The lab of these cases, running."""
    block = Block()
    try:
        with lab_directory() as directory:
            lab = DnsLab(directory, block, cases)
            try:
                lab.start()
                yield lab
            finally:
                lab.stop()
    finally:
        block.release()
