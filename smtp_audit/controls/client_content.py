"""What a program sends and what it refuses: subjects, bodies, lines, text beside HTML; what it prints, and fetches."""

from __future__ import annotations

import re

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.client_shape import base_of, demand_all, judged, named, told_message
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Claim
from smtp_audit.facts.client_messages import Arrival, ClientMessageFacts, SentMessage, Sort
from smtp_audit.facts.subject import ClientProgram

MAX_OCTETS = 998
"""Octets of a line without CR LF (RFC 5321 section 4.5.3.1.6, RFC 5322 section 2.1.1)."""

_MASK = "<secret>"


def _refused(facts: ClientMessageFacts, sort: Sort, fault: str, merit: str) -> Verdict:
    """All messages of a sort have to be refused."""
    base_of(facts)
    messages = facts.of(sort)
    taken = [message for message in judged(messages) if message.arrivals or message.execution.claim is Claim.SENT]
    if taken:
        return fail(f"{fault}: {named(taken)}", evidence=[told_message(message) for message in taken])
    demand_all(messages)
    return passed(f"{merit} ({len(messages)} messages)", evidence=[told_message(message) for message in messages])


@control(
    "client-subject-required",
    title="A message without a usable subject is refused",
    expects="a subject that is missing, blank or longer than 998 characters is refused",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5322 sections 2.1.1 and 3.6.5",),
    remedy={"any": "check the subject before sending: there, not blank, at most 998 characters, no control characters"},
)
def subject_required(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """A message without a subject is a mistake of the caller's; sent on, it looks like spam and is treated so.

    Header injection through the subject is judged by client-header-injection.
    """
    return _refused(facts, Sort.SUBJECT, "takes subjects that are none", "refuses subjects that are none")


@control(
    "client-content-required",
    title="A message without content is refused",
    expects="bodies that are missing, empty or blank are refused",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("Enterprise SMTP Standard, rule CLIENT-12",),
    remedy={"any": "check before sending that HTML or text is there and not blank"},
)
def content_required(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """An empty message is a template that failed: better an error for the caller than a blank page for the customer.

    Missing, empty and blank bodies are tried.
    """
    return _refused(facts, Sort.CONTENT, "sends messages without content", "refuses messages without content")


@control(
    "client-line-length",
    title="No line is longer than 998 octets",
    expects="long subjects are folded and long bodies encoded, or refused",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 section 4.5.3.1.6", "RFC 5322 section 2.1.1"),
    remedy={
        "any": "let the library fold headers and encode bodies (quoted-printable or base64); no message text by hand"
    },
)
def line_length(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Servers may cut or refuse longer lines; what is cut breaks the signature, and the message with it.

    HTML on one line is the usual way to get there.
    """
    base_of(facts)
    long = facts.of(Sort.LONG)
    over = [
        message for message in facts.messages if any(arrival.longest_line > MAX_OCTETS for arrival in message.arrivals)
    ]
    if over:
        longest = max(arrival.longest_line for message in over for arrival in message.arrivals)
        return fail(f"lines of up to {longest} octets: {named(over)}", evidence=[told_message(each) for each in over])
    demand_all(long)
    seen = [message for message in long if message.arrivals]
    if not seen:
        raise Undetermined("no message that tempts to long lines arrived")
    return passed(
        f"no line above {MAX_OCTETS} octets ({len(seen)} long values arrived, {len(long) - len(seen)} refused)"
    )


@control(
    "client-line-ends",
    title="Lines end in CR LF and in nothing else",
    expects="no CR and no LF stands alone in a message of harmless values",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 5321 section 2.3.8",),
    remedy={
        "python": "send_message, or as_bytes(policy=email.policy.SMTP): bytes go out as they are",
        "any": "let the library write the message for the wire; never the text of a file as it is",
    },
)
def line_ends(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Servers differ in what they make of a lone CR or LF: some refuse the message, some end it there (smuggling).

    Signatures made before a server repairs the lines fail behind it.
    """
    base = base_of(facts)
    arrivals = [(message, arrival) for message in facts.of(Sort.CONTROL) for arrival in message.arrivals]
    bare = [(message, arrival) for message, arrival in arrivals if arrival.bare_ends]
    if bare:
        most = max(arrival.bare_ends for _, arrival in bare)
        return fail(f"up to {most} CR or LF stand alone", evidence=[told_message(message) for message, _ in bare])
    return passed(f"all lines end in CR LF ({len(arrivals)} messages)", evidence=[told_message(base)])


@control(
    "client-text-alternative",
    title="Text accompanies HTML",
    expects="HTML comes in multipart/alternative behind a text that is not empty and has the same links",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("RFC 2046 section 5.1.4",),
    remedy={
        "nodemailer": "give text beside html",
        "python": "set_content(text), then add_alternative(html, subtype='html')",
        "any": "multipart/alternative, the text first, made of the same template; links written out",
    },
)
def text_alternative(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Without text the message cannot be read without a browser, nor well by a screen reader, and counts as spam.

    Tried with HTML and text, and with HTML alone: then the program makes the text, or refuses.
    """
    base_of(facts)
    messages = facts.of(Sort.TEXT)
    arrivals = [(message, arrival) for message in messages for arrival in message.arrivals]
    faults = [(message, fault) for message, arrival in arrivals if (fault := _text_fault(arrival))]
    if faults:
        return fail(
            "; ".join(f"{message.name}: {fault}" for message, fault in faults),
            evidence=[told_message(message) for message, _ in faults],
        )
    demand_all(messages)
    if not arrivals:
        raise Undetermined("no message with HTML arrived")
    if not any(part.kind == "text/html" for _, arrival in arrivals for part in arrival.parts):
        return not_applicable("the program sends no HTML")
    return passed(f"text accompanies HTML ({len(arrivals)} messages)")


def _text_fault(arrival: Arrival) -> str:
    kinds = [part.kind for part in arrival.parts]
    if "text/html" not in kinds:
        return ""
    page = arrival.parts[kinds.index("text/html")]
    if "text/plain" not in kinds:
        return "HTML without text"
    text = arrival.parts[kinds.index("text/plain")]
    if "multipart/alternative" not in kinds:
        return "text and HTML are not alternatives"
    if kinds.index("text/plain") > kinds.index("text/html"):
        return "the text comes behind the HTML"
    if not text.characters:
        return "the text is empty"
    lost = [link for link in page.links if link not in text.links]
    return f"{len(lost)} of {len(page.links)} links are not in the text" if lost else ""


@control(
    "client-addresses-masked",
    title="Addresses and tokens are masked in logs",
    expects="no full recipient address and no token or link with one on any output",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("Regulation (EU) 2016/679, article 5(1)(c)", "CWE-532"),
    remedy={
        "nodemailer": "no logger; of errors log code and responseCode, not the message, which has the address",
        "any": "log u***@example.com; never the body, a link or the text of an error of the server as it is",
    },
)
def addresses_masked(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Logs go to many hands: whoever reads a reset link there takes the account over, and the address is personal data.

    Looked at are standard output, standard error and watched files, for messages that are sent and that are refused;
    the JSON reply to the caller, which has "success", does not count.
    """
    base_of(facts)
    messages = facts.of(Sort.TEXT, Sort.REFUSED, Sort.CONTENT)
    leaking = [(message, _printed(message)) for message in messages]
    told = sorted({name for _, names in leaking for name in names})
    if told:
        where = [message for message, names in leaking if names]
        return fail(f"prints the {' and the '.join(told)}: {named(where)}", evidence=[_excerpt(each) for each in where])
    demand_all(messages)
    return passed(f"prints neither addresses nor tokens ({len(messages)} messages)")


def _printed(message: SentMessage) -> tuple[str, ...]:
    """What was printed beside the reply."""
    names = tuple(name for name in message.execution.leaks if name != "password")
    reply = message.execution.reply if '"success"' in message.execution.reply else ""
    rest = [text.replace(reply, "") if reply else text for text in message.execution.output]
    # A long output is kept in part: what of it is masked beyond that cannot be told from the reply.
    whole = all(len(text) < 4000 for text in message.execution.output)
    return names if not reply or not whole or any(_MASK in text for text in rest) else ()


def _excerpt(message: SentMessage) -> str:
    lines = re.split(r"\\x0a|\n", " ".join(message.execution.output))
    return f"{message.name}: {next((line for line in lines if _MASK in line), '')[:300]}"


@control(
    "client-settings-required",
    title="The program does not start without host, user and password",
    expects="with one of them missing it reports failure and connects to nothing",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("Enterprise SMTP Standard, rule CLIENT-1", "CWE-1188"),
    remedy={"any": "check the variables at the start, and end with an error; no defaults such as localhost"},
)
def settings_required(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """A program that starts without its settings sends without a login, or to localhost, and nobody learns of it.

    Each of the three is left out in turn.
    """
    base_of(facts)
    messages = facts.of(Sort.SETTING)
    faults: list[str] = []
    for message in judged(messages):
        strays = [stray for stray in message.strays if stray.startswith("connected")]
        if message.execution.claim is Claim.SENT:
            faults.append(f"without {message.field} it claims success")
        elif message.connections or strays:
            faults.append(f"without {message.field} it connects all the same")
    if faults:
        return fail("; ".join(faults), evidence=[f"{told_message(m)}; {', '.join(m.strays)}" for m in messages])
    demand_all(messages)
    return passed("reports failure and connects to nothing without host, user or password")


@control(
    "client-local-files",
    title="Content cannot make the program read files or fetch addresses",
    expects="paths and addresses in content and attachments are not resolved",
    subject=ClientProgram,
    needs=ClientMessageFacts,
    medium=Medium.CLIENT,
    spec=("CWE-73", "CWE-918"),
    remedy={
        "nodemailer": "disableFileAccess: true and disableUrlAccess: true, and take only strings for html and text",
        "any": "content is text: refuse objects in its place, and never open what a message names",
    },
)
def local_files(facts: ClientMessageFacts, rule: Rule) -> Verdict:
    """Whoever fills in a message could have it carry the server's own files, or reach addresses behind the firewall.

    Each reference names a file, or an address of this machine, that is known again on the wire when it was read.
    """
    base_of(facts)
    messages = facts.of(Sort.REFERENCE)
    read = [message for message in messages if message.resolved]
    if read:
        return fail(
            f"resolves what content names: {named(read)}",
            evidence=[f"{'; '.join(message.resolved)} ({told_message(message)})" for message in read],
        )
    demand_all(messages)
    return passed(f"resolves none of {len(messages)} references to files and addresses")
