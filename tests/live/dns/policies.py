"""The HTTPS server that has every domain's MTA-STS policy: a process of its own, which policy_process.py is."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..authority import Authority, Kind
from ..network import Daemon, wait_until_listening
from .zones import Case

PORT = 4430

CERTIFICATES = {
    "sound": Kind(names=("DNS:mta-sts.@host@",)),
    "wildcard": Kind(names=("DNS:*.@host@",)),
    "expired": Kind(names=("DNS:mta-sts.@host@",), days=(-90, -1)),
    "wrong-name": Kind(names=("DNS:www.@host@",)),
    "self-signed": Kind(names=("DNS:mta-sts.@host@",), issuer="self", send=()),
    "stranger": Kind(names=("DNS:mta-sts.@host@",), issuer="stranger-intermediate", send=("stranger-intermediate",)),
}

_PROGRAM = Path(__file__).with_name("policy_process.py")


class PolicyServer:
    """One server for all domains: the name that a client asks for picks certificate and behaviour."""

    def __init__(self, directory: Path, address: str, authority: Authority, cases: Sequence[Case]) -> None:
        self.address = address
        self.port = PORT
        self._directory = directory
        self._configuration = directory / "sites.json"
        self._authority = authority
        self._cases = tuple(cases)
        self._daemon: Daemon | None = None

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    @property
    def program(self) -> list[str]:
        """What Python runs: the server's program and its configuration."""
        return [str(_PROGRAM), str(self._configuration)]

    def start(self) -> None:
        """Start it; returns when it listens."""
        self._directory.mkdir(parents=True)
        sites = {}
        for number, case in enumerate(self._cases):
            kind = CERTIFICATES[case.policy.certificate]
            chain = self._authority.issue(f"policy-{number}", kind, [case.domain])
            sites[f"mta-sts.{case.domain}"] = {**asdict(case.policy), "chain": str(chain)}
        self._configuration.write_text(json.dumps({"address": self.address, "port": self.port, "sites": sites}))
        log = self._directory / "log"
        self._daemon = Daemon([sys.executable, *self.program], log=log)
        wait_until_listening([(self.address, self.port)], log=log)

    def stop(self) -> None:
        """End it."""
        if self._daemon is not None:
            self._daemon.stop()
