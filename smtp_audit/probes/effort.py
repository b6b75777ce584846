"""What each probe does to a server, for docs/safety.md and for who has to decide whether an audit may run.

`connections` is the most that one endpoint sees when nothing is turned away; `bench/conversation.py` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.probes.conversation.table import BY_KIND
from smtp_audit.probes.inspection import DERIVED_KINDS, FIRST_LOOK_KINDS, kinds_of
from smtp_audit.probes.tls.survey import SURVEY_KINDS
from smtp_audit.safety import Safety


@dataclass(frozen=True)
class Effort:
    """One probe. `messages` and `logins` are the most on one endpoint; `needs` is what has to be given for it."""

    does: str
    connections: str
    traces: str
    messages: str = "none"
    logins: str = "none"
    needs: str = ""


_NOTHING_KEPT = "a connection with its commands"

EFFORTS = {
    "first look": Effort(
        "greeting, EHLO, STARTTLS, one handshake, EHLO, QUIT", "1 (2 where it is refused)", _NOTHING_KEPT
    ),
    "survey of TLS": Effort(
        "hellos of every version, suite and group, broken off behind the server's answer; a few whole handshakes; the "
        "recorded hellos of well-known clients",
        "about 60 on a strict server, 160 on one that offers much",
        "connections that are lost in the handshake",
    ),
    "starttls_boundary": Effort("STARTTLS and NOOP in one segment", "1 (6 where the handshake fails)", _NOTHING_KEPT),
    "tls_flaws": Effort(
        "Heartbleed, CCS injection, ROBOT and renegotiation, by sslyze",
        "some dozens",
        "handshakes that fail, TLS alerts",
    ),
    "revocation": Effort(
        "asks the authority, and not the server",
        "none",
        "none",
        needs="--smtp-revocation",
    ),
    "unauthenticated_mail": Effort(
        "MAIL, RCPT, RSET, QUIT for a few addresses, without a login", "1 to 3", "refused recipients"
    ),
    "login": Effort("one login with the given credentials", "1", "one login", logins="1, right", needs="credentials"),
    "sequence": Effort(
        "commands in the wrong order, and those that every server has; a server that takes DATA without MAIL gets the "
        "final dot",
        "2 (3 then)",
        "syntax errors",
    ),
    "transaction": Effort(
        "MAIL, RCPT, RSET, DATA and BDAT in forms that have to be refused; who takes DATA without a recipient gets "
        "the final dot; on the submission ports behind a login, and only with credentials",
        "4 (5 with CHUNKING)",
        "refused senders and recipients",
    ),
    "relay": Effort(
        "MAIL and RCPT in 16 forms, each given up behind RCPT", "2 (3 without a named domain)", "refused recipients"
    ),
    "relay_delivery": Effort(
        "a message from a stranger to your foreign mailbox, where RCPT is taken",
        "2",
        "messages, if the server relays",
        messages="one at most from each address of ours (sources)",
        needs="mailboxes.foreign",
    ),
    "directory": Effort("VRFY and EXPN of a user who exists and one who does not", "1", "refused VRFY"),
    "sender": Effort(
        "MAIL FROM somebody else behind a login, given up behind RCPT",
        "2",
        "logins, refused senders",
        logins="2, right",
        needs="credentials",
    ),
    "sender_header": Effort(
        "messages to your own mailbox with somebody else in From",
        "2",
        "logins, messages",
        messages="5",
        logins="2, right",
        needs="credentials, mailboxes.own",
    ),
    "line_ends": Effort("commands that end in LF or CR, and recipients with a NUL", "2 to 3", "syntax errors"),
    "pipelining": Effort(
        "commands that do not wait, before and behind the greeting; a batch as RFC 2920 has it",
        "3 (4 where early talkers are turned away)",
        "improper pipelining",
    ),
    "chunking": Effort("BDAT out of place, each given up", "2", "syntax errors"),
    "cross_protocol": Effort("one HTTP request with a form", "1", "a non-SMTP command"),
    "end_of_data": Effort(
        "messages to your own mailbox with unusual ends of lines and of data, NUL and a long line; DATA that does not "
        "wait, given up",
        "5 to 20",
        "messages, improper pipelining",
        messages="19",
        logins="one a connection, right, on the submission ports",
        needs="mailboxes.own",
    ),
    "forwarding": Effort(
        "the same through the server to your own sink; two more are begun, and the connection closed before their end",
        "5 to 17",
        "messages, and their delivery; connections that are lost after DATA",
        messages="15",
        logins="one a connection, right",
        needs="sink, and credentials on the submission ports",
    ),
    "clear_login": Effort(
        "one AUTH (LOGIN, USER) with an invented user and password before TLS",
        "1",
        "one failed login, where the server takes it",
        logins="1, wrong, of a user that does not exist",
    ),
    "mailbox_access": Effort(
        "IMAP, POP3 and ManageSieve before a login: capabilities, ID, STARTTLS twice", "1", _NOTHING_KEPT
    ),
    "auth_protocol": Effort(
        "AUTH that is cancelled, malformed or in the wrong place; no password", "2", "aborted logins"
    ),
    "auth_session": Effort(
        "AUTH after a login, and MAIL before and after another EHLO",
        "2",
        "two logins",
        logins="2, right",
        needs="credentials",
    ),
    "auth_errors": Effort("AUTH with nonsense and over-long lines", "2", "failed logins", logins="a few, malformed"),
    "wrong_passwords": Effort(
        "wrong passwords of the throw-away account and of two users that do not exist, then the right one",
        "8 to 20",
        "failed logins: Fail2Ban may ban this client, and the account may be locked",
        logins="31, wrong, 14 of them of the throw-away account; 10 more where the server closes connections on them",
        needs="throwaway",
    ),
    "mailbox_passwords": Effort(
        "wrong passwords of the throw-away account and of users that do not exist, then the right one; on one port of "
        "a host at a time",
        "4 to 6",
        "failed logins: Fail2Ban may ban this client, and the account may be locked",
        logins="17, wrong, 9 of them of the throw-away account",
        needs="throwaway",
    ),
    "starttls_state": Effort(
        "MAIL in clear, STARTTLS, then RCPT; STARTTLS with an argument, and inside TLS", "3", "syntax errors"
    ),
    "identity": Effort(
        "HELP, and ETRN of smtp-audit.invalid; the DNS is asked for the names of a public address", "1", "syntax errors"
    ),
    "parallel_connections": Effort(
        "up to 60 connections at once, each greeted and closed, until one is turned away",
        "60",
        "connections without a command; others may be turned away for some seconds",
    ),
    "junk_commands": Effort("up to 40 unknown commands, until the server hangs up", "1", "too many errors"),
    "idle": Effort("EHLO, and silence for up to limits.idle_seconds (330 s)", "1", "a time-out"),
    "idle_message": Effort(
        "a message to your own mailbox that stops behind its first line, and silence for as long",
        "1",
        "a time-out after DATA",
        needs="mailboxes.own",
    ),
    "open_ports": Effort(
        "connects to 83 ports of the address, 4 at once, and closes each at once; once for each host",
        "84",
        "connections without a word: port scan detectors see them",
    ),
}
"""By kind of facts; the first two give many kinds together."""


def safety_of(name: str) -> Safety:
    """The class of the probe that gives these facts."""
    if name in BY_KIND:
        return BY_KIND[name].safety
    return {"tls_flaws": Safety.SLOW, "revocation": Safety.ACTIVE, "login": Safety.ACTIVE}.get(name, Safety.PASSIVE)


def roles_of(name: str) -> frozenset[Role]:
    """The roles of endpoints that it looks at."""
    kind = {"first look": FIRST_LOOK_KINDS[0], "survey of TLS": SURVEY_KINDS[0]}.get(name, name)
    return frozenset(role for role in Role if kind in kinds_of(Endpoint(role=role, host="mail.example", port=25)))


def told(kind: str) -> bool:
    """Whether a line of EFFORTS says what gives these facts."""
    return kind in (*EFFORTS, *FIRST_LOOK_KINDS, *SURVEY_KINDS, *DERIVED_KINDS)
