"""What to audit and how: command line, ini file and smtp-audit.toml, read into one typed `Config`."""

from __future__ import annotations

from smtp_audit.configuration.model import Config as Config
from smtp_audit.configuration.model import Families as Families
from smtp_audit.configuration.model import Scope as Scope
from smtp_audit.configuration.sources import build_config as build_config
from smtp_audit.configuration.sources import config_for_target as config_for_target
from smtp_audit.configuration.sources import init_text as init_text
from smtp_audit.configuration.sources import load_config as load_config

__all__ = ["Config", "Families", "Scope", "build_config", "config_for_target", "init_text", "load_config"]
