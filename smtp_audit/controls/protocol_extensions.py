"""What a server announces it has to do: SIZE, 8BITMIME and SMTPUTF8 (RFC 1870, RFC 6152, RFC 6531)."""

from __future__ import annotations

from smtp_audit.control import Outcome, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.answers import has_to_be_refused, has_to_be_taken, require_plain_mail
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, offered
from smtp_audit.facts.endpoint import SMTP_ROLES, SUBMISSION_ROLES, Endpoint
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.transaction import TransactionFacts

_NO_HELLO = "the reply to EHLO is not known"


@control(
    "smtp-size-announced",
    title="The largest message is announced",
    expects="SIZE is announced, with {declared_bytes} octets unless that is 0",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    parameters={"declared_bytes": int},
    spec=("RFC 1870 section 4", "RFC 1870 section 3"),
    remedy={
        "postfix": "message_size_limit, and smtpd_discard_ehlo_keywords must not name size",
        "exim": "message_size_limit",
        "sendmail": "define(`confMAX_MESSAGE_SIZE', `26214400')dnl",
        "opensmtpd": "smtp max-message-size",
        "docker-mailserver": "POSTFIX_MESSAGE_SIZE_LIMIT",
        "any": "announce SIZE with the limit that holds",
    },
)
def size_announced(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """A sender that knows the limit does not send a message that will be refused at its end.

    Without it large messages cross the line in full before they are refused, again with every try.
    """
    if not sequence.capabilities:
        raise Undetermined(_NO_HELLO)
    size = offered(sequence.capabilities, "SIZE")
    if size is None:
        return fail("does not announce SIZE", evidence=sequence.capabilities)
    declared = rule["declared_bytes"]
    if declared and size != str(declared):
        return fail(f"announces SIZE {size or 'without a number'}, not {declared}", evidence=sequence.capabilities)
    return passed(f"announces SIZE {size}".strip())


@control(
    "smtp-size-enforced",
    title="A message that is declared too large is refused at once",
    expects="MAIL with a SIZE of one octet more than announced is answered with 552 or another 5yz code",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 1870 section 6.1", "RFC 1870 section 5"),
    remedy={
        "postfix": "nothing in front may take SIZE= out of MAIL (smtpd_command_filter, a proxy)",
        "any": "compare the SIZE of MAIL with the limit that is announced",
    },
)
def size_enforced(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Refused at MAIL, a message that is too large costs one line; refused at its end, all of it, again and again.

    A limit that is announced and not kept is often not kept at the end of data either: disks fill.
    """
    if not transaction.capabilities:
        raise Undetermined(_NO_HELLO)
    size = offered(transaction.capabilities, "SIZE")
    if size is None or not size.strip("0"):
        return not_applicable("no limit is announced; smtp-size-announced judges that")
    verdict = has_to_be_refused(transaction.too_large, f"takes more than the {size} octets it announces")
    if verdict.outcome is Outcome.PASS:
        require_plain_mail(transaction)
    return verdict


@control(
    "smtp-8bitmime",
    title="8BITMIME is taken where it is announced",
    expects="MAIL with BODY=8BITMIME is taken",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 6152 section 2", "RFC 6152 section 3"),
    remedy={
        "postfix": "smtpd_discard_ehlo_keywords = 8bitmime, if something behind it cannot",
        "any": "take BODY=8BITMIME, or do not announce 8BITMIME",
    },
)
def eight_bit(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Nearly all mail with other letters than English ones is sent with it.

    Where it is announced and refused, that mail bounces; senders do not try again without it.
    """
    return _announced(transaction, "8BITMIME") or _taken(transaction, transaction.eight_bit, "refuses BODY=8BITMIME")


@control(
    "smtp-utf8",
    title="SMTPUTF8 is taken where it is announced",
    expects="MAIL with SMTPUTF8 is taken",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 6531 section 3.1", "RFC 6531 section 3.4"),
    remedy={
        "postfix": "smtputf8_enable = no, if something behind it cannot",
        "any": "take SMTPUTF8, or do not announce it",
    },
)
def utf8(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Who writes to, or from, an address in another script needs it from every server on the way.

    Where it is announced and refused, that mail comes back.
    """
    return _announced(transaction, "SMTPUTF8") or _taken(transaction, transaction.utf8, "refuses SMTPUTF8")


@control(
    "smtp-utf8-needs-parameter",
    title="An address that is not ASCII is refused without SMTPUTF8",
    expects="MAIL or RCPT with such an address and no SMTPUTF8 is answered with 553, 550 or another 5yz code",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 6531 section 3.5", "RFC 5321 section 4.1.2", "RFC 5321 section 2.4"),
    remedy={
        "postfix": "strict_smtputf8 = yes",
        "exim": "smtputf8_advertise_hosts; without it addresses with other octets are refused",
        "any": "refuse addresses with octets above 127 unless MAIL has SMTPUTF8",
    },
)
def utf8_needs_parameter(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Such an address can only be passed on to servers that know SMTPUTF8: without the word nobody looks for one.

    The mail is taken and bounces later, or its octets are read in another character set: then they name somebody else.
    """
    verdict = has_to_be_refused(transaction.unannounced_utf8, "takes an address that is not ASCII without SMTPUTF8")
    if verdict.outcome is Outcome.PASS:
        require_plain_mail(transaction)
    return verdict


def _taken(transaction: TransactionFacts, dialogue: Dialogue, refused: str) -> Verdict:
    verdict = has_to_be_taken(dialogue, refused)
    if verdict.outcome is Outcome.FAIL:
        require_plain_mail(transaction)
    return verdict


def _announced(transaction: TransactionFacts, keyword: str) -> Verdict | None:
    if not transaction.capabilities:
        raise Undetermined(_NO_HELLO)
    if offered(transaction.capabilities, keyword) is None:
        return not_applicable(f"{keyword} is not announced")
    return None
