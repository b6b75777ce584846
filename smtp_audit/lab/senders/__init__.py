"""Two programs that send mail with the standard library, a sound one and an unsound one; `examples/` shows them too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from smtp_audit.configuration.model import ClientSettings, Config

SENDERS: Final = {"good": Path(__file__).with_name("sound.py"), "bad": Path(__file__).with_name("unsound.py")}
"""The programs by name."""

PATIENCE: Final = "5"
"""Seconds that they wait for a silent server, so that a demonstration is short."""


def sender_config(name: str) -> Config:
    """The configuration of an audit of one of `SENDERS`."""
    program = SENDERS[name]
    client = ClientSettings(
        name=program.name,
        argv=(sys.executable, str(program)),
        variables={"SEND_SECONDS": PATIENCE},
    )
    profile = Path(__file__).with_name("profile.toml")
    return Config(targets=(f"client {program.name}",), clients=(client,), profile=str(profile))
