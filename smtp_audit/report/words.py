"""The words, symbols and order of everything that a report names: statuses, severities, media, scopes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smtp_audit.coverage import ClauseStatus, WayState
from smtp_audit.record import Severity, Status
from smtp_audit.report.domain.model import Agreement
from smtp_audit.report.model import Report
from smtp_audit.report.transport.model import Tone


@dataclass(frozen=True)
class Word:
    """How a status is shown: its name, a symbol beside the colour, the tone (a CSS class), and what it means."""

    name: str
    symbol: str
    tone: str
    meaning: str


STATUS: Mapping[Status, Word] = {
    Status.FAIL: Word(
        "fail",
        "✗",
        "bad",
        "The requirement is broken. The gate stays closed when the severity is at or above its threshold.",
    ),
    Status.ERROR: Word(
        "error",
        "!",
        "odd",
        "The control itself crashed. Nothing is known about the requirement, so the gate stays closed.",
    ),
    Status.INDETERMINATE: Word(
        "indeterminate",
        "?",
        "warn",
        "The facts could not be had: a time-out, a refusal to serve, a broken connection. Neither a pass nor a "
        "failure; the gate stays closed.",
    ),
    Status.ADVISORY: Word(
        "advisory",
        "▲",
        "warn",
        "The requirement is broken at a severity below the gate's threshold. Listed; does not close the gate.",
    ),
    Status.WAIVED: Word(
        "waived",
        "◇",
        "calm",
        "The requirement is broken and a named person accepts that until a date. Does not close the gate; the "
        "clause is still not met.",
    ),
    Status.NOT_RUN: Word(
        "not run",
        "○",
        "dim",
        "Not judged: not allowed in this run, an input or tool is missing, deselected, or the run ended before it. "
        "The gate stays closed unless the profile says that it is only listed.",
    ),
    Status.PASS: Word("pass", "✓", "good", "The control saw what it expects, at every address of the subject."),
    Status.NOT_APPLICABLE: Word(
        "not applicable",
        "–",  # noqa: RUF001 (a dash, not a minus)
        "dim",
        "The requirement has no object here, for example because the port is closed.",
    ),
}
"""Every status, in the order in which a reader wants them: what is wrong first."""

FINDINGS = (Status.FAIL, Status.ERROR, Status.INDETERMINATE, Status.ADVISORY, Status.WAIVED)
"""The statuses that ask somebody to do or to know something."""

SEVERITIES = tuple(sorted(Severity, reverse=True))
"""From critical to info."""

SEVERITY_TONE: Mapping[Severity, str] = {
    Severity.CRITICAL: "bad",
    Severity.HIGH: "bad",
    Severity.MEDIUM: "warn",
    Severity.LOW: "calm",
    Severity.INFO: "dim",
}

CLAUSE: Mapping[ClauseStatus, Word] = {
    ClauseStatus.MET: Word(
        "met",
        "✓",
        "good",
        "Every way of showing it that is in scope has controls, and all of them pass. The matrix says met (in scope) "
        "where other ways are not part of this run.",
    ),
    ClauseStatus.ATTESTED: Word(
        "attested", "◆", "calm", "A named person states it, with evidence and an expiry; no program can measure it."
    ),
    ClauseStatus.NOT_MET: Word("not met", "✗", "bad", "A control of this clause fails. A waiver does not change that."),
    ClauseStatus.UNDETERMINED: Word(
        "undetermined",
        "?",
        "warn",
        "A control of this clause gave no answer or applied nowhere, or an attestation is missing.",
    ),
    ClauseStatus.PARTLY_COVERED: Word(
        "partly covered",
        "◐",
        "warn",
        "What was looked at passes, but the controls of this version show only a part of the clause.",
    ),
    ClauseStatus.NOT_COVERED_YET: Word(
        "not covered yet", "○", "dim", "No control of this version reaches it. It is not counted as met."
    ),
    ClauseStatus.OUT_OF_SCOPE: Word(
        "out of scope",
        "–",  # noqa: RUF001
        "dim",
        "None of the ways of showing it is part of this run. It is not counted as met.",
    ),
}
"""Every status of a clause, from met to out of scope."""

WAY: Mapping[WayState, Word] = {
    WayState.PASSING: Word("passing", "✓", "good", "Its controls pass."),
    WayState.ATTESTED: Word("attested", "◆", "calm", "A valid attestation states it."),
    WayState.FAILING: Word("failing", "✗", "bad", "One of its controls fails."),
    WayState.UNDETERMINED: Word("undetermined", "?", "warn", "One of its controls gave no answer."),
    WayState.PARTLY_COVERED: Word("partly covered", "◐", "warn", "Its controls pass, but show only a part."),
    WayState.NOT_COVERED_YET: Word("not covered yet", "○", "dim", "No control of this version reaches it."),
    WayState.OUT_OF_SCOPE: Word("out of scope", "–", "dim", "Not part of this run."),  # noqa: RUF001
}

TRANSPORT: Mapping[Tone, Word] = {
    Tone.PLAIN: Word("seen", "", "plainly", "It was seen, and nothing is to be said of it."),
    Tone.WEAK: Word(
        "weak", "▼", "bad", "a version below TLS 1.2, a suite of a weak kind, a certificate out of its time"
    ),
    Tone.UNKNOWN: Word("not known", "?", "warn", "it, or the rest of it, could not be seen"),
    Tone.NOTHING: Word("absent", "–", "dim", "seen not to be there"),  # noqa: RUF001
}
"""How what was seen of the transport stands out."""

AGREEMENT: Mapping[Agreement, Word] = {
    Agreement.AGREES: Word("agrees", "✓", "good", "what is shown is what is published"),
    Agreement.DIFFERS: Word("differs", "✗", "bad", "something else is published, or it is not signed right"),
    Agreement.UNKNOWN: Word("not known", "?", "warn", "it could not be seen, or not be compared"),
    Agreement.NOTHING: Word("nothing", "–", "dim", "there is nothing to compare"),  # noqa: RUF001
}
"""How what an MX host shows stands to what is published of it."""

MEDIUM: Mapping[str, str] = {
    "probe": "a conversation with the server",
    "dns": "published DNS records",
    "roundtrip": "a message sent and fetched again",
    "client": "the sending program, run",
    "source": "the sending program's code",
    "deploy": "deployment files",
    "host": "the mail host itself",
    "metrics": "the monitoring system",
    "attest": "a person's statement",
}
"""What each way of showing a clause looks at."""


@dataclass(frozen=True)
class VerdictWord:
    """The verdict in one word, and the sentence that goes with it."""

    word: str
    symbol: str
    tone: str
    sentence: str


def verdict(report: Report) -> VerdictWord:
    """What the report as a whole says. Only a finished report with an open gate says OPEN."""
    if not report.finished:
        return VerdictWord(
            "CLOSED, NOT FINISHED",
            "✗",
            "warn",
            "The audit that began this report is still running, or it was killed before its end. Nothing below is a "
            "result.",
        )
    threshold = report.gate.threshold
    if report.gate.open:
        scope = ", ".join(report.identity.scope) or "none"
        return VerdictWord(
            "OPEN",
            "✓",
            "good",
            f"Within the scope of this run ({scope}) every control was judged or is accounted for, and nothing at "
            f"severity {threshold} or above keeps the gate closed.",
        )
    count = len(report.gate.reasons)
    why = "one reason" if count == 1 else f"{count} reasons"
    return VerdictWord(
        "CLOSED", "✗", "bad", f"There {'is' if count == 1 else 'are'} {why}. Severities from {threshold} upwards block."
    )


def certificate_reasons(report: Report) -> tuple[str, ...]:
    """Why the certificate is `none`; empty when it is `full`."""
    if report.certificate == "full":
        return ()
    reasons: list[str] = []
    if not report.finished:
        reasons.append("the audit has not finished")
    if not report.gate.open:
        reasons.append("the gate is closed")
    absent = [scope for scope in report.profile.certificate_scope if scope not in report.identity.scope]
    if absent:
        reasons.append(f"the profile demands more scopes than this run had: {', '.join(absent)}")
    counts = report.coverage.counts
    held = (ClauseStatus.MET, ClauseStatus.ATTESTED)
    lacking = [f"{n} {CLAUSE[status].name}" for status, n in counts.items() if n and status not in held]
    total = len(report.coverage.clauses)
    if lacking:
        missing = total - sum(counts[status] for status in held)
        reasons.append(f"{missing} of {total} clauses are neither met nor attested ({', '.join(lacking)})")
    if not total:
        reasons.append("the profile's standard has no clauses")
    return tuple(reasons) or ("the run did not ask for it",)
