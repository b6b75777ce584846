"""Whatever a probe does to a server is written down."""

from __future__ import annotations

import pytest

from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.probes.conversation.table import CONVERSATIONS
from smtp_audit.probes.effort import EFFORTS, roles_of, safety_of, told
from smtp_audit.probes.inspection import kinds_of
from smtp_audit.safety import Safety


@pytest.mark.parametrize("role", list(Role))
def test_every_kind_of_facts_is_told(role):
    kinds = kinds_of(Endpoint(role=role, host="mail.example.com", port=25))
    assert [kind for kind in kinds if not told(kind)] == []


def test_nothing_is_told_of_what_does_not_exist():
    assert [name for name in EFFORTS if not roles_of(name)] == []


def test_what_needs_something_is_not_passive():
    for name, effort in EFFORTS.items():
        if effort.needs or effort.messages != "none":
            assert safety_of(name) is not Safety.PASSIVE, name


def test_the_default_run_logs_in_once_at_most():
    assert [name for name in EFFORTS if safety_of(name) is Safety.PASSIVE and EFFORTS[name].logins != "none"] == [
        "clear_login"
    ]


def test_the_classes_are_those_of_the_conversations():
    for conversation in CONVERSATIONS:
        assert safety_of(conversation.facts.kind) is conversation.safety
        assert roles_of(conversation.facts.kind) == conversation.roles
