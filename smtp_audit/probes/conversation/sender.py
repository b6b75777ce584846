"""Senders behind a login: other users, other domains, in the envelope and in the message."""

from __future__ import annotations

from smtp_audit.facts.observation import Absence
from smtp_audit.facts.sender import HeaderForm, SenderFacts, SenderHeaderFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import foreign_domain, local_domain, login_sender, nobody
from smtp_audit.probes.conversation.interview import Interview, Question, Standing, say
from smtp_audit.probes.conversation.message import message_for, message_says
from smtp_audit.probes.wire import PeerError, Transcript


def _own_addresses(approach: Approach) -> tuple[str, ...]:
    """The addresses that may be the user's: that of the login, and the own mailbox of the configuration."""
    own = approach.config.mailboxes.own
    return tuple(dict.fromkeys((login_sender(approach), *((own,) if own else ()))))


def _somebody_else(approach: Approach) -> str:
    """The postmaster, or where the login is the postmaster's the one for abuse (RFC 2142 section 5)."""
    domain = local_domain(approach)
    mine = {address.lower() for address in _own_addresses(approach)}
    names = (f"postmaster@{domain}", f"abuse@{domain}")
    return next((name for name in names if name.lower() not in mine), names[0])


async def pretend_in_the_envelope(approach: Approach, transcript: Transcript) -> SenderFacts:
    """MAIL with the addresses of others, and RCPT for an own mailbox; RSET follows: nothing is sent.

    Raises:
        PeerError: no credentials, no login, or not one question could be put.
    """
    config = approach.config
    own = _own_addresses(approach)
    senders = {
        **{f"own {address}": address for address in own},
        "other": config.mailboxes.other or f"{nobody()}@{local_domain(approach)}",
        "postmaster": _somebody_else(approach),
        # One that can have mail, if the user has named any: reserved domains are refused for what they are (RFC 7505).
        "foreign": config.mailboxes.foreign or f"smtp-audit@{foreign_domain(approach)}",
        "null": "",
    }
    recipient = config.mailboxes.own or own[0]
    interview = Interview(approach, transcript, Standing.LOGGED_IN)
    answers = await interview.ask(
        [
            Question(name, (say(f"MAIL FROM:<{sender}>", needs="2"), say(f"RCPT TO:<{recipient}>")))
            for name, sender in senders.items()
        ]
    )
    return SenderFacts(
        role=approach.endpoint.role,
        own=tuple(answers[f"own {address}"] for address in own),
        other=answers["other"],
        other_named=config.mailboxes.other is not None,
        postmaster=answers["postmaster"],
        foreign=answers["foreign"],
        null=answers["null"],
    )


async def pretend_in_the_message(approach: Approach, transcript: Transcript) -> SenderHeaderFacts:
    """Messages to the own mailbox of the configuration, that say to be somebody else's.

    Raises:
        PeerError: no own mailbox, no credentials, no login, or nothing could be sent.
    """
    recipient = approach.config.mailboxes.own
    if recipient is None:
        raise PeerError(
            Absence.NOT_AVAILABLE, "no own mailbox: name one as own in [mailboxes] of the configuration file"
        )
    own = _own_addresses(approach)[0]
    other = approach.config.mailboxes.other or _somebody_else(approach)
    originators = {
        HeaderForm.OWN: (f"From: <{own}>",),
        HeaderForm.OTHER: (f"From: <{other}>",),
        HeaderForm.TWO_FIELDS: (f"From: <{own}>", f"From: <{other}>"),
        # RFC 5322 section 3.6.2: with several authors there has to be one sender.
        HeaderForm.LIST: (f"From: <{other}>, <{own}>", f"Sender: <{own}>"),
        HeaderForm.SENDER: (f"From: <{own}>", f"Sender: <{other}>"),
    }
    questions = []
    for form, lines in originators.items():
        text = message_for(approach, own, recipient, form, lines)
        says = (say(f"MAIL FROM:<{own}>", needs="2"), *message_says(say(f"RCPT TO:<{recipient}>"), text))
        questions.append(Question(form, says, once=True))
    answers = await Interview(approach, transcript, Standing.LOGGED_IN).ask(questions)
    return SenderHeaderFacts(role=approach.endpoint.role, messages={form: answers[form] for form in originators})
