"""`smtp-audit demo`: audit the embedded lab's two servers, one well configured and one badly."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.errors import ConfigurationError

if TYPE_CHECKING:
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
    good, bad = verdicts
    if good and not bad:
        print(f"As it should be: the gate is open for the good one only. {time.monotonic() - began:.1f} s in all")
        return ExitStatus.OK
    print("This is not as it should be: the gate has to open for the good one and to stay closed for the bad one.")
    return ExitStatus.CLOSED


def _audit(site: Site, folder: Path) -> Report:
    from smtp_audit.conclusion import unfinished_report
    from smtp_audit.configuration import load_config
    from smtp_audit.lab.sites import PASSWORD_VARIABLE
    from smtp_audit.pipeline import audit
    from smtp_audit.plan import prepare
    from smtp_audit.report.files import write_report

    file = site.anchors.parent / f"{site.name}.toml"
    file.write_text(site.config_text, encoding="utf-8")
    config = load_config(file, {PASSWORD_VARIABLE: site.account.password})
    # An older report must not outlive a run that is broken off.
    write_report(unfinished_report(prepare(config)), folder)
    result = audit(config)
    result.write(folder)
    return result.report
