"""VRFY and EXPN for what is there and for what is not (RFC 5321 section 3.5). No login, nothing is sent."""

from __future__ import annotations

from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import local_domain, local_mailbox, nobody
from smtp_audit.probes.conversation.interview import Interview, Question, say
from smtp_audit.probes.wire import Transcript


async def look_up_names(approach: Approach, transcript: Transcript) -> DirectoryFacts:
    """Ask who is there.

    Raises:
        PeerError: not one question could be put.
    """
    domain = local_domain(approach)
    lines = {
        "known": f"VRFY {local_mailbox(approach)}",
        "unknown": f"VRFY {nobody()}@{domain}",
        "nobody": f"VRFY {nobody()}@{domain}",
        "postmaster": f"EXPN postmaster@{domain}",
        "abuse": f"EXPN abuse@{domain}",
        "no_list": f"EXPN {nobody()}@{domain}",
    }
    answers = await Interview(approach, transcript).ask([Question(name, (say(line),)) for name, line in lines.items()])
    return DirectoryFacts(role=approach.endpoint.role, **answers)
