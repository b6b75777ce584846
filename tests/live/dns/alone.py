"""An audit in a network of its own, where every question to another resolver than the configured one is caught.

A program: it takes the configuration of an audit and where the lab's resolver is, and writes what was caught. The only
way out is a socket that was made before the network became a private one; the stand-in for the resolver holds it.
"""

import asyncio
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import dns.message
import dns.resolver

from smtp_audit import audit
from smtp_audit.configuration.model import Config

from .scripted_names import Asked, ScriptedNames, Sent, scripted_names

CANARIES = ("canary-of-the-library.example", "canary-of-the-system.example")
"""Names that are asked for in the ways that would be leaks, so that it is seen that leaks are caught."""

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_RESOLV_CONF = "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n"


class CatchAll:
    """Takes everything on port 53 of every address, by UDP and TCP, and answers nothing."""

    def __init__(self) -> None:
        self.caught: list[str] = []
        self._udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        for each in (self._udp, self._tcp):
            each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            each.bind(("::", 53))
        self._tcp.listen(64)
        threading.Thread(target=self._take_datagrams, daemon=True).start()
        threading.Thread(target=self._take_connections, daemon=True).start()

    def _take_datagrams(self) -> None:
        while True:
            data, _ = self._udp.recvfrom(65535)
            self.caught.append(_told(data))

    def _take_connections(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            connection.close()
            self.caught.append("a connection")


def _told(data: bytes) -> str:
    try:
        return str(dns.message.from_wire(data).question[0].name)
    except Exception:
        return f"{len(data)} octets"


def _into_a_network_of_its_own(folder: Path) -> None:
    """Leave the machine's network and its mounts; there is a loopback interface, and a resolver in resolv.conf."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNS | _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mine = folder / "resolv.conf"
    mine.write_text(_RESOLV_CONF)
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", str(mine), "/etc/resolv.conf"],
        ["ip", "link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)


def main() -> None:
    """The program: reads what to do from the file named, and writes what happened to the standard output."""
    told = json.loads(Path(sys.argv[1]).read_text())
    config = Config.model_validate(told["config"])
    outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outside.connect(tuple(told["resolver"]))
    outside.settimeout(5)
    _into_a_network_of_its_own(Path(sys.argv[1]).parent)
    catching = CatchAll()
    lock = threading.Lock()

    def ask_outside(wire: bytes) -> bytes:
        with lock:
            outside.send(wire)
            return outside.recv(65535)

    async def through(asked: Asked) -> Sent:
        query = asked.query
        shown = query.payload
        query.use_edns(0, query.ednsflags, payload=4096, options=query.options)
        wire = await asyncio.to_thread(ask_outside, query.to_wire())
        reply = dns.message.from_wire(wire)
        return Sent((reply.to_wire(max_size=65535 if asked.tcp else shown, prefer_truncation=True),))

    assert config.resolver is not None
    policies = subprocess.Popen([sys.executable, *told["policies"]])
    try:
        server = ScriptedNames(config.resolver.address, config.resolver.port, ("", 0), through)
        with scripted_names(server):
            result = audit(config)
        caught = list(catching.caught)
        # Now what a leak looks like.
        with suppress(Exception):
            dns.resolver.Resolver().resolve(CANARIES[0], lifetime=1)
        with suppress(OSError):
            socket.getaddrinfo(CANARIES[1], 25)
    finally:
        policies.terminate()
        policies.wait(timeout=10)
    said = {
        "caught": caught,
        "leaks": catching.caught[len(caught) :],
        "questions": len(server.questions),
        "statuses": {f"{record.control} {record.subject}": str(record.status) for record in result.records},
    }
    print(json.dumps(said), flush=True)
    # A system's resolver that still waits for its canary holds nobody up.
    os._exit(0)


if __name__ == "__main__":
    main()
