"""What a server says about itself, whom it obeys, and what it remembers across STARTTLS."""

import re

from ..wire import any_version, smtp
from . import Seen

_SMTP = {"mx", "submission", "submissions"}
_PRODUCTS = ("postfix", "exim", "sendmail", "microsoft esmtp mail service")
_SYSTEMS = ("debian", "ubuntu", "freebsd")
_FORBIDDEN = {
    "XCLIENT": "extension-impersonation",
    "XFORWARD": "extension-impersonation",
    "XEXCH50": "extension-private",
    "VERB": "extension-private",
    "TURN": "extension-turn",
    "ATRN": "extension-turn",
}


def faults(seen: Seen) -> set[str]:
    if seen.place.role not in _SMTP:
        return set()
    try:
        with seen.encrypted() as line:
            greeting = [text[4:] for text in line.greeted]
            inside = [text[4:] for text in smtp(line, "EHLO probe.example")]
            said = _help(seen)
            telling = [*(text[4:] for text in said), *(text.partition(" ")[2] for text in greeting)]
            etrn = smtp(line, "ETRN smtp-audit.invalid")[-1]
    except (OSError, EOFError):
        return set()
    replies = [inside]
    found = {"etrn-restricted"} if etrn.startswith("25") else set()
    if not said or said[-1].startswith("221"):
        found.add("smtp-help")
    if seen.place.role != "submissions":
        before, across = _across_starttls(seen)
        replies.append(before)
        found |= across
    if "STARTTLS" in _keywords(inside):
        found.add("starttls-not-offered-inside")
    found |= {_FORBIDDEN[word] for reply in replies for word in _keywords(reply) if word in _FORBIDDEN}
    return found | _told(" ".join(telling)) | _names(seen, greeting, replies)


def _help(seen: Seen) -> list[str]:
    """What HELP is answered; nothing where that ends the connection."""
    with seen.encrypted() as line:
        smtp(line, "EHLO probe.example")
        try:
            return smtp(line, "HELP")
        except (EOFError, ConnectionError):
            return []


def _keywords(reply: list[str]) -> list[str]:
    return [line.split()[0].upper() for line in reply[1:] if line.split()]


def _told(text: str) -> set[str]:
    found = set()
    if any(name in text.lower() for name in _PRODUCTS):
        found.add("greeting-product")
    if re.search(r"(?:postfix|exim|sendmail version|version:) \d+\.\d+", text, re.IGNORECASE):
        found.add("greeting-version")
    if any(name in text.lower() for name in _SYSTEMS):
        found.add("greeting-system")
    return found


def _names(seen: Seen, greeting: list[str], replies: list[list[str]]) -> set[str]:
    found = set()
    name = greeting[0].partition(" ")[0].lower()
    others = {reply[0].partition(" ")[0].lower() for reply in replies}
    for each in {name, *others}:
        if each == "localhost" or each.endswith((".localdomain", ".local", ".lan")) or re.match("[0-9a-f]{12}$", each):
            found.add("greeting-internal-names")
    if re.search(r"\b(10\.\d{1,3}|192\.168)\.\d{1,3}\.\d{1,3}\b", " ".join(greeting)):
        found.add("greeting-internal-names")
    if "." in name:
        if others != {name}:
            found.add("greeting-name-agrees")
        # The certificates of the lab are for the host, but for those that certificate-name is about.
        if name != seen.place.host and "certificate-name" not in seen.place.entry.must_fail:
            found.add("greeting-name-in-certificate")
    return found


def _across_starttls(seen: Seen) -> tuple[list[str], set[str]]:
    """The reply to EHLO in clear, and the faults in what comes then."""
    found = set()
    with seen.clear() as line:
        before = [text[4:] for text in smtp(line, "EHLO probe.example")]
        if smtp(line, "STARTTLS please")[-1].startswith("220"):
            found.add("starttls-argument-refused")
    with seen.clear() as line:
        smtp(line, "EHLO probe.example")
        mail = smtp(line, "MAIL FROM:<>")[-1]
        if smtp(line, "STARTTLS")[-1].startswith("220"):
            line.encrypt(any_version())
            try:
                if smtp(line, "RCPT TO:<alice@lab.example>")[-1].startswith("250") and mail.startswith("250"):
                    found.add("starttls-state-discarded")
                if smtp(line, "STARTTLS")[-1].startswith("220"):
                    found.add("starttls-once")
            except EOFError:
                pass
    return before, found
