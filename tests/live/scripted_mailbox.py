"""IMAP, POP3 and ManageSieve up to the login, as the RFCs ask, written to be broken in named ways.

A fault is a subclass of `Mailbox` that overrides a few methods, as one of `Conversation` is for SMTP.
"""

import base64
import binascii
import shlex
import ssl

from .dovecot import PASSWORDS
from .scripted_wire import Over, Wire

IMPLICIT = frozenset({"imaps", "pop3s"})
MAILBOX_ROLES = frozenset({"imap", "imaps", "pop3", "pop3s", "sieve"})


class Mailbox(Wire):
    """One connection. Nobody gets any further than the login."""

    most_wrong_passwords = 3
    """After which the server hangs up."""
    said = ""
    """The command that is being answered."""
    given = ("", "")
    """User and password of the login under way."""

    @property
    def protocol(self) -> str:
        return self.site.role.removesuffix("s") if self.site.role in IMPLICIT else self.site.role

    def run(self) -> None:
        """Everything from the first octet to the last."""
        if self.site.role in IMPLICIT:
            self.start_tls()
        self.greet()
        while True:
            self.said = self.next_line(8192).decode("ascii", "replace")
            words = self.said.split()
            tag = words.pop(0) if self.protocol == "imap" and words else ""
            verb = words[0].upper() if words else ""
            if verb in ("LOGOUT", "QUIT"):
                self.answer(tag, True, "bye")
                raise Over
            method = getattr(self, f"do_{verb.lower()}", None) if verb.isalpha() else None
            if method is None:
                self.bad(tag)
            else:
                method(tag, words[1:])

    def start_tls(self) -> None:
        self.rest = b""
        self.socket.settimeout(30)
        try:
            self.socket = self.site.context.wrap_socket(self.socket, server_side=True)
        except (OSError, ValueError):
            raise Over from None

    def lines(self, *lines: str) -> None:
        self.send("".join(f"{line}\r\n" for line in lines).encode())

    def answer(self, tag: str, good: bool, text: str, code: str = "") -> None:
        """The status of a command; `code` is for those who read programs' words."""
        match self.protocol:
            case "imap":
                self.lines(f"{tag} {'OK' if good else 'NO'} {f'[{code}] ' if code else ''}{text}")
            case "pop3":
                self.lines(f"{'+OK' if good else '-ERR'} {text}")
            case _:
                self.lines(f'{"OK" if good else "NO"} {f"({code}) " if code else ""}"{text}"')

    def bad(self, tag: str) -> None:
        """What nobody knows, or not now."""
        if self.protocol == "imap":
            self.lines(f"{tag} BAD not now")
        else:
            self.answer(tag, False, "not now")

    # --- what is announced

    def greet(self) -> None:
        match self.protocol:
            case "imap":
                self.lines(f"* OK [CAPABILITY {' '.join(self.in_greeting())}] ready")
            case "pop3":
                self.lines("+OK ready")
            case _:
                self.list_sieve()

    def in_greeting(self) -> list[str]:
        return self.capabilities()

    def capabilities(self) -> list[str]:
        """The words of IMAP, or the lines of the others."""
        login = self.inside_tls or self.logins_in_clear()
        starts = [self.starts()] if self.offers_starttls() else []
        match self.protocol:
            case "imap":
                return ["IMAP4rev1", *starts, "AUTH=PLAIN" if login else "LOGINDISABLED"]
            case "pop3":
                return ["UIDL", *starts, *(["USER", "SASL PLAIN"] if login else [])]
            case _:
                words = [f'"{word}"' for word in starts]
                sasl = '"SASL" "PLAIN"' if login else '"SASL" ""'
                return ['"IMPLEMENTATION" "sieve"', '"SIEVE" "fileinto"', sasl, *words, '"VERSION" "1.0"']

    def starts(self) -> str:
        return "STLS" if self.protocol == "pop3" else "STARTTLS"

    def offers_starttls(self) -> bool:
        return not self.inside_tls

    def logins_in_clear(self) -> bool:
        """Whether a login before TLS is announced."""
        return False

    def do_capability(self, tag: str, words: list[str]) -> None:
        if self.protocol == "imap":
            self.lines(f"* CAPABILITY {' '.join(self.capabilities())}")
            self.answer(tag, True, "listed")
        elif self.protocol == "sieve":
            self.list_sieve()
        else:
            self.bad(tag)

    def do_capa(self, tag: str, words: list[str]) -> None:
        if self.protocol == "pop3":
            self.lines("+OK", *self.capabilities(), ".")
        else:
            self.bad(tag)

    def list_sieve(self) -> None:
        self.lines(*self.capabilities())
        self.answer("", True, "ready")

    def do_noop(self, tag: str, words: list[str]) -> None:
        if self.protocol == "pop3":
            self.bad(tag)  # RFC 1939: not before the login
        elif self.protocol == "sieve" and words:
            self.lines(f'OK (TAG {words[0]}) "done"')
        else:
            self.answer(tag, True, "done")

    def do_id(self, tag: str, words: list[str]) -> None:
        if self.protocol != "imap":
            self.bad(tag)
            return
        self.lines("* ID NIL")
        self.answer(tag, True, "done")

    # --- TLS and logins

    def do_starttls(self, tag: str, words: list[str]) -> None:
        if self.protocol == "pop3" or self.inside_tls:
            self.bad(tag)
        else:
            self.begin_tls(tag)

    def do_stls(self, tag: str, words: list[str]) -> None:
        if self.protocol != "pop3" or self.inside_tls:
            self.bad(tag)
        else:
            self.begin_tls(tag)

    def begin_tls(self, tag: str) -> None:
        self.answer(tag, True, "begin")
        self.start_tls()
        if self.protocol == "sieve":
            self.list_sieve()

    def do_login(self, tag: str, words: list[str]) -> None:
        fields = self.fields()
        if self.protocol == "imap" and len(fields) == 4:
            self.given = (fields[2], fields[3])
            self.judge(tag)
        else:
            self.bad(tag)

    def do_authenticate(self, tag: str, words: list[str]) -> None:
        fields = self.fields()
        if self.protocol != "sieve" or len(fields) != 3:
            self.bad(tag)
            return
        try:
            _, user, password = base64.b64decode(fields[2], validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            self.bad(tag)
            return
        self.given = (user, password)
        self.judge(tag)

    def fields(self) -> list[str]:
        """The words of the command, those in quotes whole."""
        try:
            return shlex.split(self.said)
        except ValueError:
            return []

    def do_user(self, tag: str, words: list[str]) -> None:
        if self.protocol != "pop3":
            self.bad(tag)
        elif self.looks_at_secrets():
            self.given = (" ".join(words), "")
            self.answer(tag, True, "and the password?")
        else:
            self.answer(tag, False, "TLS first")

    def do_pass(self, tag: str, words: list[str]) -> None:
        if self.protocol == "pop3":
            self.given = (self.given[0], self.said.partition(" ")[2])
            self.judge(tag)
        else:
            self.bad(tag)

    def looks_at_secrets(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket)

    def judge(self, tag: str) -> None:
        """Look at the password, inside TLS."""
        if self.looks_at_secrets():
            self.password(tag, *self.given)
        else:
            code = {"imap": "PRIVACYREQUIRED", "sieve": "ENCRYPT-NEEDED"}.get(self.protocol, "")
            self.answer(tag, False, "TLS first", code)

    def password(self, tag: str, user: str, password: str) -> None:
        """Say whether it is right."""
        if PASSWORDS.get(user) == password:
            self.answer(tag, True, "welcome")
            return
        self.wrong_passwords += 1
        self.answer(tag, False, "wrong user or password", "AUTHENTICATIONFAILED" if self.protocol == "imap" else "")
        if self.wrong_passwords >= self.most_wrong_passwords:
            raise Over
