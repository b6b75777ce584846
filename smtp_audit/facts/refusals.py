"""What a refusal is about, by its words: relaying, or a mailbox that is not there.

Codes alone do not tell: servers without enhanced codes (Exim) say 550 to strangers, to blocked clients and of mailboxes
that do not exist, and Postfix says 454 4.7.1 of relaying for good.
"""

from __future__ import annotations

import re

from smtp_audit.facts.service import Reply

# Not in a host's name, which a server may repeat.
_RELAYING = re.compile(r"(?<![\w.@-])relay(?:ing|ed)?\b(?![\w-]*\.\w)|\brcpthosts\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:denied|not permitted|not allowed|prohibited|forbidden|refused|rejected)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:not?|cannot|unable|isn't|don't|doesn't|can't|disabled)\b", re.IGNORECASE)
_FOR_NOW = re.compile(r"tempor|try again|later|gr[ae]y|resolve|look ?up|throttl|limit", re.IGNORECASE)
# Addresses that are repeated, and what stands in angle brackets: their letters say nothing.
_REPEATED = re.compile(r"<[^<>]*>|\S+@\S+|\S*[%!]\S+")

_NOT_THERE = re.compile(
    r"no such|not found|n[o\']t exist|unrout|undeliverable|no (?:mailbox|user|recipient)"
    r"|unknown[^;.]{0,20}(?:user|recipient|address|mailbox|account)"
    r"|(?:user|recipient|address|mailbox|account)[^;.]{0,30}unknown"
    r"|invalid (?:recipient|address|mailbox|user)|mailbox (?:unavailable|not|is)",
    re.IGNORECASE,
)


def plain_words(reply: Reply) -> str:
    """The text of a reply without the addresses that it repeats."""
    return " ".join(_REPEATED.sub(" ", " ".join(reply.lines)).split())


def denies_relaying(reply: Reply) -> bool:
    """Whether it says that mail for this domain is not taken from this client, and for good (4yz or 5yz).

    Greylisting and trouble with a look-up are no such refusal.
    """
    text = plain_words(reply)
    if not _RELAYING.search(text):
        return False
    if reply.code.startswith("4"):
        return bool(_DENIED.search(text) and not _FOR_NOW.search(text))
    return reply.code.startswith("5") and bool(_DENIED.search(text) or _NO.search(text))


def names_relaying(reply: Reply) -> bool:
    """Whether it speaks of relaying at all."""
    return bool(_RELAYING.search(plain_words(reply)))


def not_there(reply: Reply) -> bool:
    """Whether its words say that there is no such mailbox."""
    return bool(_NOT_THERE.search(plain_words(reply)))
