"""Relaying, other people's addresses as sender, and what VRFY and EXPN give away."""

import base64
import secrets
import ssl
from collections.abc import Callable, Iterable, Sequence

from .. import asked
from ..catalogue import DOMAIN
from ..wire import IMPLICIT, Line, features, smtp
from . import Seen

_SUBMISSION = frozenset({"submission", "submissions"})
_FEW = 6
"""Questions on one connection: Postfix slows down after ten errors."""


def faults(seen: Seen) -> set[str]:
    role = seen.place.role
    if role not in _SUBMISSION | {"mx"}:
        return set()
    try:
        _open(seen).socket.close()
    except (OSError, EOFError):
        return set()
    found = _directory(seen)
    if role == "mx":
        found |= _relay(seen)
    elif seen.asked:
        found |= _senders(seen)
    return found


def _open(seen: Seen) -> Line:
    """EHLO inside TLS where there is any, in clear elsewhere; raises OSError or EOFError."""
    try:
        line = seen.encrypted()
    except (ssl.SSLError, ConnectionRefusedError):
        if seen.place.role in IMPLICIT:
            raise
        line = seen.clear()
    features(line, seen.place.role)
    return line


def _directory(seen: Seen) -> set[str]:
    found = set()
    with _open(seen) as line:
        there, not_there = (
            smtp(line, f"VRFY {name}@{DOMAIN}")[-1].replace(name, "*") for name in ("postmaster", "nobody-at-all")
        )
        if there != not_there:
            found.add("vrfy-tells-nothing")
        if any(smtp(line, f"EXPN {name}@{DOMAIN}")[-1].startswith("250") for name in ("postmaster", "abuse")):
            found.add("expn-tells-nothing")
    return found


def _envelopes(seen: Seen, pairs: Iterable[tuple[str, str]], open_: Callable[[Seen], Line]) -> list[str]:
    """The last reply to each pair of sender and recipient; "" where the server hung up."""
    answers = []
    waiting = list(pairs)
    while waiting:
        with open_(seen) as line:
            for number in range(_FEW):
                if not waiting:
                    break
                sender, recipient = waiting[0]
                try:
                    smtp(line, "RSET")
                    answer = smtp(line, f"MAIL FROM:<{sender}>")[-1]
                    if answer.startswith("250"):
                        answer = smtp(line, f"RCPT TO:<{recipient}>")[-1]
                except (OSError, EOFError):
                    if number:
                        break
                    answer = ""
                answers.append(answer)
                del waiting[0]
                if not answer:
                    break
    return answers


def _relay(seen: Seen) -> set[str]:
    literal = f"[{seen.place.address}]"
    senders = ("", "stranger@example.com", f"postmaster@{DOMAIN}", f"stranger@{literal}")
    # One domain alone may be one that the server is responsible for, unless somebody says that it is not.
    recipients = (asked.FOREIGN,) if seen.asked else ("someone@example.com", "someone@example.org")
    found: set[str] = set()
    for sender in senders:
        if all(_yes(_envelopes(seen, [(sender, recipient) for recipient in recipients], _open))):
            found.add("relay-refused")
            if seen.asked and _sent(seen, _open, sender, asked.FOREIGN, f"From: <{sender}>"):
                found.add("relay-not-delivered")
            return found
    if any(_yes(_envelopes(seen, [("", recipient) for recipient in recipients], _open))):
        return found
    if any(_routes(seen, last) for last in (DOMAIN, literal, "")):
        found.add("relay-routed-refused")
        # Of the other forms only the mailbox could tell.
        if seen.asked and _sent(seen, _open, "", f"@{DOMAIN}:{asked.FOREIGN}", "From: <stranger@example.com>"):
            found.add("relay-not-delivered")
    return found


def _routes(seen: Seen, last: str) -> bool:
    """Whether a mailbox of another domain is taken in some form, and one of this domain that nobody has is not."""
    behind = f"@{last}" if last else ""
    forms: list[Callable[[str, str], str]] = [
        lambda user, domain: f"{user}%{domain}{behind}",
        lambda user, domain: f'"{user}@{domain}"{behind}',
        lambda user, domain: f"{domain}!{user}{behind}",
    ]
    if last:
        forms.append(lambda user, domain: f"{user}@{domain}@{last}")
        forms.append(lambda user, domain: f"@{last}:{user}@{domain}")
    nobody = secrets.token_hex(8)
    for form in forms:
        pairs = [form("someone", "example.com"), form(nobody, DOMAIN), f"{nobody}{behind}"]
        foreign, local, nonsense = _envelopes(seen, [("", recipient) for recipient in pairs], _open)
        if foreign.startswith("25") and local.startswith("5") and nonsense.startswith("5"):
            return True
    return False


def _yes(answers: Sequence[str]) -> list[bool]:
    return [answer.startswith("25") for answer in answers]


def _sent(seen: Seen, open_: Callable[[Seen], Line], sender: str, recipient: str, *header: str) -> bool:
    """Whether a whole message is taken."""
    with open_(seen) as line:
        for command, wanted in ((f"MAIL FROM:<{sender}>", "250"), (f"RCPT TO:<{recipient}>", "25"), ("DATA", "354")):
            if not smtp(line, command)[-1].startswith(wanted):
                return False
        return smtp(line, "\r\n".join([*header, "Subject: the second judge", "", "text", "."]))[-1].startswith("250")


def _logged_in(seen: Seen) -> Line:
    line = _open(seen)
    response = base64.b64encode(f"\0{asked.USER}\0{asked.PASSWORD}".encode()).decode()
    if not smtp(line, f"AUTH PLAIN {response}")[-1].startswith("235"):
        line.socket.close()
        raise PermissionError
    return line


def _senders(seen: Seen) -> set[str]:
    pairs = [(sender, asked.OWN) for sender in (asked.USER, asked.OTHER, "stranger@example.com")]
    try:
        own, *others = _envelopes(seen, pairs, _logged_in)
    except PermissionError:
        return set()
    if not own.startswith("250"):
        return set()
    found = {"sender-own-envelope"} if any(_yes(others)) else set()
    mine, other = f"From: <{asked.USER}>", f"<{asked.OTHER}>"
    headers = (
        (f"From: {other}",),
        (mine, f"From: {other}"),
        (f"From: {other}, <{asked.USER}>", f"Sender: <{asked.USER}>"),
        (mine, f"Sender: {other}"),
    )
    if any(_sent(seen, _logged_in, asked.USER, asked.OWN, *header) for header in headers):
        found.add("sender-own-header")
    return found
