"""A connection to a hostile peer: capped, timed, recorded, with TLS that can begin at any octet."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable
from types import TracebackType

from smtp_audit.facts.observation import Absence, Line
from smtp_audit.limits import (
    MAX_CONNECTION_BYTES,
    MAX_HANDSHAKE_BYTES,
    MAX_LINE,
    MAX_TRANSCRIPT_LINES,
    MAX_TRANSCRIPT_TEXT,
)
from smtp_audit.probes.clear_text import ClearText
from smtp_audit.probes.link import CHUNK, Bound, Late, Link, linked
from smtp_audit.secret import Secret, redact
from smtp_audit.wiretext import escape


class PeerError(Exception):
    """No facts could be had from the peer; `absence` and `reason` become the observation."""

    def __init__(self, absence: Absence, reason: str) -> None:
        super().__init__(reason)
        self.absence = absence
        self.reason = reason


class Throttled(PeerError):
    """The server turned the connection away for now."""

    def __init__(self, reason: str) -> None:
        super().__init__(Absence.REFUSED_SERVICE, reason)


class Contradiction(PeerError):
    """The server says something else than on an earlier connection: neither can be taken for its word."""

    def __init__(self, reason: str) -> None:
        super().__init__(Absence.MALFORMED, reason)


class Transcript:
    """What was said on one or more connections, escaped, redacted and capped as it is recorded."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._began = time.monotonic()
        self._secrets = tuple(secrets)
        self._lines: list[Line] = []
        self._left_out = 0
        self._muted = False
        self.visits = 0
        """Connections recorded so far, for who records only some of them in full."""

    def muted(self) -> Transcript:
        """One that records nothing: for the many connections that are told in a line each."""
        other = Transcript(self._secrets)
        other._muted = True
        return other

    def sent(self, text: str) -> None:
        """A line of ours."""
        self._add(">", text)

    def received(self, data: bytes) -> None:
        """A line of the peer, without its line end."""
        if not self._muted:
            self._add("<", escape(data))

    def received_lines(self, data: bytes) -> None:
        """Whole lines of the peer."""
        if not self._muted:
            for line in data.split(b"\n")[:-1]:
                self.received(line.removesuffix(b"\r"))

    def received_in_part(self, data: bytes, shown: int) -> None:
        """The beginning of a line of the peer."""
        if not self._muted:
            self._add("<", escape(data, shown))

    def note(self, text: str) -> None:
        """What happened between the lines."""
        self._add("*", text)

    def _add(self, way: str, text: str) -> None:
        if self._muted:
            return
        if len(self._lines) >= MAX_TRANSCRIPT_LINES:
            self._left_out += 1
            return
        # Cut last: half a secret would not be found.
        shown = redact(text, self._secrets)
        if len(shown) > MAX_TRANSCRIPT_TEXT:
            shown = f"{shown[:MAX_TRANSCRIPT_TEXT]}...({len(shown) - MAX_TRANSCRIPT_TEXT} characters more)"
        self._lines.append(Line(seconds=round(time.monotonic() - self._began, 3), way=way, text=shown))

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines so far; a last note says how many were left out."""
        if not self._left_out:
            return tuple(self._lines)
        note = Line(seconds=self._lines[-1].seconds, way="*", text=f"{self._left_out} more lines left out")
        return (*self._lines, note)


class Within:
    """A bound on the time that a block waits for its connection, in all; there are seven of them on every connection.

    It ends what waits for the peer and nothing else: no task of its own and no cancelling, which cost more than the
    waiting.
    """

    __slots__ = ("_bounds", "_seconds", "_transcript", "_what", "until")

    def __init__(self, seconds: float, what: str, bounds: list[Bound], transcript: Transcript) -> None:
        self._seconds = seconds
        self._what = what
        self._bounds = bounds
        self._transcript = transcript
        self.until = 0.0

    async def __aenter__(self) -> None:
        self.until = time.monotonic() + self._seconds
        self._bounds.append(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bounds.remove(self)
        if isinstance(error, Late) and error.bound is self:
            reason = f"no {self._what} within {self._seconds:g} s"
            self._transcript.note(reason)
            raise PeerError(Absence.TIMEOUT, reason) from None


class Connection(Link):
    """One TCP connection. All reads are capped; a line, a chunk or a handshake that does not come raises PeerError."""

    def __init__(self, link: socket.socket, transcript: Transcript) -> None:
        super().__init__(link)
        self.transcript = transcript
        self.began = time.monotonic()
        self._buffer = bytearray()
        self._read_bytes = 0
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._clear_text = ClearText()
        self.tls: ssl.SSLObject | None = None
        self.first_octets = b""
        """The first octets the peer sent on the bare connection."""
        self.handshake_octets = b""
        """The first octets that came when a TLS handshake had begun."""

    def within(self, seconds: float, what: str) -> Within:
        """Bound what the block waits for this connection; PeerError(TIMEOUT) names `what` did not come."""
        return Within(seconds, what, self._bounds, self.transcript)

    async def _receive(self) -> bytes:
        """The next octets on the wire; empty at the end of the stream."""
        while not self._arrived:
            if self._lost is not None:
                raise self._dropped(self._lost)
            if self._ended:
                return b""
            await self._wait()
        data = self._arrived.popleft()
        while self._arrived and len(data) + len(self._arrived[0]) <= CHUNK:
            data += self._arrived.popleft()
        if not (self._reading or self._ended):
            self._read_on()
        self._read_bytes += len(data)
        if self._read_bytes > MAX_CONNECTION_BYTES:
            raise PeerError(Absence.EXCESSIVE, f"sent more than {MAX_CONNECTION_BYTES} octets")
        if not self.first_octets:
            self.first_octets = data[:512]
        return data

    def _dropped(self, error: OSError) -> PeerError:
        self.transcript.note(f"connection lost: {_os_reason(error)}")
        return PeerError(Absence.DROPPED, f"the connection was lost ({_os_reason(error)})")

    async def _fill(self) -> bool:
        """Read more clear text (or decrypted text) into the buffer; False at the end of the stream."""
        if self.tls is None:
            data = await self._receive()
            self._buffer += data
            return bool(data)
        while True:
            try:
                data = self.tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._receive()
                if not data:
                    return False
                self._decrypt(data)
                continue
            except ssl.SSLZeroReturnError:
                return False
            except ssl.SSLError as error:
                raise await self._broken(error) from None
            self._buffer += data
            return bool(data)

    def _decrypt(self, data: bytes) -> None:
        self._clear_text.follow(data)
        self._incoming.write(data)

    async def _broken(self, error: ssl.SSLError) -> PeerError:
        """What it means that no more can be read inside TLS: nonsense, or a server that refused in clear and hung up.

        A reply in clear is none, since anybody may have written it. But whoever can write it can cut the connection as
        well: to take both together for a hang-up tells nobody more than that would. It has to be a refusal: a server
        that has left TLS and goes on taking commands has not hung up, whatever it does later.
        """
        nonsense = PeerError(Absence.MALFORMED, f"TLS broke: {tls_reason(error)}")
        clear = self._clear_text
        try:
            while clear.may_refuse and (data := await self._receive()):
                clear.follow(data)
        except Late:
            return nonsense
        except PeerError as ending:
            if ending.absence is not Absence.DROPPED:
                return nonsense
        if not clear.refuses:
            return nonsense
        # The words are for the transcript alone, which leaves out secrets.
        self.transcript.note(f"in clear, outside of TLS: {escape(bytes(clear.found))}")
        self.transcript.note("the server closed the connection")
        return PeerError(Absence.DROPPED, "the server refused in clear, outside of TLS, and closed the connection")

    async def line(self) -> bytes:
        """The next line without its CR LF or LF.

        Raises:
            PeerError: the peer closed, or the line is longer than the cap.
        """
        return (await self.whole_line()).removesuffix(b"\n").removesuffix(b"\r")

    async def whole_line(self) -> bytes:
        """The next line with its CR LF or LF.

        Raises:
            PeerError: the peer closed, or the line is longer than the cap.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                break
            if not await self._fill():
                self.transcript.note("the server closed the connection")
                raise PeerError(Absence.DROPPED, "the server closed the connection")
        if end < 0 or end > MAX_LINE:
            self.transcript.received_in_part(bytes(self._buffer), 80)
            raise PeerError(Absence.MALFORMED, f"a line of more than {MAX_LINE} octets")
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self.transcript.received(line.removesuffix(b"\n").removesuffix(b"\r"))
        return line

    async def waiting(self) -> bytes:
        """What has come and stays unread until somebody takes it; empty at the end of the stream, or when it is long.

        When nothing is there it waits for something.
        """
        if not self._buffer:
            await self._fill()
        return bytes(self._buffer) if len(self._buffer) <= MAX_LINE else b""

    def take(self, lines: bytes) -> None:
        """Read the lines that `waiting` has shown."""
        del self._buffer[: len(lines)]
        self.transcript.received_lines(lines)

    async def some(self) -> bytes:
        """Whatever octets come next; empty at the end of the stream."""
        if not self._buffer:
            await self._fill()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def send(self, data: bytes, shown: str | None = None) -> None:
        """Send octets; `shown` replaces them in the transcript (None: they are shown as they are)."""
        self.transcript.sent(shown if shown is not None else escape(data.removesuffix(b"\r\n")))
        if self.tls is not None:
            try:
                self.tls.write(data)
            except ssl.SSLError as error:
                raise PeerError(Absence.DROPPED, f"TLS broke: {tls_reason(error)}") from None
            await self._flush()
        else:
            await self._send_raw(data)

    async def _send_raw(self, data: bytes) -> None:
        while data:
            if self._lost is not None:
                raise self._dropped(self._lost)
            try:
                data = data[self._socket.send(data) :]
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._descriptor, self._wake)
                try:
                    await self._wait()
                finally:
                    self._loop.remove_writer(self._descriptor)
            except OSError as error:
                self._lost = error

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._send_raw(data)

    def unread(self) -> bytes:
        """What was received and not yet read."""
        return bytes(self._buffer)

    @property
    def has_more(self) -> bool:
        """Whether something was received that nobody has read."""
        return bool(self._buffer or self._arrived or self._incoming.pending)

    def refuse_clear_text(self) -> None:
        """Make sure that nothing is unread when TLS begins: it would be taken for what was said inside.

        Raises:
            PeerError: there is something.
        """
        if self._buffer:
            raise PeerError(Absence.MALFORMED, f"sent {len(self._buffer)} octets in clear where TLS had to begin")

    async def start_tls(
        self, context: ssl.SSLContext, server_name: str | None, session: ssl.SSLSession | None = None
    ) -> ssl.SSLObject:
        """A TLS handshake from here on, which resumes `session` if one is given and the server takes it.

        Raises:
            PeerError: clear text is still unread, or the peer closed, or sent too much.
            ssl.SSLError: the handshake failed, by our judgement or by the peer's alert.
        """
        self.refuse_clear_text()
        tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=False, server_hostname=server_name, session=session
        )
        before = self._read_bytes
        self.transcript.note(f"TLS handshake begins (server name {server_name or 'none'})")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._receive()
                if not data:
                    self.transcript.note("the server closed the connection in the TLS handshake")
                    raise PeerError(Absence.DROPPED, "the server closed the connection in the TLS handshake") from None
                if self._read_bytes - before > MAX_HANDSHAKE_BYTES:
                    raise PeerError(
                        Absence.EXCESSIVE, f"a TLS handshake of more than {MAX_HANDSHAKE_BYTES} octets"
                    ) from None
                self.handshake_octets = self.handshake_octets or data[:512]
                self._decrypt(data)
            except ssl.SSLError as error:
                self.transcript.note(f"TLS handshake failed: {tls_reason(error)}")
                with contextlib.suppress(PeerError):
                    await self._flush()
                raise
        await self._flush()
        self.tls = tls
        cipher = tls.cipher()
        self.transcript.note(f"TLS session: {tls.version()}, {cipher[0] if cipher else 'no cipher'}")
        return tls

    async def end_tls(self) -> None:
        """Say close_notify: OpenSSL's servers forget the session of a connection that ends without."""
        if self.tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()
            with contextlib.suppress(PeerError):
                await self._flush()


def _os_reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def tls_reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason in plain words, without source file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    reason = error.reason or str(error.args[-1] if error.args else error)
    return reason.lower().replace("_", " ")


async def connect(
    address: str, port: int, seconds: float, transcript: Transcript, source: str | None = None, first: bytes = b""
) -> Connection:
    """Open a connection, from the address `source` of this machine if one is given.

    The octets of `first` come with the connection itself: whoever accepts it finds them there already. (On Linux, where
    the last packet of the TCP handshake can wait for them; elsewhere they follow it at once.)

    Raises:
        PeerError: CLOSED when it is refused, UNREACHABLE for everything else that keeps it from being made.
    """
    transcript.note(f"connecting to {address} port {port}")
    try:
        link = await linked(address, port, seconds, source, first)
    except ConnectionRefusedError:
        transcript.note("connection refused")
        raise PeerError(Absence.CLOSED, f"port {port} refuses connections") from None
    except OSError as error:
        transcript.note(f"cannot connect: {_os_reason(error)}")
        raise PeerError(Absence.UNREACHABLE, f"cannot connect to port {port}: {_os_reason(error)}") from None
    if link is None:
        transcript.note(f"no answer within {seconds:g} s")
        raise PeerError(Absence.UNREACHABLE, f"port {port} did not answer within {seconds:g} s")
    return Connection(link, transcript)
