"""An SMTP server that answers as the RFCs ask, written to be broken in named ways.

Debian's servers cannot be talked into every fault. Here a fault is a subclass of `Conversation` that overrides a few
methods; the modules in faults/ name them, and any of them can be combined. Nothing is ever delivered: accepted messages
stay in a folder.
"""

import contextlib
import json
import re
import secrets
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from .scripted_auth import Login
from .scripted_mailbox import MAILBOX_ROLES, Mailbox
from .scripted_wire import Over, Refused, Site, Transaction, Wire

W = TypeVar("W", bound=Wire)

DOMAIN = "lab.example"
USERS = frozenset({"alice", "bob", "carol", "postmaster", "abuse"})
"""The mailboxes of that domain."""

SINK = "sink@sink.example"
"""The one address elsewhere that mail is really passed on to."""

_IN_STEP = frozenset({"EHLO", "HELO", "NOOP", "VRFY", "EXPN"})
"""Commands that have to be the last of a group (RFC 2920 section 3.1); DATA looks for itself."""

_BLOCK = 65536
_LOCAL = re.compile(r"[^\s<>()\[\]\\,;:@\"]+|\"(?:[^\"\\\r\n]|\\.)*\"")
_DOMAIN = re.compile(r"[^\s<>()\[\]\\,;:@\"._-]([^\s<>()\[\]\\,;:@\"_]*)|\[[0-9A-Za-z.:]+\]")
_ROUTE = re.compile(r"@[^\s:,]+(?:,@[^\s:,]+)*:")
_PATH = re.compile(r"<((?:\"(?:[^\"\\]|\\.)*\"|[^\"<>])*)>((?: .*)?)")


class Conversation(Login):
    """One connection. The default of every method is what a well-kept server does; faults override some."""

    largest_message = 10_240_000
    most_recipients = 1000
    most_errors = 20
    """Errors after which the server hangs up."""
    most_connections = 50
    """Of one client at once."""
    greet_seconds = 0.0
    """Pause before the greeting; whoever speaks meanwhile is turned away."""
    shut_out = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT")
    """Verbs of other protocols, behind which nothing is read (the ALPACA attack)."""

    # --- the course of a connection

    def run(self) -> None:
        """Everything from the first octet to the last."""
        if self.site.role == "submissions":
            self.start_tls()
        self.greet()
        while True:
            try:
                line = self.next_line(self.longest_command)
                self.command(line)
            except Refused as refused:
                self.refuse(refused)

    def refuse(self, refused: Refused) -> None:
        """Say no, and hang up on those who go on and on."""
        self.errors += 1
        if self.errors > self.most_errors:
            self.reply(421, f"4.7.0 {self.site.host} too many errors")
            raise Over
        self.reply(refused.code, refused.text)

    def greet(self) -> None:
        """The greeting (RFC 5321 section 4.2: 220 and the server's name), for those who wait for it."""
        if len(self.site.talking) > self.most_connections:
            self.reply(421, f"4.7.0 {self.site.host} too many connections")
            raise Over
        if self.rest or select.select([self.socket], [], [], self.greet_seconds)[0]:
            self.reply(554, f"5.5.1 {self.site.host} speak when you are spoken to")
            raise Over
        self.reply(220, self.greeting())

    def greeting(self) -> str:
        return f"{self.site.host} ESMTP"

    def start_tls(self) -> None:
        """The handshake; what was said in clear is forgotten (RFC 3207 section 4.2)."""
        self.rest = b""
        self.greeted, self.extended, self.user, self.transaction = "", False, "", None
        self.socket.settimeout(30)
        try:
            self.socket = self.site.context.wrap_socket(self.socket, server_side=True)
        except (OSError, ValueError):
            raise Over from None

    def command(self, line: bytes) -> None:
        """Answer one command line."""
        if b"\0" in line or b"\r" in line or b"\n" in line:
            raise Refused(500, "5.5.2 a control character in a command")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise Refused(500, "5.5.2 neither ASCII nor UTF-8") from None
        verb, _, argument = text.partition(" ")
        verb = self.verb(verb)
        if verb in self.shut_out:
            self.reply(421, f"4.7.0 {self.site.host} this is SMTP")
            raise Over
        if verb in _IN_STEP and self.rest:
            self.out_of_step()
        method: Callable[[str], None] | None = getattr(self, f"do_{verb.lower()}", None) if verb.isalpha() else None
        if method is None:
            self.unknown(verb, argument)
            return
        self.permit(verb)
        method(argument)

    def out_of_step(self) -> None:
        """The client has not waited."""
        self.reply(554, "5.5.0 wait for the answer")
        raise Over

    def verb(self, word: str) -> str:
        """Case does not matter (RFC 5321 section 2.4)."""
        return word.upper()

    def unknown(self, verb: str, argument: str) -> None:
        raise Refused(500, "5.5.2 no such command")

    def permit(self, verb: str) -> None:
        """Where passwords are taken, nothing goes on before TLS (RFC 3207 section 4)."""
        if self.site.submission and not self.inside_tls and verb not in ("EHLO", "HELO", "NOOP", "STARTTLS", "QUIT"):
            raise Refused(530, "5.7.0 STARTTLS comes first")

    # --- commands without a transaction

    def do_ehlo(self, argument: str) -> None:
        self.hello(argument)
        self.extended = True
        self.reply(250, self.ehlo_name(), *self.extensions())

    def do_helo(self, argument: str) -> None:
        self.hello(argument)
        self.extended = False
        self.reply(250, self.ehlo_name())

    def ehlo_name(self) -> str:
        return self.site.host

    def hello(self, argument: str) -> None:
        """Both begin anew (RFC 5321 section 4.1.4)."""
        if not argument.strip():
            raise Refused(501, "5.5.4 which host?")
        self.greeted = argument.strip()
        self.transaction = None

    def extensions(self) -> list[str]:
        """The keywords of the EHLO reply."""
        found = ["PIPELINING", f"SIZE {self.largest_message}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.offers_starttls():
            found.append("STARTTLS")
        if self.offers_auth():
            found.append(f"AUTH {' '.join(self.mechanisms())}")
        return found

    def offers_starttls(self) -> bool:
        return not self.inside_tls

    def do_starttls(self, argument: str) -> None:
        if argument:
            raise Refused(501, "5.5.4 no parameters here")
        if self.inside_tls:
            raise Refused(503, "5.5.1 TLS is here already")
        self.reply(220, "2.0.0 go ahead")
        self.start_tls()

    def do_rset(self, argument: str) -> None:
        if argument:
            raise Refused(501, "5.5.4 no parameters here")
        self.transaction = None
        self.reply(250, "2.0.0 begin anew")

    def do_noop(self, argument: str) -> None:
        self.reply(250, "2.0.0 nothing done")

    def do_quit(self, argument: str) -> None:
        if argument:
            raise Refused(501, "5.5.4 no parameters here")
        self.reply(221, f"2.0.0 {self.site.host} goodbye")
        raise Over

    def do_vrfy(self, argument: str) -> None:
        if not argument:
            raise Refused(501, "5.5.4 whom?")
        self.reply(252, "2.5.0 send it and see")

    def do_expn(self, argument: str) -> None:
        raise Refused(502, "5.5.1 not here")

    def do_help(self, argument: str) -> None:
        self.reply(214, "2.0.0 RFC 5321")

    # --- transactions

    def do_mail(self, argument: str) -> None:
        if not self.greeted:
            raise Refused(503, "5.5.1 EHLO comes first")
        if self.transaction is not None:
            raise Refused(503, "5.5.1 one sender at a time")
        if self.site.submission and not self.user:
            raise Refused(530, "5.7.0 log in first")
        path, parameters = self.path("FROM:", argument)
        utf8 = self.mail_parameters(parameters)
        self.address_form(path, utf8)
        self.check_sender(path)
        self.transaction = Transaction(path, utf8=utf8)
        self.reply(250, "2.1.0 sender taken")

    def path(self, word: str, argument: str) -> tuple[str, list[str]]:
        """The address between the brackets, without a source route, and the parameters behind it."""
        if argument[: len(word)].upper() != word:
            raise Refused(501, f"5.5.4 {word}<address>")
        found = _PATH.fullmatch(argument[len(word) :])
        if found is None:
            raise Refused(501, f"5.5.4 {word}<address>")
        # RFC 5321 appendix C: source routes are taken, and ignored.
        address = _ROUTE.sub("", found[1], count=1) if found[1].startswith("@") else found[1]
        return address, found[2].split()

    def mail_parameters(self, parameters: Iterable[str]) -> bool:
        """Look at them; whether SMTPUTF8 is among them."""
        utf8 = False
        for parameter in parameters:
            keyword, _, value = parameter.upper().partition("=")
            if keyword == "SIZE" and value.isdecimal():
                self.check_size(int(value))
            elif keyword == "SMTPUTF8" and not value and self.extended:
                utf8 = True
            elif not self.known_parameter(keyword, value):
                raise Refused(555, "5.5.4 no such parameter")
        return utf8

    def known_parameter(self, keyword: str, value: str) -> bool:
        return (keyword == "BODY" and value in ("7BIT", "8BITMIME")) or (keyword == "AUTH" and self.offers_auth())

    def check_size(self, size: int) -> None:
        """RFC 1870 section 6.1."""
        if size > self.largest_message:
            raise Refused(552, "5.3.4 too large")

    def address_form(self, address: str, utf8: bool) -> None:
        """Raise Refused for what is no address."""
        if not address.isascii() and not utf8:
            raise Refused(553, "5.6.7 SMTPUTF8 is needed for that")  # RFC 6531 section 3.2
        local, at, domain = address.rpartition("@")
        if address and (not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain)):
            raise Refused(553, "5.1.7 not an address")

    def check_sender(self, sender: str) -> None:
        """Those who log in send in their own name (RFC 6409 section 6.1)."""
        if self.user and sender.lower() != self.user:
            raise Refused(553, "5.7.1 not your address")

    def do_rcpt(self, argument: str) -> None:
        if self.transaction is None:
            raise Refused(503, "5.5.1 MAIL comes first")
        path, parameters = self.path("TO:", argument)
        if parameters:
            raise Refused(555, "5.5.4 no such parameter")
        if not path:
            raise Refused(501, "5.1.3 whom?")
        if path.lower() != "postmaster":  # RFC 5321 section 4.5.1: known without a domain
            self.address_form(path, self.transaction.utf8)
        if len(self.transaction.recipients) >= self.most_recipients:
            raise Refused(452, "4.5.3 too many recipients")
        self.check_recipient(path)
        self.transaction.recipients.append(path)
        self.reply(250, "2.1.5 recipient taken")

    def check_recipient(self, recipient: str) -> None:
        """Raise Refused for a mailbox that does not exist, and for other people's domains."""
        local, _, domain = recipient.rpartition("@")
        if recipient.lower() == "postmaster":
            return
        if domain.lower() not in (DOMAIN, f"[{self.site.address}]"):
            self.relay(recipient)
        elif not self.is_mailbox(local):
            raise Refused(550, "5.1.1 no such mailbox")

    def is_mailbox(self, local: str) -> bool:
        return local.lower() in USERS

    def relay(self, recipient: str) -> None:
        if not self.user:
            raise Refused(550, "5.7.1 no relaying")

    def do_data(self, argument: str) -> None:
        if argument:
            raise Refused(501, "5.5.4 no parameters here")
        if self.transaction is None:
            raise Refused(503, "5.5.1 MAIL comes first")
        if not self.transaction.recipients:
            raise Refused(503, "5.5.1 RCPT comes first")
        if self.rest:
            self.ahead_of_data()
        self.reply(354, "end with CRLF.CRLF")
        message = self.message()
        transaction, self.transaction = self.transaction, None
        if len(message) > self.largest_message:
            raise Refused(552, "5.3.4 too large")
        self.check_message(message)
        self.check_author(message)
        self.keep(transaction, message)
        self.reply(250, "2.0.0 kept")

    def ahead_of_data(self) -> None:
        """RFC 2920 section 3.1: DATA is the last command of a group."""
        raise Refused(503, "5.5.0 wait for the answer to DATA")

    def message(self) -> bytes:
        """Everything up to CRLF.CRLF (RFC 5321 section 4.1.1.4), dots unstuffed (section 4.5.2)."""
        kept = bytearray()
        while True:
            while (end := self.rest.find(b"\r\n")) < 0:
                self.fill()
            octets, self.rest = self.rest[: end + 2], self.rest[end + 2 :]
            if octets == b".\r\n":
                return bytes(kept)
            line = octets[1:] if octets.startswith(b".") else octets
            if len(kept) <= self.largest_message:
                kept += line

    def check_message(self, message: bytes) -> None:
        """No bare CR or LF (RFC 5321 section 2.3.8), and no NUL."""
        if re.search(rb"\r(?!\n)|(?<!\r)\n", message):
            raise Refused(550, "5.6.11 a bare CR or LF")
        if b"\0" in message:
            raise Refused(550, "5.6.0 a NUL")

    def check_author(self, message: bytes) -> None:
        """Those who log in write in their own name (RFC 6409 section 8.1), and there is one author (RFC 5322 section
        3.6)."""
        if self.user and any(author != self.user for author in self.authors(message)):
            raise Refused(550, "5.7.1 not your name")

    def authors(self, message: bytes) -> list[str]:
        """The addresses of all From and Sender fields."""
        header = message.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
        fields = re.findall(r"^(?:from|sender):(.*)$", header, re.MULTILINE)
        return [address for field in fields for address in re.findall(r"[^\s<>,]+@[^\s<>,]+", field)]

    def keep(self, transaction: Transaction, message: bytes) -> None:
        """Put it into the folder: a line of JSON with the envelope, then the message as it came."""
        envelope = {"user": self.user, "sender": transaction.sender, "recipients": transaction.recipients}
        name = f"{time.time_ns()}-{secrets.token_hex(4)}"
        (self.site.messages / name).write_bytes(json.dumps(envelope).encode() + b"\n" + message)
        if SINK in transaction.recipients:
            with contextlib.suppress(OSError):
                pass_on(self.site.sink, transaction.sender, message)


def pass_on(place: tuple[str, int], sender: str, message: bytes) -> None:
    """Give a message to the next server, as it is; raises OSError when nobody is there."""
    with socket.create_connection(place, 5) as line:
        replies = line.makefile("rb")
        replies.readline()
        for said in ("EHLO scripted.example", f"MAIL FROM:<{sender}>", f"RCPT TO:<{SINK}>", "DATA"):
            line.sendall(said.encode() + b"\r\n")
            while replies.readline()[3:4] == b"-":
                pass
        stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
        line.sendall(stuffed + b".\r\n")
        replies.readline()
        line.sendall(b"QUIT\r\n")


FAULTS: dict[str, type[Wire]] = {}
"""Name -> what it overrides. tests/live/faults has one module a chapter."""


def fault(name: str) -> Callable[[type[W]], type[W]]:
    """Names a subclass, so that the catalogue can ask for it; raises ValueError for a name that is taken."""

    def register(broken: type[W]) -> type[W]:
        if name in FAULTS:
            raise ValueError(f"two faults are called {name}")
        FAULTS[name] = broken
        return broken

    return register


def broken(faults: Iterable[str], role: str = "mx") -> type[Wire]:
    """The class that has all of these faults; raises ValueError for one that nobody knows in this role."""
    sound: type[Wire] = Mailbox if role in MAILBOX_ROLES else Conversation
    names = list(faults)
    if unknown := [name for name in names if name not in FAULTS]:
        raise ValueError(f"unknown faults {unknown}")
    if wrong := [name for name in names if not issubclass(FAULTS[name], sound)]:
        raise ValueError(f"not for {role}: {wrong}")
    if not names:
        return sound
    return type("Broken", tuple(FAULTS[name] for name in names), {})


def converse(connection: socket.socket, site: Site, conversation: type[Wire]) -> None:
    """Hold one conversation to its end, whatever ends it."""
    held = conversation(connection, site)
    site.talking.add(held)
    with contextlib.suppress(Over, OSError):
        held.run()
    site.talking.discard(held)
    # Close as a server does: what was sent is still delivered, and the client sees an end, not a reset.
    with contextlib.suppress(OSError):
        held.socket.settimeout(1)
        held.socket.shutdown(socket.SHUT_WR)
        while held.socket.recv(_BLOCK):
            pass
    held.socket.close()
