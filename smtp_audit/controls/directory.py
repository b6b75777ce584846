"""That VRFY and EXPN tell strangers nothing about who is there."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint


@control(
    "vrfy-tells-nothing",
    title="VRFY does not tell whether a mailbox exists",
    expects="VRFY is answered in the same way for a mailbox that exists and for one that does not (252, or 502 where "
    "it is turned off)",
    subject=Endpoint,
    needs=DirectoryFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 3.5.3", "RFC 5321 section 7.3", "RFC 2505 section 2.11"),
    remedy={
        "postfix": "disable_vrfy_command = yes",
        "exim": "no ACL for acl_smtp_vrfy: the default answers 252 to everything",
        "sendmail": "define(`confPRIVACY_FLAGS', `goaway')dnl",
        "docker-mailserver": "the default; take disable_vrfy_command out of postfix-main.cf",
        "any": "turn VRFY off, or answer 252 whoever is asked for",
    },
)
def vrfy_tells_nothing(directory: DirectoryFacts, rule: Rule) -> Verdict:
    """With VRFY names are tried in no time, and what comes out is a list to send spam to and to guess passwords of.

    RCPT tells a stranger the same on port 25, but leaves the traces of an attempted delivery and meets its limits.
    """
    asked = (directory.known, directory.unknown, directory.nobody)
    evidence = [line for dialogue in asked for line in dialogue.told()]
    known, unknown, nobody = (_answer(dialogue) for dialogue in asked)
    if known.split()[:2] != unknown.split()[:2] or (known != unknown and unknown == nobody):
        summary = f"tells who is there: {directory.known.last}, but {directory.unknown.last}"
        return fail(summary, evidence=evidence)
    if _looked_up(unknown):
        raise Undetermined(
            f"it looks mailboxes up, and did not find {directory.known.last.sent.removeprefix('VRFY ')}: name one that "
            "exists as own in [mailboxes] of the configuration file"
        )
    return passed(f"the same for everyone: {directory.known.last.reply or known}", evidence=evidence)


@control(
    "expn-tells-nothing",
    title="EXPN lists no members",
    expects="EXPN for postmaster and abuse is refused, or answered with 252",
    subject=Endpoint,
    needs=DirectoryFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 3.5.2", "RFC 5321 section 7.3", "RFC 2505 section 2.11"),
    remedy={
        "postfix": "it has no EXPN: what answers here is another server or a filter in front",
        "exim": "no ACL for acl_smtp_expn: the default refuses it",
        "sendmail": "define(`confPRIVACY_FLAGS', `goaway')dnl",
        "docker-mailserver": "it has no EXPN: what answers here is another server or a filter in front",
        "any": "turn EXPN off",
    },
)
def expn_tells_nothing(directory: DirectoryFacts, rule: Rule) -> Verdict:
    """Who reads the postmaster's mail is who holds the keys: EXPN hands out their addresses to anyone who asks."""
    asked = (directory.postmaster, directory.abuse)
    evidence = [line for dialogue in (*asked, directory.no_list) for line in dialogue.told()]
    for dialogue in asked:
        last = dialogue.exchanges[-1] if dialogue.exchanges else None
        if last is None or last.reply is None or not _lists(last):
            continue
        # A server that says 250 to everything lists nobody.
        if not directory.no_list.exchanges or _scrubbed(last) != _scrubbed(directory.no_list.exchanges[-1]):
            return fail(f"lists members: {last}", evidence=evidence)
    answers = [_answer(dialogue) for dialogue in asked]
    if all(map(_looked_up, answers)):
        raise Undetermined(
            f"it looks names up, and found neither postmaster nor abuse; whether it lists others is not known: "
            f"{directory.postmaster.last}"
        )
    return passed(f"lists nobody: {directory.postmaster.last.reply or answers[0]}", evidence=evidence)


_SOUGHT = re.compile(
    r" 5\.1\.[0-9]|unknown|no such|not found|not exist|doesn't exist|unrout|\brelay|invalid (?:user|recipient|address)",
    re.IGNORECASE,
)
_NO_COMMAND = ("500", "501", "502", "503", "504", "530")
"""The command is not there, or not for strangers (RFC 5321 sections 3.5.3 and 4.2.4): no name was looked up."""
_REPEATED = re.compile(r"<[^<>]*>|\S+@\S+|smtp-audit-[0-9a-f]+|\bpostmaster\b|\babuse\b", re.IGNORECASE)


def _looked_up(answer: str) -> bool:
    """Whether it is a refusal of the name and not of the command."""
    return answer.startswith("5") and not answer.startswith(_NO_COMMAND) and bool(_SOUGHT.search(answer))


def _lists(exchange: Exchange) -> bool:
    """250 or 251 (RFC 5321 section 3.5.2); 252 says that nothing is told."""
    return bool(exchange.replies) and exchange.replies[-1].code in ("250", "251")


def _answer(dialogue: Dialogue) -> str:
    """Code and text of the answer, without what it repeats of the question; that the server hung up is one, too.

    Raises:
        Undetermined: there was none, or one that is for now.
    """
    last = dialogue.last
    if last.reply is None:
        if not last.hung_up:
            raise Undetermined(f"no answer: {last}")
        return last.ended
    if last.reply.code.startswith("4"):
        raise Undetermined(f"refused for now: {last}")
    return _scrubbed(last)


def _scrubbed(exchange: Exchange) -> str:
    if exchange.reply is None:
        return exchange.ended
    local_part = re.escape(exchange.sent.partition(" ")[2].partition("@")[0])
    text = " ".join(exchange.reply.lines)
    text = re.sub(rf"\b{local_part}\b", " ", _REPEATED.sub(" ", text)) if local_part else _REPEATED.sub(" ", text)
    return " ".join([exchange.reply.code, *text.split()])
