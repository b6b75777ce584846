"""Where a session keeps its audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smtp_audit.plugin.audit import Audit
    from smtp_audit.plugin.gatekeeper import Gatekeeper

AUDIT: pytest.StashKey[Audit] = pytest.StashKey()
"""The audit of this session; absent when none was asked for."""

GATEKEEPER: pytest.StashKey[Gatekeeper] = pytest.StashKey()
"""The keeper of the gate; absent in xdist workers, whose records travel to the controller."""
