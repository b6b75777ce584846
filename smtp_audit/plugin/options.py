"""The options and ini options of the pytest face. Which values they may have is `smtp_audit.configuration`'s to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Option:
    """One option. `ini`: also a key of the ini file."""

    name: str
    help: str
    metavar: str = ""
    repeatable: bool = False
    flag: bool = False
    ini: bool = False

    @property
    def key(self) -> str:
        """Its name in pytest's options, in the ini file, and for `build_config`."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option(
        "smtp-target",
        "audit this host, or the hosts of this mail domain (a name with MX records, no port given); repeatable",
        "HOST[:PORT]",
        repeatable=True,
    ),
    Option("smtp-domain", "the mail domain, for addresses; without a target its MX hosts are audited", "DOMAIN"),
    Option(
        "smtp-endpoint",
        "audit this endpoint; roles: mx, submission, submissions, imap, imaps, pop3, pop3s, sieve; repeatable",
        "ROLE=HOST:PORT",
        repeatable=True,
    ),
    Option(
        "smtp-client",
        'audit this program that sends mail: a command ("node send.js"), or the name of a [[client]]; repeatable',
        "COMMAND",
        repeatable=True,
    ),
    Option("smtp-template", "audit this template of messages; repeatable", "PATH", repeatable=True),
    Option("smtp-source", "read this source text of a program that sends mail; repeatable", "PATH", repeatable=True),
    Option("smtp-config", "the configuration file; one that names a target starts the audit", "FILE", ini=True),
    Option("smtp-profile", "the profile: a name (enterprise) or the path of a file", "NAME|PATH", ini=True),
    Option(
        "smtp-report",
        "write report.html, report.json and snapshot.json into this folder (default: reports)",
        "DIR",
        ini=True,
    ),
    Option("smtp-snapshot", "judge the facts of this snapshot; the network is not touched", "FILE"),
    Option(
        "smtp-gate",
        "the lowest severity that closes the gate: critical, high, medium, low or info (default: the profile's)",
        "SEVERITY",
        ini=True,
    ),
    Option(
        "smtp-partial",
        "let a run that selects only some controls exit with 0; the report's gate stays closed all the same",
        flag=True,
    ),
    Option("smtp-intrusive", "allow intrusive controls (wrong passwords, bursts)", flag=True),
    Option("smtp-slow", "allow slow controls", flag=True),
    Option(
        "smtp-revocation",
        "ask the authorities, at the addresses that certificates name, whether they are revoked",
        flag=True,
        ini=True,
    ),
    Option("smtp-resolver", "ask this DNS server (default: the system's)", "HOST[:PORT]", ini=True),
    Option("smtp-ca", "trust the certificates of this PEM file (default: the system's)", "FILE", ini=True),
    Option(
        "smtp-user",
        "the login for submission; its password comes from the environment variable that the configuration names "
        "(default: SMTP_AUDIT_PASSWORD)",
        "NAME",
        ini=True,
    ),
    Option(
        "smtp-scope",
        "the chapter that this run is about (default: those whose inputs are given); repeatable",
        "CHAPTER",
        repeatable=True,
        ini=True,
    ),
)

_INFORMATION = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")
"""Options of pytest that print something and run no test."""


def add_options(parser: pytest.Parser) -> None:
    """Tell pytest of the options. No ini option names a target: a file that is merely found must not start an audit."""
    group = parser.getgroup("smtp_audit", "SMTP audit (exit status, marks and fixtures: the README of smtp-audit)")
    for option in OPTIONS:
        if option.flag:
            group.addoption(f"--{option.name}", action="store_true", default=False, help=option.help)
        elif option.repeatable:
            group.addoption(f"--{option.name}", action="append", default=[], metavar=option.metavar, help=option.help)
        else:
            group.addoption(f"--{option.name}", default=None, metavar=option.metavar, help=option.help)
        if option.ini:
            _add_ini(parser, option)


def _add_ini(parser: pytest.Parser, option: Option) -> None:
    text = f"as --{option.name}; the command line and smtp-audit.toml go before it"
    if option.flag:
        parser.addini(option.key, text, type="bool", default=False)
    elif option.repeatable:
        parser.addini(option.key, text, type="args", default=[])
    else:
        parser.addini(option.key, text, type="string", default="")


def options_given(config: pytest.Config) -> bool:
    """Whether the command line has any of the options (also an empty one)."""
    return any(True for _ in _given(config))


def informs_only(config: pytest.Config) -> bool:
    """Whether pytest is going to print something about itself and run no test at all."""
    return any(config.getoption(name, default=False) for name in _INFORMATION)


def collects_only(config: pytest.Config) -> bool:
    """Whether pytest is going to list tests and run none (`--collect-only`, `--setup-plan`)."""
    return any(bool(config.getoption(name, default=False)) for name in ("collectonly", "setupplan"))


def command_line_values(config: pytest.Config) -> dict[str, object]:
    """What the command line says, by the names of the options with underscores."""
    return dict(_given(config))


def ini_values(config: pytest.Config) -> dict[str, object]:
    """What the ini file says, by key; a key it does not have is empty."""
    return {option.key: config.getini(option.key) for option in OPTIONS if option.ini}


def _given(config: pytest.Config) -> Iterator[tuple[str, object]]:
    for option in OPTIONS:
        value: object = config.getoption(option.key, default=None)
        if value is not None and value is not False and value != []:
            yield option.key, value
