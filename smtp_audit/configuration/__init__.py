"""What to audit and how: command line, ini file and smtp-audit.toml, read into one typed `Config`.

The names below are loaded on first use: who gathers or judges needs the model alone, not what reads it from files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smtp_audit.configuration.model import Config as Config
    from smtp_audit.configuration.model import Families as Families
    from smtp_audit.configuration.model import Scope as Scope
    from smtp_audit.configuration.sources import build_config as build_config
    from smtp_audit.configuration.sources import config_for_target as config_for_target
    from smtp_audit.configuration.sources import init_text as init_text
    from smtp_audit.configuration.sources import load_config as load_config

_HOMES = {
    "Config": "model",
    "Families": "model",
    "Scope": "model",
    "build_config": "sources",
    "config_for_target": "sources",
    "init_text": "sources",
    "load_config": "sources",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'smtp_audit.configuration' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"smtp_audit.configuration.{home}"), name)
    globals()[name] = value
    return value
