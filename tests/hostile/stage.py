"""Puts a peer on a loopback port of its own, in a thread with its own event loop, and takes it off again cleanly."""

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Self

from .certificates import Certificates
from .dialogue import Dialogue
from .peers import Listening, Peer
from .wire import Left, Wire

STOP_SECONDS = 5.0
_FILLERS = 4


class BlackHole:
    """A port whose connection queue is full: the kernel drops every SYN, and a connection times out."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        # These wait in the queue, or try to get into it, for as long as the hole is open.
        self._fillers = [socket.socket() for _ in range(_FILLERS)]
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))

    def close(self) -> None:
        for held in (*self._fillers, self._listener):
            held.close()


@dataclass
class Stage:
    """One peer at work. `connections` counts those it has taken, `open` those that have not ended."""

    peer: Peer
    certificates: Certificates
    port: int = 0
    connections: int = 0
    open: int = 0
    faults: list[BaseException] = field(default_factory=list)
    """What went wrong with the peer itself; a test that sees one here was no test."""

    def __enter__(self) -> Self:
        self._cleanup = contextlib.ExitStack()
        match self.peer.listening:
            case Listening.CLOSED:
                # Bound, not listening: refused by the kernel, and nobody else can take the port meanwhile.
                holder = self._cleanup.enter_context(socket.socket())
                holder.bind(("127.0.0.1", 0))
                self.port = holder.getsockname()[1]
            case Listening.BLACK_HOLE:
                hole = self._cleanup.enter_context(contextlib.closing(BlackHole()))
                self.port = hole.port
            case Listening.ACCEPTS:
                self._context = self.certificates.context(self.peer.chain)
                listener = socket.create_server(("127.0.0.1", 0), backlog=64)
                self.port = listener.getsockname()[1]
                self._start(listener)
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _start(self, listener: socket.socket) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        ready = threading.Event()
        thread = threading.Thread(target=self._run, args=(listener, ready), name=f"peer {self.peer.name}", daemon=True)
        thread.start()
        ready.wait()
        self._cleanup.callback(self._stop, thread)

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, sock=listener))
        self._loop.call_soon(ready.set)
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))  # transports that were aborted close now
        self._loop.close()

    def _stop(self, thread: threading.Thread) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            raise RuntimeError(f"peer {self.peer.name} did not stop")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        wire = Wire(reader, writer)
        dialogue = Dialogue(wire, self.peer.role, self._context, self.peer.acts, self.connections)
        try:
            await dialogue.run()
        except (Left, ConnectionError):
            writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()
        except Exception as error:
            self.faults.append(error)
            writer.transport.abort()
        finally:
            self.open -= 1
            self._tasks.discard(task)
