"""The suite as pytest sees it: a virtual folder, a collector for each host, an item for each control and subject."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from smtp_audit.judge import Pair
from smtp_audit.plugin.audit import Audit
from smtp_audit.plugin.naming import group_name, item_name
from smtp_audit.plugin.outcomes import ControlFailed, SmtpAuditWarning
from smtp_audit.plugin.stash import AUDIT
from smtp_audit.plugin.wording import explain, explain_again
from smtp_audit.record import Record, Status, WhenNotRun

_TOLD = pytest.StashKey[dict[tuple[str, str], str]]()
"""Which item of this process told first why nothing could be determined: its node id, by host and reason."""


class AuditSuite(pytest.Directory):
    """The root of the suite. Its made-up path gives node ids their first part; nothing is ever read from it."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector for each host or domain."""
        groups: dict[str, list[Pair]] = {}
        for pair in self.config.stash[AUDIT].chosen:
            groups.setdefault(group_name(pair[1]), []).append(pair)
        for name, pairs in groups.items():
            yield AuditGroup.from_parent(self, name=name, path=self.config.rootpath, pairs=pairs)


class AuditGroup(pytest.Collector):
    """What belongs to one host or domain."""

    def __init__(self, *, pairs: list[Pair], **rest: Any) -> None:
        super().__init__(**rest)
        self.pairs = pairs

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each control and subject."""
        for control, subject in self.pairs:
            # Given as text, the id is the same to pytest as one read back from its cache: --lf and --sw compare them.
            name = item_name(control, subject)
            yield ControlItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", pair=(control, subject))


class ControlItem(pytest.Item):
    """One control on one subject.

    `setup` gathers and judges, so that what could not be determined is a test error; `runtest` raises for a failure.
    The record travels to the keeper of the gate on the report (`reporting`).
    """

    def __init__(self, *, pair: Pair, **rest: Any) -> None:
        super().__init__(**rest)
        self.control, self.subject = pair
        self.record: Record | None = None
        self.rule = self.audit.plan.profile.rule(self.control)
        self._mark()
        self._tell_junit()

    @property
    def audit(self) -> Audit:
        """The audit of this session."""
        return self.config.stash[AUDIT]

    @property
    def role(self) -> str:
        """The role of the endpoint; empty for a domain."""
        return str(getattr(self.subject, "role", ""))

    def setup(self) -> None:
        """Judge; anything but a pass or a failure ends here."""
        self.record = None
        if self.audit.dry:
            return
        record = self.record = self.audit.judge(self.control, self.subject)
        self._tell_junit()
        match record.status:
            case Status.INDETERMINATE:
                self._give_no_answer(record)
            case Status.ERROR:
                pytest.fail(explain(record), pytrace=False)
            case Status.NOT_RUN if record.when_not_run is not WhenNotRun.LIST:
                pytest.fail(explain(record), pytrace=False)
            case Status.NOT_RUN:
                pytest.skip(f"not run: {record.summary}")
            case Status.NOT_APPLICABLE:
                pytest.skip(f"not applicable: {record.summary}")

    def runtest(self) -> None:
        """Fail, warn or pass as the record says."""
        record = self.record
        if record is None:
            raise RuntimeError(f"{self.nodeid} was not judged before it was run")
        match record.status:
            case Status.FAIL if record.waiver is not None and record.waiver.state == "stale":
                # Not ControlFailed: the mark of the waiver expects that one.
                pytest.fail(explain(record), pytrace=False)
            case Status.FAIL | Status.WAIVED:
                raise ControlFailed(explain(record))
            case Status.ADVISORY:
                self._advise(record)
            case Status.PASS:
                pass
            case _:
                raise RuntimeError(f"{self.nodeid} went on with the status {record.status}")

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """No file and line: the control has a title."""
        return self.path, None, f"{self.subject.key}: {self.control.title}"

    def _give_no_answer(self, record: Record) -> NoReturn:
        """Say why in full, or in one line where an item of this host has said the same already.

        A host that cannot be reached would else fill the terminal with one text a hundred times.
        """
        told = self.config.stash.setdefault(_TOLD, {})
        if told.setdefault((record.group, record.summary), self.nodeid) == self.nodeid:
            pytest.fail(explain(record), pytrace=False)
        failure = pytest.fail.Exception(explain_again(record), pytrace=False)
        # A note is not shown on the terminal; it is part of the message that JUnit files keep.
        failure.add_note(explain(record))
        raise failure

    def _mark(self) -> None:
        clauses = self.rule.clauses
        self.add_marker("smtp_audit")
        self.add_marker(pytest.mark.smtp_control(id=self.control.id))
        self.add_marker(pytest.mark.smtp_severity(level=str(self.rule.severity)))
        if self.role:
            self.add_marker(pytest.mark.smtp_role(name=self.role))
        for clause in clauses:
            self.add_marker(pytest.mark.smtp_clause(id=clause))
        self.extra_keyword_matches.update((self.role, str(self.rule.severity), *clauses))
        self.extra_keyword_matches.discard("")
        plan = self.audit.plan
        for waiver in plan.config.waivers:
            if waiver.covers(self.control.id, self.subject.key) and not waiver.expired(self.audit.planned_at.date()):
                # Strict, and for a failure only: an error is never waived.
                reason = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
                self.add_marker(pytest.mark.xfail(raises=ControlFailed, strict=True, reason=reason))
                break

    def _tell_junit(self) -> None:
        told = {
            "smtp_control": self.control.id,
            "smtp_subject": self.subject.key,
            "smtp_severity": str(self.rule.severity),
            "smtp_clauses": ",".join(self.rule.clauses),
            "smtp_status": str(self.record.status) if self.record else "",
        }
        others = [(name, value) for name, value in self.user_properties if name not in told]
        self.user_properties[:] = [*others, *((name, value) for name, value in told.items() if value)]

    def _advise(self, record: Record) -> None:
        with warnings.catch_warnings():
            # A user's "-W error" is about code; it must not turn advice into a failure of the run.
            warnings.simplefilter("always", SmtpAuditWarning)
            warning = SmtpAuditWarning(f"{record.severity}: {record.summary}")
            warnings.warn_explicit(warning, category=None, filename=self.nodeid, lineno=0)
