"""The mailboxes, accounts and addresses of one's own that an audit may use."""

from __future__ import annotations

import re
from collections.abc import Callable

from smtp_audit.configuration.file import ConfigFile
from smtp_audit.configuration.model import Mailboxes, Sink
from smtp_audit.configuration.target import parse_address, parse_name, parse_place
from smtp_audit.facts.endpoint import is_address
from smtp_audit.message import problem, quoted

MAX_ADDRESS = 254
"""Characters of an address (RFC 5321 section 4.5.3.1.3: a path of 256 octets, its brackets included)."""

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""A dot-string (RFC 5321 section 4.1.2) of at most 64 octets: quoted ones invite misunderstandings about who gets the
mail."""

MAX_LOCAL_PART = 64

At = Callable[..., str]


def parse_mailbox(text: str, where: str) -> str:
    """A mailbox, LOCAL@DOMAIN, as it is put into an envelope.

    Raises:
        ConfigurationError: it is none.
    """
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > MAX_LOCAL_PART or len(text) > MAX_ADDRESS:
        raise problem(where, f"{quoted(text)} is not a mailbox, such as audit@example.com")
    return f"{local}@{parse_name(domain, where)}"


def read_mailboxes(form: ConfigFile, at: At) -> Mailboxes:
    """`[mailboxes]`, understood.

    Raises:
        ConfigurationError: an entry is no mailbox.
    """
    found = {name: parse_mailbox(value, at("mailboxes", name)) for name, value in form.mailboxes if value is not None}
    return Mailboxes(**found)


def read_sink(form: ConfigFile, at: At) -> Sink | None:
    """`[sink]`, understood: `listen` is an address of this machine with a port.

    Raises:
        ConfigurationError: the address is no mailbox, or `listen` names no address and port.
    """
    if form.sink is None:
        return None
    where = at("sink", "listen")
    valid = "valid: an address of this machine with a port: IPv4:PORT or [IPv6]:PORT"
    place = parse_place(form.sink.listen, where, valid)
    if not is_address(place.host) or place.port is None:
        raise problem(where, f"{quoted(form.sink.listen)} is not an address with a port; {valid}")
    return Sink(address=parse_mailbox(form.sink.address, at("sink", "address")), listen=place.host, port=place.port)


def read_sources(form: ConfigFile, at: At) -> tuple[str, ...]:
    """`sources`, understood: addresses of this machine.

    Raises:
        ConfigurationError: one is no address.
    """
    return tuple(dict.fromkeys(parse_address(text, at("sources", n)) for n, text in enumerate(form.sources)))
