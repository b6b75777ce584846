"""What all of these servers serve: the same domain, mailboxes and password, each under a name of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.live.catalogue import DOMAIN

MAILBOXES = ("alice", "bob", "postmaster", "abuse")

OWN = f"alice@{DOMAIN}"
"""The mailbox that mail of the audit may go to."""
OTHER = f"bob@{DOMAIN}"
"""Somebody else's."""
FOREIGN = "someone@example.org"
"""One of a domain that none of them is responsible for. The lab's name server says that nobody is there."""

PASSWORDS = {OWN: "correct horse"}
"""The one account of submission."""

PORTS: Mapping[str, int] = {"mx": 25, "submission": 587, "submissions": 465}

NOBODY = 65534
"""User and group id of `nobody` on Debian."""


@dataclass(frozen=True)
class Site:
    """Where one server is."""

    host: str
    address: str
    chain: Path
    """PEM file: key, leaf, intermediates."""
    resolver: str
    """Address of the name server, port 53."""

    def key(self) -> str:
        """The key alone, in PEM."""
        text = self.chain.read_text()
        key = text[: text.index("-----BEGIN CERTIFICATE-----")]
        load_pem_private_key(key.encode(), None)
        return key

    def certificates(self) -> str:
        """The leaf and what follows it, in PEM."""
        text = self.chain.read_text()
        return text[text.index("-----BEGIN CERTIFICATE-----") :]
