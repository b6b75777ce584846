"""That strangers cannot send mail through the server to other domains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.answers import gist
from smtp_audit.errors import Undetermined
from smtp_audit.facts.authentication import asks_for_login
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.facts.refusals import denies_relaying, names_relaying
from smtp_audit.facts.relay import (
    LOCAL_FORMS,
    PLAIN_FORMS,
    ROUTED_FORMS,
    SOURCE_ROUTES,
    DeliverySource,
    RelayAttempt,
    RelayDeliveryFacts,
    RelayFacts,
    RelayForm,
    RelaySource,
    recipient_taken,
)

_REMEDY = {
    "postfix": "mynetworks = 127.0.0.0/8 [::1]/128, and smtpd_relay_restrictions = permit_mynetworks, "
    "permit_sasl_authenticated, reject_unauth_destination: with no table before the last that says OK or permit",
    "exim": "hostlist relay_from_hosts = localhost, and in the ACL of acl_smtp_rcpt: require message = relay not "
    "permitted and domains = +local_domains : +relay_to_domains, one a line",
    "sendmail": "remove FEATURE(`promiscuous_relay'), FEATURE(`relay_local_from') and FEATURE(`relay_mail_from'), and "
    "RELAY entries of the access table that name whole networks or senders",
    "opensmtpd": "match from local for any and match from any auth for any: no match from any for any without auth",
    "docker-mailserver": "PERMIT_DOCKER=none, and no mynetworks in postfix-main.cf of the configuration volume",
    "any": "relay for clients that have logged in and for nobody else; trust no network that others can come from, and "
    "no sender's address at all",
}


@control(
    "relay-refused",
    title="Mail from strangers to other domains is refused",
    expects="RCPT for a foreign mailbox is refused (5yz, or Postfix's 454 for policy) whoever the sender is; a server "
    "that refuses only after DATA is not given that chance here",
    subject=Endpoint,
    needs=RelayFacts,
    roles=(Role.MX,),
    spec=("RFC 5321 section 3.6.2", "RFC 5321 section 7.9", "RFC 2505 section 2.1"),
    remedy=_REMEDY,
)
def relay_refused(relay: RelayFacts, rule: Rule) -> Verdict:
    """An open relay sends anybody's mail to anybody, in the name of the server that is abused.

    Spammers find one within hours; its address ends on block lists and the domain's own mail is refused everywhere.
    Four senders are tried, because rules that look at the sender trust what everybody can write.
    """
    evidence = _told(relay, PLAIN_FORMS)
    for source in relay.sources:
        for attempt in _of(source, PLAIN_FORMS):
            if _relays(relay, source, attempt):
                summary = f"{source.name}takes mail from a stranger to another domain: {_at_recipient(attempt)}"
                return fail(f"{summary} (at RCPT, not confirmed by delivery)", evidence=evidence)
    _require_tried(relay)
    for source in relay.sources:
        _require_all_refused(source, PLAIN_FORMS)
        _require_difference(source, [attempt.dialogue for attempt in _of(source, PLAIN_FORMS)])
    null = _of(relay.sources[0], PLAIN_FORMS)[0].dialogue
    return passed(f"refused for all {len(PLAIN_FORMS)} senders: {null.exchanges[-1]}", evidence=evidence)


@control(
    "relay-routed-refused",
    title="No form of a recipient's address gets mail to another domain",
    expects="RCPT for a foreign mailbox is refused when written with %, quotes, two @, a source route or a bang path, "
    "or not understood so that it is taken for a local part",
    subject=Endpoint,
    needs=RelayFacts,
    roles=(Role.MX,),
    spec=("RFC 5321 section 4.1.1.3", "RFC 5321 appendix C", "RFC 1123 section 5.2.16", "RFC 2505 section 2.1"),
    remedy={
        "postfix": "allow_untrusted_routing = no (the default), and nothing before reject_unauth_destination in "
        "smtpd_relay_restrictions that permits by the pattern of a recipient",
        "exim": "in the ACL of acl_smtp_rcpt: deny domains = +local_domains and local_parts = ^[.] : ^.*[@%!/|], one a "
        "line; and no percent_hack_domains",
        "sendmail": "remove FEATURE(`loose_relay_check')",
        "opensmtpd": "it takes none of these for a route: look for a filter or another server in front",
        "docker-mailserver": "no allow_untrusted_routing and no smtpd_relay_restrictions in postfix-main.cf of the "
        "configuration volume",
        "any": "refuse recipients with %, ! or a second @ from strangers, and ignore source routes",
    },
)
def relay_routed_refused(relay: RelayFacts, rule: Rule) -> Verdict:
    """A server that checks the domain behind the last @ and then sends to the one before it is an open relay.

    These spellings are decades old, and testers of open relays still begin with them: a single one that works is
    enough to be abused and listed.
    """
    if any(_relays(relay, source, attempt) for source in relay.sources for attempt in _of(source, PLAIN_FORMS)):
        return not_applicable("it relays for plain addresses already; relay-refused judges that")
    evidence = _told(relay, ROUTED_FORMS)
    for source in relay.sources:
        if not any(recipient_taken(attempt.dialogue) for attempt in _of(source, PLAIN_FORMS)):
            for attempt in _of(source, ROUTED_FORMS):
                if _routes(attempt):
                    summary = f"{source.name}takes a routed address of another domain: {_at_recipient(attempt)}"
                    return fail(f"{summary} (at RCPT, not confirmed by delivery)", evidence=evidence)
    _require_tried(relay)
    for source in relay.sources:
        _require_all_refused(source, (*PLAIN_FORMS, *ROUTED_FORMS))
        _require_difference(source, [attempt.dialogue for attempt in _of(source, PLAIN_FORMS)])
        _require_own_domain(source)
    return passed(f"refused in all {len(ROUTED_FORMS)} routed forms", evidence=evidence)


@control(
    "relay-not-delivered",
    title="No message from a stranger to another domain is taken",
    expects="a message to the user's own mailbox elsewhere is refused: at RCPT, or after DATA",
    subject=Endpoint,
    needs=RelayDeliveryFacts,
    roles=(Role.MX,),
    spec=("RFC 5321 section 3.6.2", "RFC 5321 section 4.2.5", "RFC 2505 section 2.1"),
    remedy=_REMEDY,
    safety=Safety.ACTIVE,
)
def relay_not_delivered(delivery: RelayDeliveryFacts, rule: Rule) -> Verdict:
    """With 250 behind the message the server has taken it upon itself to deliver it: that is relaying, and no guess.

    A server may take a recipient and refuse the message, or look like a relay on purpose. Only the mailbox itself shows
    that the message arrived; to read it is left to its owner.
    """
    evidence = [
        f"{source.name}{line}"
        for source in delivery.sources
        for dialogue in (source.local, *source.envelopes, source.message, source.local_again)
        if dialogue is not None
        for line in dialogue.told()
    ]
    doubts: list[str] = []
    for source in delivery.sources:
        message = source.message
        last = message.exchanges[-1] if message is not None and message.exchanges else None
        if source.unknown:
            doubts.append(f"{source.name}{source.unknown}")
        elif len(source.envelopes) < len(RelayForm):
            doubts.append(f"{source.name}{_NOT_ALL}")
        elif message is None:
            doubts += [f"{source.name}{doubt}" for doubt in map(_doubt, source.envelopes) if doubt]
            if not doubts:
                _require_difference(source, source.envelopes[: len(PLAIN_FORMS)])
        elif last is None:
            doubts.append(f"{source.name}{message.unknown or 'the message was not sent'}")
        elif len(message.exchanges) == _WHOLE_MESSAGE and _is(last, "2"):
            if source.same_host and all(map(recipient_taken, source.envelopes[: len(PLAIN_FORMS)])):
                doubts.append(_SAME_HOST)
                continue
            if source.taken in (*PLAIN_FORMS, *SOURCE_ROUTES):
                summary = f"{source.name}took a message from a stranger to {delivery.recipient} for delivery: {last}"
                return fail(f"{summary}; whether it arrived, that mailbox tells", evidence=evidence)
            doubts.append(
                f"{source.name}took a message for {message.exchanges[1].sent}: {last}; look whether it arrives at "
                f"{delivery.recipient}, or is a local part here"
            )
        elif not _refuses(last) and (len(message.exchanges) == _WHOLE_MESSAGE or not _hung_up(last)):
            # Who hangs up behind a message may have taken it (RFC 1047).
            doubts.append(f"{source.name}the message was neither taken nor refused for good: {last}")
    if doubts or not delivery.sources:
        raise Undetermined(doubts[0] if doubts else _NOT_ALL)
    tried = any(source.message for source in delivery.sources)
    return passed("refused after RCPT" if tried else "refused at RCPT: no message was sent", evidence=evidence)


_WHOLE_MESSAGE = 4
"""Exchanges of a message: MAIL, RCPT, DATA, the text with its dot."""

_NOT_ALL = "not every form was tried"

_SAME_HOST = (
    "everything is taken, but from the server's own host, which servers trust by default: run the audit from another "
    "machine, or name addresses that are strangers to it in sources of the configuration file"
)

_NAME_ONE = "name a mailbox elsewhere as foreign in [mailboxes] of the configuration file"


class _Fate(Enum):
    """What became of a recipient."""

    TAKEN = 1
    REFUSED = 2
    UNKNOWN = 3


def _relays(relay: RelayFacts, source: RelaySource, attempt: RelayAttempt) -> bool:
    """Whether a plain attempt shows an open relay: the domain was named as foreign, or another is taken just so.

    A server may well be responsible for one of the reserved domains, in a laboratory for instance. And it may trust its
    own host: then whatever comes from there is taken, and what strangers may do is not known.
    """
    if _fate(attempt.dialogue) is not _Fate.TAKEN or _trusted(source):
        return False
    return relay.named or (attempt.elsewhere is not None and _fate(attempt.elsewhere) is _Fate.TAKEN)


def _trusted(source: RelaySource) -> bool:
    """Whether everything is taken, and we are on the server's own host (Postfix: mynetworks has 127.0.0.0/8)."""
    return source.same_host and all(recipient_taken(attempt.dialogue) for attempt in _of(source, PLAIN_FORMS))


def _routes(attempt: RelayAttempt) -> bool:
    """Whether a routed attempt shows a relay: it is taken, and what differs in the foreign domain alone is not."""
    if _fate(attempt.dialogue) is not _Fate.TAKEN:
        return False
    if attempt.form in SOURCE_ROUTES:
        return True
    return all(check is not None and _fate(check) is _Fate.REFUSED for check in (attempt.nonsense, attempt.twin))


def _require_tried(relay: RelayFacts) -> None:
    """Raises Undetermined where not every form was tried from every source."""
    for source in relay.sources:
        if source.unknown or [attempt.form for attempt in source.attempts] != list(RelayForm):
            raise Undetermined(f"{source.name}{source.unknown or _NOT_ALL}")
    if not relay.sources:
        raise Undetermined(_NOT_ALL)


def _require_all_refused(source: RelaySource, forms: Iterable[RelayForm]) -> None:
    """Raises Undetermined for the first attempt that is not known to be refused."""
    if _trusted(source):
        raise Undetermined(_SAME_HOST)
    for attempt in _of(source, forms):
        if doubt := _doubt(attempt.dialogue) or _ambiguity(attempt):
            raise Undetermined(f"{source.name}{doubt}")


def _doubt(dialogue: Dialogue) -> str:
    """Why a dialogue shows neither that the recipient is taken nor that it is refused; empty when it does."""
    if _fate(dialogue) is not _Fate.UNKNOWN:
        return ""
    if dialogue.exchanges and not dialogue.unknown:
        return f"neither taken nor refused for good: {dialogue.exchanges[-1]}"
    return dialogue.unknown or _NOT_ALL


def _ambiguity(attempt: RelayAttempt) -> str:
    """What a taken attempt may mean other than a relay."""
    if _fate(attempt.dialogue) is not _Fate.TAKEN:
        return ""
    said = _at_recipient(attempt)
    if attempt.form in PLAIN_FORMS:
        beside = attempt.elsewhere
        told = f"{beside.exchanges[-1]}" if beside is not None and beside.exchanges else "no answer"
        return f"{said}, and in another domain {told}: it may be responsible for the first; {_NAME_ONE}"
    for check in (attempt.nonsense, attempt.twin):
        if check is not None and _fate(check) is _Fate.TAKEN:
            return (
                f"{said}, but so is a local part that nobody has ({check.exchanges[-1].sent}): what it means is not "
                f"known; {_NAME_ONE} and look whether the message arrives"
            )
    return f"{said}, and whether it is taken for a local part is not known; {_NAME_ONE}"


def _require_own_domain(source: RelaySource) -> None:
    """Raises Undetermined when a form with the server's own domain is refused for relaying, and so is that domain
    itself: then it is not the server's own, and the form was not the question."""
    shown = source.at_domain or source.local
    reply = shown.exchanges[-1].reply if shown.exchanges else None
    if reply is not None and not denies_relaying(reply):
        return
    for attempt in _of(source, LOCAL_FORMS):
        answer = attempt.dialogue.exchanges[-1].reply
        if answer is not None and denies_relaying(answer):
            raise Undetermined(
                f"{source.name}the domain in the place of the server's own is not known to be that "
                f"({shown.exchanges[-1] if shown.exchanges else shown.unknown or 'not asked'}): name a domain that it "
                "takes mail for (--smtp-domain DOMAIN), or a mailbox as own in [mailboxes] of the configuration file"
            )


def _require_difference(source: RelaySource | DeliverySource, plain: Sequence[Dialogue]) -> None:
    """Raises Undetermined when a mailbox of the server itself is refused in the same words: then the client is refused,
    and what others may do is not known. So it is when the client is not served any more at the end."""
    again = source.local_again
    if _fate(source.local) is _Fate.TAKEN and again is not None and _fate(again) is not _Fate.TAKEN:
        raise Undetermined(
            f"{source.name}a mailbox of its own is taken before the attempts, and not behind them: "
            f"{again.exchanges[-1] if again.exchanges else again.unknown}"
        )
    if _fate(source.local) is _Fate.TAKEN or (
        source.local.exchanges and gist(source.local.exchanges[-1]) != gist(plain[0].exchanges[-1])
    ):
        return
    for dialogue in plain:
        reply = dialogue.exchanges[-1].reply
        if reply is not None and (asks_for_login(reply) or names_relaying(reply)):
            return
    raise Undetermined(
        f"{source.name}a mailbox of its own is refused just so, and what it does for others is not known: "
        f"{source.local.exchanges[-1]}"
        if source.local.exchanges
        else f"{source.name}a mailbox of its own was not asked for: {source.local.unknown or _NOT_ALL}"
    )


def _of(source: RelaySource, forms: Iterable[RelayForm]) -> list[RelayAttempt]:
    wanted = set(forms)
    return [attempt for attempt in source.attempts if attempt.form in wanted]


def _fate(dialogue: Dialogue) -> _Fate:
    """Taken at RCPT; or refused there or at MAIL, which is as good: this envelope gets nowhere."""
    if recipient_taken(dialogue):
        return _Fate.TAKEN
    if not dialogue.exchanges:
        return _Fate.UNKNOWN
    last = dialogue.exchanges[-1]
    return _Fate.REFUSED if _refuses(last) or _hung_up(last) else _Fate.UNKNOWN


def _is(exchange: Exchange, digit: str) -> bool:
    return exchange.reply is not None and exchange.reply.code.startswith(digit)


def _refuses(exchange: Exchange) -> bool:
    """Whether the reply is a refusal for good: 5yz, or 4yz that names relaying as not allowed.

    Postfix answers 454 4.7.1 Relay access denied by default, so that a mistake in its settings loses no mail
    (defer_unauth_destination). Greylisting and trouble with a look-up are no refusal.
    """
    if exchange.refused:
        return True
    return exchange.reply is not None and denies_relaying(exchange.reply)


def _hung_up(exchange: Exchange) -> bool:
    """Whether the server closed the connection in the place of an answer; silence is no answer at all."""
    return exchange.hung_up and not exchange.replies


def _at_recipient(attempt: RelayAttempt) -> str:
    mail, recipient = attempt.dialogue.exchanges[:2]
    return f"{recipient} after {mail.sent}"


def _told(relay: RelayFacts, forms: tuple[RelayForm, ...]) -> list[str]:
    lines = []
    for source in relay.sources:
        if source.unknown:
            lines.append(f"{source.name}{source.unknown}")
            continue
        for dialogue in (source.local, source.at_domain, source.local_again):
            lines += [f"{source.name}{line}" for line in dialogue.told()] if dialogue is not None else []
        for attempt in _of(source, forms):
            for each in (attempt.dialogue, attempt.elsewhere, attempt.nonsense, attempt.twin):
                lines += [f"{source.name}{line}" for line in each.told()] if each is not None else []
    return lines
