"""Every scenario, group by group."""

from __future__ import annotations

from smtp_audit.probes.client.traps.scenario import Duty, Scenario

SCENARIOS: tuple[Scenario, ...] = (Scenario("good-tls13", "controls", Duty.DELIVER, "a sound server with TLS 1.3"),)
