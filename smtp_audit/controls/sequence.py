"""The order of commands, and the commands that every server has (RFC 5321 sections 4.1.4 and 4.5.1)."""

from __future__ import annotations

from smtp_audit.control import Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint
from smtp_audit.facts.sequence import SequenceFacts


@control(
    "smtp-recipient-needs-sender",
    title="RCPT before MAIL is refused",
    expects="RCPT without MAIL is answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 3.3", "RFC 5321 section 4.1.4"),
    remedy={"any": "no known server takes it as it comes: look for a proxy or filter in front that answers by itself"},
)
def recipient_needs_sender(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """A server that takes a recipient for no transaction has lost track of where it is.

    Filters and proxies that answer by themselves do so, and what they let through was checked against no sender.
    """
    last = sequence.recipient_first.last
    if last.refused:
        return passed(f"refused: {last.reply}", evidence=sequence.recipient_first.told())
    if last.accepted:
        return fail(f"takes a recipient without a sender: {last.reply}", evidence=sequence.recipient_first.told())
    raise Undetermined(f"neither taken nor refused: {last}")
