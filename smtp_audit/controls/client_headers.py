"""The header that a program writes: identifiers, dates, mailboxes, priorities, ways to unsubscribe."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.client_shape import base_of, told_message
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Claim
from smtp_audit.facts.client_messages import Arrival, ClientMessageFacts, Sort
from smtp_audit.facts.subject import ClientProgram
from smtp_audit.mailtext import canonical

MANY = 16
"""Message-IDs without which nothing can be said of how they vary."""

LATE_SECONDS = 3600.0
"""How far Date may be from the arrival on the same machine."""

_ID = re.compile(r"<([^<>@\s]+)@([^<>@\s]+)>")
_ALPHABETS = (
    ("0123456789", 10),
    ("0123456789abcdef", 16),
    ("0123456789abcdefghijklmnopqrstuvwxyz", 36),
)
_LARGEST = 64
_PRIORITIES = {
    "x-priority": re.compile(r"[1-5](\s*\([A-Za-z ]+\))?"),
    "importance": re.compile(r"(?i:high|normal|low)"),
    "priority": re.compile(r"(?i:urgent|normal|non-urgent)"),
    "x-msmail-priority": re.compile(r"(?i:high|normal|low)"),
}
_VERSION = re.compile(r"\d+\.\d+")
_LIST = re.compile(r"\s*<[^<>\s]+>(\s*,\s*<[^<>\s]+>)*\s*")
_URI = re.compile(r"<([^<>\s]+)>")


def _harmless(facts: ClientMessageFacts) -> tuple[Arrival, ...]:
    """Messages that arrived of harmless values."""
    return tuple(arrival for message in facts.of(Sort.CONTROL) for arrival in message.arrivals)


@control(
    "client-message-id",
    title="Message-IDs are unique, unpredictable and of the own domain",
    expects="each message has an identifier of its own, of the sending domain, with {minimum_bits} bits that vary",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    parameters={"minimum_bits": int},
    spec=("RFC 5322 section 3.6.4",),
    remedy={
        "python": "message['Message-ID'] = email.utils.make_msgid(domain='example.com')",
        "nodemailer": "leave messageId out: it is made of a UUID and the domain of From",
        "any": "128 random bits of the system's generator, @, and the domain of the sender",
    },
)
def message_id(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Replies, threads and reports of abuse hang on the identifier: twice the same loses mail, a guessed one fakes it.

    Counted are the places that vary from message to message; clocks, counters and process numbers are left out.
    """
    base_of(facts)
    least: int = rule["minimum_bits"]
    domain = facts.sender.rpartition("@")[2].lower()
    # One for each message: it may be sent to each recipient apart, with the one identifier that it has.
    arrivals = [
        arrival for message in facts.messages if message.sort is not Sort.HOSTILE for arrival in message.arrivals[:1]
    ]
    given = [arrival.values("message-id") for arrival in arrivals]
    bare = [values for values in given if len(values) != 1]
    if bare:
        return fail(f"{len(bare)} of {len(given)} messages have no Message-ID, or two", evidence=_samples(given))
    ids = [values[0].strip() for values in given]
    wrong = [each for each in ids if not _ID.fullmatch(each)]
    if wrong:
        return fail("Message-IDs are not of the form <left@right>", evidence=wrong[:8])
    foreign = [each for each in ids if not _within(each.rpartition("@")[2].rstrip(">"), domain)]
    if foreign:
        return fail(f"the right-hand side is not {domain}", evidence=foreign[:8])
    if len(set(ids)) < len(ids):
        return fail("a Message-ID comes twice", evidence=sorted(each for each in set(ids) if ids.count(each) > 1)[:8])
    if len(ids) < MANY:
        raise Undetermined(f"only {len(ids)} Message-IDs were seen, too few to say how they vary")
    bits = varying_bits([each[1:].rpartition("@")[0] for each in ids])
    if bits < least:
        return fail(f"only about {bits:.0f} bits vary unpredictably", evidence=ids[:8])
    return passed(f"{len(ids)} Message-IDs, all different, with {least} bits or more that vary", evidence=ids[:4])


def varying_bits(texts: Sequence[str]) -> float:
    """About how many bits of the texts vary from one to the next, without what looks like a clock or a counter.

    The texts are cut at everything that is no letter or digit, and compared part by part from the right. It errs
    towards too many, so that a number that is too small is a fault.
    """
    split = [re.split(r"[^A-Za-z0-9]+", text) for text in texts]
    if len({len(parts) for parts in split}) != 1:
        # Separators may be part of the alphabet (base64): then there is one part.
        split = [[text] for text in texts]
    return sum(_bits(column) for column in zip(*split, strict=True))


def _bits(parts: tuple[str, ...]) -> float:
    width = max(len(part) for part in parts)
    padded = [part.rjust(width) for part in parts]
    places = [set(place) for place in zip(*padded, strict=True)]
    lead = sum(1 for place in places[: max(1, width // 3)] if len(place) == 1)
    if width >= 6 and lead == max(1, width // 3):
        return 0.0  # a clock or a counter: only its end moves
    return sum(_place_bits(place - {" "}) for place in places)


def _place_bits(seen: set[str]) -> float:
    """Bits of one place: those of the smallest alphabet that fits, or of what was seen when that is much less."""
    if len(seen) < 2:
        return 0.0
    lower = {char.lower() for char in seen} if not _mixed(seen) else seen
    size = next((size for alphabet, size in _ALPHABETS if lower <= set(alphabet)), _LARGEST)
    return math.log2(size if len(seen) >= size / 2 else len(seen))


def _mixed(seen: set[str]) -> bool:
    return any(char.islower() for char in seen) and any(char.isupper() for char in seen)


def _within(name: str, domain: str) -> bool:
    return name.lower() == domain or name.lower().endswith("." + domain)


def _samples(given: Iterable[Sequence[str]]) -> list[str]:
    return [", ".join(values) or "none" for values in given][:8]


@control(
    "client-headers",
    title="The header says who wrote when to whom, and is right",
    expects="Date, From, To, MIME-Version stand there once, From is the envelope's sender, priorities are valid",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5322 section 3.6", "RFC 2045 section 4", "RFC 7489 section 3.1", "RFC 2156 section 5.3.6"),
    remedy={
        "python": "message['Date'] = email.utils.localtime(); From and MAIL FROM in the same domain",
        "any": "leave Date and MIME-Version to the library; one address for From and for the envelope",
    },
)
def headers(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Messages without Date or From are spam to many filters, and a From of another domain fails DMARC.

    Priorities, where the program sets them, have to be of those that mail programs know.
    """
    base = base_of(facts)
    faults = [fault for arrival in base.arrivals for fault in _faults(arrival, facts.sender)]
    faults += [fault for arrival in base.arrivals for fault in _priority_faults(arrival)]
    used = [message for message in facts.of(Sort.CONTROL) if message.field == "options.priority" and message.shows]
    # Programs differ in the words that they take for a priority: one of those that were tried has to come out right.
    tried = [[fault for arrival in message.arrivals for fault in _priority_faults(arrival)] for message in used]
    if tried and all(tried):
        faults += [fault for each in tried for fault in each]
    if faults:
        told = list(dict.fromkeys(faults))
        return fail(f"the header is wrong: {'; '.join(told[:6])}", evidence=[*told, *_shown(base.arrivals[0])])
    return passed("Date, From, To and MIME-Version are right", evidence=_shown(base.arrivals[0]))


def _faults(arrival: Arrival, sender: str) -> list[str]:
    faults = [
        f"{name} stands there {len(arrival.values(name.lower()))} times"
        for name in ("Date", "From", "To", "MIME-Version", "Subject")
        if len(arrival.values(name.lower())) != 1
    ]
    if arrival.values("mime-version") and not arrival.values("mime-version")[0].strip().startswith("1.0"):
        faults.append("MIME-Version is not 1.0")
    if len(arrival.values("date")) == 1:
        if arrival.skew is None:
            faults.append("Date cannot be read")
        elif abs(arrival.skew) > LATE_SECONDS:
            faults.append(f"Date is {arrival.skew:.0f} s from the arrival")
    domains = {canonical(each).rpartition("@")[2] for each in arrival.author}
    if domains != {canonical(arrival.sender).rpartition("@")[2]}:
        faults.append(f"From is {', '.join(arrival.author) or 'nobody'}, the envelope's sender is {arrival.sender}")
    elif domains != {canonical(sender).rpartition("@")[2]}:
        faults.append(f"From is {', '.join(arrival.author)}, and {sender} was configured")
    return faults


def _priority_faults(arrival: Arrival) -> list[str]:
    return [
        f"{name} is {value}"
        for name, known in _PRIORITIES.items()
        for value in arrival.values(name)
        if not known.fullmatch(value.strip())
    ]


def _shown(arrival: Arrival) -> list[str]:
    return [f"{field.name}: {field.value}" for field in arrival.fields][:20]


@control(
    "client-mailer-version",
    title="The header does not tell the version of the program or its library",
    expects="X-Mailer and User-Agent, where they are there, name no version",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("CWE-200", "RFC 9110 section 10.1.5"),
    remedy={
        "nodemailer": "xMailer: false",
        "phpmailer": "$mail->XMailer = ' '",
        "any": "leave X-Mailer and User-Agent out, or name the product alone",
    },
)
def mailer_version(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Every recipient learns which known holes fit: the version of a mail library is of use to nobody else.

    Libraries set it by themselves.
    """
    base_of(facts)
    found = sorted(
        {
            f"{name}: {value}"
            for arrival in _harmless(facts)
            for name in ("x-mailer", "user-agent")
            for value in arrival.values(name)
        }
    )
    if not found:
        return not_applicable("the program names neither itself nor its library")
    telling = [each for each in found if _VERSION.search(each)]
    if telling:
        return fail(f"tells {', '.join(telling)}")
    return passed(f"tells no version ({', '.join(found)})")


@control(
    "client-list-unsubscribe",
    title="The way to unsubscribe is one that mail programs can use",
    expects="List-Unsubscribe is the address that was given, in angle brackets, over https, with one-click beside it",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 2369 section 3.2", "RFC 8058 section 3.1", "15 U.S.C. 7704(a)(3)"),
    remedy={
        "nodemailer": "list: { unsubscribe: url }, headers: { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }",
        "any": "List-Unsubscribe: <https://...> and List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    },
)
def list_unsubscribe(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Without a way to unsubscribe that works people press "spam", and large receivers turn bulk mail away.

    Without angle brackets no mail program shows the button.
    """
    base = base_of(facts)
    field = "options.unsubscribeUrl"
    given = next((each for each in facts.of(Sort.CONTROL) if each.field == field and each.shows), None)
    arrivals = given.arrivals if given is not None else base.arrivals
    values = [value for arrival in arrivals for value in arrival.values("list-unsubscribe")]
    if not values:
        return not_applicable("the program sends no List-Unsubscribe, with or without an address for it")
    faults = [f"List-Unsubscribe is {value}, without angle brackets" for value in values if not _LIST.fullmatch(value)]
    uris = [uri for value in values if _LIST.fullmatch(value) for uri in _URI.findall(value)]
    schemes = {uri.partition(":")[0].lower() for uri in uris}
    faults += [f"List-Unsubscribe names {scheme}:" for scheme in sorted(schemes - {"https", "mailto"})]
    if given is not None and uris and given.value not in uris:
        faults.append(f"{given.value} was given, and is not there")
    clicks = [value for arrival in arrivals for value in arrival.values("list-unsubscribe-post")]
    if "https" in schemes and clicks != ["List-Unsubscribe=One-Click"] * len(arrivals):
        faults.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click is missing")
    faults += [
        f"the scheme of {value} is taken"
        for message in facts.of(Sort.HOSTILE)
        if message.field == field
        for arrival in message.arrivals
        for value in arrival.values("list-unsubscribe")
        if "javascript:" in value.lower()
    ]
    if faults:
        return fail("; ".join(dict.fromkeys(faults)), evidence=[told_message(given or base)])
    return passed(f"List-Unsubscribe is right ({values[0]})")


@control(
    "client-alert",
    title="A security alert is sent and arrives",
    expects="the template security-alert is rendered with its data and arrives",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("Enterprise SMTP Standard, rule POST-4",),
    remedy={"any": "keep the alert on the way that all mail takes, and try it in every deployment"},
)
def alert(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """An alert that never leaves is noticed on the day when it is needed.

    It is asked for as the standard has it: template "security-alert" with userName, alertType and details.
    """
    base_of(facts)
    tried = next((each for each in facts.of(Sort.CONTROL) if each.field == "data.alertType"), None)
    if tried is None or tried.detail:
        raise Undetermined("the alert was not tried")
    if not tried.arrivals and tried.execution.claim is Claim.SENT:
        return fail("the program says that the alert was sent, and nothing arrived", evidence=[told_message(tried)])
    if not tried.arrivals:
        return not_applicable(f"the program takes no template security-alert ({told_message(tried)})")
    if not tried.shows:
        return not_applicable(f"the program takes no notice of template and data ({told_message(tried)})")
    return passed("the alert arrives, and says what it is about", evidence=[told_message(tried)])
