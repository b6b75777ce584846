"""Relaying: MAIL and RCPT for foreign recipients, in every form and from every source address; no login."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TypeVar

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.relay import (
    PLAIN_FORMS,
    SOURCE_ROUTES,
    DeliverySource,
    RelayAttempt,
    RelayDeliveryFacts,
    RelayFacts,
    RelayForm,
    RelaySource,
    recipient_taken,
)
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import (
    address_literal,
    foreign_domain,
    local_domain,
    local_mailbox,
    nobody,
    other_foreign_domain,
    own_domain,
    undelivered_recipient,
)
from smtp_audit.probes.conversation.interview import Interview, Question, say
from smtp_audit.probes.conversation.message import message_for, message_says
from smtp_audit.probes.submission import FOREIGN_DOMAINS
from smtp_audit.probes.wire import PeerError, Transcript

S = TypeVar("S", RelaySource, DeliverySource)

USER = "smtp-audit"
"""The local part of strangers."""

_LOCAL = "local mailbox"
_AGAIN = "local mailbox again"
_AT_DOMAIN = "postmaster of the domain"
_AT_NAME = "postmaster at the server's own name"


@dataclass(frozen=True)
class _Addresses:
    """What the forms are made of."""

    recipient: str
    """The foreign mailbox."""
    elsewhere: str
    """One in another foreign domain."""
    foreign: str
    local: str
    literal: str
    mailbox: str
    """The sender who says to be of the server's own domain."""
    own: str
    """A recipient that the server has to take."""

    def sender(self, form: RelayForm) -> str:
        """The sender of a form."""
        return {
            RelayForm.FOREIGN_SENDER: f"{USER}@{self.foreign}",
            RelayForm.LOCAL_SENDER: self.mailbox,
            RelayForm.LITERAL_SENDER: f"{USER}@{self.literal}",
        }.get(form, "")

    def routed(self, form: RelayForm, user: str, foreign: str) -> str:
        """The recipient of a routed form."""
        return {
            RelayForm.PERCENT_LOCAL: f"{user}%{foreign}@{self.local}",
            RelayForm.PERCENT_LITERAL: f"{user}%{foreign}@{self.literal}",
            RelayForm.PERCENT_ALONE: f"{user}%{foreign}",
            RelayForm.QUOTED_ALONE: f'"{user}@{foreign}"',
            RelayForm.QUOTED_LOCAL: f'"{user}@{foreign}"@{self.local}',
            RelayForm.DOUBLE_LOCAL: f"{user}@{foreign}@{self.local}",
            RelayForm.DOUBLE_LITERAL: f"{user}@{foreign}@{self.literal}",
            RelayForm.ROUTE_LOCAL: f"@{self.local}:{user}@{foreign}",
            RelayForm.ROUTE_LITERAL: f"@{self.literal}:{user}@{foreign}",
            RelayForm.BANG_ALONE: f"{foreign}!{user}",
            RelayForm.BANG_LOCAL: f"{foreign}!{user}@{self.local}",
            RelayForm.BANG_LITERAL: f"{foreign}!{user}@{self.literal}",
        }[form]

    def nonsense(self, form: RelayForm) -> str:
        """A recipient that nobody is, with the domain that stands behind a routed form."""
        last = self.routed(form, USER, self.foreign).rpartition("@")[2]
        return f"{nobody()}@{last}" if last in (self.local, self.literal) else nobody()

    def question(self, form: RelayForm, user: str = USER) -> Question:
        """The attempt."""
        recipient = self.recipient if form in PLAIN_FORMS else self.routed(form, user, self.foreign)
        return envelope(form, self.sender(form), recipient)

    @property
    def again(self) -> Question:
        """The local mailbox behind all forms. What is not expected to be refused fits on the connection of those."""
        return Question(_AGAIN, (say("MAIL FROM:<>", needs="2"), say(f"RCPT TO:<{self.own}>", needs="2")))

    def checks(self, form: RelayForm) -> tuple[Question, ...]:
        """What to ask when the attempt was taken."""
        elsewhere = envelope(f"elsewhere {form}", self.sender(form), self.elsewhere)
        if form in PLAIN_FORMS:
            return (elsewhere,)
        if form in SOURCE_ROUTES:
            return ()
        twin = self.routed(form, nobody(), self.local)
        return (envelope(f"nonsense {form}", "", self.nonsense(form)), envelope(f"twin {form}", "", twin))


def envelope(name: str, sender: str, recipient: str) -> Question:
    """MAIL, and RCPT if that is taken."""
    return Question(name, (say(f"MAIL FROM:<{sender}>", needs="2"), say(f"RCPT TO:<{recipient}>")))


def _addresses(approach: Approach) -> _Addresses:
    named = approach.config.mailboxes.foreign
    foreign = named.rpartition("@")[2] if named else foreign_domain(approach)
    other = next(name for name in (foreign_domain(approach), other_foreign_domain(approach)) if name != foreign)
    return _Addresses(
        recipient=named or f"{USER}@{foreign}",
        elsewhere=f"{USER}@{other}",
        foreign=foreign,
        local=local_domain(approach),
        literal=address_literal(approach.address),
        mailbox=local_mailbox(approach),
        own=undelivered_recipient(approach),
    )


async def try_to_relay(approach: Approach, transcript: Transcript) -> RelayFacts:
    """Every form from every source address. RSET follows each: nothing is sent.

    Raises:
        PeerError: nothing could be tried from any of them.
    """
    addresses = _addresses(approach)
    sources = await _from_each_source(
        approach,
        lambda variant: _attempts(variant, addresses, transcript),
        lambda address, reason: RelaySource(address=address, unknown=reason),
    )
    return RelayFacts(
        role=approach.endpoint.role,
        recipient=addresses.recipient,
        named=approach.config.mailboxes.foreign is not None,
        sources=sources,
    )


async def _from_each_source(
    approach: Approach, work: Callable[[Approach], Awaitable[S]], unknown: Callable[[str, str], S]
) -> tuple[S, ...]:
    """The work from each address of this machine that the configuration names, of the endpoint's own family.

    Raises:
        PeerError: none of them came to anything.
    """
    chosen = [name for name in approach.config.sources if (":" in name) is (":" in approach.address)]
    found: list[S] = []
    trouble: PeerError | None = None
    for source in chosen or (None,):
        try:
            found.append(await work(replace(approach, source=source)))
        except PeerError as error:
            trouble = error
            found.append(unknown(source or "", error.reason))
    if trouble is not None and all(source.unknown for source in found):
        raise trouble
    return tuple(found)


async def _attempts(approach: Approach, addresses: _Addresses, transcript: Transcript) -> RelaySource:
    interview = Interview(approach, transcript)
    addresses = await _at_own_name(approach, addresses, interview)
    answers = await interview.ask(
        [
            envelope(_LOCAL, "", addresses.own),
            *([] if addresses.own == addresses.mailbox else [envelope(_AT_DOMAIN, "", addresses.mailbox)]),
            *(addresses.question(form) for form in RelayForm),
            addresses.again,
        ]
    )
    taken = [form for form in RelayForm if recipient_taken(answers[form])]
    plain = any(form in PLAIN_FORMS for form in taken)
    # Where plain addresses are relayed, it says nothing more that routed ones are.
    checked = [form for form in taken if not plain or form in PLAIN_FORMS]
    checks = [question for form in checked for question in addresses.checks(form)]
    if checks:
        answers = await interview.ask(checks)
    return RelaySource(
        address=approach.source or "",
        same_host=_same_host(approach),
        local=answers[_LOCAL],
        local_again=answers[_AGAIN],
        at_domain=answers.get(_AT_DOMAIN),
        attempts=tuple(_attempt(form, answers) for form in RelayForm),
    )


async def _at_own_name(approach: Approach, addresses: _Addresses, interview: Interview) -> _Addresses:
    """With the name that the server calls itself by for its own domain: where no domain is named, the host's is no
    domain of its, and it takes mail for its postmaster there. That shows whose the domain is; nothing is guessed."""
    if own_domain(approach):
        return addresses

    def ask_at_name() -> tuple[Question, ...]:
        name = _own_name(interview.capabilities)
        known = recipient_taken(interview.answers[_AT_DOMAIN]) or name in ("", addresses.local)
        return () if known else (envelope(_AT_NAME, "", f"postmaster@{name}"),)

    answers = await interview.ask([envelope(_AT_DOMAIN, "", addresses.mailbox)], ask_at_name)
    if _AT_NAME not in answers or not recipient_taken(answers[_AT_NAME]):
        return addresses
    name = _own_name(interview.capabilities)
    return replace(addresses, local=name, mailbox=f"postmaster@{name}")


def _own_name(capabilities: Sequence[str]) -> str:
    """The domain name at the beginning of the reply to EHLO (RFC 5321 section 4.1.1.1); empty where there is none, or a
    reserved one, which is nobody's."""
    name = capabilities[0].split(" ")[0].lower() if capabilities else ""
    reserved = any(f".{name}".endswith(f".{domain}") for domain in FOREIGN_DOMAINS)
    return name if _NAME.fullmatch(name) and not reserved else ""


_NAME = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def _same_host(approach: Approach) -> bool:
    """Whether the system chose an address of the server's own host to ask from. Named ones are meant as strangers'."""
    if approach.source is not None or not approach.budget.source:
        return False
    client = ip_address(approach.budget.source.partition("%")[0])
    return client.is_loopback or client == ip_address(approach.address.partition("%")[0])


def _attempt(form: RelayForm, answers: Mapping[str, Dialogue]) -> RelayAttempt:
    return RelayAttempt(
        form=form,
        dialogue=answers[form],
        elsewhere=answers.get(f"elsewhere {form}"),
        nonsense=answers.get(f"nonsense {form}"),
        twin=answers.get(f"twin {form}"),
    )


async def try_to_deliver(approach: Approach, transcript: Transcript) -> RelayDeliveryFacts:
    """One message to the user's own foreign mailbox, where RCPT for it is taken; at most one for each source address.

    Raises:
        PeerError: no such mailbox was named, or nothing could be tried.
    """
    recipient = approach.config.mailboxes.foreign
    if recipient is None:
        raise PeerError(
            Absence.NOT_AVAILABLE, "no mailbox elsewhere: name one as foreign in [mailboxes] of the configuration file"
        )
    addresses = _addresses(approach)
    sources = await _from_each_source(
        approach,
        lambda variant: _delivery(variant, addresses, transcript),
        lambda address, reason: DeliverySource(address=address, unknown=reason),
    )
    return RelayDeliveryFacts(role=approach.endpoint.role, recipient=recipient, sources=sources)


async def _delivery(approach: Approach, addresses: _Addresses, transcript: Transcript) -> DeliverySource:
    interview = Interview(approach, transcript)
    user = addresses.recipient.rpartition("@")[0]
    questions = {form: addresses.question(form, user) for form in RelayForm}
    answers = await interview.ask((envelope(_LOCAL, "", addresses.own), *questions.values(), addresses.again))
    taken = next((form for form in RelayForm if recipient_taken(answers[form])), None)
    envelopes = tuple(answers[form] for form in RelayForm)
    message = None
    if taken is not None:
        mail, recipient = questions[taken].says
        text = message_for(approach, f"{USER}@{addresses.foreign}", addresses.recipient, "relay test")
        message_question = Question("message", (mail, *message_says(recipient, text)), once=True)
        message = (await interview.ask([message_question]))["message"]
    same_host = _same_host(approach)
    return DeliverySource(
        address=approach.source or "",
        same_host=same_host,
        local=answers[_LOCAL],
        local_again=answers[_AGAIN],
        envelopes=envelopes,
        taken=taken,
        message=message,
    )
