"""Clients that run ahead, where they may and where they may not."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint
from smtp_audit.facts.pipelining import PipeliningFacts

_BATCH = 4
"""Commands of the batch before QUIT, each of which has a reply."""

_TOO_EARLY = re.compile(
    r"\btoo (?:soon|early)\b|\bearly talk|\bpre-?greet|\bbefore (?:the |my |our )?(?:greeting|banner)\b|"
    r"\bsynchroni[sz]ation\b",
    re.IGNORECASE,
)
"""A temporary refusal with these words is not one of those that anybody may meet at any time."""

_FORBID = (
    "smtpd_forbid_unauth_pipelining = yes (the default since 3.9; 3.8.1, 3.7.6, 3.6.10 and 3.5.20 have it as well)"
)


@control(
    "smtp-pipelining-complete",
    title="A batch of commands gets all its replies, in order",
    expects="where PIPELINING is announced, every command of a batch is answered, and QUIT behind it last",
    subject=Endpoint,
    needs=PipeliningFacts,
    roles=SMTP_ROLES,
    spec=("RFC 2920 section 3.2", "RFC 5321 section 4.1.1"),
    remedy={
        "postfix": "no fault of Postfix: look for a firewall or proxy that reads SMTP; until it is gone: "
        "smtpd_discard_ehlo_keywords = pipelining",
        "exim": "no fault of Exim: look for a proxy; until it is gone: pipelining_advertise_hosts = (empty)",
        "any": "do not announce PIPELINING where what stands in front loses commands that come together",
    },
)
def pipelining_complete(pipelining: PipeliningFacts, rule: Rule) -> Verdict:
    """A server that loses commands of a batch leaves the sender waiting until it gives up: mail is stuck or lost.

    Senders batch as soon as PIPELINING is announced. Replies that are missing or out of order are taken for those of
    other commands, so that a refused recipient looks accepted.
    """
    if not pipelining.announced:
        return not_applicable("PIPELINING is not announced")
    last = pipelining.batch.last
    told = pipelining.batch.told()
    replies = tuple(reply for exchange in pipelining.batch.exchanges for reply in exchange.replies)
    if not replies or replies[-1].code != "221":
        raise Undetermined(f"the batch was not answered to its end: {last}")
    answered = len(replies) - 1
    if answered < _BATCH:
        return fail(f"answers {answered} of {_BATCH} commands of a batch, then QUIT", evidence=told)
    if answered > _BATCH:
        return fail(f"gives {answered} replies to {_BATCH} commands of a batch", evidence=told)
    if replies[-2].code.startswith("4"):
        raise Undetermined(f"RSET is refused for now, or the replies are out of order: {replies[-2]}")
    if not replies[-2].code.startswith("2"):
        return fail(f"the reply in the place of RSET is {replies[-2]}", evidence=told)
    return passed(f"all {_BATCH} commands of a batch are answered in order", evidence=told)


@control(
    "smtp-unauthorised-pipelining",
    title="Clients that do not wait where they have to are turned away",
    expects="of two NOOP in one segment not both are taken: 503, 554 or a closed connection",
    subject=Endpoint,
    needs=PipeliningFacts,
    roles=SMTP_ROLES,
    spec=("RFC 2920 section 3.1", "RFC 5321 section 4.1.1"),
    remedy={
        "postfix": f"{_FORBID}; reject_unauth_pipelining in smtpd_data_restrictions guards DATA alone",
        "exim": "no setting for NOOP and VRFY; pipelining_connect_advertise_hosts = (empty) and smtp_enforce_sync = "
        "true (the default) turn away those who do not wait for the greeting and EHLO",
        "sendmail": "no setting: FEATURE(`greet_pause', `5000')dnl catches those who do not wait for the greeting",
        "docker-mailserver": f"{_FORBID.partition(' (')[0]} in postfix-main.cf of the configuration volume",
        "any": "keep clients in step: refuse what comes before the reply to EHLO, DATA, NOOP or QUIT was sent",
    },
)
def unauthorised_pipelining(pipelining: PipeliningFacts, rule: Rule) -> Verdict:
    """Only programs that do not read the replies talk on: spam tools, and commands that were smuggled into a message.

    Turned away at that point, a smuggled message is not delivered even where the smuggling itself has worked.
    """
    first, last = pipelining.together.exchanges[:1], pipelining.together.last
    told = pipelining.together.told()
    for exchange in (*first, last):
        if exchange.refused:
            return passed(f"refused: {exchange.replies[-1]}", evidence=told)
        if exchange.hung_up:
            return passed("hangs up", evidence=told)
    replies = [reply.code for exchange in pipelining.together.exchanges for reply in exchange.replies]
    if replies == ["250", "250", "221"]:
        return fail(f"takes commands that did not wait: {last.reply}", evidence=told)
    if replies == ["250", "221"]:
        return passed("does not hear what did not wait", evidence=told)
    raise Undetermined(f"neither taken nor refused: {last}")


@control(
    "smtp-early-talker",
    title="Clients that talk before the greeting are turned away",
    expects="NOOP before the greeting is answered with 5yz, or with 4yz that names the reason, or the greeting is 554, "
    "or the server hangs up",
    subject=Endpoint,
    needs=PipeliningFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.3.1", "RFC 5321 section 3.1"),
    remedy={
        "postfix": f"{_FORBID}; for port 25 also postscreen with postscreen_greet_action = enforce",
        "exim": "pipelining_connect_advertise_hosts = (empty), as PIPECONNECT, announced by default, lets everybody "
        "talk early; then smtp_enforce_sync = true (the default) turns them away",
        "sendmail": "FEATURE(`greet_pause', `5000')dnl",
        "docker-mailserver": "postscreen_greet_action = enforce in postfix-main.cf of the configuration volume",
        "any": "greet a little later, and hang up on those who have not waited",
    },
)
def early_talker(pipelining: PipeliningFacts, rule: Rule) -> Verdict:
    """Mail servers wait for the greeting; those who do not are mostly programs that spread spam or viruses.

    To turn them away costs nothing and spares the filters behind a good part of the load.
    """
    if pipelining.early is None:
        return not_applicable("TLS begins at once: nobody can talk before the greeting and be heard")
    told = pipelining.early.told()
    # The first words of a server that hangs up with them are no answer to what would have followed.
    first, *others = pipelining.early.exchanges or (pipelining.early.last,)
    if first.reply is not None and first.reply.code.startswith("4") and _TOO_EARLY.search(first.reply.lines[0]):
        return passed(f"refused: {first.reply}", evidence=told)
    pipelining.early.last  # noqa: B018 (asked at all?)
    if first.reply is not None and first.reply.code.startswith("4"):
        raise Undetermined(f"turned away for now, which need not be for talking early: {first}")
    if first.refused or first.hung_up:
        return passed(f"refused: {first.replies[-1]}" if first.refused else "hangs up", evidence=told)
    if [reply.code[:1] for reply in first.replies] != ["2", "2"]:
        raise Undetermined(f"neither taken nor refused: {first}")
    last = others[-1] if others else first
    if last.refused or last.hung_up:
        return passed(f"refused later: {last}", evidence=told)
    if last.accepted:
        return fail(f"takes commands that came before the greeting: {last.replies[-1]}", evidence=told)
    raise Undetermined(f"neither taken nor refused: {last}")
