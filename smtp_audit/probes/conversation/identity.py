"""Who an address says it is: its names in the DNS, what it tells those who ask for help, and whom it obeys."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import NO_DOMAIN
from smtp_audit.probes.conversation.interview import Interview, Question, say
from smtp_audit.probes.dns import ReverseNames, is_public, reverse_names
from smtp_audit.probes.wire import PeerError, Transcript

_QUESTIONS = (Question("help", (say("HELP"),)), Question("etrn", (say(f"ETRN {NO_DOMAIN}"),)))


async def look_at_identity(approach: Approach, transcript: Transcript) -> IdentityFacts:
    """The names of the address, where it is a public one and takes mail from others; HELP and ETRN on one connection.

    What cannot be had is told in the facts.
    """
    public = is_public(approach.address)
    names = ReverseNames()
    if public and approach.endpoint.role is Role.MX:
        names = await reverse_names(approach.config, approach.address)
        transcript.note(f"names of {approach.address}: {names.trouble or ', '.join(map(str, names.names)) or 'none'}")
    answers: dict[str, Dialogue]
    try:
        answers = await Interview(approach, transcript).ask(_QUESTIONS)
    except PeerError as error:
        answers = {question.name: Dialogue(unknown=error.reason) for question in _QUESTIONS}
    source = approach.budget.source
    return IdentityFacts(
        host=approach.endpoint.host,
        address=approach.address,
        public=public,
        reverse=names.names,
        trouble=names.trouble,
        source=source,
        client_name=approach.config.ehlo or f"[{source}]",
        **answers,
    )
