"""pytest-xdist: the controller looks up and gathers once; the workers get plan and facts as text, and only judge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smtp_audit.configuration.model import Config
from smtp_audit.facts.dns import Found
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.plan import Plan, prepare
from smtp_audit.plugin.audit import Audit

_KEY = "smtp_audit"


class Distribution:
    """The controller's side."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self._message: str | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand the facts to a worker. For the first they are gathered; a crashed worker's successor gets the same."""
        if self._message is None:
            self._message = self._compose()
        node.workerinput[_KEY] = self._message

    def _compose(self) -> str:
        plan = self.audit.plan
        snapshot = None if self.audit.dry else self.audit.snapshot()
        # Judging needs no password, and what is not sent cannot be shown.
        bare = plan.config.model_copy(update={"credentials": None})
        return json.dumps(
            {
                "config": bare.model_dump_json(),
                "found": plan.found.model_dump_json(),
                "snapshot": None if snapshot is None else snapshot.model_dump_json(),
            }
        )


def received_plan(workerinput: dict[str, Any]) -> Plan:
    """The worker's side: the same plan, with the controller's facts in it.

    Raises:
        pytest.UsageError: the controller sent nothing.
    """
    if _KEY not in workerinput:
        raise pytest.UsageError("smtp_audit: the xdist controller sent no plan: is the plugin switched off there?")
    message = json.loads(workerinput[_KEY])
    snapshot = message["snapshot"]
    return prepare(
        Config.model_validate_json(message["config"]),
        found=Found.model_validate_json(message["found"]),
        recorded=None if snapshot is None else Snapshot.parse(snapshot, "the facts from the controller"),
    )
