"""Faults of logins: before TLS, in the wrong form, with wrong passwords; and of servers for mailboxes."""

import base64
import binascii
import time

from ..dovecot import PASSWORDS
from ..scripted import Conversation, fault
from ..scripted_mailbox import Mailbox
from ..scripted_wire import Over, Refused, Transaction

# --- AUTH


@fault("auth-in-clear")
class AuthInClear(Conversation):
    """A login before TLS is taken, and not offered."""

    def permit(self, verb: str) -> None:
        if verb != "AUTH":
            super().permit(verb)

    def do_auth(self, argument: str) -> None:
        if self.inside_tls or not self.site.submission:
            super().do_auth(argument)
        else:
            self.judge(*self.plain(argument.partition(" ")[2]))


@fault("auth-in-clear-asks")
class AuthInClearAsks(Conversation):
    """A login before TLS is gone along with, up to the wrong answer."""

    def permit(self, verb: str) -> None:
        if verb != "AUTH":
            super().permit(verb)

    def do_auth(self, argument: str) -> None:
        if self.inside_tls:
            super().do_auth(argument)
        else:
            self.reply(334, "")
            self.next_line(self.longest_response)
            raise Refused(535, "5.7.8 wrong user or password")


@fault("auth-without-mechanism")
class AuthWithoutMechanism(Conversation):
    """AUTH alone begins a login."""

    def do_auth(self, argument: str) -> None:
        super().do_auth(argument or "PLAIN")


@fault("cancel-is-a-password")
class CancelIsAPassword(Conversation):
    """The asterisk is looked at as if it were a response."""

    def ask(self, challenge: str) -> str:
        self.reply(334, base64.b64encode(challenge.encode()).decode())
        answer = self.next_line(self.longest_response).decode("ascii", "replace")
        if answer == "*":
            raise Refused(535, "5.7.8 wrong user or password")
        return answer


@fault("cancel-is-ignored")
class CancelIsIgnored(Conversation):
    """After the asterisk it asks again."""

    def ask(self, challenge: str) -> str:
        while True:
            self.reply(334, base64.b64encode(challenge.encode()).decode())
            answer = self.next_line(self.longest_response).decode("ascii", "replace")
            if answer != "*":
                return answer


@fault("mail-before-login")
class MailBeforeLogin(Conversation):
    """Right: a sender is taken from anybody, a recipient only after a login."""

    def do_mail(self, argument: str) -> None:
        if self.user or not self.site.submission:
            super().do_mail(argument)
            return
        if not self.greeted or self.transaction is not None:
            raise Refused(503, "5.5.1 not now")
        path, parameters = self.path("FROM:", argument)
        utf8 = self.mail_parameters(parameters)
        self.address_form(path, utf8)
        self.transaction = Transaction(path, utf8=utf8)
        self.reply(250, "2.1.0 sender taken")

    def do_rcpt(self, argument: str) -> None:
        if self.site.submission and not self.user and self.transaction is not None:
            raise Refused(530, "5.7.0 log in first")
        super().do_rcpt(argument)


@fault("auth-in-transaction")
class AuthInTransaction(MailBeforeLogin):
    """A login is begun inside a transaction."""

    def do_auth(self, argument: str) -> None:
        kept, self.transaction = self.transaction, None
        try:
            super().do_auth(argument)
        finally:
            self.transaction = kept


@fault("auth-again")
class AuthAgain(Conversation):
    """A second login is begun."""

    def do_auth(self, argument: str) -> None:
        self.user = ""
        super().do_auth(argument)


@fault("ehlo-logs-out")
class EhloLogsOut(Conversation):
    """EHLO ends the login, unless a transaction is under way."""

    def do_ehlo(self, argument: str) -> None:
        if self.transaction is None:
            self.user = ""
        super().do_ehlo(argument)


@fault("any-mechanism")
class AnyMechanism(Conversation):
    """A mechanism that nobody knows is asked for its response."""

    def do_auth(self, argument: str) -> None:
        name = argument.split(" ")[0].upper()
        if name and name not in self.mechanisms() and self.inside_tls and self.site.submission:
            self.ask("")
            raise Refused(535, "5.7.8 wrong user or password")
        super().do_auth(argument)


@fault("lenient-base64")
class LenientBase64(Conversation):
    """What is not base64 is left out, and asked for again where nothing remains."""

    def decoded(self, response: str) -> str:
        try:
            text = base64.b64decode(response).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            text = ""
        return text or self.decoded(self.ask(""))


@fault("long-lines-are-cut")
class LongLinesAreCut(Conversation):
    """A line that is too long is taken for several."""

    def next_line(self, longest: int) -> bytes:
        while b"\r\n" not in self.rest and len(self.rest) <= longest:
            self.fill()
        end = self.rest.find(b"\r\n")
        if 0 <= end <= longest:
            line, self.rest = self.rest[:end], self.rest[end + 2 :]
            return line
        line, self.rest = self.rest[:longest], self.rest[longest:]
        return line


@fault("long-responses")
class LongResponses(Conversation):
    """A response of any length is taken, and another one asked for."""

    longest_command = 100_000

    def do_auth(self, argument: str) -> None:
        if len(argument) > 12288:
            self.ask("more?")
            raise Refused(535, "5.7.8 wrong user or password")
        super().do_auth(argument)


# --- wrong passwords


@fault("unlimited-guesses")
class UnlimitedGuesses(Conversation):
    """Wrong passwords come to nothing."""

    most_wrong_passwords = 1000


@fault("guesses-are-counted")
class GuessesAreCounted(UnlimitedGuesses):
    """Right: after 12 wrong passwords from anybody, all logins are refused for now; for two seconds."""

    def judge(self, user: str, password: str) -> None:
        failures = self.site.failures
        if failures.get("\0until", 0) > time.monotonic():
            raise Refused(450, "4.7.1 too many wrong passwords, come back later")
        if sum(count for name, count in failures.items() if name != "\0until") >= 12:
            failures.clear()
            failures["\0until"] = int(time.monotonic()) + 2
        super().judge(user, password)


@fault("guesses-lock-for-a-while")
class GuessesLockForAWhile(UnlimitedGuesses):
    """Right: ten wrong passwords of a user, and even the right one is wrong for three seconds; of anybody's name."""

    seconds = 3.0

    def judge(self, user: str, password: str) -> None:
        failures, until = self.site.failures, f"{user}\0until"
        if failures.get(until, 0) > time.monotonic():
            raise Refused(535, "5.7.8 wrong user or password")
        if failures.get(user, 0) >= 10:
            failures[user] = 0
            failures[until] = int(time.monotonic() + self.seconds)
        super().judge(user, password)


@fault("guesses-lock")
class GuessesLock(GuessesLockForAWhile):
    """Ten wrong passwords lock a user out for an hour."""

    seconds = 3600.0


@fault("unknown-users-are-named")
class UnknownUsersAreNamed(Conversation):
    """The text tells who exists."""

    def judge(self, user: str, password: str) -> None:
        if user not in PASSWORDS and self.wrong_passwords + 1 < self.most_wrong_passwords:
            self.wrong_passwords += 1
            raise Refused(535, "5.7.8 no such user")
        super().judge(user, password)


@fault("unknown-users-have-a-code")
class UnknownUsersHaveACode(Conversation):
    """The code tells who exists."""

    def judge(self, user: str, password: str) -> None:
        if user not in PASSWORDS and self.wrong_passwords + 1 < self.most_wrong_passwords:
            self.wrong_passwords += 1
            raise Refused(454, "4.7.0 the directory has no answer")
        super().judge(user, password)


@fault("known-users-take-time")
class KnownUsersTakeTime(Conversation):
    """The password of a user who exists is hashed slowly; of one who does not, nothing is."""

    def judge(self, user: str, password: str) -> None:
        if user in PASSWORDS:
            time.sleep(0.15)
        super().judge(user, password)


@fault("everybody-takes-time")
class EverybodyTakesTime(Conversation):
    """Right: a slow hash for everyone."""

    def judge(self, user: str, password: str) -> None:
        time.sleep(0.15)
        super().judge(user, password)


@fault("empty-passwords")
class EmptyPasswords(Conversation):
    """An empty password is right, as in a directory with anonymous binds."""

    def judge(self, user: str, password: str) -> None:
        super().judge(user, password or PASSWORDS.get(user, ""))


@fault("passwords-end-at-nul")
class PasswordsEndAtNul(Conversation):
    """What is behind a NUL is not compared."""

    def plain(self, initial: str | None) -> tuple[str, str]:
        parts = self.decoded(self.ask("") if initial is None else initial).split("\0")
        return (parts[1], parts[2]) if len(parts) > 2 else ("", "")


@fault("any-password")
class AnyPassword(Conversation):
    """Every password is right."""

    def judge(self, user: str, password: str) -> None:
        self.user = user
        self.reply(235, "2.7.0 welcome")


# --- mailboxes


@fault("mailbox-starttls-again")
class MailboxStarttlsAgain(Mailbox):
    """TLS begins inside TLS."""

    def do_starttls(self, tag: str, words: list[str]) -> None:
        self.again(tag)

    def do_stls(self, tag: str, words: list[str]) -> None:
        self.again(tag)

    def again(self, tag: str) -> None:
        if not self.inside_tls:
            self.begin_tls(tag)
            return
        self.answer(tag, True, "begin again")
        raise Over


@fault("mailbox-stale-capabilities")
class MailboxStaleCapabilities(Mailbox):
    """Inside TLS it announces STARTTLS as before."""

    def offers_starttls(self) -> bool:
        return True


@fault("mailbox-login-in-clear")
class MailboxLoginInClear(Mailbox):
    """A login before TLS is taken, and not offered."""

    def looks_at_secrets(self) -> bool:
        return True


@fault("imap-greeting-offers")
class ImapGreetingOffers(Mailbox):
    """The greeting offers what the answer to CAPABILITY does not, and the server does not take."""

    def in_greeting(self) -> list[str]:
        return ["IMAP4rev1", "STARTTLS", "AUTH=PLAIN"]


@fault("imap-greeting-is-bare")
class ImapGreetingIsBare(Mailbox):
    """Right: no capabilities in the greeting."""

    def greet(self) -> None:
        self.lines("* OK ready")


@fault("mailbox-old-refusals")
class MailboxOldRefusals(Mailbox):
    """Right: refuses in words alone, as before the codes of RFC 5530."""

    def judge(self, tag: str) -> None:
        text = "wrong user or password" if self.looks_at_secrets() else "only after TLS"
        self.answer(tag, False, text)


@fault("mailbox-unlimited-guesses")
class MailboxUnlimitedGuesses(Mailbox):
    """Wrong passwords come to nothing."""

    most_wrong_passwords = 1000


@fault("mailbox-guesses-are-counted")
class MailboxGuessesAreCounted(MailboxUnlimitedGuesses):
    """Right: after six wrong passwords on a connection, all logins are refused for now."""

    def password(self, tag: str, user: str, password: str) -> None:
        if self.wrong_passwords < 6:
            super().password(tag, user, password)
        elif self.protocol == "pop3":
            self.answer(tag, False, "[SYS/TEMP] too many wrong passwords")
        else:
            self.answer(tag, False, "too many", "TRYLATER" if self.protocol == "sieve" else "UNAVAILABLE")


@fault("mailbox-empty-passwords")
class MailboxEmptyPasswords(Mailbox):
    """An empty password is right."""

    def password(self, tag: str, user: str, password: str) -> None:
        super().password(tag, user, password or PASSWORDS.get(user, ""))


@fault("mailbox-any-password")
class MailboxAnyPassword(Mailbox):
    """Every password is right."""

    def password(self, tag: str, user: str, password: str) -> None:
        self.answer(tag, True, "welcome")
