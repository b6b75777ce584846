#!/usr/bin/env python3
"""Write the generated files of this folder: the controls, the profiles, and the schema of report.json."""

from pathlib import Path

from smtp_audit.command.reference import write

write(Path(__file__).parent)
