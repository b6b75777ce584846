"""A login tried before TLS: refused unseen, looked at, or not to be told."""

from __future__ import annotations

from smtp_audit.facts.endpoint import Role
from tests.auth_factories import clear_login
from tests.conversation_factories import answered, dialogue, exchange, unasked

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE

_ID = "auth-refused-before-tls"
_USER = exchange("USER <made-up user>", "+OK")


def _smtp(answer: str, expected: Expected, says: str) -> Case:
    return Case(_ID, clear_login(answer=answer), expected, says)


def _imap(answer: str, expected: Expected, says: str, announced: tuple[str, ...] = ()) -> Case:
    return Case(_ID, clear_login(Role.IMAP, answer, announced), expected, says)


def _pop3(answer: str, expected: Expected, says: str) -> Case:
    attempt = dialogue(_USER, exchange("PASS <made-up secret>", answer))
    return Case(_ID, clear_login(Role.POP3, attempt=attempt), expected, says)


def _sieve(answer: str, expected: Expected, says: str, announced: tuple[str, ...] = ()) -> Case:
    return Case(_ID, clear_login(Role.SIEVE, answer, announced), expected, says)


CASES = (
    *(Case(_ID, clear_login(role), PASS, "refused unseen") for role in (Role.MX, Role.SUBMISSION, Role.IMAP)),
    *(Case(_ID, clear_login(role), PASS, "refused unseen") for role in (Role.POP3, Role.SIEVE)),
    _smtp("538 5.7.11 Encryption required for requested authentication mechanism", PASS, "538"),
    _smtp("503 5.7.10 You feel vulnerable", PASS, "503"),
    _smtp("502 5.5.2 Error: command not recognized", PASS, "502"),
    _smtp("500 unrecognized command", PASS, "500"),
    _smtp("504 5.7.4 Unrecognized authentication type", PASS, "504"),
    _smtp("523 Encryption needed", PASS, "523"),
    _smtp("503 AUTH command used when not advertised", PASS, "503"),
    _smtp("535 5.7.11 Encryption required", PASS, "535"),
    _smtp("535 5.7.8 Error: authentication failed: (reason unavailable)", FAIL, "takes a secret in clear text: 535"),
    _smtp("535 Incorrect authentication data", FAIL, "takes a secret"),
    _smtp("550 5.7.8 no", FAIL, "takes a secret"),
    _smtp("334 ", FAIL, "takes a secret in clear text: 334"),
    _smtp("235 2.7.0 welcome", FAIL, "takes a secret in clear text: 235"),
    _smtp("535 Must issue a STARTTLS command first", INDETERMINATE, "cannot be told"),
    _smtp("503 authentication failed", INDETERMINATE, "cannot be told"),
    _smtp("550 no", INDETERMINATE, "cannot be told"),
    _smtp("501 5.5.4 Syntax error", INDETERMINATE, "cannot be told"),
    _smtp("454 4.7.0 Temporary authentication failure", INDETERMINATE, "cannot be told"),
    _smtp("421 4.7.0 Try again later", INDETERMINATE, "cannot be told"),
    Case(_ID, clear_login(attempt=answered("AUTH", ended="the server closed the connection")), INDETERMINATE, "closed"),
    Case(_ID, clear_login(attempt=unasked("not an SMTP reply: hello")), INDETERMINATE, "not an SMTP reply"),
    # IMAP
    _imap("BAD Unknown command", PASS, "BAD"),
    _imap("NO Login only available under a layer", PASS, "refused unseen"),
    _imap("NO LOGIN is disabled here", PASS, "refused unseen"),
    _imap("NO LOGIN is disabled here", FAIL, "takes a secret", ("LOGIN-COMMAND",)),
    _imap("NO [AUTHENTICATIONFAILED] Authentication failed.", FAIL, "takes a secret"),
    _imap("NO Login failed.", FAIL, "takes a secret", ("LOGIN-COMMAND",)),
    _imap("NO Login failed.", FAIL, "takes a secret"),
    _imap("OK Logged in", FAIL, "takes a secret"),
    _imap("NO [UNAVAILABLE] Try later", INDETERMINATE, "cannot be told"),
    _imap("BYE go away", INDETERMINATE, "cannot be told"),
    # POP3
    _pop3("-ERR [AUTH] Authentication failed.", FAIL, "takes a secret"),
    _pop3("-ERR wrong", FAIL, "takes a secret"),
    _pop3("+OK", FAIL, "takes a secret"),
    _pop3("-ERR must use STLS first: no plaintext logins", PASS, "refused unseen"),
    _pop3("-ERR [SYS/TEMP] later", INDETERMINATE, "cannot be told"),
    Case(_ID, clear_login(Role.POP3, "-ERR unknown command"), PASS, "refused unseen"),
    # ManageSieve
    _sieve('NO (AUTH-TOO-WEAK) "no"', PASS, "refused unseen"),
    _sieve('NO "Authentication not allowed until SSL/TLS is enabled."', PASS, "refused unseen"),
    _sieve('NO "Authentication failed."', FAIL, "takes a secret", ("PLAIN",)),
    _sieve('NO "no"', FAIL, "takes a secret", ("PLAIN",)),
    _sieve('NO (TRANSITION-NEEDED) "no"', FAIL, "takes a secret"),
    _sieve("OK", FAIL, "takes a secret"),
    _sieve('NO "no"', INDETERMINATE, "cannot be told"),
    _sieve('NO (TRYLATER) "no"', INDETERMINATE, "cannot be told", ("PLAIN",)),
    _sieve('BYE "no"', INDETERMINATE, "cannot be told", ("PLAIN",)),
)
