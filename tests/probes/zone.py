"""A small DNS server on loopback, UDP and TCP, that answers as it was told and remembers what it was asked."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Mapping
from typing import Any, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from smtp_audit.configuration.model import Resolver

Answers = Mapping[tuple[str, str], list[str] | str]
"""(name, type) to the records' texts, or how to fail: NXDOMAIN, SERVFAIL, REFUSED, silence, garbage, long."""


class Zone:
    """A resolver to configure; names that it was not told about do not exist."""

    def __init__(self, answers: Answers, address: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0 is any that is free."""
        self._answers = answers
        self._place = (address, port)
        self.asked: list[tuple[str, str]] = []
        self.by_tcp = 0

    @property
    def resolver(self) -> Resolver:
        """Where it listens."""
        return Resolver(address=self._place[0], port=self._udp.server_address[1])

    def __enter__(self) -> Self:
        zone = self

        class OverUdp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                if (answer := zone._answer(data, tcp=False)) is not None:
                    sock.sendto(answer, self.client_address)

        class OverTcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                zone.by_tcp += 1
                (length,) = struct.unpack("!H", self.rfile.read(2))
                if (answer := zone._answer(self.rfile.read(length), tcp=True)) is not None:
                    self.wfile.write(struct.pack("!H", len(answer)) + answer)

        while True:
            self._udp = socketserver.ThreadingUDPServer(self._place, OverUdp)
            try:
                self._tcp = socketserver.ThreadingTCPServer(self._udp.server_address, OverTcp)
                break
            except OSError:  # the same port is taken for TCP
                self._udp.server_close()
                if self._place[1]:
                    raise
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.02,)) for s in (self._udp, self._tcp)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def _answer(self, data: bytes, *, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        name = query.question[0].name
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        key = (name.to_text(omit_final_dot=True).lower(), kind)
        if not tcp:
            self.asked.append(key)
        told = self._answers.get(key, "NXDOMAIN" if not any(known == key[0] for known, _ in self._answers) else [])
        reply: Any = dns.message.make_response(query)
        if told == "silence":
            return None
        if told == "garbage":
            return data[:2] + b"\xff" * 30
        if told == "long":
            if not tcp:
                reply.flags |= dns.flags.TC
                return bytes(reply.to_wire())
            told = [f"192.0.2.{number}" for number in range(1, 200)]
        if isinstance(told, str):
            reply.set_rcode(dns.rcode.from_text(told))
        elif told:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *told))
        return bytes(reply.to_wire(max_size=65535))


def nobody() -> Resolver:
    """A resolver at which nobody answers: the port was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        return Resolver(address="127.0.0.1", port=held.getsockname()[1])
