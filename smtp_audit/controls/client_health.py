"""Whether the health check of a program that sends mail tells the truth."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, passed
from smtp_audit.controls.client_transport import require_seen
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Channel, Claim, Duty, HealthFacts, ScenarioRun
from smtp_audit.facts.subject import ClientProgram

_MOST_NAMED = 12


def _told(run: ScenarioRun) -> str:
    said = {Claim.SENT: "healthy", Claim.NOT_SENT: "not healthy"}.get(run.execution.claim, str(run.execution.claim))
    way = f", gave a password over {run.exposed}" if run.exposed not in (None, Channel.GOOD_TLS) else ""
    detail = f", {run.execution.detail}" if run.execution.detail else ""
    return f"{run.scenario} ({run.told}): {said}{way}{detail}"


def _names(runs: list[ScenarioRun]) -> str:
    return ", ".join(run.scenario for run in runs[:_MOST_NAMED]) + (" ..." if len(runs) > _MOST_NAMED else "")


def _found_sound(run: ScenarioRun) -> bool:
    """Whether it logged in inside TLS that turned out right: STARTTLS works, though it is not offered."""
    return run.duty is Duty.REFUSE and run.exposed is Channel.GOOD_TLS


@control(
    "client-health-check",
    title="The health check reports the truth",
    expects="sound servers are called healthy; those that mail cannot or must not go to are not",
    subject=ClientProgram,
    needs=HealthFacts,
    medium=Medium.CLIENT,
    spec=("RFC 8314 section 4.1", "RFC 4954 section 4"),
    remedy={
        "nodemailer": "await transporter.verify() with the transport that sends, and report its error",
        "any": "connect, STARTTLS, verify the certificate and log in as sending does; 0 only if all of it worked",
    },
    needs_words="[[client]] health",
)
def health_check(health: HealthFacts, rule: Rule) -> Verdict:
    """A check that always says "healthy" hides the outage; one that says so of a wrong certificate hides an attack.

    It is asked about sound servers, servers without or with broken TLS, wrong certificates, old versions, refused
    logins, and servers that close or hang. What shows only while a message is sent is not asked of it.
    """
    sound = [run for run in health.asked if run.duty is Duty.DELIVER]
    wrong = [run for run in health.asked if run.duty is not Duty.DELIVER]
    fooled = [run for run in wrong if run.execution.claim is Claim.SENT and not _found_sound(run)]
    if fooled:
        return fail(f"calls healthy what is not: {_names(fooled)}", evidence=[_told(run) for run in fooled])
    exposed = [run for run in wrong if run.exposed in (Channel.CLEAR, Channel.BAD_TLS)]
    if exposed:
        return fail(f"gives the password away: {_names(exposed)}", evidence=[_told(run) for run in exposed])
    calm = [run for run in sound if run.execution.claim is Claim.SENT]
    if not calm:
        told = "; ".join(_told(run) for run in sound) or "no sound server was played"
        raise Undetermined(f"inconclusive: it calls no server healthy ({told})")
    alarmed = [run for run in sound if run.played and run not in calm]
    if alarmed:
        return fail(f"calls a sound server not healthy: {_names(alarmed)}", evidence=[_told(run) for run in alarmed])
    require_seen(health.asked)
    return passed(
        f"calls {len(calm)} sound servers healthy and {len(wrong)} others not",
        evidence=[_told(run) for run in health.asked],
    )
