"""Mail transactions that are begun and given up (RFC 5321 section 3.3): MAIL and RCPT, and no message."""

from __future__ import annotations

from smtp_audit.facts.conversation import offered
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Role
from smtp_audit.facts.transaction import TransactionFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import (
    foreign_domain,
    login_sender,
    nobody,
    own_domain,
    undelivered_recipient,
)
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing, say
from smtp_audit.probes.wire import Transcript
from smtp_audit.safety import Safety

RECIPIENTS = 100
"""RFC 5321 section 4.5.3.1.8."""
_BATCH = 11
"""Recipients at a time: with the first one alone, nine times this makes 100. Who refuses one refuses ten more, which is
as many as Postfix answers without a pause."""
_LOCAL_PART = 64
"""RFC 5321 section 4.5.3.1.1."""
_PATH = 256
"""Octets of a path with its brackets (RFC 5321 section 4.5.3.1.3)."""
_LABEL = 63
_MOST_DIGITS = 20
"""Of a size (RFC 1870 section 4)."""


async def begin_transactions(approach: Approach, transcript: Transcript) -> TransactionFacts:
    """Begin transactions in every way that matters, and give each of them up.

    On the submission ports they need a login: without credentials nothing is asked.

    Raises:
        PeerError: not one question could be put, or the login failed.
    """
    role, login = approach.endpoint.role, approach.endpoint.role in SUBMISSION_ROLES
    if login and (reason := _no_login(approach)):
        return TransactionFacts(role=role, needs_login=reason)
    interview = Interview(approach, transcript, Standing.LOGGED_IN if login else Standing.HELLO)
    sender = login_sender(approach) if login else ""
    await interview.ask(_first(approach, sender))
    await interview.ask(_second(approach, sender, interview))
    answers = dict(interview.answers)
    if "null_sender" not in answers and role is Role.MX:
        # The mailbox is the postmaster's: the same question.
        same = "postmaster_of_domain" if "postmaster_of_domain" in answers else "postmaster"
        answers["null_sender"] = answers[same]
        if f"{same}_from_other" in answers:
            answers["null_sender_from_other"] = answers[f"{same}_from_other"]
    return TransactionFacts(role=role, capabilities=interview.capabilities, **answers)


def _no_login(approach: Approach) -> str:
    if approach.config.credentials is None:
        return "no credentials were given"
    return "" if Safety.ACTIVE in approach.config.allow else "no login is allowed in this run"


def _first(approach: Approach, sender: str) -> tuple[Question, ...]:
    """Each by the name of its field in the facts."""
    recipient, foreign = undelivered_recipient(approach), foreign_domain(approach)
    mail = say(f"MAIL FROM:<{sender}>", needs="2")
    rcpt = say(f"RCPT TO:<{recipient}>")
    questions = [
        Question("data_without_recipient", (mail, say("DATA"))),
        Question("nested_mail", (mail, say(f"MAIL FROM:<{sender}>"))),
        Question("reset", (mail, say("RSET"), rcpt)),
        Question("recipient_without_path", (mail, say("RCPT"))),
        Question("unknown_parameter", (say(f"MAIL FROM:<{sender}> XSMTPAUDIT=1"),)),
        Question("small_letters", (say(f"mail from:<{sender}>"), say(f"rcpt to:<{recipient}>"))),
    ]
    if approach.endpoint.role is Role.MX:
        domain = own_domain(approach)
        to = {"postmaster": "postmaster"}
        if domain:
            to |= {"postmaster_of_domain": f"postmaster@{domain}", "abuse": f"abuse@{domain}"}
        if approach.config.mailboxes.own:
            to["null_sender"] = approach.config.mailboxes.own
        questions += [Question(field, (mail, say(f"RCPT TO:<{address}>"))) for field, address in to.items()]
    long_local = (nobody() + "x" * _LOCAL_PART)[:_LOCAL_PART]
    domain = _long_domain(foreign, _PATH - len("<a@>"))
    return (
        *questions,
        Question("long_local_part", (mail, say(f"RCPT TO:<{long_local}@{own_domain(approach) or foreign}>"))),
        Question("long_path", (mail, say(f"RCPT TO:<a@{domain}>"))),
    )


def _second(approach: Approach, sender: str, interview: Interview) -> tuple[Question, ...]:
    """Those that hang on what the server has announced, or answered before."""
    capabilities, answers = interview.capabilities, interview.answers
    recipient, foreign, domain = undelivered_recipient(approach), foreign_domain(approach), own_domain(approach)
    mail = say(f"MAIL FROM:<{sender}>", needs="2")
    literal = f"[IPv6:{approach.address}]" if ":" in approach.address else f"[{approach.address}]"
    route = f"<@{foreign}:postmaster@{domain or literal}>"
    rcpt = say(f"RCPT TO:<{recipient}>")
    questions = [
        Question("hello_again", (mail, say(f"EHLO {interview.name}", needs="2"), rcpt)),
        Question("address_literal", (mail, say(f"RCPT TO:<postmaster@{literal}>"))),
        Question("source_route", (mail, say(f"RCPT TO:{route}"))),
        Question("many_recipients", (mail, *_many(rcpt, offered(capabilities, "PIPELINING") is not None))),
        Question("unannounced_utf8", _not_ascii(mail, foreign, sender)),
    ]
    size = offered(capabilities, "SIZE") or ""
    if size.isdecimal() and size.isascii() and int(size) > 0 and len(size) < _MOST_DIGITS:
        questions.append(Question("too_large", (say(f"MAIL FROM:<{sender}> SIZE={int(size) + 1}"),)))
    if offered(capabilities, "8BITMIME") is not None:
        questions.append(Question("eight_bit", (say(f"MAIL FROM:<{sender}> BODY=8BITMIME"),)))
    if offered(capabilities, "SMTPUTF8") is not None:
        questions.append(Question("utf8", (say(f"MAIL FROM:<{sender}> SMTPUTF8"),)))
    other = approach.config.mailboxes.foreign or f"smtp-audit@{foreign}"
    for field in ("postmaster", "postmaster_of_domain", "abuse", "null_sender"):
        dialogue = answers.get(field)
        if dialogue and dialogue.exchanges and not (dialogue.exchanges[-1].accepted and not dialogue.unknown):
            address = {"postmaster": "postmaster", "null_sender": recipient}.get(field, f"{field}@{domain}")
            address = f"postmaster@{domain}" if field == "postmaster_of_domain" else address
            says = (say(f"MAIL FROM:<{other}>", needs="2"), say(f"RCPT TO:<{address}>"))
            questions.append(Question(f"{field}_from_other", says))
    return tuple(questions)


def _many(rcpt: Say, pipelining: bool) -> tuple[Say, ...]:
    """One hundred times the same recipient; several at once where that is announced (RFC 2920)."""
    one = Say(rcpt.octets, needs="2")
    if not pipelining:
        return (one,) * RECIPIENTS
    shown = f"{_BATCH} times {one.told}"
    batch = Say(rcpt.octets * _BATCH, replies=_BATCH, needs="2", shown=shown)
    return (one, *(batch,) * ((RECIPIENTS - 1) // _BATCH))


def _not_ascii(mail: Say, foreign: str, sender: str) -> tuple[Say, ...]:
    """An address that needs SMTPUTF8: as the sender, or where that has to be the user's own as the recipient."""
    address = f"gr\u00fcn@{foreign}"
    return (mail, say(f"RCPT TO:<{address}>")) if sender else (say(f"MAIL FROM:<{address}>"),)


def _long_domain(parent: str, length: int) -> str:
    """A domain of this many octets below `parent`, which nobody has."""
    left = length - len(parent) - 1
    labels = []
    while left > 0:
        label = min(left, _LABEL)
        if left - label == 1:  # the dot alone would be left
            label -= 1
        labels.append("x" * label)
        left -= label + 1
    return ".".join([*labels, parent])
