"""Whether a program that sends mail tells the truth: about failures, to its logs, and in time."""

from __future__ import annotations

import re

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.client_transport import played, require_seen, sending, told_run
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import OTHER_PORT, Claim, Duty, TrapFacts
from smtp_audit.facts.subject import ClientProgram

_COMMANDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:EHLO|HELO) [\w\[]",
        r"\bMAIL FROM:\s?<",
        r"\bRCPT TO:\s?<",
        r"\bAUTH (?:PLAIN|LOGIN) \S",
        r"\b250[- ]SIZE ",
    )
)
"""What a printed SMTP dialogue has. Messages about errors name one of them at most."""


def _is_dialogue(text: str) -> bool:
    return sum(1 for pattern in _COMMANDS if pattern.search(text)) > 1


@control(
    "client-reports-failure",
    title="A message that was not taken is reported as not sent",
    expects="success is claimed only where a server took the message",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 section 6.1",),
    remedy={"any": "let errors of the library through; no catch that logs and goes on; await the result of sending"},
)
def reports_failure(traps: TrapFacts, rule: Rule) -> Verdict:
    """A program that says "sent" for what nobody took loses mail silently: password resets, alerts, invoices.

    Every scenario counts in which the message was not taken, from a refused connection to 4yz after the final dot.
    """
    runs = played(traps, traps.runs)
    lying = [run for run in runs if run.execution.claim is Claim.SENT and not run.acknowledged]
    if lying:
        names = ", ".join(run.scenario for run in lying[:12]) + (" ..." if len(lying) > 12 else "")
        return fail(f"claims success for what nobody took: {names}", evidence=[told_run(run) for run in lying])
    require_seen(traps.runs, visited=False)
    failing = [run for run in runs if not run.acknowledged]
    return passed(f"reports failure in all {len(failing)} scenarios without a delivery")


@control(
    "client-reports-success",
    title="A message that was taken is reported as sent",
    expects="failure is claimed only where no server took the message",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 section 6.1",),
    remedy={"any": "250 after the final dot is the end: what goes wrong behind it (QUIT, a close) changes nothing"},
)
def reports_success(traps: TrapFacts, rule: Rule) -> Verdict:
    """A delivered message that is called failed is sent again: the recipient gets it twice.

    Once the server has said 250 to the final dot the message is its own (RFC 5321 section 6.1).
    """
    sending(traps)
    runs = [run for run in traps.runs if run.duty is Duty.DELIVER and run.acknowledged]
    lying = [run for run in runs if run.execution.claim is not Claim.SENT]
    if lying:
        return fail(
            f"calls failed what was taken: {', '.join(run.scenario for run in lying)}",
            evidence=[told_run(run) for run in lying],
        )
    return passed(f"reports success in all {len(runs)} scenarios with a delivery")


@control(
    "client-no-duplicates",
    title="A message is sent once",
    expects="no server takes the same message twice, also after an unknown outcome",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 section 4.5.4.1", "RFC 1047"),
    remedy={"any": "no retry behind the final dot without the same Message-ID and a queue that knows of it"},
)
def no_duplicates(traps: TrapFacts, rule: Rule) -> Verdict:
    """When the connection breaks behind the final dot nobody knows whether the message was taken: a retry doubles it.

    Report the unknown outcome, or leave retrying to a queue.
    """
    runs = played(traps, traps.runs)
    twice = [run for run in runs if len(run.deliveries) > 1]
    if twice:
        names = ", ".join(f"{run.scenario} ({len(run.deliveries)} times)" for run in twice)
        return fail(f"sends a message again: {names}", evidence=[told_run(run) for run in twice])
    require_seen(traps.runs, visited=False)
    return passed(f"sends no message twice ({len(runs)} scenarios)")


@control(
    "client-no-fallback",
    title="There is no other way when the server fails",
    expects="it connects to the configured server and to nothing else",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 8314 section 4.1",),
    remedy={"any": "no second transport, no API of a mail service, no delivery by MX as a fallback"},
)
def no_fallback(traps: TrapFacts, rule: Rule) -> Verdict:
    """A fallback takes mail to where nobody agreed to: an external service, a test server, a console.

    In the private network of the audit every address is this machine's: connections to the ports of mail, its test
    servers and the web are heard, and so is every name that is asked for. Nothing listens on other ports.
    """
    if not traps.contained:
        raise Undetermined(f"strays could not be heard: {traps.containment}")
    runs = played(traps, traps.runs)
    # A program that has one port comes to it also where it is told another, of the same host: that is no other way.
    own = {run.scenario for run in traps.runs} - {run.scenario for run in traps.asked}
    strays = {
        run.scenario: [stray for stray in run.strays if run.scenario not in own or not stray.startswith(OTHER_PORT)]
        for run in runs
    }
    if any(strays.values()):
        where = sorted({stray for each in strays.values() for stray in each})
        return fail(
            f"goes elsewhere: {', '.join(where[:6])}",
            evidence=[f"{scenario}: {', '.join(each)}" for scenario, each in strays.items() if each],
        )
    require_seen(traps.runs, visited=False)
    return passed(
        f"connects to nothing but the configured server ({len(runs)} scenarios)", evidence=[traps.containment]
    )


@control(
    "client-timeouts",
    title="A server that says nothing is given up in time",
    expects="silence at any point ends the attempt within {seconds} s of the connection",
    subject=ClientProgram,
    needs=TrapFacts,
    parameters={"seconds": float},
    medium=Medium.CLIENT,
    spec=("RFC 5321 section 4.5.3.2",),
    remedy={
        "nodemailer": "connectionTimeout, greetingTimeout, socketTimeout and dnsTimeout",
        "python": "smtplib.SMTP(host, port, timeout=30): without it a silent server is waited for for ever",
        "any": "a time limit on connecting, on the greeting and on every reply",
    },
)
def timeouts(traps: TrapFacts, rule: Rule) -> Verdict:
    """A program without time limits hangs with its server, and with it the request, the worker and at last the service.

    Silence is tried at the greeting, STARTTLS, the handshake, the login and the final dot.
    """
    limit: float = rule["seconds"]
    asked = [run for run in traps.asked if run.group == "hangs"]
    runs = [run for run in played(traps, asked) if run.visits]
    hanging = [
        run
        for run in runs
        if run.execution.claim is Claim.HUNG
        or (run.execution.since_connect is not None and run.execution.since_connect > limit)
    ]
    if hanging:
        names = ", ".join(f"{run.scenario} ({run.execution.since_connect} s)" for run in hanging)
        return fail(f"waits too long: {names}", evidence=[told_run(run) for run in hanging])
    require_seen(asked)
    slowest = max((run.execution.since_connect or 0.0) for run in runs)
    return passed(f"gives up within {slowest:.0f} s in all {len(runs)} scenarios")


@control(
    "client-secrets-not-logged",
    title="No secret is in the program's output",
    expects="neither the password nor the dialogue with the server is printed or written to a watched file",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 4954 section 9",),
    remedy={
        "nodemailer": "no debug: true and no logger: true in production",
        "python": "no set_debuglevel",
        "phpmailer": "$mail->SMTPDebug = SMTP::DEBUG_OFF",
        "any": "no protocol debugging in production",
    },
)
def secrets_not_logged(traps: TrapFacts, rule: Rule) -> Verdict:
    """Logs are read by many, shipped to others and kept for years: a password in them is a password given away.

    Base64 is no protection: AUTH PLAIN and LOGIN in a debug log are the password itself.
    """
    runs = played(traps, traps.runs)
    leaking = sorted({name for run in runs for name in run.execution.leaks})
    if leaking:
        where = [run.scenario for run in runs if run.execution.leaks]
        return fail(f"prints {', '.join(leaking)} in {len(where)} scenarios", evidence=where[:20])
    chatty = [run for run in runs if any(_is_dialogue(text) for text in run.execution.output)]
    if chatty:
        shown = next(text for text in chatty[0].execution.output if _is_dialogue(text))
        return fail(f"prints the dialogue in {len(chatty)} scenarios", evidence=[shown[:400]])
    require_seen(traps.runs, visited=False)
    return passed(f"prints neither secrets nor the dialogue ({len(runs)} scenarios)")


@control(
    "client-login-mechanism",
    title="No login is tried that the server does not offer inside TLS",
    expects="without a usable mechanism inside TLS the program reports failure",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 4954 section 4", "RFC 8314 section 3.3"),
    remedy={"any": "demand a login: a server that offers none is not the one that was configured"},
)
def login_mechanism(traps: TrapFacts, rule: Rule) -> Verdict:
    """A submission server that asks for no login is misconfigured or somebody else's: mail given to it is given away.

    The message goes out unauthenticated, and the program never notices that its account was not used.
    """
    asked = [run for run in traps.runs if run.group == "authentication"]
    runs = played(traps, asked)
    silent = [run for run in runs if run.duty is Duty.REPORT and run.acknowledged]
    if silent:
        return fail(
            f"sends without a login: {', '.join(run.scenario for run in silent)}",
            evidence=[told_run(run) for run in silent],
        )
    if not any(run.duty is Duty.REPORT for run in runs):
        return not_applicable("no scenario without a login was played")
    require_seen(asked)
    return passed(f"sends nothing without a login ({len(runs)} scenarios)")
