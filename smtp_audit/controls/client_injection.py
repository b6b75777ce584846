"""Whether a value that a program is given can become more than a value: header fields, recipients, messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtp_audit.control import Medium, Rule, Verdict, control, fail, passed
from smtp_audit.controls.client_shape import (
    base_of,
    demand_all,
    envelope_faults,
    header_faults,
    judged,
    named,
    own_names,
    told_message,
    unused,
)
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Claim
from smtp_audit.facts.client_messages import ClientMessageFacts, SentMessage, Sort
from smtp_audit.facts.subject import ClientProgram
from smtp_audit.mailtext import canonical


def _control_of(facts: ClientMessageFacts, field: str) -> SentMessage:
    """The control to compare with: that of the field where it shows, else the one harmless in every field."""
    base = base_of(facts)
    return next((each for each in facts.of(Sort.CONTROL) if each.field == field and each.shows), base)


def _judge(
    facts: ClientMessageFacts, look: Callable[[SentMessage], tuple[str, ...]], fault: str, merit: str
) -> Verdict:
    base_of(facts)
    messages = facts.of(Sort.HOSTILE, Sort.MALFORMED, Sort.EITHER)
    faulty = [(message, faults) for message in judged(messages) if (faults := look(message))]
    if faulty:
        return fail(
            f"{fault}: {named(message for message, _ in faulty)}",
            evidence=[f"{'; '.join(faults[:4])} ({told_message(message)})" for message, faults in faulty],
        )
    demand_all(messages)
    # A control that hung does not say that the program takes no notice of its field.
    demand_all(facts.of(Sort.CONTROL))
    fields = ", ".join(dict.fromkeys(message.field for message in messages))
    left = unused(facts)
    told = f"; never seen on the wire, and so not judged: {', '.join(left)}" if left else ""
    return passed(f"{merit} ({len(messages)} values in {fields}{told})")


@control(
    "client-header-injection",
    title="No value becomes a header field",
    expects="whatever stands in a value, the header fields are those of a harmless message, however lines are read",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5322 section 2.2", "RFC 5321 section 2.3.8", "CVE-2024-6923"),
    remedy={
        "python": "EmailMessage of Python 3.12.4 or later; refuse control characters and encoded words in values",
        "nodemailer": "version 6.9.9 or later, values as fields of their own, no headers put together by hand",
        "any": "refuse CR, LF and NUL in every value, and leave folding and encoding to the library",
    },
)
def header_injection(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """A line end in a subject or a name adds header fields of the attacker's choice: Bcc, Reply-To, another body.

    Compared are the names of the fields where CR LF, LF, or either ends lines: servers and readers differ in that.
    """
    base = base_of(facts)

    def look(message: SentMessage) -> tuple[str, ...]:
        control = _control_of(facts, message.field)
        own = own_names(message.field, control.arrivals, base.arrivals)
        if message.field == "options.headers":
            own |= {name for each in message.arrivals for name in each.names_any if name.startswith("x-")}
        return header_faults(control.arrivals, message.arrivals, own)

    return _judge(facts, look, "values become header fields", "every value stays a value")


@control(
    "client-envelope-injection",
    title="No value becomes a recipient, a sender or a message",
    expects="whatever stands in a value, the envelope is that of a harmless message, and one message comes of one",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 sections 2.3.11, 4.1.2 and 4.5.2", "RFC 5322 section 3.4"),
    remedy={
        "nodemailer": "version 7.0.7 or later: before, a quoted local part was taken apart",
        "any": "check each address, hand it over as one recipient, and never put a list of them together as text",
    },
)
def envelope_injection(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Who gets a recipient of his own into the envelope reads other people's mail: password resets, invoices.

    Quoted local parts, comments, groups and lists are the ways in; a dot alone on a line ends the message for a second.
    """

    def look(message: SentMessage) -> tuple[str, ...]:
        acceptable = message.acceptable if message.field in ("to", "cc") else None
        return envelope_faults(_control_of(facts, message.field), message, acceptable)

    return _judge(facts, look, "values change the envelope", "no value changes the envelope")


@control(
    "client-recipient-syntax",
    title="What is no address never reaches the server, and every right address does",
    expects="wrong addresses are refused before RCPT TO, unusual right ones arrive as they are",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 sections 4.1.2 and 4.5.3.1", "RFC 5322 section 3.4.1"),
    remedy={
        "any": "one check by grammar and length before sending: dot-atom @ host name is enough; no pattern that takes "
        "everything around an @"
    },
)
def recipient_syntax(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """An address that is none is where injection begins, and a right one that is refused is a customer lost.

    CR LF, NUL, two @, quotes, lists and lengths are tried; and plus signs, apostrophes, long names and IDNs in ASCII.
    """
    base_of(facts)
    messages = facts.of(Sort.MALFORMED, Sort.EITHER, Sort.VALID)
    faults: list[tuple[SentMessage, str]] = []
    for message in judged(messages):
        may = {canonical(each) for each in message.acceptable}
        tried = {canonical(each) for each in message.recipients_tried}
        if tried - may:
            faults.append((message, f"RCPT named {', '.join(sorted(tried - may)) or 'nothing'}"))
        elif message.sort is Sort.VALID and not message.arrivals:
            faults.append((message, "a right address is refused"))
        elif message.execution.claim is Claim.SENT and not message.arrivals:
            faults.append((message, "success is claimed, and nothing arrived"))
    if faults:
        return fail(
            f"addresses are not checked: {named(message for message, _ in faults)}",
            evidence=[f"{why} ({told_message(message)})" for message, why in faults],
        )
    demand_all(messages)
    return passed(f"wrong addresses are refused, right ones arrive ({len(messages)} addresses)")


@control(
    "client-disposable-recipients",
    title="Services for throw-away mailboxes are refused as recipients, and only they",
    expects="addresses of tempmail, 10minutemail, guerrillamail and their sub-domains are refused, look-alikes are not",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("Enterprise SMTP Standard, rule BAN-7",),
    remedy={"any": "compare the domain, and the domains above it, with a list; never whether a word is part of it"},
)
def disposable_recipients(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Accounts behind throw-away mailboxes belong to nobody: the standard forbids to send to them.

    A check for a word anywhere in the domain refuses others, too, whose name happens to contain it.
    """
    base_of(facts)
    bad, alike = facts.of(Sort.DISPOSABLE), facts.of(Sort.LOOK_ALIKE)
    taken = [message for message in judged(bad) if message.recipients_tried or message.execution.claim is Claim.SENT]
    refused = [message for message in judged(alike) if not message.arrivals]
    told = [*_words("takes", taken), *_words("refuses the look-alikes", refused)]
    if told:
        return fail("; ".join(told), evidence=[told_message(message) for message in (*taken, *refused)])
    if not bad or not alike:
        raise Undetermined("no such addresses were tried")
    demand_all((*bad, *alike))
    return passed(f"refuses {len(bad)} addresses of throw-away mailboxes, and takes {len(alike)} look-alikes")


def _words(what: str, messages: Iterable[SentMessage]) -> list[str]:
    values = [message.value for message in messages]
    return [f"{what} {', '.join(values)}"] if values else []
