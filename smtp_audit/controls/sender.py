"""That a user who has logged in writes under the own name only."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Safety, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Endpoint
from smtp_audit.facts.sender import HeaderForm, SenderFacts, SenderHeaderFacts

_WHOLE_ENVELOPE = 2
_WHOLE_MESSAGE = 4


@control(
    "sender-own-envelope",
    title="Users send under their own addresses only",
    expects="behind a login, MAIL with another user's address or one of another domain is refused with 5yz at MAIL or "
    "RCPT, and the user's own is taken",
    subject=Endpoint,
    needs=SenderFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 6409 section 6.1", "RFC 5321 section 7.1"),
    remedy={
        "postfix": "smtpd_sender_login_maps = a table of addresses and their owners, and reject_sender_login_mismatch "
        "in smtpd_sender_restrictions for submission and submissions; without smtpd_sasl_auth_enable = yes there it "
        "does nothing, and says nothing",
        "exim": "in the ACL of acl_smtp_mail: deny authenticated = * and condition = ${if "
        "!eqi{$sender_address}{$authenticated_id}}, one a line",
        "sendmail": "SLocal_check_mail in LOCAL_RULESETS, which compares the sender with $&{auth_authen}, or a milter",
        "opensmtpd": "auth and senders <TABLE> on the listen lines of submission and smtps",
        "docker-mailserver": "SPOOF_PROTECTION=1",
        "any": "tie each login to the addresses it may send for, and refuse all others",
    },
    safety=Safety.ACTIVE,
)
def sender_own_envelope(sender: SenderFacts, rule: Rule) -> Verdict:
    """One stolen password is enough to write in everybody's name, with the domain's own signature under it.

    Mail from a colleague or from the postmaster that passes SPF, DKIM and DMARC is believed; nothing on the way can
    tell it from true mail.
    """
    shown = (*sender.own, sender.other, sender.postmaster, sender.foreign, sender.null)
    evidence = [line for dialogue in shown for line in dialogue.told()]
    if not any(_taken(dialogue, _WHOLE_ENVELOPE) for dialogue in sender.own):
        raise Undetermined(f"the user's own address is not taken: {_end(sender.own[0]) if sender.own else 'not tried'}")
    others = (("another user's address", sender.other),) if sender.other_named else ()
    for what, dialogue in (*others, ("an address of another domain", sender.foreign)):
        if _taken(dialogue, _WHOLE_ENVELOPE):
            return fail(f"takes {what} as sender: {_course(dialogue)}", evidence=evidence)
    for dialogue in (sender.foreign, sender.other):
        _require_refused(dialogue)
    if _for_its_domain(sender.foreign.exchanges[-1]):
        raise Undetermined(f"refused because of its domain alone; {_NAME_A_FOREIGN}: {_end(sender.foreign)}")
    if sender.other_named:
        if _for_being_nobody(sender.other.exchanges[-1]):
            raise Undetermined(f"refused because there is no such address; {_NAME_ONE}: {_end(sender.other)}")
        return passed(f"refused: {_course(sender.other)}", evidence=evidence)
    # Nobody's address is refused by some because it is nobody's. The postmaster's exists, and may be the user's own.
    _require_refused(sender.postmaster)
    for dialogue in (sender.other, sender.postmaster):
        if not _for_being_nobody(dialogue.exchanges[-1]):
            return passed(f"refused: {_course(dialogue)}", evidence=evidence)
    raise Undetermined(f"refused because there is no such address; {_NAME_ONE}: {_end(sender.postmaster)}")


_NAME_ONE = "name a mailbox of somebody else as other in [mailboxes] of the configuration file"

_NAME_A_FOREIGN = "name a mailbox elsewhere as foreign in [mailboxes] of the configuration file"

_NO_SUCH_DOMAIN = re.compile(
    r"(?:^|\s)5\.(?:1\.8|7\.27)\b|null ?mx|does not accept mail|domain (?:[^;.]{0,30} )?not (?:found|exist)",
    re.IGNORECASE,
)

_NO_SUCH_ADDRESS = re.compile(
    r"(?:^|\s)5\.1\.[0-9]+\b|unknown|no such|not found|not exist|doesn't exist|verif|unrout", re.IGNORECASE
)


def _for_its_domain(exchange: Exchange) -> bool:
    """Reserved domains have a null MX record (RFC 7505 section 4.2) or none; those of other people have another."""
    return any(_NO_SUCH_DOMAIN.search(" ".join(reply.lines)) for reply in exchange.replies)


def _for_being_nobody(exchange: Exchange) -> bool:
    text = " ".join(line for reply in exchange.replies for line in reply.lines)
    return bool(_NO_SUCH_ADDRESS.search(text))


@control(
    "sender-own-header",
    title="Messages name their true author",
    expects="behind a login, a message with another user in From or Sender, or with two From fields, is refused with "
    "5yz; a server that rewrites the field instead cannot be told from one that does not",
    subject=Endpoint,
    needs=SenderHeaderFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 6409 section 8.1", "RFC 5322 section 3.6", "RFC 5322 section 3.6.2", "RFC 7489 section 6.6.1"),
    remedy={
        "postfix": "a milter that compares From with the login: Postfix's own header_checks do not know who has logged "
        "in",
        "exim": "in the ACL of acl_smtp_data: deny authenticated = * and condition = ${if "
        "!eqi{${address:$h_From:}}{$authenticated_id}}, one a line",
        "sendmail": "a milter that compares From with {auth_authen}",
        "opensmtpd": "senders <TABLE> masquerade on the listen lines of submission and smtps writes the envelope's "
        "sender into From",
        "docker-mailserver": "SPOOF_PROTECTION=1 looks at the envelope only; a milter has to look at From",
        "any": "compare From and Sender with the addresses of the login, and refuse messages with two From fields",
    },
    safety=Safety.ACTIVE,
)
def sender_own_header(header: SenderHeaderFacts, rule: Rule) -> Verdict:
    """Readers see From and never the envelope, so that this is the address that deceives them.

    Two From fields, or a list, make programs disagree about who wrote: the one that checks looks at the first, the one
    that shows looks at the last.
    """
    evidence = [f"{form}: {line}" for form, dialogue in header.messages.items() for line in dialogue.told()]
    own = header.messages.get(HeaderForm.OWN, Dialogue())
    if not _taken(own, _WHOLE_MESSAGE):
        raise Undetermined(f"a message in the user's own name is not taken: {_end(own)}")
    pretended = {form: header.messages.get(form, Dialogue()) for form in HeaderForm if form is not HeaderForm.OWN}
    taken = [form for form, dialogue in pretended.items() if _taken(dialogue, _WHOLE_MESSAGE)]
    if taken:
        summary = f"takes messages with {'; '.join(taken)}; whether it rewrites them cannot be seen from here"
        return fail(summary, evidence=evidence)
    for dialogue in pretended.values():
        _require_refused(dialogue)
    return passed(f"refused: {_end(pretended[HeaderForm.OTHER])}", evidence=evidence)


def _taken(dialogue: Dialogue, length: int) -> bool:
    """Whether it was held to its end, and the last answer is 2yz."""
    if len(dialogue.exchanges) != length:
        return False
    reply = dialogue.exchanges[-1].reply
    return reply is not None and reply.code.startswith("2")


def _require_refused(dialogue: Dialogue) -> None:
    """Refused for good, wherever that was, or hung up on; behind a message that may be otherwise (RFC 1047).

    Raises:
        Undetermined: it was not, or not tried.
    """
    last = dialogue.exchanges[-1] if dialogue.exchanges else None
    hung_up = last is not None and last.hung_up and not last.replies and len(dialogue.exchanges) < _WHOLE_MESSAGE
    if last is None or not (last.refused or hung_up):
        raise Undetermined(f"neither taken nor refused for good: {_end(dialogue)}")


def _course(dialogue: Dialogue) -> str:
    """What was said, and the last answer."""
    return ", ".join([*(exchange.sent for exchange in dialogue.exchanges[:-1]), str(dialogue.exchanges[-1])])


def _end(dialogue: Dialogue) -> str:
    return str(dialogue.exchanges[-1]) if dialogue.exchanges else dialogue.unknown or "not tried"
