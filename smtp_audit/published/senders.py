"""The mail services of others, and the names by which they show in a domain's DNS. The data are `senders.toml`."""

from __future__ import annotations

import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from smtp_audit.frozen import Frozen
from smtp_audit.tomlfile import parse_toml

Suffix = Annotated[str, Field(pattern=r"^(?:(?:\*|[a-z0-9_-]+)\.)+(?:\*|[a-z0-9-]+)$")]
"""A name that stands for itself and all below it; a label `*` stands for exactly one label."""


class Sender(Frozen):
    """One mail service: what shows that a domain uses it, and where its customers are told to publish that."""

    name: str
    mx: tuple[Suffix, ...] = ()
    spf: tuple[Suffix, ...] = ()
    dkim: tuple[Suffix, ...] = ()
    selectors: tuple[str, ...] = ()
    """Selectors that its customers are told to publish as aliases of its names."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)]


class Senders(Frozen):
    """All known services, and the day on which that knowledge was gathered."""

    dated: datetime.date
    sender: tuple[Sender, ...]


@cache
def known_senders() -> Senders:
    """The data that come with this version."""
    text = files("smtp_audit.published").joinpath("senders.toml").read_text(encoding="utf-8")
    return Senders.model_validate(parse_toml(text, "senders.toml"))


def external_sender(name: str) -> Sender | None:
    """The service that a DNS name belongs to: of a mail exchanger, an SPF include, or the target of a DKIM alias.

    Names are compared label by label, without case: `notsendgrid.net` is none of SendGrid's. Whatever else is given
    (an empty text, an SPF macro) belongs to nobody.
    """
    labels = name.lower().removesuffix(".").split(".")
    return next((sender for suffix, sender in _suffixes() if _below(labels, suffix)), None)


@cache
def _suffixes() -> tuple[tuple[tuple[str, ...], Sender], ...]:
    return tuple(
        (tuple(suffix.split(".")), sender)
        for sender in known_senders().sender
        for suffix in (*sender.mx, *sender.spf, *sender.dkim)
    )


def _below(labels: list[str], suffix: tuple[str, ...]) -> bool:
    """Whether a name is `suffix`, or has it as its last labels."""
    last = labels[-len(suffix) :]
    return len(last) == len(suffix) and all(wanted in ("*", label) for wanted, label in zip(suffix, last, strict=True))
