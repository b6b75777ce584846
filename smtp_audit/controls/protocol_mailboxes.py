"""The mailboxes that every domain has, mail from nobody, and a hundred recipients (RFC 5321 section 4.5)."""

from __future__ import annotations

from smtp_audit.control import Outcome, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.answers import enhanced_code, unanswered
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import SMTP_ROLES, SUBMISSION_ROLES, Endpoint, Role
from smtp_audit.facts.refusals import denies_relaying, not_there
from smtp_audit.facts.service import Reply
from smtp_audit.facts.transaction import TransactionFacts

_SENDER = ("5.1.7", "5.1.8")
"""Enhanced codes that are about the sender's address (RFC 3463 section 3.2)."""

_NO_DOMAIN = "no mail domain was named, so that no mailbox of one was asked for: --smtp-domain DOMAIN names it"


@control(
    "smtp-postmaster",
    title="Mail for the postmaster is taken",
    expects="RCPT TO:<postmaster> is taken, and so is RCPT TO:<postmaster@domain> where the domain is named",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=(Role.MX,),
    spec=("RFC 5321 section 4.5.1", "RFC 5321 section 2.3.5", "RFC 2142 section 5"),
    remedy={
        "postfix": "an alias postmaster for each domain: in alias_maps for mydestination, in virtual_alias_maps for "
        "others; local_recipient_maps must know it",
        "exim": "postmaster in /etc/aliases, and accept local_parts = postmaster with domains = +local_domains in the "
        "ACL of acl_smtp_rcpt before other checks",
        "sendmail": "postmaster in /etc/mail/aliases, then newaliases",
        "opensmtpd": "postmaster in the alias table of the action for the domain",
        "docker-mailserver": "setup alias add postmaster@DOMAIN ADDRESS, and POSTMASTER_ADDRESS",
        "any": "an alias postmaster in every domain, to a mailbox that somebody reads",
    },
)
def postmaster(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """The postmaster is whom others write to when mail does not arrive, or when a server is abused.

    Reports of attacks and of lost mail that are refused there are read by nobody.
    """
    told: list[str] = []
    for dialogue, other, name in (
        (transaction.postmaster, transaction.postmaster_from_other, "postmaster"),
        (transaction.postmaster_of_domain, transaction.postmaster_of_domain_from_other, "postmaster of the domain"),
    ):
        verdict = _mailbox(transaction, dialogue, other, name)
        if verdict.outcome is not Outcome.PASS:
            return verdict
        told += verdict.evidence
        if not transaction.domain:
            return passed(f"taken without a domain; {_NO_DOMAIN}", evidence=told)
    return passed("both forms are taken", evidence=told)


@control(
    "smtp-abuse-mailbox",
    title="Mail for abuse@domain is taken",
    expects="RCPT TO:<abuse@domain> is taken where the domain is named",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=(Role.MX,),
    spec=("RFC 2142 section 4", "RFC 2142 section 2"),
    remedy={
        "postfix": "abuse in alias_maps (for mydestination) or virtual_alias_maps",
        "exim": "abuse in /etc/aliases",
        "sendmail": "abuse in /etc/mail/aliases, then newaliases",
        "opensmtpd": "abuse in the alias table of the action for the domain",
        "docker-mailserver": "setup alias add abuse@DOMAIN ADDRESS",
        "any": "an alias abuse in every domain, to a mailbox that somebody reads",
    },
)
def abuse_mailbox(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Who gets unwanted mail from a domain writes to abuse there, and puts the domain on a list when that bounces.

    It is also how the owner learns that an account was taken over.
    """
    if not transaction.domain:
        return not_applicable(_NO_DOMAIN)
    return _mailbox(transaction, transaction.abuse, transaction.abuse_from_other, "abuse")


@control(
    "smtp-null-sender",
    title="Mail from the null sender is taken",
    expects="MAIL FROM:<> and RCPT for a local mailbox are both taken",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=(Role.MX,),
    spec=("RFC 5321 section 4.5.5", "RFC 5321 section 6.1", "RFC 5321 section 3.6.3"),
    remedy={
        "postfix": "no rule for <> (smtpd_null_access_lookup_key) in the tables of check_sender_access",
        "exim": "no deny for an empty $sender_address in acl_smtp_mail and acl_smtp_rcpt",
        "any": "take mail from <>; to keep false bounces out, sign the envelope's sender (BATV) in place of refusing",
    },
)
def null_sender(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Reports of mail that could not be delivered come from the null sender, and so do many receipts.

    A server that refuses them hides from its users that their mail was lost. Others take it for a sign of a sender of
    unwanted mail, and stop taking mail from it.
    """
    dialogue, other = transaction.null_sender, transaction.null_sender_from_other
    if not dialogue.exchanges:
        raise Undetermined(dialogue.unknown or "it was not asked")
    last = dialogue.exchanges[-1]
    at_mail = len(dialogue.exchanges) == 1
    if last.accepted and not at_mail and not dialogue.unknown:
        return passed(f"taken: {last.reply}", evidence=dialogue.told())
    if not last.refused or last.reply is None:
        if dialogue.unknown:
            raise Undetermined(dialogue.unknown)
        return unanswered(dialogue, last)
    if not other.exchanges:
        raise Undetermined(f"refused, and no other sender was tried: {last.reply}")
    told = (*dialogue.told(), *other.told())
    others = other.exchanges[0] if at_mail else other.exchanges[-1]
    named = len(other.exchanges) > 1 or at_mail
    if (named and others.accepted) or (not at_mail and enhanced_code(last.reply) in _SENDER):
        return fail(f"refuses mail from <>: {last.reply}", evidence=told)
    mailbox = _one_taken(transaction)
    if mailbox is not None:
        return passed(f"taken for another mailbox: {mailbox.last}", evidence=(*told, *mailbox.told()))
    raise Undetermined(f"refused, but not for the sender alone: {last.reply}; from another: {other.exchanges[-1]}")


@control(
    "smtp-hundred-recipients",
    title="One message may have a hundred recipients",
    expects="a hundred RCPT in one transaction are all taken",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.5.3.1.8", "RFC 5321 section 4.5.3.1.10"),
    remedy={
        "postfix": "smtpd_recipient_limit = 1000, the default; 100 at least",
        "exim": "recipients_max of 100 or more (0: no limit)",
        "sendmail": "define(`confMAX_RCPTS_PER_MESSAGE', `100')dnl or more",
        "any": "take 100 recipients of one message at least",
    },
)
def hundred_recipients(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Senders count on a hundred: fewer, and mail to a team arrives in pieces, late, or with some left out.

    Some clients take the refusal of the last for the refusal of all.
    """
    dialogue = transaction.many_recipients
    replies = [reply for exchange in dialogue.exchanges[1:] for reply in exchange.replies]
    taken = [reply for reply in replies if reply.code.startswith("2")]
    if len(taken) >= 100:
        return passed(f"{len(taken)} recipients are taken", evidence=dialogue.told()[-1:])
    refused = next((reply for reply in replies if not reply.code.startswith("2")), None)
    if not taken or refused is None:
        raise Undetermined(dialogue.unknown or f"{len(taken)} recipients were taken, then: {_last(dialogue)}")
    # 452 is for a full disk, too (RFC 5321 section 4.2.3; RFC 3463 sections 3.3 and 3.4).
    too_many = refused.code == "452" and not enhanced_code(refused).startswith(("4.2.", "4.3."))
    if refused.code.startswith("5") or too_many:
        return fail(f"takes {len(taken)} recipients of one message, then {refused}", evidence=dialogue.told()[-1:])
    raise Undetermined(f"{len(taken)} recipients were taken, then: {refused}")


def _last(dialogue: Dialogue) -> Exchange | str:
    return dialogue.exchanges[-1] if dialogue.exchanges else "nothing"


def _one_taken(transaction: TransactionFacts) -> Dialogue | None:
    """One of the mailboxes that took mail from the null sender: neither the client nor the sender is refused.

    The postmaster without a domain does not count: Postfix takes mail for him from anybody, whatever is forbidden.
    """
    mailboxes = (transaction.null_sender, transaction.postmaster_of_domain, transaction.abuse)
    return next((each for each in mailboxes if not each.unknown and each.exchanges and each.last.accepted), None)


def _mailbox(transaction: TransactionFacts, dialogue: Dialogue, other: Dialogue, name: str) -> Verdict:
    """Whether the mailbox takes mail, from the null sender or at least from another."""
    tries = [each for each in (dialogue, other) if each.exchanges]
    if not tries:
        raise Undetermined(dialogue.unknown or "it was not asked")
    reached = [each for each in tries if not each.unknown and len(each.exchanges) > 1]
    for each in reached:
        if each.last.accepted:
            return passed(f"{name} is taken: {each.last.reply}", evidence=each.told())
    others = _one_taken(transaction) is not None
    refusals = [
        each
        for each in reached
        if each.last.reply is not None
        and each.last.refused
        and not denies_relaying(each.last.reply)
        # Where other mailboxes are taken from the same sender, it can only be about this one.
        and (_about_mailbox(each.last.reply) or (others and each is dialogue))
    ]
    if refusals:
        each = refusals[0]
        return fail(f"mail for {name} is refused: {each.last.reply}", evidence=each.told())
    for each in reached:
        if each.last.hung_up and not each.last.replies:
            return unanswered(each, each.last)
    denied = next((each.last.reply for each in reached if each.last.reply and denies_relaying(each.last.reply)), None)
    if denied is not None:
        raise Undetermined(f"it takes no mail for this domain, which may be another server's: {denied}")
    raise Undetermined("; ".join(each.unknown or f"{each.exchanges[-1]}" for each in tries))


def _about_mailbox(reply: Reply) -> bool:
    """Whether it is refused for what it is, and not for who sends or asks (RFC 3463 sections 3.2, 3.3 and 3.8).

    Without a code of that kind only words tell: block lists and bad senders get 550, too.
    """
    enhanced = enhanced_code(reply)
    if not reply.code.startswith("5") or enhanced in _SENDER or enhanced.startswith("5.7."):
        return False
    return enhanced.startswith(("5.1.", "5.2.")) or reply.code == "501" or not_there(reply)
