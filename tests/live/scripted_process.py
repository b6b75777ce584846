"""Runs scripted servers in a process of their own: `Scripted` starts and ends it, `main` is it."""

import json
import selectors
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .network import Daemon, wait_until_listening
from .scripted import Site, broken, converse
from .scripted_wire import Wire

_TOP = Path(__file__).parents[len(__package__.split("."))]


@dataclass(frozen=True)
class ScriptedSite:
    """One listener: where, as whom, with which certificate (one PEM file) and faults."""

    address: str
    port: int
    host: str
    role: str
    chain: str
    faults: tuple[str, ...] = ()
    sink: tuple[str, int] = ("", 0)


class Scripted:
    """Any number of scripted servers in one process; `start` returns when all of them listen."""

    def __init__(self, directory: Path, sites: Sequence[ScriptedSite]) -> None:
        self.directory = directory
        self.sites = list(sites)
        self._daemon: Daemon | None = None

    def start(self) -> None:
        """Write the sites down and start the process."""
        self.directory.mkdir(mode=0o755, exist_ok=True)
        (self.directory / "messages").mkdir(exist_ok=True)
        for site in self.sites:
            self._folder(site.address, site.port).mkdir(exist_ok=True)
        configuration = self.directory / "sites.json"
        configuration.write_text(json.dumps([asdict(site) for site in self.sites]))
        program = [sys.executable, "-m", f"{__package__}.scripted_process", str(configuration)]
        log = self.directory / "console"
        self._daemon = Daemon(["/usr/bin/env", f"PYTHONPATH={_TOP}", *program], log=log)
        try:
            wait_until_listening([(site.address, site.port) for site in self.sites], log=log)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process."""
        if self._daemon is not None:
            self._daemon.stop()

    @property
    def pid(self) -> int:
        if self._daemon is None:
            raise RuntimeError("not started")
        return self._daemon.pid

    def messages(self, address: str, port: int) -> list[Path]:
        """The files of the messages that one of them has accepted, oldest first: see `Conversation.keep`."""
        return sorted(self._folder(address, port).iterdir())

    def all_messages(self) -> list[Path]:
        """The same for all of them."""
        return [path for site in self.sites for path in self.messages(site.address, site.port)]

    def _folder(self, address: str, port: int) -> Path:
        return self.directory / "messages" / f"{address}-{port}"


def tls_context(chain: str) -> ssl.SSLContext:
    """As strict as the well-kept Postfix of the lab."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2")
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(chain)
    return context


def serve(sites: Sequence[ScriptedSite], directory: Path) -> None:
    """Listen on all of them and answer, a thread for each connection, until the process is ended."""
    from . import faults  # noqa: F401 (names them)

    selector = selectors.DefaultSelector()
    for item in sites:
        site = Site(
            item.address,
            item.port,
            item.host,
            item.role,
            tls_context(item.chain),
            directory / "messages" / f"{item.address}-{item.port}",
            sink=item.sink,
        )
        listener = socket.create_server((item.address, item.port), backlog=128)
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ, (listener, site, broken(item.faults, item.role)))
    while True:
        for key, _ in selector.select():
            _accept(*key.data)


def _accept(listener: socket.socket, site: Site, conversation: type[Wire]) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    connection.setblocking(True)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=converse, args=(connection, site, conversation), daemon=True).start()


def main(configuration: Path) -> None:
    """The process: the sites are those of the file."""
    sites = [
        ScriptedSite(**{**item, "faults": tuple(item["faults"]), "sink": tuple(item["sink"])})
        for item in json.loads(configuration.read_text())
    ]
    serve(sites, configuration.parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
