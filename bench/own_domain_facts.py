#!/usr/bin/env python3
"""Gather and judge what a domain publishes, and print the counts as JSON: `dns_audit.py CONFIG.json`.

A process of its own, so that the interpreter's start and the imports count.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from smtp_audit import audit
from smtp_audit.configuration.model import Config


def main() -> None:
    """Audit and print."""
    result = audit(Config.model_validate_json(Path(sys.argv[1]).read_text()))
    print(json.dumps(Counter(str(record.status) for record in result.records)))


if __name__ == "__main__":
    main()
