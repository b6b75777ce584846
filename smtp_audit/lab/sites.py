"""What the lab's two sites are: which services each has, and how they behave. Data, as far as it can be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from smtp_audit.facts.endpoint import Role
from smtp_audit.lab.authority import ORGANISATION, Kind
from smtp_audit.lab.mail import Account

PASSWORD_VARIABLE = "SMTP_AUDIT_LAB_PASSWORD"  # noqa: S105 (the name of a variable)
"""The environment variable that the lab's configurations name for the password."""


PROFILE_TEXT = f"""\
# The enterprise profile for the lab, whose certificates are no public authority's (STACK-8).
name = "lab"
extends = "enterprise"
title = "Enterprise SMTP Standard, on the embedded lab"

[controls]
certificate-issuer = {{ accepted = [{json.dumps(ORGANISATION)}] }}
"""
"""What the lab's configurations name as profile; the standard as it is closes the gate on any private authority."""


class Wire(StrEnum):
    """What is spoken on the first octet."""

    CLEAR = "clear"
    """Clear text, and STARTTLS is offered."""
    BARE = "bare"
    """Clear text for ever."""
    TLS = "tls"


@dataclass(frozen=True)
class Service:
    """One port of a site."""

    role: Role
    wire: Wire
    auth: bool = False
    auth_in_clear: bool = False
    auth_needed: bool = False
    relays: bool = False
    old_mechanism: bool = False


@dataclass(frozen=True)
class Plan:
    """A site before it runs."""

    name: str
    host: str
    domain: str
    certificate: Kind
    modern_tls: bool
    careless: bool
    services: tuple[Service, ...]


GOOD = Plan(
    name="good",
    host="mail.good.example",
    domain="good.example",
    certificate=Kind(names=("DNS:mail.good.example",)),
    modern_tls=True,
    careless=False,
    services=(
        Service(Role.MX, Wire.CLEAR),
        Service(Role.SUBMISSION, Wire.CLEAR, auth=True, auth_needed=True),
        Service(Role.SUBMISSIONS, Wire.TLS, auth=True, auth_needed=True),
        Service(Role.IMAPS, Wire.TLS, auth=True),
    ),
)

BAD = Plan(
    name="bad",
    host="mail.bad.example",
    domain="bad.example",
    certificate=Kind(
        names=("DNS:localhost",), common_name="mail.bad.example", days=(-400, -35), issuer="self", send=()
    ),
    modern_tls=False,
    careless=True,
    services=(
        Service(Role.MX, Wire.CLEAR, auth=True, auth_in_clear=True, relays=True),
        Service(Role.SUBMISSION, Wire.CLEAR, auth=True, auth_in_clear=True, relays=True, old_mechanism=True),
        # The wrapper mode that somebody forgot: 465 configured like 587.
        Service(Role.SUBMISSIONS, Wire.CLEAR, auth=True, auth_in_clear=True, auth_needed=True),
        Service(Role.IMAPS, Wire.TLS, auth=True),
        Service(Role.IMAP, Wire.BARE, auth=True),
    ),
)


@dataclass(frozen=True)
class Site:
    """A site that runs. `ports` are on `address`; `anchors` is the PEM file of the lab's root."""

    plan: Plan
    address: str
    ports: dict[Role, int]
    anchors: Path
    account: Account

    @property
    def name(self) -> str:
        """`good` or `bad`."""
        return self.plan.name

    @property
    def profile(self) -> Path:
        """The file of the lab's profile, beside the anchors."""
        return self.anchors.with_name("lab-profile.toml")

    @property
    def config_text(self) -> str:
        """A configuration (smtp-audit.toml) that names all endpoints of the site, its anchor, profile and user."""
        head = (
            f"profile = {json.dumps(str(self.profile))}\nca = {json.dumps(str(self.anchors))}\n"
            # Named, so that this machine is a stranger to the site.
            'sources = ["127.0.0.1"]\nscope = ["server"]\n\n'
            f"[target]\ndomain = {json.dumps(self.plan.domain)}\n"
        )
        tail = (
            # A lab throws away what it takes, so that messages may be sent to it.
            f'\n[mailboxes]\nown = "{self.account.user}"\n'
            f'\n[credentials]\nuser = "{self.account.user}"\npassword_env = "{PASSWORD_VARIABLE}"\n'
        )
        endpoints = [
            f'\n[[target.endpoint]]\nrole = "{role}"\nhost = "{self.plan.host}"\n'
            f'address = "{self.address}"\nport = {port}\n'
            for role, port in self.ports.items()
        ]
        return "".join((head, *endpoints, tail))
