"""Programs that send mail: what they gave away, and what they claimed."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.client import OTHER_PORT, Channel, Claim, Duty, Group, LogEvent, ScenarioRun, TrapFacts
from tests.client_factories import HELLO, delivery, execution, good, health, run, traps, visit

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE
CLEAR, BAD, GOOD = Channel.CLEAR, Channel.BAD_TLS, Channel.GOOD_TLS
REFUSE, REPORT, EITHER, DELIVER = Duty.REFUSE, Duty.REPORT, Duty.EITHER, Duty.DELIVER
_MUTE = "inconclusive: it delivers nothing"
_SILENCE = {"seconds": 35.0}


def refused(scenario: str, group: Group, **more: Any) -> ScenarioRun:
    return run(scenario, group, REFUSE, **more)


def fell(scenario: str, group: Group, way: Channel, **more: Any) -> ScenarioRun:
    return run(scenario, group, REFUSE, visit(way), claim=Claim.SENT, **more)


def hung(scenario: str, seconds: float, claim: Claim = Claim.NOT_SENT) -> ScenarioRun:
    return run(scenario, "hangs", REPORT, execution=execution(claim, since_connect=seconds))


_STOPS = run(
    "good-rsa",
    "controls",
    DELIVER,
    execution=execution(Claim.NOT_SENT, status=3, output=("TypeError: createTransporter is no function",)),
)
_CHATTY = execution(output=("send: 'ehlo [127.0.0.1]' send: 'mail FROM:<a@b.example>'",))
_TERSE = execution(output=("SMTPNotSupportedError: STARTTLS, AUTH not offered",))
_NOT_STARTED = execution(Claim.NOT_STARTED)
_UNPLAYED = refused("starttls-stripped", "negotiation", detail="cannot be played here", execution=_NOT_STARTED)
_REFUSED_LOGIN = LogEvent(
    time="2026-01-31T12:00:00Z",
    text='{"time":"2026-01-31T12:00:00Z","event":"login","host":"mail-1.client-test.example"}',
)


def login_refused(*events: LogEvent, usual: tuple[LogEvent, ...] = (), way: Channel | None = GOOD) -> TrapFacts:
    """What a program wrote where its login was refused, and with a message that was sent."""
    here = run("auth-refused", "authentication", REPORT, visit(way), execution=execution(Claim.NOT_SENT, events=events))
    sent = run("good-rsa", "controls", DELIVER, visit(GOOD), execution=execution(events=usual))
    return traps(sent, here)


def _never_came(scenario: str = "implicit-certificate-expired", **more: Any) -> ScenarioRun:
    """A scenario of implicit TLS, whose port the program did not come to."""
    return refused(scenario, "implicit", implicit=True, **more).model_copy(update={"visits": ()})


_UNTRIED: dict[str, Any] = {"detail": "cannot be played here", "execution": _NOT_STARTED}
_UNSEEN = run("x", "hangs", REPORT, detail="cannot be played here", execution=_NOT_STARTED)

CASES = (
    Case("client-sends", traps(), PASS, "delivers to 1 sound servers"),
    Case(
        "client-sends",
        traps(run("good-rsa", "controls", DELIVER)),
        FAIL,
        "does not deliver, or does not say so: good-rsa",
    ),
    Case("client-sends", traps(good(claim=Claim.NOT_SENT)), FAIL, "does not say so"),
    Case("client-sends", traps(sends=False), INDETERMINATE, _MUTE),
    Case(
        "client-sends",
        TrapFacts(runs=(_STOPS,), contained=True, containment="a private network"),
        INDETERMINATE,
        "good-rsa: exit status 3, it wrote: TypeError: createTransporter is no function",
    ),
    #
    Case("client-starttls-required", traps(refused("starttls-stripped", "negotiation")), PASS, "(1 scenarios)"),
    Case("client-starttls-required", traps(fell("starttls-stripped", "negotiation", CLEAR)), FAIL, "starttls-stripped"),
    Case(
        "client-starttls-required",
        traps(fell("auth-cram-in-clear", "authentication", CLEAR)),
        FAIL,
        "auth-cram-in-clear",
    ),
    Case(
        "client-starttls-required",
        traps(fell("starttls-stripped", "negotiation", CLEAR), sends=False),
        INDETERMINATE,
        _MUTE,
    ),
    Case("client-starttls-required", traps(_UNPLAYED), INDETERMINATE, "none of the scenarios"),
    #
    Case(
        "client-starttls-injection",
        traps(run("injection-ehlo", "injection", EITHER, visit(GOOD))),
        PASS,
        "no injected reply",
    ),
    Case(
        "client-starttls-injection",
        traps(run("injection-ehlo", "injection", EITHER, visit(GOOD, acted_on_injection=True))),
        FAIL,
        "takes injected replies for the server's: injection-ehlo",
    ),
    Case("client-starttls-injection", traps(), INDETERMINATE, "none of the scenarios"),
    #
    Case("client-certificate-verified", traps(refused("certificate-expired", "certificates")), PASS, "every wrong"),
    Case(
        "client-certificate-verified",
        traps(fell("certificate-expired", "certificates", BAD)),
        FAIL,
        "certificate-expired",
    ),
    Case(
        "client-certificate-verified",
        traps(fell("implicit-certificate-star", "implicit", BAD)),
        FAIL,
        "implicit-certif",
    ),
    Case("client-certificate-verified", traps(sends=False), INDETERMINATE, _MUTE),
    Case(
        "client-certificate-verified",
        traps(refused("certificate-expired", "certificates"), _never_came()),
        PASS,
        "(1 scenarios); it comes to no port for implicit TLS, where 1 scenarios waited",
    ),
    Case(
        "client-certificate-verified",
        traps(
            refused("certificate-expired", "certificates"),
            run("implicit-good-tls13", "implicit", DELIVER, visit(GOOD), implicit=True),
            _never_came(),
        ),
        INDETERMINATE,
        "not seen: implicit-certificate-expired",
    ),
    Case(
        "client-certificate-verified",
        traps(
            refused("certificate-expired", "certificates"),
            _never_came(detail="cannot be played here", execution=_NOT_STARTED),
        ),
        INDETERMINATE,
        "not seen: implicit-certificate-expired",
    ),
    Case(
        "client-certificate-verified",
        traps(refused("certificate-expired", "certificates"), _never_came(claim=Claim.HUNG)),
        INDETERMINATE,
        "not seen: implicit-certificate-expired",
    ),
    #
    Case(
        "client-certificate-strict",
        traps(refused("certificate-cn-only", "certificates", warns=True)),
        PASS,
        "refuses what",
    ),
    Case(
        "client-certificate-strict",
        traps(fell("certificate-cn-only", "certificates", BAD, warns=True)),
        FAIL,
        "takes: cert",
    ),
    Case("client-certificate-strict", traps(), INDETERMINATE, "none of the scenarios"),
    #
    Case("client-tls-version", traps(refused("tls-tls10", "tls")), PASS, "offers TLS 1.3"),
    Case("client-tls-version", traps(fell("tls-tls10", "tls", BAD)), FAIL, "gives secrets over tls-tls10"),
    Case(
        "client-tls-version",
        traps(refused("tls-tls10", "tls"), sends=True).model_copy(
            update={
                "runs": (good(offer=HELLO.model_copy(update={"versions": ("TLSv1.2",)})), refused("tls-tls10", "tls"))
            }
        ),
        FAIL,
        "shuts TLS 1.3 out",
    ),
    Case(
        "client-tls-version",
        traps().model_copy(update={"runs": (good(offer=None), refused("tls-tls10", "tls"))}),
        INDETERMINATE,
        "no hello",
    ),
    #
    Case("client-server-name", traps(), PASS, "mail-1.client-test.example"),
    Case(
        "client-server-name",
        traps().model_copy(update={"runs": (good(offer=HELLO.model_copy(update={"server_name": None})),)}),
        FAIL,
        "another name or none: none",
    ),
    Case("client-server-name", traps().model_copy(update={"runs": (good(offer=None),)}), INDETERMINATE, "no hello"),
    #
    Case("client-timeouts", traps(hung("hang-greeting", 15.0), hung("hang-dot", 30.2)), PASS, "within 30 s", _SILENCE),
    Case("client-timeouts", traps(hung("hang-greeting", 36.0)), FAIL, "hang-greeting (36.0 s)", _SILENCE),
    Case("client-timeouts", traps(hung("hang-dot", 20.0, Claim.HUNG)), FAIL, "hang-dot", _SILENCE),
    Case("client-timeouts", traps(_UNSEEN), INDETERMINATE, "none of the scenarios", _SILENCE),
    #
    Case(
        "client-reports-failure", traps(run("fault-554-dot", "faults", REPORT, visit(GOOD, taken=False))), PASS, "all 1"
    ),
    Case(
        "client-reports-failure", traps(run("fault-554-dot", "faults", REPORT, claim=Claim.SENT)), FAIL, "fault-554-dot"
    ),
    Case("client-reports-failure", traps(sends=False), INDETERMINATE, _MUTE),
    #
    Case("client-reports-success", traps(), PASS, "all 1"),
    Case(
        "client-reports-success",
        traps(run("syntax-no-8bitmime", "syntax", DELIVER, visit(GOOD))),
        FAIL,
        "calls failed what was taken: syntax-no-8bitmime",
    ),
    Case("client-reports-success", traps(sends=False), INDETERMINATE, _MUTE),
    #
    Case("client-no-duplicates", traps(), PASS, "sends no message twice"),
    Case(
        "client-no-duplicates",
        traps(run("fault-close-dot", "faults", REPORT, visit(GOOD), visit(GOOD))),
        FAIL,
        "fault-close-dot (2 times)",
    ),
    Case(
        "client-no-duplicates",
        traps(run("fault-close-dot", "faults", REPORT, visit(GOOD, deliveries=(delivery(), delivery())))),
        FAIL,
        "fault-close-dot (2 times)",
    ),
    Case("client-no-duplicates", traps(sends=False), INDETERMINATE, _MUTE),
    #
    Case(
        "client-health-check",
        health(run("starttls-stripped", "negotiation", REFUSE)),
        PASS,
        "calls 1 sound servers healthy and 1 others not",
    ),
    Case(
        "client-health-check",
        health(run("certificate-expired", "certificates", REFUSE, claim=Claim.SENT)),
        FAIL,
        "calls healthy what is not: certificate-expired",
    ),
    Case(
        "client-health-check",
        health(run("starttls-stripped", "negotiation", REFUSE, visit(GOOD), claim=Claim.SENT)),
        PASS,
        "calls 1 sound servers healthy",
    ),
    Case(
        "client-health-check",
        health(run("auth-refused", "authentication", REPORT, visit(GOOD, taken=False), claim=Claim.SENT)),
        FAIL,
        "calls healthy what is not: auth-refused",
    ),
    Case(
        "client-health-check",
        health(run("hang-greeting", "hangs", REPORT, claim=Claim.HUNG)),
        PASS,
        "1 others not",
    ),
    Case(
        "client-health-check",
        health(run("starttls-stripped", "negotiation", REFUSE, visit(Channel.CLEAR, taken=False))),
        FAIL,
        "gives the password away: starttls-stripped",
    ),
    Case(
        "client-health-check",
        health(run("good-rsa", "controls", DELIVER)),
        FAIL,
        "calls a sound server not healthy: good-rsa",
    ),
    Case(
        "client-health-check",
        health(_never_came("implicit-good-tls13").model_copy(update={"duty": DELIVER})),
        PASS,
        "calls 1 sound servers healthy",
    ),
    Case("client-health-check", health(healthy=False), INDETERMINATE, "it calls no server healthy"),
    Case(
        "client-health-check",
        health(run("starttls-stripped", "negotiation", REFUSE, execution=execution(Claim.NOT_STARTED))),
        INDETERMINATE,
        "not seen: starttls-stripped",
    ),
    #
    Case("client-no-fallback", traps(), PASS, "nothing but the configured server"),
    Case(
        "client-no-fallback",
        traps(run("starttls-stripped", "negotiation", REFUSE, strays=("connected to 192.0.2.99 port 25",))),
        FAIL,
        "goes elsewhere: connected to 192.0.2.99 port 25",
    ),
    Case(
        "client-no-fallback",
        traps(run("fault-554-greeting", "faults", REPORT, strays=(f"{OTHER_PORT}25 of the configured host",))),
        FAIL,
        "goes elsewhere: connected to port 25 of the configured host",
    ),
    Case(
        "client-no-fallback",
        traps(_never_came(strays=(f"{OTHER_PORT}587 of the configured host",))),
        PASS,
        "nothing but the configured server",
    ),
    Case(
        "client-no-fallback",
        traps(_never_came(strays=("connected to 192.0.2.99 port 25",))),
        FAIL,
        "goes elsewhere: connected to 192.0.2.99 port 25",
    ),
    Case("client-no-fallback", traps(contained=False), INDETERMINATE, "strays could not be heard"),
    #
    Case("client-secrets-not-logged", traps(), PASS, "neither secrets nor the dialogue"),
    Case(
        "client-secrets-not-logged",
        traps(run("x", "faults", REPORT, execution=execution(leaks=("password",)))),
        FAIL,
        "prints password in 1 scenarios",
    ),
    Case(
        "client-secrets-not-logged",
        traps(
            run(
                "x",
                "faults",
                REPORT,
                execution=execution(output=("send: 'ehlo [127.0.0.1]' send: 'mail FROM:<a@b.example>'",)),
            )
        ),
        FAIL,
        "prints the dialogue",
    ),
    Case(
        "client-secrets-not-logged",
        traps(
            run(
                "x",
                "faults",
                REPORT,
                execution=execution(output=("SMTPNotSupportedError: STARTTLS, AUTH not offered",)),
            )
        ),
        PASS,
        "neither",
    ),
    Case("client-secrets-not-logged", traps(sends=False), INDETERMINATE, _MUTE),
    #
    Case(
        "client-login-mechanism",
        traps(run("auth-none", "authentication", REPORT)),
        PASS,
        "sends nothing without a login",
    ),
    Case(
        "client-login-mechanism",
        traps(run("auth-anonymous-only", "authentication", REPORT, visit(GOOD, credentials=None))),
        FAIL,
        "sends without a login: auth-anonymous-only",
    ),
    Case("client-login-mechanism", traps(run("auth-x", "authentication", EITHER)), NOT_APPLICABLE, "no scenario"),
    Case("client-login-mechanism", traps(), INDETERMINATE, "none of the scenarios"),
    #
    # What could not be played, or was not connected to, shows nothing; a fault that was seen counts all the same.
    Case(
        "client-certificate-verified",
        traps(refused("certificate-star", "certificates"), refused("certificate-expired", "certificates", **_UNTRIED)),
        INDETERMINATE,
        "not seen: certificate-expired",
    ),
    Case(
        "client-certificate-verified",
        traps(
            fell("certificate-star", "certificates", BAD), refused("certificate-expired", "certificates", **_UNTRIED)
        ),
        FAIL,
        "certificate-star",
    ),
    Case(
        "client-tls-version",
        traps(refused("tls-tls11", "tls"), refused("tls-tls10", "tls", **_UNTRIED)),
        INDETERMINATE,
        "not seen: tls-tls10",
    ),
    Case(
        "client-timeouts",
        traps(hung("hang-greeting", 15.0), hung("hang-dot", 1.0).model_copy(update={"visits": ()})),
        INDETERMINATE,
        "not seen: hang-dot",
        _SILENCE,
    ),
    Case("client-no-duplicates", traps(_UNPLAYED), INDETERMINATE, "not seen: starttls-stripped"),
    Case("client-no-fallback", traps(_UNPLAYED), INDETERMINATE, "not seen: starttls-stripped"),
    # A success without a connection is a simulation.
    Case(
        "client-reports-failure",
        traps(run("fault-554-dot", "faults", REPORT, claim=Claim.SENT).model_copy(update={"visits": ()})),
        FAIL,
        "fault-554-dot",
    ),
    #
    Case("client-login-logged", login_refused(_REFUSED_LOGIN), PASS, "with time and server"),
    Case(
        "client-login-logged",
        login_refused(usual=(_REFUSED_LOGIN,)),
        FAIL,
        "logs nothing of a login that is refused",
    ),
    Case(
        "client-login-logged",
        login_refused(
            _REFUSED_LOGIN.model_copy(update={"text": _REFUSED_LOGIN.text.replace("12:00", "12:31")}),
            usual=(_REFUSED_LOGIN,),
        ),
        FAIL,
        "logs nothing of a login",
    ),
    Case(
        "client-login-logged",
        login_refused(_REFUSED_LOGIN.model_copy(update={"time": ""})),
        FAIL,
        "the event of the refused login has no time",
    ),
    Case(
        "client-login-logged",
        login_refused(LogEvent(time="2026-01-31 12:00", text='{"event":"login"}')),
        FAIL,
        "does not name the server",
    ),
    Case("client-login-logged", login_refused(), INDETERMINATE, "no JSON that was seen"),
    Case("client-login-logged", login_refused(_REFUSED_LOGIN, way=None), INDETERMINATE, "it did not log in"),
    Case("client-login-logged", traps(), INDETERMINATE, "none of the scenarios"),
    Case("client-login-logged", traps(sends=False), INDETERMINATE, _MUTE),
)
