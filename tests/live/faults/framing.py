"""Where lines, commands and messages end, broken."""

import contextlib
import re

from ..scripted import Conversation, fault
from ..scripted_wire import Over, Refused, Transaction

# --- commands


@fault("takes-bare-lf")
class TakesBareLf(Conversation):
    """LF ends a command, with or without CR before it."""

    ends = re.compile(rb"\r?\n")

    def next_line(self, longest: int) -> bytes:
        while (found := self.ends.search(self.rest)) is None:
            if len(self.rest) > longest:
                self.rest = b""
                raise Refused(500, "5.5.6 line too long")
            self.fill()
        line, self.rest = self.rest[: found.start()], self.rest[found.end() :]
        return line


@fault("takes-bare-cr")
class TakesBareCr(TakesBareLf):
    """CR ends a command, with or without LF behind it."""

    ends = re.compile(rb"\r\n?")


@fault("cuts-at-nul")
class CutsAtNul(Conversation):
    """What is between a NUL and the end of an address, or of a command, is not there."""

    def command(self, line: bytes) -> None:
        super().command(re.sub(rb"\0[^>]*", b"", line))


# --- clients that run ahead


@fault("loses-batch")
class LosesBatch(Conversation):
    """RSET is lost where it comes behind a recipient, or another RSET, in the same segment."""

    def do_rcpt(self, argument: str) -> None:
        self._lose()
        super().do_rcpt(argument)

    def do_rset(self, argument: str) -> None:
        self._lose()
        super().do_rset(argument)

    def _lose(self) -> None:
        if self.rest.startswith(b"RSET"):
            self.rest = b""


@fault("answers-twice")
class AnswersTwice(Conversation):
    """RCPT has two replies, where RSET comes behind it in the same segment."""

    def do_rcpt(self, argument: str) -> None:
        more = self.rest.startswith(b"RSET")
        super().do_rcpt(argument)
        if more:
            self.reply(250, "2.1.5 really")


@fault("lets-run-ahead")
class LetsRunAhead(Conversation):
    """Whoever does not wait is answered all the same."""

    def out_of_step(self) -> None:
        pass


@fault("data-need-not-wait")
class DataNeedNotWait(Conversation):
    """What comes with DATA is the message."""

    def ahead_of_data(self) -> None:
        pass


@fault("no-pipelining")
class NoPipelining(Conversation):
    """Right: PIPELINING is not announced, and nothing may come with a message."""

    def extensions(self) -> list[str]:
        return [word for word in super().extensions() if word != "PIPELINING"]

    def keep(self, transaction: Transaction, message: bytes) -> None:
        if self.rest:
            self.out_of_step()
        super().keep(transaction, message)


@fault("no-pipelining-and-no-order")
class NoPipeliningAndNoOrder(NoPipelining):
    """PIPELINING is not announced, and a command may come with a message all the same."""

    def keep(self, transaction: Transaction, message: bytes) -> None:
        Conversation.keep(self, transaction, message)


@fault("hears-the-hasty")
class HearsTheHasty(Conversation):
    """Whoever talks before the greeting is heard."""

    def greet(self) -> None:
        self.reply(220, self.greeting())


@fault("refuses-the-hasty-later")
class RefusesTheHastyLater(Conversation):
    """Right: whoever talks before the greeting is heard, and told at RCPT that it was of no use (postscreen)."""

    hasty = False

    def greet(self) -> None:
        self.fill_if_there()
        self.hasty = bool(self.rest)
        self.reply(220, self.greeting())

    def fill_if_there(self) -> None:
        """Read what has come, without waiting for more."""
        self.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            self.rest += self.socket.recv(4096)

    def out_of_step(self) -> None:
        if not self.hasty:
            super().out_of_step()

    def check_recipient(self, recipient: str) -> None:
        if self.hasty:
            raise Refused(550, "5.5.1 protocol error")
        super().check_recipient(recipient)


# --- BDAT


@fault("chunking")
class Chunking(Conversation):
    """Right: BDAT as in RFC 3030."""

    largest_chunk = 2**31
    chunks: bytes | None = None
    """What has come of a message, once there was a chunk."""

    def extensions(self) -> list[str]:
        return [*super().extensions(), "CHUNKING"]

    def do_bdat(self, argument: str) -> None:
        size, last = self.chunk_size(argument)
        self.check_chunk()
        self.chunks = (self.chunks or b"") + self.octets(size)
        if not last:
            self.reply(250, f"2.0.0 {size} octets")
            return
        message, self.chunks = self.chunks, None
        transaction, self.transaction = self.transaction, None
        if transaction is not None and transaction.recipients:
            self.keep(transaction, message)
        self.reply(250, "2.0.0 kept")

    def chunk_size(self, argument: str) -> tuple[int, bool]:
        found = re.fullmatch(r"([0-9]+)( LAST)?", argument.upper())
        if found is None:
            raise Refused(501, "5.5.4 BDAT size [LAST]")
        size = int(found[1])
        if size > self.largest_chunk:
            # RFC 3030 section 2: its octets would be read as commands.
            self.reply(521, "5.5.4 too large a chunk")
            raise Over
        return size, bool(found[2])

    def check_chunk(self) -> None:
        if self.transaction is None or not self.transaction.recipients:
            raise Refused(503, "5.5.1 MAIL and RCPT come first")

    def octets(self, size: int) -> bytes:
        while len(self.rest) < size:
            self.fill()
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def do_data(self, argument: str) -> None:
        if self.chunks is not None:
            raise Refused(503, "5.5.1 no DATA behind BDAT")
        super().do_data(argument)

    def do_rset(self, argument: str) -> None:
        self.chunks = None
        super().do_rset(argument)


@fault("chunk-without-transaction")
class ChunkWithoutTransaction(Chunking):
    """A message without sender and recipient."""

    def check_chunk(self) -> None:
        pass


@fault("chunk-without-recipient")
class ChunkWithoutRecipient(Chunking):
    """A message without a recipient, but with a sender."""

    def check_chunk(self) -> None:
        if self.transaction is None:
            raise Refused(503, "5.5.1 MAIL comes first")


@fault("data-behind-chunk")
class DataBehindChunk(Chunking):
    """DATA in a transaction with BDAT."""

    def do_data(self, argument: str) -> None:
        self.chunks = None
        super().do_data(argument)


@fault("chunk-size-wraps")
class ChunkSizeWraps(Chunking):
    """64 bits for the size, whatever it is."""

    def chunk_size(self, argument: str) -> tuple[int, bool]:
        number, space, last = argument.partition(" ")
        return super().chunk_size(f"{int(number) % 2**64}{space}{last}" if number.isdecimal() else argument)


@fault("chunk-size-waits")
class ChunkSizeWaits(Chunking):
    """Waits for as many octets as anybody says."""

    largest_chunk = 2**200


# --- other protocols


@fault("answers-browsers")
class AnswersBrowsers(Conversation):
    """Each line of a web browser's request has its error, and commands in it are taken."""

    shut_out = ()

    def out_of_step(self) -> None:
        pass


# --- messages


def _ends_at(ending: bytes) -> type[Conversation]:
    class EndsAt(Conversation):
        def message(self) -> bytes:
            ends = re.compile(b"\r\n\\.\r\n|%b" % re.escape(ending))
            self.rest = b"\r\n" + self.rest
            while (found := ends.search(self.rest)) is None:
                self.fill()
            message, self.rest = self.rest[2 : found.start()], self.rest[found.end() :]
            return message + b"\r\n"

    return EndsAt


_NAMES: dict[str, bytes] = {
    "ends-at-lf-lf": b"\n.\n",
    "ends-at-lf-crlf": b"\n.\r\n",
    "ends-at-crlf-lf": b"\r\n.\n",
    "ends-at-cr-cr": b"\r.\r",
    "ends-at-cr-lf": b"\r.\n",
    "ends-at-lf-cr": b"\n.\r",
    "ends-at-cr-crlf": b"\r.\r\n",
    "ends-at-crlf-cr": b"\r\n.\r",
    "ends-at-crlf-crcrlf": b"\r\n.\r\r\n",
    "ends-at-crcrlf-crcrlf": b"\r\r\n.\r\r\n",
    "ends-at-nul-before-dot": b"\r\n\0.\r\n",
    "ends-at-nul-behind-dot": b"\r\n.\0\r\n",
    "ends-at-two-dots": b"\r\n..\r\n",
}
for _name, _ending in _NAMES.items():
    fault(_name)(_ends_at(_ending))


@fault("takes-bare-ends")
class TakesBareEnds(Conversation):
    """Right for its own mail, wrong for others': what is in a message is kept, and passed on, as it came."""

    def check_message(self, message: bytes) -> None:
        pass


@fault("hangs-up-at-bare-ends")
class HangsUpAtBareEnds(Conversation):
    """Right: a message with a bare CR or LF, or a NUL, ends the connection without a word."""

    def check_message(self, message: bytes) -> None:
        try:
            super().check_message(message)
        except Refused:
            raise Over from None


@fault("repairs-bare-ends")
class RepairsBareEnds(Conversation):
    """Right: what stands alone becomes a space before the message goes anywhere."""

    def check_message(self, message: bytes) -> None:
        pass

    def keep(self, transaction: Transaction, message: bytes) -> None:
        super().keep(transaction, re.sub(rb"\r(?!\n)|(?<!\r)\n|\0", b" ", message))


@fault("cuts-lines-at-nul")
class CutsLinesAtNul(TakesBareEnds):
    """What stands behind a NUL on its line is lost on the way."""

    def keep(self, transaction: Transaction, message: bytes) -> None:
        super().keep(transaction, re.sub(rb"\0[^\r\n]*", b"", message))


@fault("cuts-messages-at-nul")
class CutsMessagesAtNul(TakesBareEnds):
    """What stands behind a NUL in the text is lost on the way."""

    def keep(self, transaction: Transaction, message: bytes) -> None:
        head, end, text = message.partition(b"\r\n\r\n")
        kept, nul, _ = text.partition(b"\0")
        super().keep(transaction, head + end + kept + (b"\r\n" if nul else b""))


@fault("removes-nul")
class RemovesNul(Conversation):
    """Right: a NUL is left out."""

    def check_message(self, message: bytes) -> None:
        super().check_message(message.replace(b"\0", b""))

    def keep(self, transaction: Transaction, message: bytes) -> None:
        super().keep(transaction, message.replace(b"\0", b""))


@fault("keeps-the-dropped")
class KeepsTheDropped(Conversation):
    """A message ends with the connection."""

    def message(self) -> bytes:
        self.rest = b"\r\n" + self.rest
        while (end := self.rest.find(b"\r\n.\r\n")) < 0:
            try:
                self.fill()
            except (Over, OSError):
                if self.transaction is not None:
                    self.keep(self.transaction, self.rest[2:] + b"\r\n")
                raise
        message, self.rest = self.rest[2 : end + 2], self.rest[end + 5 :]
        return message.replace(b"\r\n..", b"\r\n.")


@fault("no-long-lines")
class NoLongLines(Conversation):
    """A line of a message has 900 octets at most."""

    def check_message(self, message: bytes) -> None:
        if any(len(line) > 900 for line in message.split(b"\r\n")):
            raise Refused(550, "5.6.0 too long a line")
        super().check_message(message)
