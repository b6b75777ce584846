"""BDAT where it is announced (RFC 3030)."""

from __future__ import annotations

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.answers import enhanced_code
from smtp_audit.errors import Undetermined
from smtp_audit.facts.chunking import ChunkingFacts
from smtp_audit.facts.conversation import Dialogue, offered
from smtp_audit.facts.endpoint import SMTP_ROLES, SUBMISSION_ROLES, Endpoint
from smtp_audit.facts.service import Reply
from smtp_audit.facts.transaction import TransactionFacts

_NONE = "CHUNKING is not announced"
_WITHOUT = {
    "postfix": "no fault of Postfix: look for a filter in front; without BDAT: smtpd_discard_ehlo_keywords = "
    "chunking, silent-discard",
    "exim": "keep it current; without BDAT: chunking_advertise_hosts = (empty)",
    "any": "keep the server current, or do not announce CHUNKING",
}


@control(
    "smtp-chunk-needs-transaction",
    title="BDAT without sender and recipient is refused",
    expects="where CHUNKING is announced, BDAT 0 LAST without MAIL, or without RCPT, is answered with a 5yz code",
    subject=Endpoint,
    needs=ChunkingFacts,
    roles=SMTP_ROLES,
    spec=("RFC 3030 section 2", "RFC 5321 section 4.1.4"),
    remedy=_WITHOUT,
)
def chunk_needs_transaction(chunking: ChunkingFacts, rule: Rule) -> Verdict:
    """A message without an envelope was checked against no sender and no recipient.

    Where it goes is up to the program behind, which may take it for another's.
    """
    if not chunking.announced:
        return not_applicable(_NONE)
    asked = [dialogue for dialogue in (chunking.no_transaction, chunking.no_recipient) if dialogue is not None]
    told = tuple(line for dialogue in asked for line in dialogue.told())
    for dialogue in asked:
        if not dialogue.unknown and dialogue.exchanges and dialogue.last.accepted:
            return fail(f"takes a message without an envelope: {dialogue.last}", evidence=told)
    for dialogue in asked:
        _require_refused(dialogue)
    return passed(f"refused: {asked[0].last.reply or 'hangs up'}", evidence=told)


@control(
    "smtp-chunk-then-data",
    title="DATA behind a BDAT chunk is refused",
    expects="where CHUNKING is announced, DATA in a transaction with BDAT is answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=ChunkingFacts,
    roles=SMTP_ROLES,
    spec=("RFC 3030 section 2",),
    remedy=_WITHOUT,
)
def chunk_then_data(chunking: ChunkingFacts, rule: Rule) -> Verdict:
    """Two ways to give a message in one transaction: filter and server may each see another message.

    What is scanned is then not what is delivered.
    """
    if not chunking.announced:
        return not_applicable(_NONE)
    if chunking.data_after_chunk is None:
        return not_applicable("mail of strangers is refused here; submission-requires-auth judges that")
    last = chunking.data_after_chunk.last
    told = chunking.data_after_chunk.told()
    if last.accepted:
        return fail(f"takes DATA behind a chunk: {last.reply}", evidence=told)
    _require_refused(chunking.data_after_chunk)
    return passed(f"refused: {last.reply or 'hangs up'}", evidence=told)


@control(
    "smtp-chunk-size",
    title="A chunk of impossible size is refused at once",
    expects="where CHUNKING is announced, BDAT with 2^64 octets is answered with a 5yz code, or the server hangs up",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 3030 section 2", "RFC 1870 section 6.3"),
    remedy=_WITHOUT,
)
def chunk_size(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """A size that is cut to what a number can hold makes the server and whoever checks before it count differently.

    What is message to the one is then commands to the other. A server that waits for those octets has the number
    wrong, too, or means to read for ever.
    """
    if not transaction.capabilities:
        raise Undetermined("the reply to EHLO is not known")
    if offered(transaction.capabilities, "CHUNKING") is None:
        return not_applicable(_NONE)
    asked = transaction.gigantic_chunk
    last = asked.last
    told = asked.told()
    if not last.sent.startswith("BDAT"):
        raise Undetermined(f"it did not come to that: {last}")
    if last.accepted:
        return fail(f"takes a chunk of 2^64 octets, of which none was sent: {last.reply}", evidence=told)
    if not last.replies and not last.ended:
        return fail(f"waits for the octets of a chunk of 2^64: no reply within {last.seconds:.0f} s", evidence=told)
    _require_refused(asked)
    recipient = asked.exchanges[-2]
    if not recipient.accepted and not (last.reply is not None and _about_size(last.reply)):
        # Without a recipient BDAT has no place: then 503, 554 and the like are not about its size.
        raise Undetermined(f"refused, but perhaps for want of a recipient ({recipient}): {last}")
    return passed(f"refused: {last.reply or 'hangs up'}", evidence=told)


def _about_size(reply: Reply) -> bool:
    """Whether it is refused for its argument, or for too much (RFC 5321 section 4.2.2, RFC 3463 sections 3.4, 3.6)."""
    return reply.code in ("501", "552") or enhanced_code(reply) in ("5.5.4", "5.3.4")


def _require_refused(dialogue: Dialogue) -> None:
    last = dialogue.last
    if not (last.refused or last.hung_up):
        raise Undetermined(f"neither taken nor refused: {last}")
