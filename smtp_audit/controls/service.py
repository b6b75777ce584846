"""Which ports are open, and whether each answers in its own protocol."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint, Protocol, Role, TlsStart
from smtp_audit.facts.service import FirstWords, GreetingFacts, PortFacts, Reply

_PROTOCOL_NAMES = {
    Protocol.SMTP: "SMTP",
    Protocol.IMAP: "IMAP",
    Protocol.POP3: "POP3",
    Protocol.SIEVE: "ManageSieve",
}

# A greeting that says "not now" or "not you" is the protocol's own way to refuse: it shows that the right protocol is
# spoken, and nothing else (RFC 5321 sections 3.1 and 3.8, RFC 9051 section 7.1.5, RFC 1939 section 3, RFC 5804 section
# 1.3).
_TURNED_AWAY = {
    Protocol.SMTP: re.compile(r"[45][0-9][0-9]"),
    Protocol.IMAP: re.compile(r"BYE"),
    Protocol.POP3: re.compile(r"-ERR"),
    Protocol.SIEVE: re.compile(r"BYE|NO"),
}
_PROPER = {Protocol.SMTP: "220", Protocol.IMAP: "OK", Protocol.POP3: "+OK", Protocol.SIEVE: "OK"}

# RFC 5804 section 1.7: both are mandatory in the list that a server sends when a client connects.
_SIEVE_CAPABILITY = re.compile(r'"?(IMPLEMENTATION|SIEVE)\b', re.IGNORECASE)


@control(
    "port-open",
    title="Every service that has to be there takes connections",
    expects="the endpoints that were declared, and the standard ports of these roles, take "
    "connections: {required_roles}",
    subject=Endpoint,
    needs=PortFacts,
    parameters={"required_roles": list[Role]},
    spec=("RFC 5321 section 4.5.4.2", "RFC 6409 section 3.1", "RFC 8314 section 3.3"),
    remedy={
        "postfix": "enable the services in master.cf: smtp (25), submission (587), submissions (465; called smtps in "
        "older files); in main.cf inet_interfaces = all",
        "dovecot": "protocols = imap (2.4: protocols { imap = yes }) and service imap-login { inet_listener imaps { "
        "port = 993; ssl = yes } }, one setting a line",
        "exim": "daemon_smtp_ports = 25 : 465 : 587 and tls_on_connect_ports = 465; local_interfaces must not leave "
        "out the public address",
        "sendmail": "DAEMON_OPTIONS(`Port=smtp, Name=MTA')dnl, DAEMON_OPTIONS(`Port=submission, Name=MSA, M=Ea')dnl "
        "and DAEMON_OPTIONS(`Port=smtps, Name=TLSMTA, M=s')dnl in sendmail.mc",
        "opensmtpd": "listen on all port smtp tls pki NAME; listen on all port submission tls-require pki NAME auth; "
        "listen on all smtps pki NAME auth: three lines of smtpd.conf",
        "docker-mailserver": 'ports: ["25:25", "465:465", "587:587", "993:993"] in compose.yaml',
        "any": "start the service, bind it to the public address, and open the port in the host's and the provider's "
        "firewall",
    },
)
def port_open(port: PortFacts, rule: Rule) -> Verdict:
    """A mail server that nobody can reach loses mail: other servers give up after some days, users at once.

    Standard ports that were not declared count only where the profile requires their role. A time-out is no refusal: it
    leaves this control undetermined.
    """
    required = port.role in rule["required_roles"]
    if not (required or port.declared):
        return not_applicable(f"role {port.role} was not declared and is not required")
    if port.open:
        return passed("takes connections")
    return fail(f"refuses the connection, though role {port.role} {'is required' if required else 'was declared'}")


@control(
    "port-closed",
    title="Services that must not be there refuse connections",
    expects="the standard ports of these roles refuse connections: {forbidden_roles}",
    subject=Endpoint,
    needs=PortFacts,
    parameters={"forbidden_roles": list[Role]},
    spec=("RFC 8314 section 4.1",),
    remedy={
        "dovecot": "port = 0 closes a listener: inet_listener imap in service imap-login, inet_listener pop3 in "
        "service pop3-login, inet_listener sieve in service managesieve-login",
        "docker-mailserver": "leave 143:143, 110:110 and 4190:4190 out of ports in compose.yaml; ENABLE_POP3=0 and "
        "ENABLE_MANAGESIEVE=0",
        "any": "stop the listener or close the port to the outside; let mail programs use 993 (or 995) with TLS from "
        "the first octet",
    },
)
def port_closed(port: PortFacts, rule: Rule) -> Verdict:
    """A port that begins in clear text can be kept there by whoever sits on the way.

    STRIPTLS attacks hide the STARTTLS offer, and the "NO STARTTLS" study of 2021 injected commands before the
    handshake. RFC 8314 therefore moves mail access to implicit TLS; a clear-text port that stays open is reach for an
    attacker and no gain for users.
    """
    if port.role not in rule["forbidden_roles"]:
        return not_applicable(f"role {port.role} may be open")
    if port.open:
        return fail(f"takes connections, though role {port.role} must not be offered")
    return passed("refuses connections")


@control(
    "service-greeting",
    title="The service greets in its own protocol",
    expects="a well-formed greeting: SMTP 220, IMAP OK, POP3 +OK, ManageSieve capabilities and OK; in clear text "
    "on a STARTTLS port, inside TLS on a port for implicit TLS",
    subject=Endpoint,
    needs=GreetingFacts,
    spec=(
        "RFC 5321 section 3.1",
        "RFC 5321 section 4.2",
        "RFC 9051 section 7.1",
        "RFC 1939 section 4",
        "RFC 5804 section 1.7",
        "RFC 8314 section 3",
    ),
    remedy={
        "postfix": "smtpd_tls_wrappermode = no for smtp (25) and submission (587), yes for submissions (465) alone; "
        "check smtpd_banner = $myhostname ESMTP",
        "dovecot": "ssl = yes belongs in inet_listener imaps and pop3s, never in imap, pop3 or sieve",
        "exim": "tls_on_connect_ports = 465, without 25 and 587; check smtp_banner",
        "sendmail": "M=s belongs to Port=smtps alone; check define(`confSMTP_LOGIN_MSG', `$j ESMTP')dnl",
        "opensmtpd": "smtps belongs to port 465 alone; use tls or tls-require on 25 and 587",
        "docker-mailserver": "publish each port as itself: 587:587, not 587:465",
        "any": "check which program listens on the port, and that no proxy or firewall rewrites its first line",
    },
)
def service_greeting(greeting: GreetingFacts, rule: Rule) -> Verdict:
    """A client decides by the first line what it talks to; the wrong one means that no mail passes at all.

    TLS at once on a STARTTLS port ("wrapper mode") locks out every client that follows the standards. IMAP's PREAUTH to
    a client that has shown neither password nor certificate gives strangers a mailbox; before TLS it also forbids
    STARTTLS (RFC 9051 section 7.1.4), the bypass of CVE-2014-2567.
    """
    protocol = _PROTOCOL_NAMES[greeting.role.protocol]
    if greeting.role.tls_start is TlsStart.IMPLICIT:
        if greeting.first is FirstWords.CLEAR_GREETING:
            return not_applicable("it greets in clear text on a port for implicit TLS; implicit-tls judges that")
    elif greeting.first is FirstWords.TLS:
        return fail("speaks TLS at once: wrapper mode on a port where TLS begins with a command")
    said = (str(greeting.reply),) if greeting.reply is not None else ()
    if greeting.fault:
        return fail(f"malformed {protocol} greeting: {greeting.fault}", evidence=said)
    if greeting.reply is None:
        if greeting.first is FirstWords.OTHER:
            return fail(f"what it sends is no greeting of {protocol}")
        raise Undetermined(f"no {protocol} greeting was had")
    return _judge_reply(greeting.reply, greeting.role, inside_tls=greeting.first is FirstWords.TLS)


def _judge_reply(reply: Reply, role: Role, *, inside_tls: bool) -> Verdict:
    kind, name = role.protocol, _PROTOCOL_NAMES[role.protocol]
    code = reply.code.upper()
    if kind is Protocol.IMAP and code == "PREAUTH":
        where = "inside TLS" if inside_tls else "in clear text"
        return fail(f"greets with PREAUTH {where}: a client without password is logged in", evidence=(str(reply),))
    if _TURNED_AWAY[kind].fullmatch(code):
        raise Undetermined(f"the server turned this client away: {reply}")
    if code != _PROPER[kind]:
        return fail(f"{reply.code or 'its first line'} is no greeting of {name}", evidence=(str(reply),))
    if kind is Protocol.SIEVE and not any(_SIEVE_CAPABILITY.match(line.strip()) for line in reply.lines):
        return fail("ManageSieve greeting without capabilities", evidence=(str(reply),))
    return passed(f"{name} greeting: {reply}")
