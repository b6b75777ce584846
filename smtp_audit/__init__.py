"""Conformance tests and auditor for mail servers and the code that sends mail.

The names below are the library's face; they are loaded on first use, because the pytest plugin lives in environments
where most runs audit nothing and must not pay for it. What a control is written with lives in `smtp_audit.control`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtp_audit.version import __version__

if TYPE_CHECKING:
    from smtp_audit.configuration import load_config as load_config
    from smtp_audit.configuration.model import Config as Config
    from smtp_audit.errors import ConfigurationError as ConfigurationError
    from smtp_audit.errors import SmtpAuditError as SmtpAuditError
    from smtp_audit.errors import Undetermined as Undetermined
    from smtp_audit.facts.endpoint import Endpoint as Endpoint
    from smtp_audit.facts.endpoint import Role as Role
    from smtp_audit.facts.snapshot import Snapshot as Snapshot
    from smtp_audit.pipeline import AuditResult as AuditResult
    from smtp_audit.pipeline import audit as audit
    from smtp_audit.record import Record as Record
    from smtp_audit.record import Severity as Severity
    from smtp_audit.record import Status as Status

_HOMES = {
    "audit": "pipeline",
    "AuditResult": "pipeline",
    "Config": "configuration.model",
    "load_config": "configuration",
    "Endpoint": "facts.endpoint",
    "Role": "facts.endpoint",
    "Snapshot": "facts.snapshot",
    "Record": "record",
    "Status": "record",
    "Severity": "record",
    "SmtpAuditError": "errors",
    "ConfigurationError": "errors",
    "Undetermined": "errors",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'smtp_audit' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"smtp_audit.{home}"), name)
    globals()[name] = value
    return value
