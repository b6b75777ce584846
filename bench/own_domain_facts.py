#!/usr/bin/env python3
"""Gather and judge what a domain publishes, and print what it took as JSON: `own_domain_facts.py CONFIG.json`.

A process of its own, so that the interpreter's start and the imports count; `seconds` are those of the audit alone.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from smtp_audit import audit
from smtp_audit.configuration.model import Config
from smtp_audit.control import load_builtin


def main() -> None:
    """Audit and print."""
    # Imported in any case, and no work of the audit's.
    import smtp_audit.conclusion
    import smtp_audit.gather
    import smtp_audit.probes.domain.table  # noqa: F401

    load_builtin()
    config = Config.model_validate_json(Path(sys.argv[1]).read_text())
    began = time.perf_counter()
    result = audit(config)
    seconds = time.perf_counter() - began
    counts = Counter(str(record.status) for record in result.records)
    print(json.dumps({"seconds": seconds, "verdicts": counts}))


if __name__ == "__main__":
    main()
