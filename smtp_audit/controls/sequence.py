"""The order of commands outside and at the beginning of transactions (RFC 5321 sections 3.3, 4.1.4 and 4.3.2)."""

from __future__ import annotations

from smtp_audit.control import Rule, Verdict, control, fail, passed
from smtp_audit.controls.answers import NO_REMEDY, enhanced_code, has_to_be_refused, unanswered
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import SMTP_ROLES, SUBMISSION_ROLES, Endpoint
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.transaction import TransactionFacts

_ORDER = ("RFC 5321 section 3.3", "RFC 5321 section 4.1.4")


@control(
    "smtp-recipient-needs-sender",
    title="RCPT before MAIL is refused",
    expects="RCPT without MAIL is answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=_ORDER,
    remedy={"any": "no known server takes it as it comes: look for a proxy or filter in front that answers by itself"},
)
def recipient_needs_sender(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """A server that takes a recipient for no transaction has lost track of where it is.

    Filters and proxies that answer by themselves do so, and what they let through was checked against no sender.
    """
    return has_to_be_refused(sequence.recipient_first, "takes a recipient without a sender")


@control(
    "smtp-data-needs-sender",
    title="DATA before MAIL is refused",
    expects="DATA without MAIL is answered with 503, 554 or another 5yz code, or the end of its message is",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=(*_ORDER, "RFC 5321 section 4.3.2"),
    remedy={"any": NO_REMEDY},
)
def data_needs_sender(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Who is let into DATA without an envelope talks to a server that checked nothing.

    What it does with such a message is anybody's guess; a filter in front that lets it through has judged neither
    sender nor recipient.
    """
    return _data_has_to_be_refused(sequence.data_first, "takes a message without a sender")


@control(
    "smtp-mail-before-hello",
    title="MAIL before EHLO is answered",
    expects="MAIL as the first command is taken, or answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.4", "RFC 5321 section 3.8"),
    remedy={
        "postfix": "smtpd_helo_required = yes answers it with 503",
        "any": "answer 503 and wait for the next command",
    },
)
def mail_before_hello(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """A client that forgot EHLO has to hear so: a server that hangs up is taken for one that is down.

    RFC 5321 lets a server take such mail or refuse it. It may not close the connection for it.
    """
    reply = sequence.early_mail
    last = reply.lines[-1] if reply.lines else ""
    if last[:1] in ("2", "5") and not reply.ended:
        return passed(f"answered: {last}", evidence=reply.told())
    if reply.hung_up and not reply.lines:
        return fail("closes the connection without a reply", evidence=reply.told())
    raise Undetermined(f"no answer that says yes or no: {last or reply.ended or 'it was not asked'}")


@control(
    "smtp-data-needs-recipient",
    title="DATA without a recipient is refused",
    expects="DATA between MAIL and the first RCPT, or the end of its message, is answered with 503, 554 or another 5yz "
    "code",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=(*_ORDER, "RFC 5321 section 4.3.2"),
    remedy={"any": NO_REMEDY},
)
def data_needs_recipient(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """A message for nobody is a message lost: the client that hears 250 behind it believes that it was sent.

    Where DATA itself is taken, a dot ends it at once: no message is sent.
    """
    return _data_has_to_be_refused(transaction.data_without_recipient, "takes a message that goes to nobody")


@control(
    "smtp-one-sender",
    title="A second MAIL within a transaction is refused",
    expects="MAIL behind MAIL is answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.1.4",),
    remedy={"any": NO_REMEDY},
)
def one_sender(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Two senders for one message, and nobody knows which of them was checked.

    A server that takes the second may apply its checks to the first, and write the other into the message.
    """
    return has_to_be_refused(transaction.nested_mail, "takes a second sender")


@control(
    "smtp-reset-clears",
    title="RSET is answered with 250 and ends the transaction",
    expects="behind MAIL and RSET, RCPT is answered with 503",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.1.1.5", "RFC 5321 section 4.1.4"),
    remedy={"postfix": "smtpd_noop_commands must not name RSET", "any": NO_REMEDY},
)
def reset_clears(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Mail servers send many messages on one connection with RSET between them.

    Where it clears nothing, the recipients of the message that was given up get the next one, which is not for them,
    or the next one is refused and comes late or never.
    """
    reset = transaction.reset
    if len(reset.exchanges) > 1 and reset.exchanges[1].refused:
        return fail(f"refuses RSET: {reset.exchanges[1].reply}", evidence=reset.told())
    return _is_over(reset, "RSET")


@control(
    "smtp-hello-resets",
    title="A second EHLO ends the transaction",
    expects="behind MAIL and EHLO, RCPT is answered with 503",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.1.4",),
    remedy={"any": NO_REMEDY},
)
def hello_resets(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """EHLO does what RSET does: clients that begin anew with it rely on an empty envelope.

    A sender that stays from before was checked for another client name, and stands under a message it did not send.
    """
    return _is_over(transaction.hello_again, "EHLO")


def _data_has_to_be_refused(dialogue: Dialogue, taken: str) -> Verdict:
    """RFC 5321 section 3.3: the reply to DATA may be 503 or 554; where it is 354, the one to the end of data should not
    be 250 then."""
    last = dialogue.last
    if last.replies and last.replies[-1].code == "354":
        raise Undetermined(f"what the end of the message is answered is not known: {last}")
    if last.hung_up and last.sent == ".":
        raise Undetermined(f"neither taken nor refused: {last}")  # seen once: it is not asked twice
    return has_to_be_refused(dialogue, taken)


_BEHIND_MAIL = 3
"""Exchanges of a question about what is left of a transaction: MAIL, what ends it, RCPT."""


def _is_over(dialogue: Dialogue, command: str) -> Verdict:
    """Whether the recipient behind it was refused because there is no transaction any more."""
    last = dialogue.last
    if last.accepted:
        return fail(f"takes a recipient behind {command}: {last.reply}", evidence=dialogue.told())
    if last.refused and last.reply is not None:
        if last.reply.code == "503" or enhanced_code(last.reply) == "5.5.1":
            return passed(f"the transaction ended: {last.reply}", evidence=dialogue.told())
        raise Undetermined(f"refused, but perhaps not for the order of commands: {last.reply}")
    if len(dialogue.exchanges) < _BEHIND_MAIL:
        raise Undetermined(f"it did not come to that: {last}")
    return unanswered(dialogue, last)
