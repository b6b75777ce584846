"""`smtp-audit lint`: what checkdmarc says of the answers of a snapshot: opinions, of which no gate hears."""

from __future__ import annotations

import argparse
from pathlib import Path

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.control import load_builtin
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.linter import opinions


def run_lint(arguments: argparse.Namespace) -> ExitStatus:
    """Print its notes on every domain of the snapshot."""
    load_builtin()  # and with the controls all kinds of facts
    found = opinions(Snapshot.load(Path(arguments.snapshot)))
    if not found:
        print("the snapshot is about no mail domain")
    for opinion in found:
        print(f"{opinion.domain}: linter notes of checkdmarc on the recorded answers ({opinion.seconds:.1f} s)")
        for note in opinion.notes:
            print(f"  {note.about}: {note.level}: {note.text}")
        if not opinion.notes:
            print("  none")
    print("These are opinions of another tool, and no verdicts: nothing of them is in a report or at the gate.")
    return ExitStatus.OK
