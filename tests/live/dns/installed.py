"""Whether the lab can run here."""

import os

from .knot import KNOTC, KNOTD
from .unbound import UNBOUND


def why_not() -> str | None:
    """Why the lab cannot be started here, or None."""
    missing = [str(path) for path in (KNOTD, KNOTC, UNBOUND) if not path.exists()]
    if missing:
        return f"run tests/live/install-servers (missing: {', '.join(missing)})"
    if os.geteuid() != 0:
        return "the live DNS needs root: name servers listen on port 53"
    return None
