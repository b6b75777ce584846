"""`smtp-audit init`: a commented configuration file to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.errors import ConfigurationError
from smtp_audit.message import shown_path


def run_init(arguments: argparse.Namespace) -> ExitStatus:
    """Write the file; an existing one is replaced with --force only."""
    from smtp_audit.configuration import init_text
    from smtp_audit.configuration.file import FILE_NAME

    path = Path(arguments.file)
    if path.is_dir():
        raise ConfigurationError(
            f"{shown_path(path)}: is a folder; name a file in it, such as {shown_path(path / FILE_NAME)}"
        )
    try:
        with path.open("w" if arguments.force else "x", encoding="utf-8") as file:
            file.write(init_text())
    except FileExistsError:
        raise ConfigurationError(f"{shown_path(path)}: is there already; --force replaces it") from None
    except OSError as error:
        raise ConfigurationError(f"{shown_path(path)}: cannot be written ({error.strerror or error})") from None
    print(f"{shown_path(path)} is written. Edit it, then run: pytest --smtp-config {shown_path(path)}")
    return ExitStatus.OK
