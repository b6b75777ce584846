"""The clear-text part before TLS: a small SMTP server on a loopback port, one thread a connection."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol, Self

HOST = "mail.legacy.example"

_PATIENCE = 10.0
_STOP_SECONDS = 5.0
_LONGEST_LINE = 2000


class Stream(Protocol):
    """A socket, in clear or inside TLS; tlslite's and Python's own both look like this."""

    def recv(self, count: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> Any: ...

    def close(self) -> Any: ...


Secure = Callable[[socket.socket], Stream | None]
"""Takes the octets from the ClientHello on; returns the encrypted stream, or None when the connection is over."""


class Front:
    """A mail server on 127.0.0.1. `implicit`: TLS comes first, as on 465; otherwise after STARTTLS.

    With `inject_after_reply` it is the server of the STARTTLS faults: this clear text follows its 220.
    With `keeps_commands` it takes what came in one segment with STARTTLS for the first command inside TLS
    (CVE-2011-0411).
    """

    def __init__(
        self,
        secure: Secure,
        *,
        implicit: bool = False,
        inject_after_reply: bytes = b"",
        keeps_commands: bool = False,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._secure = secure
        self._implicit = implicit
        self._inject_after_reply = inject_after_reply
        self._keeps_commands = keeps_commands
        self._listener = socket.create_server((address, port), backlog=64)
        self.address = address
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.faults: list[BaseException] = []
        """What went wrong with the server itself; a test that sees one here was no test."""
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopping = False

    def __enter__(self) -> Self:
        self._acceptor = threading.Thread(target=self._accept, name=f"front {self.port}", daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        # accept() in another thread does not notice a close; a shutdown it does.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(_STOP_SECONDS)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            threads = list(self._threads)
        for thread in threads:
            thread.join(_STOP_SECONDS)
        if any(thread.is_alive() for thread in [*threads, self._acceptor]):
            raise RuntimeError(f"the server on {self.port} did not stop")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(_PATIENCE)
            # A handshake is many small writes; waiting for acknowledgements would cost 40 ms each.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                thread = threading.Thread(target=self._connected, args=(connection,), daemon=True)
                self._threads.append(thread)
            thread.start()

    def _connected(self, connection: socket.socket) -> None:
        try:
            _Conversation(self, connection).run()
        except (OSError, EOFError):
            pass  # the client has gone, or the handshake failed as it should
        except Exception as error:
            if not self._stopping:
                self.faults.append(error)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    # What a conversation asks for.

    @property
    def implicit(self) -> bool:
        return self._implicit

    def secure(self, connection: socket.socket) -> Stream | None:
        return self._secure(connection)

    @property
    def after_reply(self) -> bytes:
        return self._inject_after_reply

    @property
    def keeps_commands(self) -> bool:
        return self._keeps_commands


class _Conversation:
    def __init__(self, front: Front, connection: socket.socket) -> None:
        self._front = front
        self._clear = connection
        self._stream: Stream = connection
        self._inside = False
        self._buffer = b""

    def run(self) -> None:
        if self._front.implicit and not self._encrypt():
            return
        self._say(f"220 {HOST} ESMTP ready")
        while self._answer(self._line()):
            pass
        if self._inside:
            with contextlib.suppress(OSError):
                self._stream.close()

    def _answer(self, line: bytes) -> bool:
        """Answer one command; False at the end of the connection."""
        match line.split(b" ")[0].upper():
            case b"EHLO":
                words = [HOST, "PIPELINING", "SIZE 10240000", *([] if self._inside else ["STARTTLS"]), "8BITMIME"]
                self._say("\r\n".join(f"250{' ' if word is words[-1] else '-'}{word}" for word in words))
            case b"HELO":
                self._say(f"250 {HOST}")
            case b"STARTTLS" if not self._inside:
                kept = self._buffer if self._front.keeps_commands else b""
                self._clear.sendall(b"220 2.0.0 go ahead\r\n" + self._front.after_reply)
                if not self._encrypt():
                    return False
                self._buffer = kept
            case b"MAIL" | b"RSET" | b"NOOP":
                self._say("250 2.0.0 ok")
            case b"RCPT":
                own = line.rstrip(b">").lower().endswith(b"@legacy.example")
                self._say("250 2.1.5 ok" if own else "554 5.7.1 relay access denied")
            case b"QUIT":
                self._say("221 2.0.0 bye")
                return False
            case _:
                self._say("503 5.5.1 not now")
        return True

    def _encrypt(self) -> bool:
        # RFC 3207 section 4.2: nothing that was said in clear counts afterwards.
        self._buffer = b""
        stream = self._front.secure(self._clear)
        if stream is None:
            return False
        self._stream, self._inside = stream, True
        return True

    def _say(self, text: str) -> None:
        self._stream.sendall(text.encode() + b"\r\n")

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            more = bytes(self._stream.recv(4096))
            if not more or len(self._buffer) > _LONGEST_LINE:
                raise EOFError
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")
