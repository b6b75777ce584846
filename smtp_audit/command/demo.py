"""`smtp-audit demo`: audit the embedded lab's two servers and two programs, one good and one bad of each."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.errors import ConfigurationError

if TYPE_CHECKING:
    from smtp_audit.configuration.model import Config
    from smtp_audit.lab import Site
    from smtp_audit.report.model import Report


def run_demo(arguments: argparse.Namespace) -> ExitStatus:
    """Audit both; 0 when the gate opens for the good one and stays closed for the bad one."""
    try:
        from smtp_audit.lab import Lab
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiosmtpd":
            raise
        raise ConfigurationError('the demonstration needs aiosmtpd: pip install "smtp-audit[lab]"') from None
    from smtp_audit.report.terminal import summary_lines

    began = time.monotonic()
    base = Path(arguments.out)
    verdicts: list[bool] = []
    with Lab() as lab:
        print("Two mail servers run on loopback, one configured well and one badly.\n", flush=True)
        for site in lab.sites:
            folder = base / f"demo-{site.name}"
            report = _audit(site, folder)
            print(f"The {site.name} one, {site.plan.host}:")
            print("\n".join(summary_lines(report, folder)), end="\n\n", flush=True)
            verdicts.append(report.gate.open)
    if not arguments.servers:
        verdicts += _senders(base)
    if verdicts == [True, False] * (len(verdicts) // 2):
        print(f"As it should be: the gate is open for the good ones only. {time.monotonic() - began:.1f} s in all")
        return ExitStatus.OK
    print("This is not as it should be: the gate has to open for the good ones and to stay closed for the bad ones.")
    return ExitStatus.CLOSED


def _senders(base: Path) -> list[bool]:
    """Audit a sound program and an unsound one, where they can be given a network of their own."""
    from smtp_audit.lab.senders import SENDERS, sender_config
    from smtp_audit.probes.client.network import containment
    from smtp_audit.report.terminal import summary_lines

    if not containment().possible:
        print(f"Two programs that send mail are not shown here: {containment().told}.\n", flush=True)
        return []
    print("Two programs that send mail are played with, a sound one and an unsound one.\n", flush=True)
    verdicts: list[bool] = []
    for name in SENDERS:
        folder = base / f"demo-{name}-sender"
        report = _gather(sender_config(name), folder)
        print(f"The {name} one, {SENDERS[name].name}:")
        print("\n".join(summary_lines(report, folder)), end="\n\n", flush=True)
        verdicts.append(report.gate.open)
    return verdicts


def _audit(site: Site, folder: Path) -> Report:
    from smtp_audit.configuration import load_config
    from smtp_audit.lab.sites import PASSWORD_VARIABLE

    file = site.anchors.parent / f"{site.name}.toml"
    file.write_text(site.config_text, encoding="utf-8")
    return _gather(load_config(file, {PASSWORD_VARIABLE: site.account.password}), folder)


def _gather(config: Config, folder: Path) -> Report:
    from smtp_audit.conclusion import unfinished_report
    from smtp_audit.pipeline import audit
    from smtp_audit.plan import prepare
    from smtp_audit.report.files import write_report

    # An older report must not outlive a run that is broken off.
    write_report(unfinished_report(prepare(config)), folder)
    result = audit(config)
    result.write(folder)
    return result.report
