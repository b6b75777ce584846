"""One trap: a server on one address that plays one scenario, and records what programs do there."""

from __future__ import annotations

from smtp_audit.facts.client import Visit
from smtp_audit.probes.client.contract import Account
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.scenario import Scenario


class Trap:
    """A trap for one account. `visits` are complete once it is closed."""

    def __init__(self, scenario: Scenario, account: Account, address: str, certificates: Certificates) -> None:
        self.scenario = scenario
        self.account = account
        self.address = address
        self.certificates = certificates
        self.first_connection: float | None = None
        """When the first connection came (`time.monotonic`)."""

    @property
    def visits(self) -> tuple[Visit, ...]:
        """What came, in order."""
        return ()

    async def open(self) -> str:
        """Begin to listen; why the scenario cannot be played here, or an empty text."""
        return "not there yet"

    async def close(self) -> None:
        """Hang up on everybody, and end."""
