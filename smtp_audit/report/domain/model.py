"""What a report says of a mail domain's MX hosts, in words for a reader; the snapshot has the facts."""

from __future__ import annotations

from enum import StrEnum

from smtp_audit.frozen import Frozen


class Agreement(StrEnum):
    """Whether what an MX host shows is what is published."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """Not known, or it cannot be compared."""
    NOTHING = "nothing"
    """Nothing is published that could be compared, or nothing is shown."""


class MatrixCell(Frozen):
    """One comparison: what came of it, and more of it in `note`."""

    words: str
    note: str = ""
    agreement: Agreement


class MatrixLine(Frozen):
    """One MX host. No topic is ever empty: what is not known is said."""

    host: str
    certificate: tuple[MatrixCell, ...]
    mta_sts: tuple[MatrixCell, ...]
    tlsa: tuple[MatrixCell, ...]
    caa: tuple[MatrixCell, ...]
    dnssec: tuple[MatrixCell, ...]


class DomainMatrix(Frozen):
    """The MX hosts of one domain. `nothing` says why there are none to show; then, and only then, `lines` is empty."""

    domain: str
    policy: str = ""
    """The MTA-STS policy in a line; empty when there is none, or it is not known."""
    nothing: MatrixCell | None = None
    lines: tuple[MatrixLine, ...] = ()
