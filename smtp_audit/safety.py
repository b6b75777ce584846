"""The safety classes of probes: what a user has to allow."""

from __future__ import annotations

from enum import StrEnum


class Safety(StrEnum):
    """What a control's probe does to the server."""

    PASSIVE = "passive"
    """No mail leaves, nothing is changed."""
    ACTIVE = "active"
    """Uses the credentials and mailboxes given in the configuration, or asks others whom it allows to be asked."""
    INTRUSIVE = "intrusive"
    """Wrong passwords, bursts, port scans: only with --smtp-intrusive."""
    SLOW = "slow"
    """Takes long or many connections: only with --smtp-slow."""
