"""RFC 5321, judged clause by clause by hand: order and form of commands, limits, mandatory addresses, extensions."""

import base64
import re
import ssl
from collections.abc import Callable, Iterator
from itertools import product

from ..asked import PASSWORD, USER
from ..catalogue import DOMAIN
from ..wire import Line
from . import Seen

_SMTP = frozenset({"mx", "submission", "submissions"})
_MOST_ERRORS = 8
_SIZE = "10240000"
"""What lab-profile.toml declares."""
_NAME = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+|\[[0-9.]+\]", re.IGNORECASE)
_POSTMASTER = f"postmaster@{DOMAIN}"


class _Talk:
    """Commands to one server; a new connection where the last one ended, or has seen many errors."""

    def __init__(self, open_line: Callable[[], Line], sender: str = "") -> None:
        self._open = open_line
        self._line: Line | None = None
        self._errors = 0
        self.sender = sender

    def say(self, *commands: str) -> str:
        """The last line of the last reply; nothing when the server hangs up. Ends whatever went on before."""
        self.renew()
        return self.go_on(*commands)

    def renew(self) -> None:
        """A connection on which nothing goes on."""
        if self._line is not None and self._errors < _MOST_ERRORS and self.go_on("RSET").startswith("250"):
            return
        if self._line is not None:
            self._line.socket.close()
        self._line, self._errors = self._open(), 0

    def go_on(self, *commands: str) -> str:
        """The same without a new beginning."""
        answer = ""
        for command in commands:
            if self._line is None:
                return ""
            try:
                self._line.send(command)
                answer = self._line.until(lambda line: line[3:4] != "-")[-1]
            except (EOFError, ConnectionError, ssl.SSLEOFError):
                self._line.socket.close()
                self._line = None
                return ""
            self._errors += answer[:1] in "45"
            if answer.startswith("354"):
                # RFC 5321 section 3.3: it may refuse behind the message; an empty one to nobody.
                self._line.send(".")
                answer = self._line.until(lambda line: line[3:4] != "-")[-1]
                self._line.socket.close()
                self._line = None
        return answer

    def mail(self, *commands: str, more: str = "") -> str:
        """Within a transaction."""
        first = f"MAIL FROM:<{self.sender}>{more}"
        answer = self.say(first)
        if answer.startswith("503"):  # RSET does not work here
            self._errors = _MOST_ERRORS
            answer = self.say(first)
        return self.go_on(*commands) if commands else answer

    def close(self) -> None:
        if self._line is not None:
            self._line.socket.close()


def faults(seen: Seen) -> set[str]:
    """The clauses that this server breaks."""
    if seen.place.role not in _SMTP:
        return set()
    try:
        with _ready(seen):
            pass
    except (OSError, EOFError):
        return set()
    found = set(_raw_faults(seen))
    talk = _Talk(lambda: _ready(seen))
    try:
        found |= set(_command_faults(talk, _ready(seen)))
    finally:
        talk.close()
    if seen.place.role != "mx" and not seen.asked:
        return found
    sender = "" if seen.place.role == "mx" else USER
    talk = _Talk(lambda: _logged_in(seen) if sender else _ready(seen), sender)
    try:
        return found | set(_transaction_faults(talk, seen.place.role == "mx", _keywords(_ready(seen))))
    finally:
        talk.close()


def _ready(seen: Seen) -> Line:
    line = seen.encrypted()
    line.send("EHLO judge.example")
    line.until(lambda text: text[3:4] != "-")
    return line


def _logged_in(seen: Seen) -> Line:
    line = _ready(seen)
    line.send("AUTH PLAIN " + base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode())
    if not line.line().startswith("235"):
        raise OSError("no login")
    return line


def _keywords(line: Line) -> list[str]:
    with line:
        line.send("EHLO judge.example")
        return [text[4:] for text in line.until(lambda text: text[3:4] != "-")[1:]]


def _raw_faults(seen: Seen) -> Iterator[str]:
    """The bare octets before TLS, or inside it where it comes first."""
    line = seen.encrypted() if seen.place.role == "submissions" else seen.clear()
    with line:
        first = line.greeted[0]
        octets = b""
        line.socket.settimeout(5)
        line.socket.sendall(b"MAIL FROM:<>\r\n")
        while octets[-1:] != b"\n" or octets.splitlines()[-1][3:4] == b"-":
            got = line.socket.recv(4096)
            if not got:
                yield "smtp-mail-before-hello"
                break
            octets += got
        codes = {text[:3] for text in octets.splitlines()}
        if len(codes) > 1 or octets.count(b"\n") != octets.count(b"\r\n"):
            yield "smtp-reply-form"
    with seen.encrypted() as line:
        line.send("EHLO judge.example")
        hello = line.until(lambda text: text[3:4] != "-")
    if not all(_NAME.fullmatch(text[4:].split(" ")[0]) for text in (first, hello[0])):
        yield "smtp-greeting-name"
    # "AUTH=" is the form from before RFC 2554, which old clients need.
    if not all(re.fullmatch(r"(AUTH=\S+|[A-Za-z0-9-]+)( \S+)*", text[4:]) for text in hello[1:]):
        yield "smtp-keywords-form"


def _command_faults(talk: _Talk, line: Line) -> Iterator[str]:
    keywords = _keywords(line)
    answers = []

    def refused(*commands: str) -> bool:
        answers.append(talk.say(*commands))
        return answers[-1].startswith("5")

    def taken(*commands: str) -> bool:
        answers.append(talk.say(*commands))
        return answers[-1].startswith("2")

    if not refused(f"RCPT TO:<{_POSTMASTER}>"):
        yield "smtp-recipient-needs-sender"
    if not refused("DATA"):
        yield "smtp-data-needs-sender"
    if not refused("XJUDGE"):
        yield "smtp-unknown-command"
    if not refused("MAIL"):
        yield "smtp-mail-needs-path"
    if not (taken("NOOP") and taken("NOOP judge")):
        yield "smtp-noop"
    if answers[-1].startswith("2") and not taken("NOOP " + "y" * 505):
        yield "smtp-command-length"
    if not talk.say("NOOP " + "y" * 60000):
        yield "smtp-overlong-command"
    if talk.say("VRFY judge").startswith(("500", "502 5.5.2")):
        yield "smtp-vrfy"
    codes = [answer for answer in answers if answer[:1] in ("2", "4", "5")]
    if "ENHANCEDSTATUSCODES" in keywords and any(answer[4:6] != f"{answer[0]}." for answer in codes):
        yield "smtp-enhanced-codes"
    sizes = [text.split(" ")[1:] for text in keywords if text.split(" ")[0] == "SIZE"]
    if sizes != [[_SIZE]]:
        yield "smtp-size-announced"
    if not (talk.say("ehlo judge.example") and taken("noop") and taken("rSeT")):
        yield "smtp-command-case"
    if not taken("HELO judge.example"):
        yield "smtp-helo"
    if not (talk.say("EHLO").startswith("5") and talk.say("HELO").startswith("5")):
        yield "smtp-hello-needs-name"
    if not talk.say("QUIT").startswith("221") or talk.go_on("NOOP"):
        yield "smtp-quit"


def _transaction_faults(talk: _Talk, mx: bool, keywords: list[str]) -> Iterator[str]:
    senders = (talk.sender, "judge@example.net") if mx else (talk.sender,)
    for mailbox, sender in product(("alice@lab.example", _POSTMASTER), senders):
        talk.sender = sender
        known = f"RCPT TO:<{mailbox}>"
        if talk.mail(known).startswith("2"):
            break
    else:
        return  # it takes nothing from us, whoever we are: what it does for others is not to be seen
    if talk.sender != senders[0]:
        yield "smtp-null-sender"
    if mx and not all(talk.mail(f"RCPT TO:<{address}>").startswith("2") for address in ("postmaster", _POSTMASTER)):
        yield "smtp-postmaster"
    if mx and not talk.mail(f"RCPT TO:<abuse@{DOMAIN}>").startswith("2"):
        yield "smtp-abuse-mailbox"
    if not talk.mail("DATA").startswith("5"):
        yield "smtp-data-needs-recipient"
    if not talk.mail(f"MAIL FROM:<{talk.sender}>").startswith("5"):
        yield "smtp-one-sender"
    if not talk.mail("RSET", known).startswith("503"):
        yield "smtp-reset-clears"
    if not talk.mail("EHLO judge.example", known).startswith("503"):
        yield "smtp-hello-resets"
    if not talk.mail("RCPT").startswith("5"):
        yield "smtp-recipient-needs-path"
    if not talk.mail(more=" XSJUDGE=2").startswith("5"):
        yield "smtp-unknown-parameter"
    if not talk.say(f"Mail From:<{talk.sender}>", known.replace("RCPT TO", "Rcpt To")).startswith("2"):
        yield "smtp-path-case"
    if any(talk.mail(f"RCPT TO:<{'z' * 62}@{DOMAIN}>").startswith(code) for code in ("501", "500", "553 5.1.3")):
        yield "smtp-address-length"
    if not (talk.mail("RCPT TO:<alice@[127.0.0.9]>") and talk.mail(f"RCPT TO:<@example.net:{_POSTMASTER}>")):
        yield "smtp-address-forms"
    if not talk.mail(*([known] * 100)).startswith("2"):
        yield "smtp-hundred-recipients"
    yield from _extension_faults(talk, keywords)


def _extension_faults(talk: _Talk, keywords: list[str]) -> Iterator[str]:
    if "8BITMIME" in keywords and not talk.mail(more=" BODY=8BITMIME").startswith("2"):
        yield "smtp-8bitmime"
    if "SMTPUTF8" in keywords and not talk.mail(more=" SMTPUTF8").startswith("2"):
        yield "smtp-utf8"
    user = talk.sender == USER
    wide = "k\u00e4se@example.net"
    answer = talk.mail(f"RCPT TO:<{wide}>") if user else talk.say(f"MAIL FROM:<{wide}>")
    if not answer.startswith("5"):
        yield "smtp-utf8-needs-parameter"
    for text in keywords:
        if text.startswith("SIZE ") and not talk.mail(more=f" SIZE={int(text[5:]) + 7}").startswith("5"):
            yield "smtp-size-enforced"
