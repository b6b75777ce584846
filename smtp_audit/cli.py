"""The `smtp-audit` command. `pytest --smtp-target` is the way to audit; this is for looking around and for the rest."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.errors import SmtpAuditError
from smtp_audit.version import __version__

_EPILOG = (
    "exit status: 0 done, or the gate is open; 1 the gate is closed, or it could not be done; 2 interrupted; 4 usage"
)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        # No abbreviations: an option that comes later must not change what a script means.
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        # argparse would end with 2, which in pytest's language, and so in this command's, is an interrupt.
        self.print_usage(sys.stderr)
        self.exit(ExitStatus.USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        status = int(parsed.run(parsed))
        sys.stdout.flush()
    except SmtpAuditError as error:
        print(f"smtp-audit: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    except KeyboardInterrupt:
        print("smtp-audit: interrupted", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, a pager) went away. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.CLOSED
    return status


def process() -> int:
    """`main` as a process of its own, which ends sooner for it.

    An interpreter that ends looks for garbage among all that is loaded and takes it apart piece by piece, though the
    memory goes with the process: a tenth of a short command. What is frozen is left alone, and not finalised either, so
    this is nothing for a library or for pytest: files of others may stand in a circle there, and not be written out.
    """
    status = main()
    gc.freeze()
    return status


def _parser() -> argparse.ArgumentParser:
    from smtp_audit.command import browse, demo, init, lint, rejudge, tools

    parser = _Parser(
        prog="smtp-audit",
        description="Audits deployed mail servers. To audit one: pytest --smtp-target mail.example.com",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"smtp-audit {__version__}")
    words = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    word = words.add_parser("demo", help="audit two embedded servers and two programs, a good and a bad one of each")
    word.add_argument("--out", metavar="DIR", default="reports", help="where the two reports go (default: reports)")
    word.add_argument("--servers", action="store_true", help="the two servers only, without the two programs")
    word.set_defaults(run=demo.run_demo)

    word = words.add_parser("list", help="list the controls of a profile")
    word.add_argument("--profile", metavar="NAME|PATH", default="enterprise", help="default: enterprise")
    word.set_defaults(run=browse.run_list)

    word = words.add_parser("explain", help="say what a control expects, why, and how to meet it")
    word.add_argument("control", metavar="CONTROL")
    word.add_argument("--profile", metavar="NAME|PATH", help="default: all that come with the package")
    word.set_defaults(run=browse.run_explain)

    word = words.add_parser("init", help="write a commented smtp-audit.toml")
    word.add_argument("file", metavar="FILE", nargs="?", default="smtp-audit.toml")
    word.add_argument("--force", action="store_true", help="replace an existing file")
    word.set_defaults(run=init.run_init)

    word = words.add_parser(
        "report",
        help="judge recorded snapshots again, without network",
        description="Judges snapshots again and writes report.html and report.json. Several become one report. "
        "Controls of your own take part with pytest --smtp-snapshot only.",
    )
    word.add_argument("snapshots", metavar="SNAPSHOT", nargs="+", help="a snapshot.json")
    word.add_argument("--profile", metavar="NAME|PATH", help="default: the configuration's, or enterprise")
    word.add_argument("--config", metavar="FILE", help="default: smtp-audit.toml here, if there is one")
    word.add_argument("--out", metavar="DIR", help="where the report goes (default: the configuration's, or reports)")
    word.set_defaults(run=rejudge.run_report)

    word = words.add_parser("lint", help="what checkdmarc says of the recorded answers; opinions, and no verdicts")
    word.add_argument("snapshot", metavar="SNAPSHOT", help="a snapshot.json of an audit of a mail domain")
    word.set_defaults(run=lint.run_lint)

    word = words.add_parser("tools", help="the external tools that the audit runs")
    what = word.add_subparsers(title="commands", metavar="COMMAND", required=True)
    install = what.add_parser("install", help="install sslyze into an environment of its own")
    install.set_defaults(run=tools.run_install)
    status = what.add_parser("status", help="say where sslyze is")
    status.set_defaults(run=tools.run_status)
    return parser


if __name__ == "__main__":
    sys.exit(process())
