"""Facts about programs that send mail, for the cases of their controls."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.client import (
    Channel,
    Claim,
    Delivery,
    Duty,
    Execution,
    Group,
    HealthFacts,
    Offer,
    ScenarioRun,
    TrapFacts,
    Visit,
)

HELLO = Offer(
    versions=("TLSv1.3", "TLSv1.2"),
    suites=("TLS_AES_256_GCM_SHA384",),
    server_name="mail-1.client-test.example",
)


def delivery(*, acknowledged: bool = True, channel: Channel = Channel.GOOD_TLS, **more: Any) -> Delivery:
    """A message that arrived."""
    told = {"sender": "sender@client-test.example", "recipients": ("recipient@recipient.example",), **more}
    content = told.pop("content", "Subject: x\r\n\r\nx\r\n")
    return Delivery(content=content, channel=channel, acknowledged=acknowledged, **told)


def visit(way: Channel | None = Channel.GOOD_TLS, *, taken: bool = True, **more: Any) -> Visit:
    """A connection on which everything went `way`; None: nothing was given."""
    told: dict[str, Any] = {"port": 587, "offer": HELLO, "credentials": way, "body": way}
    if way is not None:
        told["deliveries"] = (delivery(acknowledged=taken, channel=way),)
    return Visit(**{**told, **more})


def execution(claim: Claim = Claim.SENT, **more: Any) -> Execution:
    """A run of the program."""
    return Execution(claim=claim, **{"status": 0 if claim is Claim.SENT else 1, "since_connect": 0.5, **more})


def run(
    scenario: str,
    group: Group,
    duty: Duty,
    *visits: Visit,
    claim: Claim = Claim.NOT_SENT,
    **more: Any,
) -> ScenarioRun:
    """A scenario that was played; without visits one on which nothing was given."""
    done = more.pop("execution", None) or execution(claim)
    return ScenarioRun(
        scenario=scenario,
        group=group,
        duty=duty,
        told=more.pop("told", "what is wrong"),
        execution=done,
        visits=visits or (visit(None),),
        **more,
    )


def good(*, claim: Claim = Claim.SENT, **more: Any) -> ScenarioRun:
    """A delivery to a sound server."""
    return run("good-tls13", "controls", Duty.DELIVER, visit(**more), claim=claim)


def traps(*runs: ScenarioRun, sends: bool = True, contained: bool = True) -> TrapFacts:
    """What was played, after a control that delivered, or not."""
    control = good() if sends else run("good-tls13", "controls", Duty.DELIVER, visit(None))
    return TrapFacts(runs=(control, *runs), contained=contained, containment="a private network")


def health(*runs: ScenarioRun, healthy: bool = True) -> HealthFacts:
    """What a health check said, after what it said of a sound server."""
    claim = Claim.SENT if healthy else Claim.NOT_SENT
    sound = run("good-tls13", "controls", Duty.DELIVER, visit(Channel.GOOD_TLS, deliveries=(), body=None), claim=claim)
    return HealthFacts(runs=(sound, *runs), contained=True, containment="a private network")
