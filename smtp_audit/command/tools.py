"""`smtp-audit tools`: the external tools that the audit runs as processes."""

from __future__ import annotations

import argparse
import shlex
import sys

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.sslyze_environment import INSTALL_COMMAND, ToolError, find_sslyze, install, status


def run_install(_arguments: argparse.Namespace) -> ExitStatus:
    """Install sslyze into its managed environment."""
    try:
        install()
    except ToolError as error:
        print(f"smtp-audit: {error}", file=sys.stderr)
        print("The audit runs without it; the controls that need it stay 'not run'.")
        return ExitStatus.CLOSED
    return ExitStatus.OK


def run_status(_arguments: argparse.Namespace) -> ExitStatus:
    """Say where sslyze is, and with which command line it is run; exit status 1 when it is nowhere."""
    managed = status()
    command = find_sslyze()
    print(f"sslyze, managed: {managed.version or 'not installed'} ({managed.folder})")
    print(f"sslyze, used:    {shlex.join(command) if command else f'none; {INSTALL_COMMAND} installs it'}")
    return ExitStatus.OK if command else ExitStatus.CLOSED
