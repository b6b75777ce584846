"""What a server puts up with: junk commands, connections at once, silence."""

from __future__ import annotations

from smtp_audit.control import Rule, Safety, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.bounds import IdleFacts, IdleMessageFacts, JunkFacts, ParallelFacts, Silence
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint, Role

_COMPARED = 5
"""Replies at the beginning and at the end whose waits are compared."""

_TIMER_SECONDS = 1.0
"""By how much a server's clock and ours may disagree about a pause."""

_TIMEOUTS = {
    "postfix": "smtpd_timeout = 300s (the default; 10s under stress)",
    "exim": "smtp_receive_timeout = 5m (the default)",
    "sendmail": "define(`confTO_COMMAND', `5m')dnl and define(`confTO_DATABLOCK', `5m')dnl in sendmail.mc: the default "
    "of both is an hour",
    "opensmtpd": "five minutes, which no setting changes: look for the proxy in front that keeps connections open",
    "docker-mailserver": "smtpd_timeout = 300s in postfix-main.cf",
    "any": "end connections after five minutes without a word",
}


@control(
    "junk-commands-limited",
    title="Junk commands slow the client down or end the connection",
    expects="within {most_commands} unknown commands the server hangs up, or makes the client wait {slow_seconds} s or "
    "more for each",
    subject=Endpoint,
    needs=JunkFacts,
    roles=SMTP_ROLES,
    parameters={"most_commands": int, "slow_seconds": float},
    safety=Safety.SLOW,
    spec=("RFC 5321 section 7.8", "RFC 5321 section 4.3.2"),
    remedy={
        "postfix": "smtpd_soft_error_limit = 10, smtpd_error_sleep_time = 1s and smtpd_hard_error_limit = 20 (the "
        "defaults)",
        "exim": "smtp_max_unknown_commands = 3 and smtp_max_synprot_errors = 3 (the defaults)",
        "sendmail": "it slows down after 25 bad commands by itself: look for the proxy in front that does not",
        "docker-mailserver": "leave smtpd_hard_error_limit and smtpd_soft_error_limit out of postfix-main.cf",
        "any": "set a limit on unknown commands in one connection",
    },
)
def junk_limited(junk: JunkFacts, rule: Rule) -> Verdict:
    """A client that speaks no SMTP is a scanner, a guesser, or a browser that somebody else has sent.

    Without a limit one connection is enough to try commands for as long as it takes, and the server's process is kept
    busy with it.
    """
    most, slow = rule["most_commands"], rule["slow_seconds"]
    evidence = (f"seconds to each reply: {', '.join(f'{wait:.2f}' for wait in junk.seconds)}",)
    if junk.ended and junk.sent <= most:
        return passed(f"puts an end to it at command {junk.sent}: {junk.ended}", evidence=evidence)
    if len(junk.seconds) >= 2 * _COMPARED:
        first, last = junk.seconds[:_COMPARED], junk.seconds[:most][-_COMPARED:]
        if (sum(last) - sum(first)) / _COMPARED >= slow:
            return passed(f"slows down to {sum(last) / _COMPARED:.1f} s for each", evidence=evidence)
    if junk.sent < most:
        raise Undetermined(f"only {junk.sent} commands were tried")
    if junk.ended:
        return fail(f"answers {junk.sent} junk commands at full speed before it ends: {junk.ended}", evidence=evidence)
    return fail(f"answers {junk.sent} junk commands at full speed, and goes on", evidence=evidence)


@control(
    "connections-per-client-limited",
    title="One client cannot hold any number of connections",
    expects="a client with fewer than {most_connections} connections open is turned away or kept waiting",
    subject=Endpoint,
    needs=ParallelFacts,
    roles=SMTP_ROLES,
    parameters={"most_connections": int},
    safety=Safety.INTRUSIVE,
    spec=("RFC 5321 section 7.8", "RFC 4732 section 2.4"),
    remedy={
        "postfix": "smtpd_client_connection_count_limit = 50 (the default), and not 0, in main.cf and master.cf",
        "exim": "smtp_accept_max_per_host = 20",
        "sendmail": "FEATURE(`conncontrol')dnl and ClientConn: 20 in the access map",
        "docker-mailserver": "leave smtpd_client_connection_count_limit out of postfix-main.cf, or set it to 50",
        "any": "limit the connections of one address in the server, or in the firewall in front",
    },
)
def connections_limited(parallel: ParallelFacts, rule: Rule) -> Verdict:
    """The processes of a server are few, and whoever can hold all of them keeps everybody else out.

    It takes one machine and no mail at all; the service is back when it lets go.
    """
    if parallel.refusal:
        return passed(f"serves {parallel.served} at once; another: {parallel.refusal}")
    if parallel.served >= rule["most_connections"]:
        return fail(f"serves {parallel.served} connections of one client at once, and turned none away")
    raise Undetermined(f"only {parallel.served} connections were tried, and all were served")


@control(
    "idle-connection-closed",
    title="A connection on which nothing is said is closed",
    expects="after EHLO and {maximum_seconds} s of silence the server has ended the connection",
    subject=Endpoint,
    needs=IdleFacts,
    roles=SMTP_ROLES,
    parameters={"maximum_seconds": float},
    safety=Safety.SLOW,
    spec=("RFC 5321 section 4.5.3.2.7", "RFC 5321 section 7.8"),
    remedy=_TIMEOUTS,
)
def idle_closed(idle: IdleFacts, rule: Rule) -> Verdict:
    """A connection that may be silent for ever costs its owner nothing, and the server a process.

    Some hundred of them keep everybody else out.
    """
    return _ended_in_time(idle.silence, rule["maximum_seconds"])


@control(
    "idle-message-closed",
    title="A message that stops in the middle is given up",
    expects="after DATA and {maximum_seconds} s of silence the server has ended the connection",
    subject=Endpoint,
    needs=IdleMessageFacts,
    roles={Role.MX},
    parameters={"maximum_seconds": float},
    safety=Safety.SLOW,
    spec=("RFC 5321 section 4.5.3.2.7", "RFC 5321 section 4.1.1.4"),
    remedy=_TIMEOUTS,
)
def message_closed(idle: IdleMessageFacts, rule: Rule) -> Verdict:
    """A message that never ends holds a process, a queue file and often a filter, too.

    It is the cheapest way to keep a mail server busy, and time-outs between commands do not end it.
    """
    return _ended_in_time(idle.silence, rule["maximum_seconds"])


def _ended_in_time(silence: Silence, most: float) -> Verdict:
    if silence.unknown:
        raise Undetermined(silence.unknown)
    if silence.ended and silence.seconds <= most + _TIMER_SECONDS:
        return passed(str(silence))
    if silence.seconds >= most:
        return fail(str(silence))
    raise Undetermined(f"{silence}: it was not waited for longer (limits.idle_seconds)")


@control(
    "idle-patience",
    title="A server waits for the next command as long as RFC 5321 asks",
    expects="after EHLO the server waits for {minimum_seconds} s before it ends the connection",
    subject=Endpoint,
    needs=IdleFacts,
    roles=SMTP_ROLES,
    parameters={"minimum_seconds": float},
    safety=Safety.SLOW,
    spec=("RFC 5321 section 4.5.3.2.7",),
    remedy=_TIMEOUTS,
)
def idle_patience(idle: IdleFacts, rule: Rule) -> Verdict:
    """A server should wait for five minutes: senders look names up and run filters between two commands.

    One that hangs up earlier makes slow senders begin again, and their mail come late or twice.
    """
    silence, least = idle.silence, rule["minimum_seconds"]
    if silence.unknown:
        raise Undetermined(silence.unknown)
    if silence.seconds >= least - _TIMER_SECONDS:
        return passed(str(silence))
    if silence.ended:
        return fail(str(silence))
    raise Undetermined(f"{silence}: it was not waited for longer (limits.idle_seconds)")
