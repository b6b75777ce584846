"""From the options of a session to its audit. Imported only when an option asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pytest

from smtp_audit.configuration import build_config
from smtp_audit.errors import SmtpAuditError
from smtp_audit.plan import Plan, prepare
from smtp_audit.plugin.audit import Audit
from smtp_audit.plugin.distribution import Distribution, received_plan
from smtp_audit.plugin.gatekeeper import Gatekeeper
from smtp_audit.plugin.naming import select, take_node_ids
from smtp_audit.plugin.options import collects_only, command_line_values, ini_values
from smtp_audit.plugin.running import Running
from smtp_audit.plugin.stash import AUDIT, GATEKEEPER
from smtp_audit.plugin.terminal import Terminal, TerminalProgress


class Environment(Mapping[str, str]):
    """The environment variables, with a `repr` that shows none: tracebacks with locals must not show a password."""

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)

    def __repr__(self) -> str:
        return "<environment>"


def set_up(config: pytest.Config) -> None:
    """Plan the audit of this session and register the plugins that run it.

    Raises:
        pytest.UsageError: an option, a file or the target is unusable; nothing was probed.
    """
    worker = getattr(config, "workerinput", None)
    wanted = take_node_ids(config.args)
    if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        # No path, no testpaths: audit, do not walk the current folder.
        config.args.clear()
    try:
        plan = _planned(config) if worker is None else received_plan(worker)
    except SmtpAuditError as error:
        raise pytest.UsageError(f"smtp_audit: {error}") from None
    dry = collects_only(config)
    audit = Audit(
        plan,
        select(plan.pairs, wanted) if wanted else plan.pairs,
        dry=dry,
        progress=None if dry or worker is not None else TerminalProgress(config),
    )
    config.stash[AUDIT] = audit
    plugins = config.pluginmanager
    plugins.register(Running(audit), "smtp_audit_running")
    if worker is None:
        keeper = config.stash[GATEKEEPER] = Gatekeeper(audit)
        plugins.register(Distribution(audit), "smtp_audit_distribution")
        plugins.register(Terminal(audit, keeper), "smtp_audit_terminal")
        plugins.register(keeper, "smtp_audit_gatekeeper")


def _planned(config: pytest.Config) -> Plan:
    here = config.invocation_params.dir
    asked = build_config(command_line_values(config), config.rootpath, here, Environment(), ini_values(config))
    if asked is None:
        raise pytest.UsageError("smtp_audit: options but no target: name one with --smtp-target")
    return prepare(asked)
