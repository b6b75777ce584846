"""The pytest face: `pytest --smtp-target HOST` audits a mail server, one test for each control and subject, and gates.

Every pytest run of an environment loads this package, so it imports nothing heavy: the rest comes when an option
asks for an audit. A control that fails is a failed test, one that could not be determined (or crashed) is a test error,
one that is not applicable is skipped, a waived one is an expected failure, one below the gate's severity passes with a
warning.

Exit status of pytest with an audit (`EXIT_STATUS`):

| status | meaning |
|---|---|
| 0 | the gate is open and every test passed (with --smtp-partial: every control that was selected lets it open) |
| 1 | the gate is closed, or a test failed |
| 2 | the run was interrupted, or tests could not be collected |
| 3 | pytest or a plugin crashed |
| 4 | an option, a file or the target is unusable: nothing was probed |

`--collect-only`, `--setup-plan`, `--fixtures`, `--markers`, `--cache-show`, `--help` and `--version` audit nothing and
leave the reports of the last run alone.
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

from smtp_audit.plugin.fixtures import assert_template_safe, smtp_facts, smtp_snapshot, smtp_subjects
from smtp_audit.plugin.fixtures_traps import assert_no_header_injection, smtp_sink, smtp_trap, smtp_trap_stage
from smtp_audit.plugin.options import add_options, informs_only, options_given
from smtp_audit.plugin.outcomes import EXIT_STATUS, ControlFailed, SmtpAuditWarning
from smtp_audit.plugin.stash import AUDIT, GATEKEEPER

MARKERS = (
    "smtp_audit: a control of smtp_audit on one subject",
    "smtp_control(id): the control, as in -m \"smtp_control(id='tls-obsolete-version')\"",
    "smtp_severity(level): its severity in the profile: critical, high, medium, low or info",
    "smtp_role(name): the role of the endpoint: mx, submission, submissions, imap, imaps, pop3, pop3s or sieve",
    "smtp_clause(id): a clause of the profile's standard that the control helps to show",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini options."""
    add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marks; when an option asks for an audit, plan it. The initial conftests have been loaded by now."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    if options_given(config) and not informs_only(config):
        from smtp_audit.plugin.setting_up import set_up

        set_up(config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Keep the exit status from saying "success" for a closed gate, whatever happened between here and the end."""
    try:
        status = yield
    except SystemExit as leaving:
        code = leaving.code or 0
        if isinstance(code, int) and (settled := _settle(config, code)) != code:
            raise SystemExit(settled) from leaving
        raise
    code = int(status or 0)
    return status if (settled := _settle(config, code)) == code else settled


def _settle(config: pytest.Config, status: int) -> int:
    if not options_given(config) or informs_only(config) or hasattr(config, "workerinput"):
        return status
    keeper = config.stash.get(GATEKEEPER, None)
    if keeper is not None:
        return keeper.settle(status)
    if status in (0, 5):
        # Something answered for pytest before the audit was even planned.
        print("smtp_audit: the audit that was asked for did not take place", file=sys.stderr)
        return 1
    return status


__all__ = [
    "AUDIT",
    "EXIT_STATUS",
    "GATEKEEPER",
    "ControlFailed",
    "SmtpAuditWarning",
    "assert_no_header_injection",
    "assert_template_safe",
    "smtp_facts",
    "smtp_sink",
    "smtp_snapshot",
    "smtp_subjects",
    "smtp_trap",
    "smtp_trap_stage",
]
