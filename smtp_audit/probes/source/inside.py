"""The process that reads source text: parsers are machine code, and text from outside may hang or crash them.

A list of files comes in as one line of JSON; each one's reading goes out as a line, in their order.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from smtp_audit.facts.source import Language
from smtp_audit.probes.source.reading import Reading, read_file
from smtp_audit.probes.source.tree import SourceFile

MEMORY = 2 * 1024**3
"""Octets of memory that reading may take."""


def job(files: Iterable[SourceFile]) -> bytes:
    """What the process is given."""
    told = [(str(each.path), each.shown, each.language, each.grammar, each.test) for each in files]
    return json.dumps(told).encode() + b"\n"


def main() -> None:
    """Read what standard input names."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limits outside of Unix, or a lower one
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for path, shown, language, grammar, test in json.loads(sys.stdin.readline()):
        file = SourceFile(Path(path), shown, Language(language), grammar, test)
        try:
            reading = read_file(file)
        except (MemoryError, RecursionError) as error:
            reading = Reading(unread=f"cannot be understood ({type(error).__name__})")
        sys.stdout.write(reading.model_dump_json() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
