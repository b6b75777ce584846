"""What an audit of group "asked" is given: accounts, mailboxes, and leave to do everything.

The second judge uses the same accounts, so that both look at the same thing.
"""

from collections.abc import Sequence
from pathlib import Path

from .audited import Outcome, Tables, audited_places
from .catalogue import DOMAIN
from .dovecot import PASSWORDS
from .lab import SINK, Place

USER = f"alice@{DOMAIN}"
PASSWORD = PASSWORDS[USER]

THROWAWAY = f"carol@{DOMAIN}"
"""An account that may be locked."""
THROWAWAY_PASSWORD = PASSWORDS[THROWAWAY]
THROWAWAY_VARIABLE = "SMTP_AUDIT_PASSWORD_THROWAWAY"

OWN = USER
"""A mailbox that mail of the audit may go to."""
OTHER = f"bob@{DOMAIN}"
"""Somebody else's in the same domain."""
FOREIGN = "someone@example.org"
"""One of a domain that the server is not responsible for."""

OPTIONS = ("--smtp-intrusive",)

TABLES: Tables = {
    "mailboxes": {"own": OWN, "other": OTHER, "foreign": FOREIGN},
    "throwaway": {"user": THROWAWAY, "password_env": THROWAWAY_VARIABLE},
}
"""The tables of the configuration file that say the above; the sink is the running lab's."""

_CONNECTIONS = 16
"""At once: wrong passwords are mostly waited for."""


def audit(directory: Path, places: Sequence[Place], *, anchors: Path) -> Outcome:
    """Run the audit on these endpoints with everything allowed."""
    return audited_places(
        directory,
        places,
        anchors=anchors,
        user=USER,
        password=PASSWORD,
        connections=_CONNECTIONS,
        options=OPTIONS,
        tables={**TABLES, "sink": {"address": SINK, "listen": "{}:{}".format(*places[0].sink)}},
        secrets={THROWAWAY_VARIABLE: THROWAWAY_PASSWORD},
    )
