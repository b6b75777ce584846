"""Which ports of the audited host may take connections."""

from __future__ import annotations

from collections.abc import Collection

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.bounds import OpenPortsFacts
from smtp_audit.facts.endpoint import Endpoint

_FIREWALL = {
    "any": "let the firewall drop what is not a service for others, and bind inner services to 127.0.0.1",
    "postfix": "the way back from a filter: 127.0.0.1:10025 inet in master.cf, with the address; inet_interfaces does "
    "not apply to ports that master.cf names",
    "dovecot": "inet_listener blocks of auth, lmtp, stats and doveadm: address = 127.0.0.1, or a UNIX socket",
    "exim": "local_interfaces and daemon_smtp_ports without the ports that are not for others",
    "opensmtpd": "listen on lo0 port 10028, and not listen on all, for the way back from a filter",
    "docker-mailserver": "ports in compose.yaml: only 25, 465, 587 and 993; anything else is reached through the "
    "Docker network",
}


def _judge(ports: OpenPortsFacts, unwanted: Collection[int], fault: str, sound: str) -> Verdict:
    if ports.judged_with:
        return not_applicable(f"the ports of the host are judged with {ports.judged_with}")
    silent = f"{len(ports.silent)} did not answer" if ports.silent else "the others refuse"
    evidence = (
        f"open: {', '.join(map(str, ports.open)) or 'none'}; {silent}",
        f"tried: {', '.join(map(str, ports.scanned))}",
    )
    if found := [str(port) for port in ports.open if port in unwanted]:
        return fail(f"{fault}: {', '.join(found)}", evidence=evidence)
    if ports.trouble:
        raise Undetermined(ports.trouble)
    return passed(sound, evidence=evidence)


@control(
    "forbidden-ports-closed",
    title="No inner service of the host can be reached from outside",
    expects="none of these ports takes a connection: {forbidden_ports}",
    subject=Endpoint,
    needs=OpenPortsFacts,
    parameters={"forbidden_ports": list[int]},
    safety=Safety.INTRUSIVE,
    spec=("RFC 4949 section 4: firewall", "RFC 5321 section 7"),
    remedy=_FIREWALL,
)
def forbidden_closed(ports: OpenPortsFacts, rule: Rule) -> Verdict:
    """Data bases, filters and the way back from a filter trust whoever reaches them.

    The port behind a content filter takes mail for anywhere without asking, Redis and memcached have no login, Docker's
    port hands over the machine, and Telnet sends passwords in clear.
    """
    unwanted = set(rule["forbidden_ports"]) - set(ports.declared)
    return _judge(ports, unwanted, "ports that must not be reachable take connections", "none of them is reachable")


@control(
    "only-declared-ports",
    title="Only the ports that were declared take connections",
    expects="of the ports that are tried none takes a connection but those of the audit's endpoints and these: "
    "{allowed_ports}",
    subject=Endpoint,
    needs=OpenPortsFacts,
    parameters={"allowed_ports": list[int], "forbidden_ports": list[int]},
    safety=Safety.INTRUSIVE,
    spec=("RFC 4949 section 4: firewall",),
    remedy=_FIREWALL,
)
def only_declared(ports: OpenPortsFacts, rule: Rule) -> Verdict:
    """Every further port is code that everybody can reach, and mostly one that nobody watches.

    What was not declared was not audited either: it may be an old submission port, an administrator's login, or the
    mail server of somebody who has the machine already.
    """
    unwanted = set(ports.scanned) - set(ports.declared) - set(rule["allowed_ports"]) - set(rule["forbidden_ports"])
    return _judge(ports, unwanted, "ports that nobody declared take connections", "no other port takes connections")
