"""What a sound server says in every conversation that a run with credentials and nothing else may hold."""

from __future__ import annotations

from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.probes.conversation.table import BY_KIND
from smtp_audit.safety import Safety
from tests import auth_factories as logins
from tests import framing_factories as frame
from tests import identity_factories as who
from tests import relay_factories as relaying
from tests import sequence_factories as order


def conversations(endpoint: Endpoint) -> list[Facts | tuple[str, Absence, str]]:
    """The facts about one endpoint; for what was not asked, its kind and why."""
    made = {facts.kind: facts for facts in _sound(endpoint)}
    found: list[Facts | tuple[str, Absence, str]] = []
    for kind, talk in BY_KIND.items():
        if endpoint.role not in talk.roles:
            continue
        if talk.safety in (Safety.INTRUSIVE, Safety.SLOW):
            found.append((kind, Absence.NOT_ALLOWED, f"{talk.safety} checks were not asked for"))
        elif kind in made:
            facts = made[kind]
            if "role" in type(facts).model_fields:
                facts = facts.model_copy(update={"role": endpoint.role})
            found.append(facts)
        else:
            found.append((kind, Absence.NOT_AVAILABLE, "no mailbox of one's own is named ([mailboxes] own)"))
    return found


def _sound(endpoint: Endpoint) -> tuple[Facts, ...]:
    made: tuple[Facts, ...] = (
        relaying.relay(),
        relaying.directory(),
        relaying.sender(),
        frame.line_ends(),
        frame.pipelining(),
        frame.chunking(),
        frame.cross_protocol(
            "221 2.7.0 Error: I can break rules, too. Goodbye.", ended="the server closed the connection"
        ),
        logins.clear_login(),
        logins.auth_protocol(),
        logins.auth_session(),
        who.starttls_state(),
        who.identity(),
        order.sequence(),
        order.transaction(),
    )
    return made if endpoint.protocol == "smtp" else (logins.clear_login(), logins.mailbox_access(endpoint.role))
