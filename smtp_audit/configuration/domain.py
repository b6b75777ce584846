"""The tables about a mail domain: where its mail leaves from, its keys, and how its DNS is looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smtp_audit.configuration.file import ConfigFile
from smtp_audit.configuration.model import PolicyHost, Sending
from smtp_audit.configuration.settings import parse_path
from smtp_audit.configuration.target import parse_address, parse_name
from smtp_audit.message import problem, quoted

At = Callable[..., str]

_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*")
"""RFC 6376 section 3.1: sub-domains, joined by dots; an underscore is common and harmless."""


def read_domain_tables(form: ConfigFile, at: At, base: Path) -> dict[str, Any]:
    """`[sending]`, `[dkim]`, `[dns]` and `[mta_sts]`, understood, by the names that `Config` has for them.

    Raises:
        ConfigurationError: something is no address, no name or no selector.
    """
    sending, policy = form.sending, form.mta_sts
    addresses = (parse_address(text, at("sending", "addresses", n)) for n, text in enumerate(sending.addresses))
    return {
        "sending": Sending(
            addresses=tuple(dict.fromkeys(addresses)),
            helo=None if sending.helo is None else parse_name(sending.helo, at("sending", "helo")),
        ),
        "dkim_selectors": tuple(
            dict.fromkeys(_selector(text, at("dkim", "selectors", n)) for n, text in enumerate(form.dkim.selectors))
        ),
        "dnsbl": tuple(
            dict.fromkeys(parse_name(text, at("dns", "block_lists", n)) for n, text in enumerate(form.dns.block_lists))
        ),
        "authoritative": form.dns.authoritative,
        "authoritative_port": form.dns.authoritative_port,
        "mta_sts": PolicyHost(
            address=None if policy.address is None else parse_address(policy.address, at("mta_sts", "address")),
            port=policy.port,
            ca=None if policy.ca is None else parse_path(policy.ca, at("mta_sts", "ca"), base),
        ),
    }


def _selector(text: str, where: str) -> str:
    if len(text) > 200 or not _SELECTOR.fullmatch(text):
        raise problem(where, f"{quoted(text)} is no selector: the part before ._domainkey, such as mail2026")
    return text.lower()
