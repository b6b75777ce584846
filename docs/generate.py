#!/usr/bin/env python3
"""Write docs/controls.md and docs/profiles.md from the registry of controls and the profiles."""

from pathlib import Path

from smtp_audit.command.reference import write

write(Path(__file__).parent)
