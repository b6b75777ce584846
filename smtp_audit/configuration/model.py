"""What to audit and how: one typed model, whatever it came from (file, command line, library call)."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.frozen import Frozen
from smtp_audit.limits import BudgetLimits, Limits
from smtp_audit.safety import Safety
from smtp_audit.secret import Secret
from smtp_audit.severity import Severity
from smtp_audit.waiver import Attestation, Waiver


class Scope(StrEnum):
    """The chapters a run can be about."""

    SERVER = "server"
    DNS = "dns"
    ROUNDTRIP = "roundtrip"
    CLIENT = "client"
    TEMPLATE = "template"
    DEPLOY = "deploy"
    HOST = "host"
    MONITORING = "monitoring"
    ORGANISATION = "organisation"


class Families(StrEnum):
    """Which addresses of a host are audited."""

    ALL = "all"
    IPV4 = "ipv4"
    IPV6 = "ipv6"


class Resolver(Frozen):
    """A DNS server to ask: an IP address and a port."""

    address: str
    port: int = 53


class Credentials(Frozen):
    """A login of the server. The password comes from the environment variable named, never from a file or option.

    `password` is None when that variable is not set.
    """

    user: str
    password_env: str = "SMTP_AUDIT_PASSWORD"  # noqa: S105 (the name of a variable)
    password: Secret | None = None


class Mailboxes(Frozen):
    """Mailboxes that test mail may be addressed to; what is None is not tried.

    `own` and `other` are two local mailboxes of the audited server: the first may be sent test messages, the second is
    one that the given credentials must not send for. `foreign` is a mailbox elsewhere that belongs to the user of this
    tool: what arrives there from a stranger proves an open relay.
    """

    own: str | None = None
    other: str | None = None
    foreign: str | None = None


class Sink(Frozen):
    """A mail server of the audit's own: the audited server has to route `address` to `listen` on this machine."""

    address: str
    listen: str
    port: int


class Sending(Frozen):
    """Where the domain's mail leaves from: the addresses that other servers see, and the name given there in EHLO."""

    addresses: tuple[str, ...] = ()
    helo: str | None = None


class PolicyHost(Frozen):
    """Where MTA-STS policies are fetched from in place of port 443 of `mta-sts.DOMAIN`, and whom to trust there.

    For tests, and for networks that are split. `ca` None: the anchors of the run.
    """

    address: str | None = None
    port: int = 443
    ca: Path | None = None


class ClientSettings(Frozen):
    """A program that sends mail, and how it is spoken to.

    It is run as `argv` in `directory`; where to connect is told by environment variables, the message comes as one JSON
    object on its standard input, and its exit status (or its reply) says whether it claims to have sent it.
    `environment` maps the names of the contract (`smtp_audit.probes.client.contract`) to the program's own variables,
    `message` its fields to the program's own; what is not mapped keeps the contract's name. `variables` are set as they
    are. `templates` names the program's templates, each with the fields of `data` that it uses. `seconds` is the
    longest that one run may take. Files that appear under `watch` count as output. `health` is the command of its
    health check: it has the same environment and no input, and exit status 0 calls the server healthy.
    """

    name: str
    argv: tuple[str, ...]
    health: tuple[str, ...] = ()
    directory: Path | None = None
    environment: dict[str, str] = {}
    message: dict[str, str] = {}
    variables: dict[str, str] = {}
    success: Literal["exit", "reply"] = "exit"
    """`exit`: status 0 claims success. `reply`: so does a JSON reply whose `success` is true, and nothing else."""
    templates: dict[str, tuple[str, ...]] = {}
    seconds: float = 60.0
    watch: Path | None = None


class TemplateSettings(Frozen):
    """A template.

    Without `argv` it is rendered as Jinja2; else the command gets its variables as JSON on standard input, and writes
    the document to standard output. `variables` are harmless values for the names that it uses. `autoescape`: whether
    the program that uses it lets Jinja2 escape; None: by the suffix, as `jinja2.select_autoescape` does.
    """

    name: str
    path: Path
    argv: tuple[str, ...] = ()
    directory: Path | None = None
    variables: dict[str, str] = {}
    autoescape: bool | None = None


class SourceSettings(Frozen):
    """A folder or a file of source text; `name` as the user wrote it."""

    name: str
    path: Path


class Config(Frozen):
    """Everything one audit needs to know.

    `targets` is what the user named, in words, for the report. `names` are bare targets without port that may be a mail
    domain or a host: `smtp_audit.probes.dns` finds out (one MX look-up each). `endpoints` are those that are known
    already. `domain` is the mail domain for addresses in envelopes; None: taken from the host.
    """

    targets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    domain: str | None = None
    families: Families = Families.ALL
    profile: str = "enterprise"
    gate: Severity | None = None
    scope: tuple[Scope, ...] = ()
    report: Path = Path("reports")
    snapshot: Path | None = None
    allow: frozenset[Safety] = frozenset({Safety.PASSIVE, Safety.ACTIVE})
    partial: bool = False
    revocation: bool = False
    """Whether the authority may be asked if a certificate is revoked: it learns from that which server is looked at."""
    resolver: Resolver | None = None
    ca: Path | None = None
    credentials: Credentials | None = None
    throwaway: Credentials | None = None
    """An account that wrong passwords may be tried on (intrusive); it may end up locked."""
    mailboxes: Mailboxes = Mailboxes()
    sink: Sink | None = None
    sources: tuple[str, ...] = ()
    """Addresses of this machine, strangers to the server, to try relaying from; empty: the one the system chooses."""
    sending: Sending = Sending()
    dkim_selectors: tuple[str, ...] = ()
    """The selectors that the domain signs with (RFC 6376 section 3.1); nothing in the DNS lists them."""
    dnsbl: tuple[str, ...] = ()
    """Lists of addresses with a bad name to ask for those of `sending` (RFC 5782)."""
    authoritative: bool = False
    """Whether every authoritative name server is asked too: those are questions past the resolver."""
    authoritative_port: int = 53
    """The port at which they are asked; another than 53 is for tests."""
    mta_sts: PolicyHost = PolicyHost()
    ehlo: str | None = None
    """The name the audit gives in EHLO; None: the address literal of its own end (RFC 5321 section 4.1.4)."""
    limits: Limits = Limits()
    budget: BudgetLimits = BudgetLimits()
    clients: tuple[ClientSettings, ...] = ()
    templates: tuple[TemplateSettings, ...] = ()
    source_trees: tuple[SourceSettings, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    source: Path | None = None
    """The configuration file read, if any."""
