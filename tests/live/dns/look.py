"""Start the lab, audit some domains, and show every verdict: for who writes a zone or a control.

python -m tests.live.dns.look spf-two-records [NAME ...]
python -m tests.live.dns.look --stay       start it, say where, wait for the end of the input
"""

import argparse
import sys

from smtp_audit.record import Evidence, EvidenceKind, Record

from .lab import running_dns_lab
from .verdicts import audited, differences
from .zones import cases


def _observed(record: Record) -> list[Evidence]:
    return [item for item in record.evidence if item.kind is EvidenceKind.OBSERVED]


def main() -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.dns.look")
    parser.add_argument("names", nargs="*", help="zones of the files, or the beginning of their names with *")
    parser.add_argument("--stay", action="store_true", help="keep the lab running until the input ends")
    parser.add_argument("--evidence", action="store_true", help="show the lines that a verdict rests on")
    given = parser.parse_args()
    chosen = [
        case
        for case in cases()
        if any(case.name == name or (name.endswith("*") and case.name.startswith(name[:-1])) for name in given.names)
    ]
    wrong = []
    with running_dns_lab(cases()) as lab:
        assert lab.resolver is not None
        print(f"dig @{lab.resolver.address} -p {lab.resolver.port} +dnssec sound.example MX")
        for case in chosen:
            verdicts = audited(lab.config(case))
            print(f"\n{case.domain} ({case.what})")
            for control in sorted(verdicts.records, key=lambda each: (str(verdicts.records[each].status), each)):
                print("  " + verdicts.show(control))
                if given.evidence:
                    lines = (line for item in _observed(verdicts.records[control]) for line in item.lines)
                    print("".join(f"      {line}\n" for line in lines), end="")
            wrong += differences(case, verdicts)
        if given.stay:
            sys.stdin.read()
    print("\n" + "\n".join(wrong or ["all as listed"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
