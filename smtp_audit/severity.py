"""How bad a failure is."""

from __future__ import annotations

from smtp_audit.ranked import Ranked


class Severity(Ranked):
    """How bad a failure is; ordered from info to critical."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
