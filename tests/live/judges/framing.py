"""Where lines, commands and messages end, asked in other words than the product's."""

import contextlib
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from .. import asked
from ..lab import SINK
from ..wire import IMPLICIT, Line, smtp
from . import Seen

_ROLES = frozenset({"mx", "submission", "submissions"})

_TOO_LONG = 2.0
"""Seconds after which a server is taken to wait for more."""

_ENDS = {
    "a": b"\n.\n",
    "b": b"\n.\r\n",
    "c": b"\r\n.\n",
    "d": b"\r.\r",
    "e": b"\r.\n",
    "f": b"\n.\r",
    "g": b"\r.\r\n",
    "h": b"\r\n.\r",
    "i": b"\r\n.\r\r\n",
    "j": b"\r\r\n.\r\r\n",
    "k": b"\r\n\0.\r\n",
    "l": b"\r\n.\0\r\n",
    "m": b"\r\n..\r\n",
}


def faults(seen: Seen) -> set[str]:
    """What is wrong with the server."""
    if seen.place.role not in _ROLES or seen.place.entry.front != "smtpd":
        return set()
    try:
        hello = _hello(seen)
    except (OSError, EOFError, ssl.SSLError):
        return set()  # without TLS there is nothing to see
    keywords = {line[4:].split(" ")[0].upper() for line in hello}
    found = _commands(seen) | _together(seen, "PIPELINING" in keywords) | _browser(seen)
    if seen.place.role not in IMPLICIT and _talks_first(seen):
        found.add("smtp-early-talker")
    if "CHUNKING" in keywords:
        found |= _chunks(seen)
    if seen.asked:
        found |= {"end-of-data-exact"} if any(_splits(seen, end) for end in _ENDS.values()) else set()
        found |= {"forwarded-line-ends"} if _passes_on(seen) else set()
        found |= {"smtp-text-line"} if _refuses_long_lines(seen) else set()
        found |= {"smtp-message-pipelining"} if _hears_ahead(seen, "PIPELINING" in keywords) else set()
        found |= _loses_and_keeps(seen)
    return found


@contextmanager
def _ready(seen: Seen) -> Iterator[Line]:
    """A connection inside TLS, behind EHLO."""
    with seen.encrypted() as line:
        smtp(line, "EHLO judge.example")
        yield line


def _hello(seen: Seen) -> list[str]:
    with seen.encrypted() as line:
        return smtp(line, "EHLO judge.example")[1:]


def _replies(line: Line, most: int = 20, until: str = "221") -> list[str]:
    """The codes of the replies that come, up to one that is the last, or the end."""
    codes: list[str] = []
    with contextlib.suppress(EOFError, OSError):
        while len(codes) < most and until not in codes[-1:]:
            codes.append(line.until(lambda text: text[3:4] != "-")[-1][:3])
    return codes


def _said(seen: Seen, octets: bytes) -> list[str]:
    """The replies to these octets, all in one, without that to QUIT."""
    with _ready(seen) as line:
        line.socket.sendall(octets)
        first = _replies(line, 1)
        with contextlib.suppress(OSError):
            line.send("QUIT")
        return [code for code in first + _replies(line) if code != "221"]


def _commands(seen: Seen) -> set[str]:
    found = set()
    # MAIL for nobody may be refused or taken; that it has an answer of its own shows that it was a command.
    if len(_said(seen, b"MAIL FROM:<>\nRSET\r\n")) > 1:
        found.add("smtp-command-bare-lf")
    if len(_said(seen, b"MAIL FROM:<>\rRSET\r\n")) > 1:
        found.add("smtp-command-bare-cr")
    if seen.place.role == "mx":
        for recipient in (b"alice\0@lab.example", b"alice@lab.example\0.example.org"):
            with _ready(seen) as line:
                smtp(line, "MAIL FROM:<>")
                line.socket.sendall(b"RCPT TO:<" + recipient + b">\r\n")
                if _replies(line, 1)[:1] == ["250"]:
                    found.add("smtp-recipient-nul")
    return found


def _together(seen: Seen, announced: bool) -> set[str]:
    found = set()
    if _said(seen, b"NOOP\r\nNOOP\r\n") == ["250", "250"]:
        found.add("smtp-unauthorised-pipelining")
    # The recipients may be refused; each has one answer all the same.
    group = b"MAIL FROM:<>\r\nRCPT TO:<alice@lab.example>\r\nRSET\r\n"
    if announced and len(_said(seen, group)) != group.count(b"\r\n"):
        found.add("smtp-pipelining-complete")
    return found


def _browser(seen: Seen) -> set[str]:
    with seen.encrypted() as line:
        line.socket.sendall(b"POST /form HTTP/1.1\r\nHost: mail\r\nOrigin: web\r\n\r\nRSET\r\nQUIT\r\n")
        return {"smtp-cross-protocol"} if "250" in _replies(line) else set()


def _talks_first(seen: Seen) -> bool:
    """Whether a whole envelope is taken that began before the greeting."""
    with socket.socket() as bare:
        bare.settimeout(10)
        # The server sees the connection when it sees the octets.
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        bare.connect((seen.place.address, seen.place.port))
        bare.sendall(b"NOOP\r\n")
        lines = bare.makefile("rb")
        if not lines.readline().startswith(b"220") or not lines.readline().startswith(b"2"):
            return False
        if seen.place.role != "mx":
            return True
        last = b""
        for command in (b"HELO judge.example", b"MAIL FROM:<>", b"RCPT TO:<postmaster@lab.example>"):
            bare.sendall(command + b"\r\n")
            last = lines.readline()
        return last.startswith(b"250")


def _chunks(seen: Seen) -> set[str]:
    found = set()
    mx = seen.place.role == "mx"
    for before in ([], ["MAIL FROM:<>"] if mx else []):
        with _ready(seen) as line:
            for command in before:
                smtp(line, command)
            if smtp(line, "BDAT 0 LAST")[-1].startswith("2"):
                found.add("smtp-chunk-needs-transaction")
    if mx:
        with _ready(seen) as line:
            smtp(line, "MAIL FROM:<>")
            smtp(line, "RCPT TO:<alice@lab.example>")
            line.socket.sendall(b"BDAT 1\r\nx")
            if _replies(line, 1) == ["250"] and smtp(line, "DATA")[-1].startswith("354"):
                found.add("smtp-chunk-then-data")
    with _ready(seen) as line:
        smtp(line, "MAIL FROM:<>")
        smtp(line, "RCPT TO:<alice@lab.example>")
        line.socket.settimeout(_TOO_LONG)
        try:
            if smtp(line, f"BDAT {3 << 64}")[-1].startswith("2"):
                found.add("smtp-chunk-size")
        except TimeoutError:
            found.add("smtp-chunk-size")
        except (EOFError, OSError):
            pass
    return found


@contextmanager
def _sender(seen: Seen, recipient: str) -> Iterator[Line | None]:
    """A connection behind 354, with the login where one is needed; None where the recipient is refused."""
    with _before_data(seen, recipient) as line:
        yield line if line is not None and smtp(line, "DATA")[-1].startswith("354") else None


@contextmanager
def _before_data(seen: Seen, recipient: str) -> Iterator[Line | None]:
    with _ready(seen) as line:
        sender = ""
        if seen.place.role != "mx":
            sender = asked.USER
            login = b64encode(f"\0{asked.USER}\0{asked.PASSWORD}".encode()).decode()
            smtp(line, f"AUTH PLAIN {login}")
        smtp(line, f"MAIL FROM:<{sender}>")
        yield line if smtp(line, f"RCPT TO:<{recipient}>")[-1].startswith("2") else None


def _splits(seen: Seen, end: bytes) -> bool:
    """Whether a command in the middle of a message is answered."""
    with _sender(seen, asked.OWN) as line:
        if line is None:
            return False
        line.socket.sendall(b"Subject: judge\r\n\r\ntext" + end + b"RCPT TO:<nobody>\r\n.\r\n")
        if _replies(line, 1) != ["250"]:
            return False
        line.send("RSET")
        return _replies(line, 1) != ["250"]


def _passes_on(seen: Seen) -> bool:
    """Whether a message arrives elsewhere in pieces, or with line ends that are none."""
    with _Elsewhere(*seen.place.sink) as elsewhere:
        for name, end in _ENDS.items():
            if name in "klm":
                continue
            with _sender(seen, SINK) as line:
                if line is None:
                    return False
                line.socket.sendall(b"Subject: judge\r\n\r\ntext" + end + b"XRCPT\r\nthe rest\r\n.\r\n")
                if _replies(line, 1)[0:1] != ["250"]:
                    continue
            message = elsewhere.next()
            if re.search(rb"\r(?!\n)|(?<!\r)\n", message) or b"the rest" not in message:
                return True
    return False


def _refuses_long_lines(seen: Seen) -> bool:
    with _sender(seen, asked.OWN) as line:
        if line is None:
            return False
        line.socket.sendall(b"Subject: judge\r\n\r\n" + b"long " * 199 + b"end\r\n.\r\n")
        return _replies(line, 1)[0].startswith("5")


def _hears_ahead(seen: Seen, announced: bool) -> bool:
    """Whether DATA is gone along with that has company, or a command that comes with a message."""
    with _before_data(seen, asked.OWN) as line:
        if line is not None:
            line.socket.sendall(b"DATA\r\nRSET\r\n")
            if _replies(line, 1) == ["354"]:
                return True
    if announced:
        return False
    with _sender(seen, asked.OWN) as line:
        if line is None:
            return False
        line.socket.sendall(b"Subject: judge\r\n\r\ntext\r\n.\r\nRSET\r\n")
        return _replies(line, 2) == ["250", "250"]


def _loses_and_keeps(seen: Seen) -> set[str]:
    """Whether text is lost behind a NUL, and whether a message is kept that has no end."""
    found = set()
    with _Elsewhere(*seen.place.sink) as elsewhere:
        for text in (b"Subject: one\0two\r\n\r\nthree four", b"Subject: one two\r\n\r\nthree\0four\r\nfive"):
            with _sender(seen, SINK) as line:
                if line is None:
                    return found
                line.socket.sendall(text + b"\r\n.\r\n")
                if _replies(line, 1) != ["250"]:
                    continue
            message = elsewhere.next()
            if any(word not in message for word in (b"two", b"four", text[-4:])):
                found.add("forwarded-nul")
        with _sender(seen, SINK) as line:
            if line is not None:
                line.socket.sendall(b"Subject: judge\r\n\r\nunfinished\r\n")
        with _sender(seen, SINK) as line:
            if line is not None:
                line.socket.sendall(b"Subject: judge\r\n\r\nfinished\r\n.\r\n")
                if _replies(line, 1) != ["250"]:
                    return found  # it takes no message at all
        came = [elsewhere.next()]
        with contextlib.suppress(TimeoutError):
            came.append(elsewhere.next(2))
        if any(b"unfinished" in message for message in came):
            found.add("dropped-message-forgotten")
    return found


class _Elsewhere:
    """A mail server that takes everything, as it comes."""

    def __init__(self, address: str, port: int) -> None:
        self._listener = socket.create_server((address, port))
        self._messages: list[bytes] = []
        self._seen = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> "_Elsewhere":
        return self

    def __exit__(self, *_: object) -> None:
        # Closed alone it would listen on, as long as a thread waits for the next client.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def next(self, seconds: float = 20) -> bytes:
        """The next message; raises TimeoutError when there is none."""
        deadline = time.monotonic() + seconds
        while len(self._messages) <= self._seen:
            if time.monotonic() > deadline:
                raise TimeoutError("nothing was passed on")
            time.sleep(0.01)
        self._seen += 1
        return self._messages[self._seen - 1]

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(link,), daemon=True).start()

    def _talk(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError), link:
            link.sendall(b"220 elsewhere\r\n")
            rest = b""
            end = b"\r\n"
            while got := link.recv(65536):
                rest += got
                while end in rest:
                    said, _, rest = rest.partition(end)
                    if end != b"\r\n":
                        self._messages.append(said)
                        end = b"\r\n"
                        link.sendall(b"250 ok\r\n")
                    elif said.upper().startswith(b"DATA"):
                        end = b"\r\n.\r\n"
                        link.sendall(b"354 go\r\n")
                    else:
                        link.sendall(b"250 ok\r\n")
