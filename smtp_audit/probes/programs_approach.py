"""What every family of facts about a program, a template or source text is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smtp_audit.configuration.model import Config


@dataclass(frozen=True)
class ProgramApproach:
    """The subject's key, the configuration that describes it, and how to show progress."""

    subject: str
    config: Config
    run_id: str
    progress: Callable[[str], None]
