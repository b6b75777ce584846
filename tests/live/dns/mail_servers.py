"""The MX hosts that some audits look at: servers with STARTTLS, each with a certificate of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from smtp_audit.facts.endpoint import Endpoint, Role

from ..authority import Authority, Kind
from ..network import Block
from ..scripted_process import Scripted, ScriptedSite
from .zones import Case

PORT = 2525
_FIRST_ADDRESS = 100

CHAINS = {
    "sound": Kind(names=("DNS:@host@",)),
    "wildcard": Kind(names=("DNS:*.@domain@",)),
    "wrong-name": Kind(names=("DNS:other.example",)),
    "expired": Kind(names=("DNS:@host@",), days=(-90, -1)),
    "self-signed": Kind(names=("DNS:@host@",), issuer="self", send=()),
    "stranger": Kind(names=("DNS:@host@",), issuer="stranger-intermediate", send=("stranger-intermediate",)),
    "other-key": Kind(names=("DNS:@host@",), key="ec-p384"),
    "other-authority": Kind(names=("DNS:@host@",), issuer="intermediate-of-others", send=("intermediate-of-others",)),
}


class MailServers:
    """One process with a server for each domain that says what it shows."""

    def __init__(self, directory: Path, block: Block, authority: Authority, cases: Sequence[Case]) -> None:
        self._authority = authority
        self._cases = [case for case in cases if case.chain is not None]
        self._addresses = {case.domain: block.address(_FIRST_ADDRESS + n) for n, case in enumerate(self._cases)}
        self._directory = directory
        self._scripted: Scripted | None = None

    @property
    def pid(self) -> int:
        assert self._scripted is not None
        return self._scripted.pid

    def start(self) -> None:
        """Start them; returns when all of them listen."""
        self._scripted = Scripted(self._directory, [self._site(case) for case in self._cases])
        self._scripted.start()

    def stop(self) -> None:
        """End them."""
        if self._scripted is not None:
            self._scripted.stop()

    def endpoints(self, case: Case) -> tuple[Endpoint, ...]:
        """Where the audit of a domain finds its MX host, when it is one of these."""
        if case.chain is None:
            return ()
        address = self._addresses[case.domain]
        return (Endpoint(role=Role.MX, host=f"mail.{case.domain}", port=PORT, address=address),)

    def _site(self, case: Case) -> ScriptedSite:
        assert case.chain is not None
        host = f"mail.{case.domain}"
        kind = CHAINS[case.chain]
        names = tuple(name.replace("@domain@", case.domain) for name in kind.names)
        chain = self._authority.issue(f"mail-{case.name}", replace(kind, names=names), [host])
        return ScriptedSite(self._addresses[case.domain], PORT, host, Role.MX.value, str(chain))
