"""AUTH of the scripted server (RFC 4954)."""

import base64
import binascii
import secrets

from .dovecot import PASSWORDS
from .scripted_wire import Over, Refused, Wire


class Login(Wire):
    """A connection on which PLAIN and LOGIN are understood."""

    longest_response = 12288
    """Octets of a line during AUTH (RFC 4954 section 4)."""
    most_wrong_passwords = 3

    def offers_auth(self) -> bool:
        """After TLS only (RFC 4954 section 4), and not on an MX."""
        return self.site.submission and self.inside_tls

    def mechanisms(self) -> list[str]:
        return ["PLAIN", "LOGIN"]

    def do_auth(self, argument: str) -> None:
        if not self.site.submission:
            raise Refused(502, "5.5.1 not here")
        if not self.offers_auth():
            raise Refused(538, "5.7.11 STARTTLS comes first")
        if self.user:
            raise Refused(503, "5.5.1 logged in already")
        if self.transaction is not None:
            raise Refused(503, "5.5.1 not during a transaction")
        if not self.greeted:
            raise Refused(503, "5.5.1 EHLO comes first")
        words = argument.split(" ")
        name, initial = words[0].upper(), words[1] if len(words) > 1 else None
        if not name or len(words) > 2:
            raise Refused(501, "5.5.4 AUTH takes a mechanism and perhaps a response")
        if name not in self.mechanisms():
            raise Refused(504, "5.5.4 no such mechanism")
        user, password = self.login(initial) if name == "LOGIN" else self.plain(initial)
        self.judge(user, password)

    def plain(self, initial: str | None) -> tuple[str, str]:
        """RFC 4616: who to be, user, password."""
        parts = self.decoded(self.ask("") if initial is None else initial).split("\0")
        if len(parts) != 3:
            raise Refused(501, "5.5.2 not a response of PLAIN")
        return parts[1], parts[2]

    def login(self, initial: str | None) -> tuple[str, str]:
        user = self.decoded(self.ask("Username:") if initial is None else initial)
        return user, self.decoded(self.ask("Password:"))

    def ask(self, challenge: str) -> str:
        self.reply(334, base64.b64encode(challenge.encode()).decode())
        answer = self.next_line(self.longest_response).decode("ascii", "replace")
        if answer == "*":
            raise Refused(501, "5.7.0 given up")
        return answer

    def decoded(self, response: str) -> str:
        if response == "=":
            return ""
        try:
            return base64.b64decode(response, validate=True).decode()
        except (binascii.Error, ValueError):
            raise Refused(501, "5.5.2 not base64") from None

    def judge(self, user: str, password: str) -> None:
        """Compare, and hang up after a few wrong ones."""
        if not secrets.compare_digest(PASSWORDS.get(user, "\0").encode(), password.encode()):
            self.wrong_passwords += 1
            self.site.failures[user] = self.site.failures.get(user, 0) + 1
            if self.wrong_passwords >= self.most_wrong_passwords:
                self.reply(421, f"4.7.0 {self.site.host} too many wrong passwords")
                raise Over
            raise Refused(535, "5.7.8 wrong user or password")
        self.user = user
        self.reply(235, "2.7.0 welcome")
