"""Every conversation: the facts it gives, the roles it is for, and what it does to the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.bounds import IdleFacts, IdleMessageFacts, JunkFacts, OpenPortsFacts, ParallelFacts
from smtp_audit.facts.endpoint import ALL_ROLES, SMTP_ROLES, STARTTLS_ROLES, Role
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.starttls_state import StarttlsStateFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.bounds import connect_many, keep_silent, say_junk, stall_a_message
from smtp_audit.probes.conversation.identity import look_at_identity
from smtp_audit.probes.conversation.open_ports import scan_ports
from smtp_audit.probes.conversation.sequence import keep_the_sequence
from smtp_audit.probes.conversation.starttls_state import look_across_starttls
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.safety import Safety

_OPTIONS = {Safety.INTRUSIVE: "--smtp-intrusive", Safety.SLOW: "--smtp-slow"}


@dataclass(frozen=True)
class Conversation:
    """One probe. `alone`: nothing else may talk to the endpoint meanwhile, since it measures time or fills limits.

    `of_host`: it is about the host, and is held whatever the endpoint answers.
    """

    facts: type[Facts]
    hold: Callable[[Approach, Transcript], Awaitable[Facts]]
    roles: frozenset[Role] = SMTP_ROLES
    safety: Safety = Safety.PASSIVE
    alone: bool = False
    of_host: bool = False

    def check_allowed(self, approach: Approach) -> None:
        """Raises PeerError when the configuration does not allow it."""
        if self.safety not in approach.config.allow:
            option = _OPTIONS.get(self.safety, "allow")
            raise PeerError(Absence.NOT_ALLOWED, f"{self.safety} checks were not asked for ({option})")


CONVERSATIONS = (
    Conversation(SequenceFacts, keep_the_sequence),
    Conversation(StarttlsStateFacts, look_across_starttls, SMTP_ROLES & STARTTLS_ROLES),
    Conversation(IdentityFacts, look_at_identity),
    Conversation(ParallelFacts, connect_many, safety=Safety.INTRUSIVE, alone=True),
    Conversation(JunkFacts, say_junk, safety=Safety.SLOW, alone=True),
    Conversation(IdleFacts, keep_silent, safety=Safety.SLOW, alone=True),
    Conversation(IdleMessageFacts, stall_a_message, frozenset({Role.MX}), safety=Safety.SLOW, alone=True),
    Conversation(OpenPortsFacts, scan_ports, ALL_ROLES, safety=Safety.INTRUSIVE, of_host=True),
)

BY_KIND = {conversation.facts.kind: conversation for conversation in CONVERSATIONS}
