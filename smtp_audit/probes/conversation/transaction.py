"""Mail transactions that are begun and given up (RFC 5321 section 3.3): MAIL and RCPT, and no message."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from smtp_audit.facts.conversation import Dialogue, offered
from smtp_audit.facts.endpoint import SUBMISSION_ROLES
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.transaction import TransactionFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import (
    foreign_domain,
    login_sender,
    nobody,
    own_domain,
    undelivered_recipient,
)
from smtp_audit.probes.conversation.interview import (
    Interview,
    Question,
    Say,
    Standing,
    empty_message,
    say,
    waits_for_message,
)
from smtp_audit.probes.wire import PeerError, Transcript
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
GIGANTIC = 2**64
"""Octets of a chunk: one more than 64 bits count. Cut to 32 or 64 bits it is a chunk of none."""
WAIT = 5.0
"""Seconds for a server to refuse that chunk before it counts as waiting for its octets."""
_MOST_DIGITS = 20
"""Of a size (RFC 1870 section 4)."""


async def begin_transactions(approach: Approach, transcript: Transcript) -> TransactionFacts:
    """Begin transactions in every way that matters, and give each of them up.

    On the submission ports they need a login.

    Raises:
        PeerError: not one question could be put, no credentials were given, or the login failed.
    """
    role, login = approach.endpoint.role, approach.endpoint.role in SUBMISSION_ROLES
    if login and Safety.ACTIVE not in approach.config.allow:
        raise PeerError(Absence.NOT_ALLOWED, "users alone may send here, and no login is allowed in this run")
    interview = Interview(approach, transcript, Standing.LOGGED_IN if login else Standing.HELLO)
    mailboxes = {} if login else _mailboxes(approach)
    first: tuple[Question, ...]
    if login:
        plan = _Plan(login_sender(approach), undelivered_recipient(approach))
        first = (Question("data_without_recipient", (plan.mail, say("DATA"))),)
    else:
        first = tuple(Question(field, _envelope("", address)) for field, address in mailboxes.items())

    def rest() -> tuple[Question, ...]:
        if login:
            return (*_refusals(approach, plan)[1:], *_with_announced(approach, plan, interview))
        found = _planned(approach, mailboxes, interview.answers)
        again = tuple(
            Question(f"{field}_from_other", _envelope(_other_sender(approach), address))
            for field, address in mailboxes.items()
            if not _taken(interview.answers.get(field))
        )
        return (*again, *_refusals(approach, found), *_with_announced(approach, found, interview))

    await interview.ask(first, rest)
    if waits_for_message(interview.answers.get("data_without_recipient")):
        mail = plan.mail if login else _planned(approach, mailboxes, interview.answers).mail
        with contextlib.suppress(PeerError):
            await interview.ask([empty_message("data_without_recipient", mail)])
    answers = dict(interview.answers)
    if not login and "null_sender" not in answers:
        # No own mailbox is given: the postmaster's is the same question.
        same = "postmaster_of_domain" if "postmaster_of_domain" in answers else "postmaster"
        for end in ("", "_from_other"):
            if f"{same}{end}" in answers:
                answers[f"null_sender{end}"] = answers[f"{same}{end}"]
    domain = "" if login else own_domain(approach)
    return TransactionFacts(role=role, domain=domain, capabilities=interview.capabilities, **_with_plain_mail(answers))


_PARAMETERS = ("unknown_parameter", "too_large", "eight_bit", "utf8", "small_letters")
"""Questions whose MAIL is refused for a parameter or its form, unless every MAIL is."""


def _with_plain_mail(answers: Mapping[str, Dialogue]) -> dict[str, Dialogue]:
    """The answers, without those to MAIL with parameters where a plain one from the same sender was never taken."""
    first = {name: answer.exchanges[0] for name, answer in answers.items() if answer.exchanges}
    plain = [first[name] for name in ("data_without_recipient", "nested_mail", "reset") if name in first]
    if any(exchange.accepted for exchange in plain):
        return dict(answers)
    reason = f"a plain MAIL is not taken either: {plain[0]}" if plain else "a plain MAIL was not answered"
    return {
        name: answer.model_copy(update={"unknown": answer.unknown or reason}) if name in _PARAMETERS else answer
        for name, answer in answers.items()
    }


@dataclass(frozen=True)
class _Plan:
    """Who sends to whom where that is not the question."""

    sender: str
    recipient: str

    @property
    def mail(self) -> Say:
        return say(f"MAIL FROM:<{self.sender}>", needs="2")

    @property
    def rcpt(self) -> Say:
        return say(f"RCPT TO:<{self.recipient}>")


def _mailboxes(approach: Approach) -> dict[str, str]:
    """The mailboxes that have to be there, by the field of the facts."""
    domain, own = own_domain(approach), approach.config.mailboxes.own
    found = {"null_sender": own} if own else {}
    if domain:
        found |= {"postmaster_of_domain": f"postmaster@{domain}", "abuse": f"abuse@{domain}"}
    return {**found, "postmaster": "postmaster"}


def _other_sender(approach: Approach) -> str:
    return approach.config.mailboxes.foreign or f"smtp-audit@{foreign_domain(approach)}"


def _envelope(sender: str, recipient: str) -> tuple[Say, Say]:
    return say(f"MAIL FROM:<{sender}>", needs="2"), say(f"RCPT TO:<{recipient}>")


def _taken(dialogue: Dialogue | None) -> bool:
    return dialogue is not None and not dialogue.unknown and dialogue.last.accepted


def _planned(approach: Approach, mailboxes: Mapping[str, str], answers: Mapping[str, Dialogue]) -> _Plan:
    """A sender and a recipient that were taken, so that what is asked with them is the only question."""
    for field, address in mailboxes.items():
        if _taken(answers.get(field)):
            return _Plan("", address)
    refused = any(answers[field].exchanges and answers[field].exchanges[-1].refused for field in mailboxes)
    return _Plan(_other_sender(approach) if refused else "", undelivered_recipient(approach))


def _refusals(approach: Approach, plan: _Plan) -> tuple[Question, ...]:
    """What has to be refused, or at least answered; each by the name of its field in the facts."""
    mail, rcpt, sender = plan.mail, plan.rcpt, plan.sender
    foreign = foreign_domain(approach)
    domain = own_domain(approach)
    long_local = (nobody() + "x" * _LOCAL_PART)[:_LOCAL_PART]
    long_domain = _long_domain(foreign, _PATH - len("<a@>"))
    address = approach.address
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    return (
        Question("data_without_recipient", (mail, say("DATA"))),
        Question("nested_mail", (mail, say(f"MAIL FROM:<{sender}>"))),
        Question("reset", (mail, say("RSET"), rcpt)),
        Question("recipient_without_path", (mail, say("RCPT"))),
        Question("unknown_parameter", (say(f"MAIL FROM:<{sender}> XSMTPAUDIT=1"),)),
        Question("small_letters", (say(f"mail from:<{sender}>"), say(f"rcpt to:<{plan.recipient}>"))),
        Question("long_local_part", (mail, say(f"RCPT TO:<{long_local}@{domain or foreign}>"))),
        Question("long_path", (mail, say(f"RCPT TO:<a@{long_domain}>"))),
        Question("address_literal", (mail, say(f"RCPT TO:<postmaster@{literal}>"))),
        Question("source_route", (mail, say(f"RCPT TO:<@{foreign}:postmaster@{domain or literal}>"))),
    )


def _with_announced(approach: Approach, plan: _Plan, interview: Interview) -> tuple[Question, ...]:
    """What hangs on the extensions that are announced, and on our name."""
    capabilities, sender, mail = interview.capabilities, plan.sender, plan.mail
    questions = [
        Question("many_recipients", (mail, *_many(plan.rcpt, offered(capabilities, "PIPELINING") is not None))),
        Question("hello_again", (mail, say(f"EHLO {interview.name}", needs="2"), plan.rcpt)),
        Question("unannounced_utf8", _not_ascii(approach, mail)),
    ]
    if offered(capabilities, "8BITMIME") is not None:
        questions.append(Question("eight_bit", (say(f"MAIL FROM:<{sender}> BODY=8BITMIME"),)))
    if offered(capabilities, "SMTPUTF8") is not None:
        questions.append(Question("utf8", (say(f"MAIL FROM:<{sender}> SMTPUTF8"),)))
    # Last: where RSET does nothing, Postfix keeps the size in mind.
    size = offered(capabilities, "SIZE") or ""
    if size.isdecimal() and size.isascii() and int(size) > 0 and len(size) < _MOST_DIGITS:
        questions.append(Question("too_large", (say(f"MAIL FROM:<{sender}> SIZE={int(size) + 1}"),)))
    if offered(capabilities, "CHUNKING") is not None:
        chunk = Say(f"BDAT {GIGANTIC}\r\n".encode(), silence=True, seconds=WAIT)
        questions.append(Question("gigantic_chunk", (mail, plan.rcpt, chunk), ends=True))
    return tuple(questions)


def _many(rcpt: Say, pipelining: bool) -> tuple[Say, ...]:
    """One hundred times the same recipient; several at once where that is announced (RFC 2920)."""
    one = Say(rcpt.octets, needs="2")
    if not pipelining:
        return (one,) * RECIPIENTS
    shown = f"{_BATCH} times {one.told}"
    batch = Say(rcpt.octets * _BATCH, replies=_BATCH, needs="2", shown=shown)
    return (one, *(batch,) * ((RECIPIENTS - 1) // _BATCH))


def _not_ascii(approach: Approach, mail: Say) -> tuple[Say, ...]:
    """An address that needs SMTPUTF8: as the sender, or where that has to be the user's own as the recipient."""
    address = f"gr\u00fcn@{foreign_domain(approach)}"
    login = approach.endpoint.role in SUBMISSION_ROLES
    return (mail, say(f"RCPT TO:<{address}>")) if login else (say(f"MAIL FROM:<{address}>"),)


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
