"""Whether the live tests can run here, and what happens when they cannot."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from .dovecot import DOVECOT
from .postfix import MASTER, SMTPD

REQUIRED = "SMTP_AUDIT_REQUIRE_LIVE"
"""Set to 1, this environment variable turns "cannot run here" from a skip into a failure."""

_FILES = (
    MASTER,
    SMTPD,
    DOVECOT,
    Path("/usr/lib/dovecot/imap-login"),
    Path("/usr/lib/dovecot/pop3-login"),
    Path("/usr/lib/dovecot/managesieve-login"),
    Path("/usr/share/postfix/main.cf.debian"),
    Path("/usr/share/dovecot/dovecot.conf"),
    Path("/usr/bin/setsid"),
    Path("/usr/bin/openssl"),
)


def why_not() -> str | None:
    """Why the lab cannot be started here, or None."""
    missing = [str(path) for path in _FILES if not path.exists()]
    if missing:
        return f"run tests/live/install-servers (missing: {', '.join(missing)})"
    if os.geteuid() != 0:
        return "the live tests need root: Postfix starts as root and the standard ports are below 1024"
    return None


def skip_or_fail(reason: str) -> NoReturn:
    """Skip, or fail when SMTP_AUDIT_REQUIRE_LIVE is 1."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but: {reason}", pytrace=False)
    pytest.skip(reason)
