"""Whether a program that sends mail logs what an investigator looks for: refused logins, and mail that it blocked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from smtp_audit.control import Medium, Rule, Verdict, control, fail, passed
from smtp_audit.controls.client_shape import base_of, demand_all, judged, told_message
from smtp_audit.controls.client_transport import played, require_seen, sending
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Claim, LogEvent, TrapFacts
from smtp_audit.facts.client_messages import ClientMessageFacts, SentMessage, Sort
from smtp_audit.facts.subject import ClientProgram

_REFUSED_LOGIN = "auth-refused"
_CHANGING = re.compile(r"[0-9a-f]{8,}|[0-9]+", re.IGNORECASE)
_UNSEEN = "it writes no JSON that was seen; [[client]] watch names the folder of its log files"
_REMEDY = {
    "nodemailer": "catch the error of sendMail and log JSON: time, event, host, error.code, error.responseCode",
    "python": "a logging.Formatter that writes json.dumps: time, event, host, outcome; to standard error or a file",
    "any": "one JSON object a line: time (ISO 8601), event, server, outcome; no password, token or full address",
}


def _unusual(events: Iterable[LogEvent], usual: Iterable[LogEvent]) -> list[LogEvent]:
    """Events that do not come with a message that is sent; numbers and identifiers do not tell them apart."""
    known = {_CHANGING.sub("0", event.text) for event in usual}
    return [event for event in events if _CHANGING.sub("0", event.text) not in known]


def _dated(events: Sequence[LogEvent], what: str) -> Verdict | list[LogEvent]:
    """The events with a time; without one it is a fault."""
    dated = [event for event in events if event.time]
    if events and not dated:
        return fail(f"the event of {what} has no time", evidence=[event.text for event in events])
    return dated


@control(
    "client-login-logged",
    title="A refused login is logged",
    expects="a login that the server refuses leaves a line of JSON with the time and the server",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("OWASP ASVS 16.3.1", "CWE-778"),
    remedy=_REMEDY,
)
def login_logged(traps: TrapFacts, rule: Rule) -> Verdict:
    """A refused login is a changed password, or somebody else's server: whoever looks for either has the log alone.

    Looked at are JSON objects on standard output, standard error and in watched files, the reply to the caller aside.
    """
    asked = [run for run in traps.runs if run.scenario == _REFUSED_LOGIN]
    (run,) = played(traps, asked)
    require_seen(asked)
    if all(visit.credentials is None for visit in run.visits):
        raise Undetermined("it did not log in where the login is refused")
    if not any(each.execution.events for each in traps.runs):
        raise Undetermined(_UNSEEN)
    usual = [event for each in sending(traps) for event in each.execution.events]
    events = _dated(_unusual(run.execution.events, usual), "the refused login")
    if not isinstance(events, list):
        return events
    if not events:
        return fail("logs nothing of a login that is refused", evidence=[event.text for event in usual[:4]])
    names = {visit.offer.server_name for visit in run.visits if visit.offer and visit.offer.server_name}
    if names and not any(name in event.text for name in names for event in events):
        return fail("the event of the refused login does not name the server", evidence=[e.text for e in events])
    return passed("logs a login that is refused, with time and server", evidence=[event.text for event in events])


@control(
    "client-block-logged",
    title="Mail that the program blocks is logged",
    expects="a recipient at a service for throw-away mailboxes that is refused leaves a line of JSON with the time",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("OWASP ASVS 16.3.3", "CWE-778"),
    remedy=_REMEDY,
)
def block_logged(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Somebody who tries many such recipients is looking for a way around the rule, and is seen in the log or nowhere.

    That it is refused is judged by client-disposable-recipients; here counts what is written then.
    """
    base = base_of(facts)
    tried = facts.of(Sort.DISPOSABLE)
    refused = [
        message for message in judged(tried) if not message.arrivals and message.execution.claim is Claim.NOT_SENT
    ]
    if not refused:
        raise Undetermined("no such recipient was seen refused")
    if not any(message.execution.events for message in facts.messages):
        raise Undetermined(_UNSEEN)
    silent: list[SentMessage] = []
    logged: list[LogEvent] = []
    for message in refused:
        events = _dated(_unusual(message.execution.events, base.execution.events), message.value)
        if not isinstance(events, list):
            return events
        if not events:
            silent.append(message)
        logged += events
    if silent:
        values = ", ".join(message.value for message in silent)
        return fail(f"logs nothing of blocked recipients: {values}", evidence=[told_message(each) for each in silent])
    demand_all(tried)
    return passed(f"logs {len(refused)} recipients that it blocks", evidence=[event.text for event in logged[:4]])
