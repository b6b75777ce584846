"""Logins before TLS, AUTH in the wrong places, wrong passwords, and mailbox servers up to the login.

Wrong passwords are bob's: the account that an audit may throw away has to be whole when its turn comes.
"""

import base64
import re
import ssl
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..dovecot import PASSWORDS
from ..wire import IMPLICIT, Line, greets_in_clear, smtp
from . import Seen

_SUBMISSION = {"submission", "submissions"}
_MAILBOXES = {"imap", "imaps", "pop3", "pop3s", "sieve"}
_ALICE, _BOB, _NOBODY = "alice@lab.example", "bob@lab.example", "qxvjzwkpyhgt@lab.example"
_GUESSES = 14
_ON_A_CONNECTION = 7
_CLOSED = "421 closed"


def faults(seen: Seen) -> set[str]:
    found: set[str] = set()
    try:
        if seen.place.role not in IMPLICIT:
            if not greets_in_clear(seen.place):
                return found  # it begins with TLS, which nobody expects there
            found |= _in_clear(seen)
        if seen.place.role in _MAILBOXES:
            found |= _mailbox(seen)
            if seen.asked:
                found |= _mailbox_passwords(seen)
        if seen.place.role in _SUBMISSION:
            found |= _auth(seen)
            if seen.asked:
                found |= _logged_in(seen) | _wrong_forms(seen) | _wrong_passwords(seen)
    except (ssl.SSLError, ConnectionError, EOFError):
        pass  # no TLS: nothing of this can be seen
    return found


# --- before TLS


def _plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def _in_clear(seen: Seen) -> set[str]:
    with seen.clear() as line:
        match seen.place.role:
            case "imap":
                line.send("a9 LOGIN nobody@lab.example nonsense")
                answer = line.until(lambda text: text.startswith("a9 "))[-1]
                taken = "AUTHENTICATIONFAILED" in answer or answer.startswith("a9 OK")
            case "pop3":
                line.send("USER nobody@lab.example")
                taken = line.line().startswith("+OK")
            case "sieve":
                line.send(f'AUTHENTICATE "PLAIN" "{_plain("nobody@lab.example", "nonsense")}"')
                taken = not re.search(r"ENCRYPT-NEEDED|TLS|Plaintext", line.line())
            case _:
                smtp(line, "EHLO probe.example")
                taken = smtp(line, f"AUTH PLAIN {_plain('nobody@lab.example', 'nonsense')}")[-1][:3] in ("334", "535")
    return {"auth-refused-before-tls"} if taken else set()


# --- AUTH


@contextmanager
def _inside(seen: Seen, user: str = "") -> Iterator[Line]:
    with seen.encrypted() as line:
        smtp(line, "EHLO probe.example")
        if user:
            smtp(line, f"AUTH PLAIN {_plain(user, PASSWORDS[user])}")
        yield line


def _offers_passwords(seen: Seen) -> bool:
    with seen.encrypted() as line:
        return any(re.match(r"250.AUTH .*\b(PLAIN|LOGIN)\b", text) for text in smtp(line, "EHLO probe.example"))


def _auth(seen: Seen) -> set[str]:
    found = set()
    with _inside(seen) as line:
        if smtp(line, "AUTH")[-1][0] in "23":
            found.add("auth-needs-mechanism")
    if not _offers_passwords(seen):
        return found
    with _inside(seen) as line:
        if smtp(line, "AUTH PLAIN")[-1].startswith("334") and not smtp(line, "*")[-1].startswith("501"):
            found.add("auth-cancel")
    with _inside(seen) as line:
        if smtp(line, "MAIL FROM:<>")[-1].startswith("250") and smtp(line, "AUTH PLAIN")[-1].startswith("334"):
            found.add("auth-not-in-transaction")
    return found


def _logged_in(seen: Seen) -> set[str]:
    if not _offers_passwords(seen):
        return set()
    found = set()
    with _inside(seen, _ALICE) as line:
        if smtp(line, "AUTH PLAIN")[-1].startswith("334"):
            found.add("auth-once")
    with _inside(seen, _ALICE) as line:
        smtp(line, "EHLO probe.example")
        if smtp(line, f"MAIL FROM:<{_ALICE}>")[-1].startswith("530"):
            found.add("auth-survives-ehlo")
    return found


def _wrong_forms(seen: Seen) -> set[str]:
    found = set()
    with _inside(seen) as line:
        if smtp(line, "AUTH XNONSENSE")[-1][0] in "23":
            found.add("auth-unknown-mechanism")
    if not _offers_passwords(seen):
        return found
    with _inside(seen) as line:
        if smtp(line, "AUTH PLAIN !!!!")[-1][0] in "23":
            found.add("auth-bad-encoding")
    with _inside(seen) as line:
        first = smtp(line, f"AUTH PLAIN {'QUFB' * 3300}")[-1]
        if first[0] in "23" or not smtp(line, "NOOP")[-1].startswith(("250", "421")):
            found.add("auth-line-limit")
    return found


# --- wrong passwords


class _Guesser:
    """Tries passwords, on a new connection whenever the server has closed one."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._line: Line | None = None
        self._count = 0

    def answer(self, user: str, password: str) -> tuple[str, float]:
        if self._line is None:
            # Postfix answers later from the tenth error of a connection on, whatever they are.
            self._count = 0
            self._line = self._seen.encrypted()
            smtp(self._line, "EHLO probe.example")
        began = time.monotonic()
        try:
            reply = smtp(self._line, f"AUTH PLAIN {_plain(user, password)}")[-1]
        except (EOFError, ConnectionError):
            reply = _CLOSED
        took = time.monotonic() - began
        self._count += 1
        if reply.startswith(("421", "235")) or self._count >= _ON_A_CONNECTION:
            self._line.socket.close()
            self._line = None
        return reply, took


def _wrong_passwords(seen: Seen) -> set[str]:
    if not _offers_passwords(seen):
        return set()
    guesser = _Guesser(seen)
    for password in ("", PASSWORDS[_BOB] + "\0x"):
        if guesser.answer(_BOB, password)[0].startswith("235"):
            return {"auth-wrong-passwords"} | _taken(guesser)
    found = _compared(seen)
    found |= _limits(seen)
    return found


def _taken(guesser: _Guesser) -> set[str]:
    return {"auth-limits-guesses"} if guesser.answer(_BOB, "nonsense")[0].startswith("235") else set()


def _compared(seen: Seen) -> set[str]:
    """Three of each, in turns; the times only where no wrong password has to wait."""
    guesser = _Guesser(seen)
    texts: dict[str, set[str]] = {_BOB: set(), _NOBODY: set()}
    times: dict[str, list[float]] = {_BOB: [], _NOBODY: []}
    while min(len(times[user]) for user in times) < 3:
        for user in times:
            reply, took = guesser.answer(user, "nonsense")
            if not reply.startswith("421"):
                texts[user].add(reply)
                times[user].append(took)
            if took > 1:
                return {"auth-same-answer"} if texts[_NOBODY] and texts[_NOBODY] != texts[_BOB] else set()
    found = {"auth-same-answer"} if texts[_BOB] != texts[_NOBODY] else set()
    if statistics.median(times[_BOB]) - statistics.median(times[_NOBODY]) > 0.04:
        found.add("auth-same-time")
    return found


def _limits(seen: Seen) -> set[str]:
    guesser = _Guesser(seen)
    for _ in range(_GUESSES):
        reply, took = guesser.answer(_BOB, "nonsense")
        if took > 1 or reply.startswith("4"):
            break
    else:
        if guesser.answer(_BOB, PASSWORDS[_BOB])[0].startswith("235"):
            return {"auth-limits-guesses"}
    for _ in range(4):
        if _Guesser(seen).answer(_BOB, PASSWORDS[_BOB])[0].startswith("235"):
            return set()
        time.sleep(1)
    return {"auth-lock-is-temporary"}


# --- mailboxes


def _mailbox(seen: Seen) -> set[str]:
    role = seen.place.role
    found = set()
    told = []
    if role not in IMPLICIT:
        with seen.clear() as line:
            told += line.greeted
            offer = re.search(r"\[CAPABILITY ([^\]]*)\]", line.greeted[-1])
            if role == "imap" and offer and ("AUTH=" in offer[1] or "LOGINDISABLED" not in offer[1]):
                found.add("imap-greeting-offers-no-login")
    try:
        inside = seen.encrypted()
    except (ssl.SSLError, ConnectionError, EOFError):
        return found
    with inside as line:
        told += line.greeted
        listed = _ask(line, role, {"imap": "CAPABILITY", "pop3": "CAPA"}.get(_protocol(role), "CAPABILITY"))
        if re.search(r"\b(STARTTLS|STLS|LOGINDISABLED)\b", " ".join(listed)):
            found.add("mailbox-capabilities-inside-tls")
        told += [text for text in listed if "IMPLEMENTATION" in text]
        if _protocol(role) == "imap":
            told += _ask(line, role, "ID NIL")
        begun = _ask(line, role, "STLS" if _protocol(role) == "pop3" else "STARTTLS")[-1]
        if re.match(r"(a8 |\+)?OK", begun):
            found.add("mailbox-starttls-once")
    words = " ".join(told).lower()
    if re.search(r"dovecot|pigeonhole|debian", words):
        found.add("mailbox-product-hidden")
    if re.search(r"(?:dovecot|pigeonhole) \d+\.\d+|\"version\" \"", words.replace('"version" "1.0"', "")):
        found.add("mailbox-version-hidden")
    return found


def _protocol(role: str) -> str:
    return {"imaps": "imap", "pop3s": "pop3"}.get(role, role)


def _ask(line: Line, role: str, command: str) -> list[str]:
    """One command and the lines of its answer."""
    if _protocol(role) == "imap":
        line.send(f"a8 {command}")
        return line.until(lambda text: text.startswith("a8 "))
    line.send(command)
    if _protocol(role) == "sieve":
        return line.until(lambda text: text.startswith(("OK", "NO", "BYE")))
    if command == "CAPA":
        return line.until(lambda text: text == "." or text.startswith("-ERR"))
    return [line.line()]


# --- wrong passwords of mailboxes


def _mailbox_passwords(seen: Seen) -> set[str]:
    found = set()
    if _lets_in(_log_in(seen, [""])[0]):
        found.add("mailbox-wrong-passwords")
    answers, took = _log_in_timed(seen, ["nonsense"] * _GUESSES)
    if _lets_in(answers[0]):
        found.add("mailbox-wrong-passwords")
    if found or (len(answers) == _GUESSES and took < 1 and not re.search(r"UNAVAIL|TEMP|TRYLATER", answers[-1])):
        found.add("mailbox-limits-guesses")
    return found


def _lets_in(answer: str) -> bool:
    return bool(re.match(r"(a8 |\+)?OK", answer))


def _log_in(seen: Seen, passwords: list[str]) -> list[str]:
    return _log_in_timed(seen, passwords)[0]


def _log_in_timed(seen: Seen, passwords: list[str]) -> tuple[list[str], float]:
    """Bob's, one after the other on one connection; the answers that came, and the seconds of the slowest."""
    answers: list[str] = []
    slowest = 0.0
    with seen.encrypted() as line:
        for password in passwords:
            began = time.monotonic()
            try:
                answers.append(_answer(line, seen.place.role, password))
            except (EOFError, ConnectionError):
                break
            slowest = max(slowest, time.monotonic() - began)
            if slowest > 1 or _lets_in(answers[-1]):
                break
    return answers, slowest


def _answer(line: Line, role: str, password: str) -> str:
    match _protocol(role):
        case "imap":
            return _ask(line, role, f'LOGIN "{_BOB}" "{password}"')[-1]
        case "pop3":
            _ask(line, role, f"USER {_BOB}")
            return _ask(line, role, f"PASS {password}")[-1]
        case _:
            return _ask(line, role, f'AUTHENTICATE "PLAIN" "{_plain(_BOB, password)}"')[-1]
