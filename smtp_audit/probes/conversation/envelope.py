"""The addresses that an audit uses in envelopes: own ones, and reserved ones that belong to nobody (RFC 2606)."""

from __future__ import annotations

import secrets

from smtp_audit.probes.approach import Approach
from smtp_audit.probes.submission import FOREIGN_DOMAINS, mail_domain

NO_DOMAIN = "smtp-audit.invalid"
"""A domain that no server has mail for (RFC 6761 section 6.4)."""


def local_mailbox(approach: Approach) -> str:
    """A recipient that the server has to take: the own mailbox of the configuration, else the postmaster.

    RFC 5321 section 4.5.1: every domain has a postmaster.
    """
    mailboxes = approach.config.mailboxes
    return mailboxes.own or f"postmaster@{mail_domain(approach)}"


def local_domain(approach: Approach) -> str:
    """The domain of the own mailbox, else that of the target."""
    own = approach.config.mailboxes.own
    return own.rpartition("@")[2] if own else mail_domain(approach)


def foreign_domain(approach: Approach) -> str:
    """A reserved domain that is not the server's own."""
    domain = local_domain(approach)
    return next(name for name in FOREIGN_DOMAINS if not domain.endswith(name))


def other_foreign_domain(approach: Approach) -> str:
    """Another reserved domain, neither the server's own nor the first foreign one."""
    domain, first = local_domain(approach), foreign_domain(approach)
    return next(name for name in FOREIGN_DOMAINS if name != first and not domain.endswith(name))


def address_literal(address: str) -> str:
    """An IP address as the domain of a mailbox (RFC 5321 section 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def nobody() -> str:
    """A local part that no server knows."""
    return f"smtp-audit-{secrets.token_hex(6)}"


def login_sender(approach: Approach) -> str:
    """The address that belongs to the given credentials: the user name, with the domain where it has none."""
    credentials = approach.config.credentials
    user = credentials.user if credentials else "postmaster"
    return user if "@" in user else f"{user}@{local_domain(approach)}"


def own_domain(approach: Approach) -> str:
    """A domain that the server takes mail for, by the configuration; empty where it names none."""
    return local_domain(approach) if approach.config.mailboxes.own or approach.config.domain else ""


def undelivered_recipient(approach: Approach) -> str:
    """A recipient for transactions that are given up: as `local_mailbox`, and the postmaster without a domain where the
    server's domain is not known (RFC 5321 section 4.5.1)."""
    return local_mailbox(approach) if own_domain(approach) else "postmaster"
