"""What a server puts up with, and the ports of its host."""

from __future__ import annotations

from tests.identity_factories import idle, idle_message, junk, parallel, ports

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_JUNK = {"most_commands": 30, "slow_seconds": 0.5}
_MANY = {"most_connections": 60}
_PORTS = {"forbidden_ports": [25, 6379, 10025]}
_DECLARED = {"allowed_ports": [80, 443], **_PORTS}
_OPEN = "idle_seconds"

CASES = (
    Case("junk-commands-limited", junk(*[0.0] * 20, ended="421 too many errors"), PASS, "at command 20: 421", _JUNK),
    Case("junk-commands-limited", junk(0.0, 0.0, ended="it hung up", sent=3), PASS, "command 3", _JUNK),
    Case("junk-commands-limited", junk(*[0.01] * 10, *[1.01] * 30), PASS, "slows down to 1.0 s", _JUNK),
    Case("junk-commands-limited", junk(*[0.01] * 40), FAIL, "40 junk commands at full speed, and goes on", _JUNK),
    Case("junk-commands-limited", junk(*[0.4] * 40), FAIL, "at full speed", _JUNK),  # far away, and not slowed down
    Case("junk-commands-limited", junk(*[0.0] * 35, ended="421"), FAIL, "answers 35 junk commands", _JUNK),
    Case("junk-commands-limited", junk(*[0.0] * 30, *[1.0] * 10), FAIL, "at full speed", _JUNK),  # too late
    Case("junk-commands-limited", junk(*[0.0] * 4), INDETERMINATE, "only 4 commands", _JUNK),
    #
    Case("connections-per-client-limited", parallel(), PASS, "serves 50 at once; another: greeted with 421", _MANY),
    Case("connections-per-client-limited", parallel(60, ""), FAIL, "serves 60 connections", _MANY),
    Case("connections-per-client-limited", parallel(60, ""), INDETERMINATE, "only 60", {"most_connections": 61}),
    #
    Case("idle-connection-closed", idle(), PASS, "421 4.4.2 timeout exceeded after 300 s", {"maximum_seconds": 330}),
    Case("idle-connection-closed", idle(330.02, ""), FAIL, "still open after 330 s", {"maximum_seconds": 330}),
    Case("idle-connection-closed", idle(400.0), FAIL, "after 400 s", {"maximum_seconds": 330}),
    Case("idle-connection-closed", idle(60.0, ""), INDETERMINATE, _OPEN, {"maximum_seconds": 330}),
    Case("idle-connection-closed", idle(unknown="too much"), INDETERMINATE, "too much", {"maximum_seconds": 330}),
    Case("idle-message-closed", idle_message(), PASS, "after 300 s", {"maximum_seconds": 330}),
    Case("idle-message-closed", idle_message(331, ""), FAIL, "still open", {"maximum_seconds": 330}),
    Case("idle-message-closed", idle_message(unknown="DATA -> 451"), INDETERMINATE, "451", {"maximum_seconds": 330}),
    Case("idle-patience", idle(299.6), PASS, "after 300 s", {"minimum_seconds": 300}),
    Case("idle-patience", idle(330.0, ""), PASS, "still open", {"minimum_seconds": 300}),
    Case("idle-patience", idle(10.0), FAIL, "after 10 s", {"minimum_seconds": 300}),
    Case("idle-patience", idle(10.0, ""), INDETERMINATE, _OPEN, {"minimum_seconds": 300}),
    Case("idle-patience", idle(unknown="too much"), INDETERMINATE, "too much", {"minimum_seconds": 300}),
    #
    Case("forbidden-ports-closed", ports(25, 80), PASS, "none of them is reachable", _PORTS),
    Case("forbidden-ports-closed", ports(25, 6379, 10025), FAIL, "take connections: 6379, 10025", _PORTS),
    Case("forbidden-ports-closed", ports(6379, trouble="banned"), FAIL, "6379", _PORTS),
    Case("forbidden-ports-closed", ports(25, trouble="banned"), INDETERMINATE, "banned", _PORTS),
    Case("forbidden-ports-closed", ports(judged_with="mail:25"), NOT_APPLICABLE, "judged with mail:25", _PORTS),
    Case("only-declared-ports", ports(25, 80, 443, 587), PASS, "no other port", _DECLARED),
    Case("only-declared-ports", ports(22, 25, 2525), FAIL, "nobody declared take connections: 22, 2525", _DECLARED),
    # The other control's.
    Case("only-declared-ports", ports(25, 6379), PASS, "no other port", _DECLARED),
    Case("only-declared-ports", ports(25, silent=(22,), trouble="banned"), INDETERMINATE, "banned", _DECLARED),
    Case("only-declared-ports", ports(judged_with="mail:25"), NOT_APPLICABLE, "judged with mail:25", _DECLARED),
)
