"""What well-known senders and mail clients say first, recorded from the programs themselves (clients.toml).

A server that is sent such a hello shows what it would negotiate with that program. Only its first answer is of use: the
key shares are those of the recording, and nobody has their secrets.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from smtp_audit.probes.tls.client_hello import SERVER_NAME, ClientHello, parse_client_hello
from smtp_audit.probes.tls.hello import HANDSHAKE_RECORD
from smtp_audit.tomlfile import parse_toml

_FILE = "clients.toml"


class ClientKind(StrEnum):
    """What a program is to a mail server."""

    SENDER = "sender"
    """A mail server that delivers to another one."""
    MAIL_CLIENT = "mail client"
    LIBRARY = "library"
    """What applications send mail with."""


@dataclass(frozen=True)
class ClientProfile:
    """One program: its exact versions, when and how its hello was recorded, and the hello.

    `record_version` is the version in the header of the record, which is not the same with every library.
    """

    name: str
    kind: ClientKind
    software: str
    recorded: str
    record_version: int
    recording: ClientHello

    @property
    def versions(self) -> tuple[int, ...]:
        """The protocol versions offered, by their numbers on the wire, in the client's order.

        Before TLS 1.3 a hello names its highest version alone; whether the program takes a lower one is not said.
        """
        return self.recording.versions

    @property
    def suites(self) -> tuple[int, ...]:
        """The suites offered, in the client's order; signals such as 0x00FF (RFC 5746) stand among them."""
        return self.recording.suites

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups offered for the key exchange, in the client's order."""
        return self.recording.groups

    @property
    def signatures(self) -> tuple[int, ...]:
        """The signature schemes offered, in the client's order."""
        return self.recording.signatures

    @property
    def sends_name(self) -> bool:
        """Whether the program tells the server the host name that it was given."""
        return self.recording.extension(SERVER_NAME) is not None

    def hello(self, server_name: str | None) -> bytes:
        """The record to send: the recorded octets with a random and a session id of its own, and our server name.

        A program that sends no name sends none here either. Padding stays as recorded, whatever the name's length:
        nothing is negotiated by it.
        """
        fresh = replace(self.recording, random=os.urandom(32), session_id=os.urandom(len(self.recording.session_id)))
        message = fresh.named(server_name).message()
        return bytes([HANDSHAKE_RECORD]) + self.record_version.to_bytes(2) + len(message).to_bytes(2) + message


@dataclass(frozen=True)
class LeftOut:
    """A program that a reader will look for, and why there is no recording of it."""

    name: str
    reason: str


@cache
def client_profiles() -> tuple[ClientProfile, ...]:
    """Every recorded program: senders first, then mail clients, then libraries."""
    return tuple(
        ClientProfile(
            name=row["name"],
            kind=ClientKind(row["kind"]),
            software=row["software"],
            recorded=row["recorded"],
            record_version=row["record_version"],
            recording=parse_client_hello(base64.b64decode("".join(row["hello"].split()), validate=True)),
        )
        for row in _data()["client"]
    )


@cache
def left_out() -> tuple[LeftOut, ...]:
    """The programs that were not recorded."""
    return tuple(LeftOut(row["name"], row["reason"]) for row in _data()["left_out"])


def _data() -> dict[str, Any]:
    return parse_toml((resources.files("smtp_audit.probes.tls") / _FILE).read_text(encoding="utf-8"), _FILE)
