"""Breaches of RFC 5321, one clause each."""

import socket

from ..scripted import Conversation, fault
from ..scripted_wire import Over, Refused


@fault("recipient-first")
class RecipientFirst(Conversation):
    """RCPT is taken without MAIL."""

    def do_rcpt(self, argument: str) -> None:
        if self.transaction is None:
            self.reply(250, "2.1.5 recipient taken")
        else:
            super().do_rcpt(argument)


@fault("data-first")
class DataFirst(Conversation):
    """DATA is taken without MAIL."""

    def do_data(self, argument: str) -> None:
        if self.transaction is None:
            self.reply(354, "end with CRLF.CRLF")
            self.message()
            self.reply(250, "2.0.0 thrown away")
        else:
            super().do_data(argument)


@fault("data-for-nobody")
class DataForNobody(Conversation):
    """DATA is taken without RCPT."""

    def do_data(self, argument: str) -> None:
        if self.transaction is not None and not self.transaction.recipients:
            self.reply(354, "end with CRLF.CRLF")
            self.message()
            self.reply(250, "2.0.0 thrown away")
        else:
            super().do_data(argument)


@fault("data-refused-at-its-end")
class DataRefusedAtItsEnd(Conversation):
    """Right: DATA without MAIL or RCPT is refused behind the message (RFC 5321 section 3.3)."""

    def do_data(self, argument: str) -> None:
        if self.transaction is None or not self.transaction.recipients:
            self.reply(354, "end with CRLF.CRLF")
            self.message()
            raise Refused(554, "5.5.1 no valid recipients")
        super().do_data(argument)


@fault("two-senders")
class TwoSenders(Conversation):
    """MAIL within a transaction begins another."""

    def do_mail(self, argument: str) -> None:
        self.transaction = None
        super().do_mail(argument)


@fault("reset-keeps")
class ResetKeeps(Conversation):
    """RSET says yes and does nothing."""

    def do_rset(self, argument: str) -> None:
        self.reply(250, "2.0.0 begin anew")


@fault("hello-keeps")
class HelloKeeps(Conversation):
    """EHLO does not end a transaction."""

    def hello(self, argument: str) -> None:
        kept = self.transaction
        super().hello(argument)
        self.transaction = kept


@fault("hangs-up-before-hello")
class HangsUpBeforeHello(Conversation):
    """MAIL before EHLO ends the connection."""

    def do_mail(self, argument: str) -> None:
        if not self.greeted:
            raise Over
        super().do_mail(argument)


@fault("says-yes")
class SaysYes(Conversation):
    """Unknown commands are answered with 250."""

    def unknown(self, verb: str, argument: str) -> None:
        self.reply(250, "2.0.0 whatever you say")


@fault("hangs-up-on-unknown")
class HangsUpOnUnknown(Conversation):
    """Unknown commands end the connection."""

    def unknown(self, verb: str, argument: str) -> None:
        raise Over


@fault("noop-without-text")
class NoopWithoutText(Conversation):
    """NOOP may have no argument."""

    def do_noop(self, argument: str) -> None:
        if argument and len(argument) < 100:
            raise Refused(501, "5.5.4 no parameters here")
        super().do_noop(argument)


@fault("no-helo")
class NoHelo(Conversation):
    """HELO is not known."""

    def do_helo(self, argument: str) -> None:
        raise Refused(502, "5.5.1 say EHLO")


@fault("nameless-hello")
class NamelessHello(Conversation):
    """EHLO and HELO need no name."""

    def hello(self, argument: str) -> None:
        super().hello(argument or "unknown")


@fault("capitals-only")
class CapitalsOnly(Conversation):
    """Verbs are compared octet for octet."""

    def verb(self, word: str) -> str:
        return word if word.isupper() else "?"


@fault("capital-paths-only")
class CapitalPathsOnly(Conversation):
    """FROM and TO are compared octet for octet."""

    def path(self, word: str, argument: str) -> tuple[str, list[str]]:
        if not argument.startswith(word):
            raise Refused(501, f"5.5.4 {word}<address>")
        return super().path(word, argument)


@fault("no-vrfy")
class NoVrfy(Conversation):
    """VRFY is not known."""

    def do_vrfy(self, argument: str) -> None:
        self.unknown("VRFY", argument)


@fault("silent-goodbye")
class SilentGoodbye(Conversation):
    """QUIT closes the connection and says nothing."""

    def do_quit(self, argument: str) -> None:
        raise Over


@fault("stays")
class Stays(Conversation):
    """Behind 221 the connection stays open."""

    def do_quit(self, argument: str) -> None:
        self.reply(221, "2.0.0 goodbye")


@fault("mail-from-nowhere")
class MailFromNowhere(Conversation):
    """MAIL without an address begins a transaction."""

    def do_mail(self, argument: str) -> None:
        super().do_mail(argument or "FROM:<>")


@fault("recipient-from-nowhere")
class RecipientFromNowhere(Conversation):
    """RCPT without an address is the postmaster's."""

    def do_rcpt(self, argument: str) -> None:
        super().do_rcpt(argument or "TO:<postmaster>")


@fault("any-parameter")
class AnyParameter(Conversation):
    """Parameters of MAIL that are not known are ignored."""

    def known_parameter(self, keyword: str, value: str) -> bool:
        return True


@fault("line-feeds")
class LineFeeds(Conversation):
    """Lines end with LF alone."""

    def send(self, octets: bytes) -> None:
        super().send(octets.replace(b"\r\n", b"\n"))


@fault("changing-codes")
class ChangingCodes(Conversation):
    """The refusal of MAIL before EHLO has two codes."""

    def do_mail(self, argument: str) -> None:
        if not self.greeted:
            self.send(b"503-5.5.1 EHLO\r\n501 5.5.1 comes first\r\n")
        else:
            super().do_mail(argument)


@fault("nameless-reply")
class NamelessReply(Conversation):
    """The reply to EHLO begins with a greeting in place of the name."""

    def ehlo_name(self) -> str:
        return "Hello, pleased to meet you"


@fault("odd-keyword")
class OddKeyword(Conversation):
    """A keyword was written over, as firewalls do."""

    def extensions(self) -> list[str]:
        return [*super().extensions(), "XXXXXXX_"]


@fault("no-enhanced-codes")
class NoEnhancedCodes(Conversation):
    """Enhanced codes are announced and not given with refusals."""

    def refuse(self, refused: Refused) -> None:
        super().refuse(Refused(refused.code, refused.text.partition(" ")[2]))


@fault("short-commands")
class ShortCommands(Conversation):
    """Command lines may have 400 octets."""

    longest_command = 400


@fault("dies-of-long-lines")
class DiesOfLongLines(Conversation):
    """A very long line ends the connection."""

    def next_line(self, longest: int) -> bytes:
        while self.rest.find(b"\r\n") < 0:
            if len(self.rest) > 8192:
                # A crash sends a reset when something is unread.
                self.socket.shutdown(socket.SHUT_RDWR)
                raise Over
            self.fill()
        return super().next_line(longest)


@fault("short-local-parts")
class ShortLocalParts(Conversation):
    """Local parts may have 32 octets."""

    def address_form(self, address: str, utf8: bool) -> None:
        if len(address.rpartition("@")[0]) > 32:
            raise Refused(501, "5.1.3 local part too long")
        super().address_form(address, utf8)


@fault("dies-of-source-routes")
class DiesOfSourceRoutes(Conversation):
    """A source route ends the connection."""

    def path(self, word: str, argument: str) -> tuple[str, list[str]]:
        if "<@" in argument:
            raise Over
        return super().path(word, argument)


@fault("no-postmaster")
class NoPostmaster(Conversation):
    """The postmaster is nobody, but for who leaves the domain out."""

    def is_mailbox(self, local: str) -> bool:
        return local.lower() != "postmaster" and super().is_mailbox(local)


@fault("no-bare-postmaster")
class NoBarePostmaster(Conversation):
    """The postmaster needs a domain."""

    def do_rcpt(self, argument: str) -> None:
        if self.transaction is not None and argument.lower().startswith("to:<postmaster>"):
            raise Refused(550, "5.1.1 no such mailbox")
        super().do_rcpt(argument)


@fault("no-null-sender")
class NoNullSender(Conversation):
    """The null sender is refused with the recipient."""

    def check_recipient(self, recipient: str) -> None:
        super().check_recipient(recipient)
        if self.transaction is not None and not self.transaction.sender:
            raise Refused(550, "5.7.1 who are you?")


@fault("few-recipients")
class FewRecipients(Conversation):
    """Eighty recipients are the most."""

    most_recipients = 80


@fault("no-size")
class NoSize(Conversation):
    """SIZE is not announced."""

    def extensions(self) -> list[str]:
        return [line for line in super().extensions() if not line.startswith("SIZE")]


@fault("any-size")
class AnySize(Conversation):
    """SIZE at MAIL is not looked at."""

    def check_size(self, size: int) -> None:
        return


@fault("seven-bits")
class SevenBits(Conversation):
    """8BITMIME is announced and refused."""

    def known_parameter(self, keyword: str, value: str) -> bool:
        return value != "8BITMIME" and super().known_parameter(keyword, value)


@fault("no-utf8")
class NoUtf8(Conversation):
    """SMTPUTF8 is announced and refused."""

    def do_mail(self, argument: str) -> None:
        if argument.upper().endswith(" SMTPUTF8"):
            raise Refused(555, "5.5.4 no such parameter")
        super().do_mail(argument)


@fault("utf8-unasked")
class Utf8Unasked(Conversation):
    """Addresses that are not ASCII are taken without SMTPUTF8."""

    def address_form(self, address: str, utf8: bool) -> None:
        super().address_form(address, True)
