"""Judgements that many controls about conversations share: what has to be refused, taken, or answered at all.

A server that closes the connection instead of an answer, twice on a fresh connection, breaks RFC 5321 section 3.8: it
must not, but after QUIT, or with 421.
"""

from __future__ import annotations

import re

from smtp_audit.control import Verdict, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.refusals import plain_words
from smtp_audit.facts.service import Reply
from smtp_audit.facts.transaction import TransactionFacts

_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")

_SAME = re.compile(r"[245]\.\d{1,3}\.\d{1,3}|[^\d]*")

NO_REMEDY = "no setting of a known server does this: look for a proxy or filter in front, then for an update"


def enhanced_code(reply: Reply) -> str:
    """The enhanced status code (RFC 2034, RFC 3463); empty where there is none."""
    found = _ENHANCED.match(reply.lines[0]) if reply.lines else None
    return found[1] if found else ""


def gist(exchange: Exchange) -> str:
    """The answer without what it repeats of the question, and without what is another each time: numbers of sessions,
    times. Two that have it in common may be about the client, and not about what was asked."""
    if exchange.reply is None:
        return exchange.ended
    same = (word for word in plain_words(exchange.reply).split() if _SAME.fullmatch(word))
    return " ".join([exchange.reply.code, *same])


def require_plain_mail(transaction: TransactionFacts) -> None:
    """What is said of MAIL with a parameter says something about the parameter only where MAIL alone is taken.

    Raises:
        Undetermined: it is not, or that was not seen.
    """
    begun = (transaction.data_without_recipient, transaction.nested_mail, transaction.reset, transaction.hello_again)
    firsts = [dialogue.exchanges[0] for dialogue in begun if dialogue.exchanges]
    if not any(first.accepted for first in firsts):
        raise Undetermined(f"MAIL alone is not taken: {firsts[0]}" if firsts else "MAIL alone was not tried")


def has_to_be_refused(dialogue: Dialogue, taken: str) -> Verdict:
    """Pass when the last exchange was refused for good; `taken` says what it means when it was not."""
    last = dialogue.last
    if last.refused:
        return passed(f"refused: {last.reply}", evidence=dialogue.told())
    if last.accepted:
        return fail(f"{taken}: {last.reply}", evidence=dialogue.told())
    return unanswered(dialogue, last)


def has_to_be_taken(dialogue: Dialogue, refused: str) -> Verdict:
    """Pass when the last exchange was accepted; `refused` says what it means when it was not."""
    last = dialogue.last
    if last.accepted:
        return passed(f"taken: {last.reply}", evidence=dialogue.told())
    if last.refused:
        return fail(f"{refused}: {last.reply}", evidence=dialogue.told())
    return unanswered(dialogue, last)


def has_to_be_answered(dialogue: Dialogue) -> Verdict:
    """Pass for any reply."""
    last = dialogue.last
    if last.replies and last.replies[-1].code[:1] in "25":
        return passed(f"answered: {last.replies[-1]}", evidence=dialogue.told())
    return unanswered(dialogue, last)


def unanswered(dialogue: Dialogue, last: Exchange) -> Verdict:
    """A failure where the connection was closed without a word.

    Raises:
        Undetermined: the reply is temporary, or did not come in time.
    """
    if last.hung_up and not last.replies:
        return fail(f"closes the connection without a reply: {last}", evidence=dialogue.told())
    raise Undetermined(f"neither taken nor refused: {last}")
