"""VRFY and EXPN for what is there and for what is not (RFC 5321 section 3.5). No login, nothing is sent."""

from __future__ import annotations

from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import nobody, own_domain, undelivered_recipient
from smtp_audit.probes.conversation.interview import Interview, Question, say
from smtp_audit.probes.wire import Transcript


async def look_up_names(approach: Approach, transcript: Transcript) -> DirectoryFacts:
    """Ask who is there.

    Raises:
        PeerError: not one question could be put.
    """
    domain = own_domain(approach)
    behind = f"@{domain}" if domain else ""
    lines = {
        "known": f"VRFY {undelivered_recipient(approach)}",
        "unknown": f"VRFY {nobody()}{behind}",
        "nobody": f"VRFY {nobody()}{behind}",
        "postmaster": f"EXPN postmaster{behind}",
        "abuse": f"EXPN abuse{behind}",
        "no_list": f"EXPN {nobody()}{behind}",
    }
    answers = await Interview(approach, transcript).ask([Question(name, (say(line),)) for name, line in lines.items()])
    return DirectoryFacts(role=approach.endpoint.role, **answers)
