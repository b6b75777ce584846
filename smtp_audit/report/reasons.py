"""The gate's reasons in reading order: what is wrong with the run first, then the most severe, alike ones together.

Every reason about a record names its severity, so that an unanswered question is not read as worse than a failure.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtp_audit.record import Record, Severity, Status
from smtp_audit.report.model import Report
from smtp_audit.report.words import STATUS


@dataclass(frozen=True)
class Reason:
    """Reasons that differ in the subject only; `mark` is their severity.

    One about the run as a whole has no records, and all of it in `text`.
    """

    control: str
    mark: str
    text: str
    records: tuple[Record, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line."""
        if not self.records:
            return self.text
        subjects = [record.subject for record in self.records]
        shown = ", ".join(subjects[:4]) + (f" and {len(subjects) - 4} more" if len(subjects) > 4 else "")
        return f"{self.control}{self.mark} on {shown}: {self.text}"


def grouped_reasons(report: Report) -> tuple[Reason, ...]:
    """Every reason of the gate, exactly once."""
    by_name = {f"{record.control} on {record.subject}": record for record in report.records}
    run: list[Reason] = []
    groups: dict[tuple[str, Severity, Status, str], list[Record]] = {}
    for reason in report.gate.reasons:
        # A reason about a record begins with `control on subject`, then ` [severity]: ` or `: `.
        head, _, tail = reason.partition(": ")
        name = head.rpartition(" [")[0] if head.endswith("]") else head
        record = by_name.get(name)
        if record is None:
            run.append(Reason("", "", reason))
        else:
            groups.setdefault((record.control, record.severity, record.status, tail), []).append(record)
    ranks = list(STATUS)
    ordered = sorted(groups.items(), key=lambda group: (-group[0][1].rank, ranks.index(group[0][2])))
    found = [Reason(key[0], f" [{key[1]}]", key[3], tuple(same)) for key, same in ordered]
    return (*run, *found)
