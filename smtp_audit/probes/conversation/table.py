"""Every conversation: the facts it gives, the roles it is for, and what it does to the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.facts.endpoint import SMTP_ROLES, SUBMISSION_ROLES, Role
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.relay import RelayDeliveryFacts, RelayFacts
from smtp_audit.facts.sender import SenderFacts, SenderHeaderFacts
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.transaction import TransactionFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.directory import look_up_names
from smtp_audit.probes.conversation.relay import try_to_deliver, try_to_relay
from smtp_audit.probes.conversation.sender import pretend_in_the_envelope, pretend_in_the_message
from smtp_audit.probes.conversation.sequence import keep_the_sequence
from smtp_audit.probes.conversation.transaction import begin_transactions
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.safety import Safety

_OPTIONS = {Safety.INTRUSIVE: "--smtp-intrusive", Safety.SLOW: "--smtp-slow"}


@dataclass(frozen=True)
class Conversation:
    """One probe. `alone`: nothing else may talk to the endpoint meanwhile, since it measures time or fills limits."""

    facts: type[Facts]
    hold: Callable[[Approach, Transcript], Awaitable[Facts]]
    roles: frozenset[Role] = SMTP_ROLES
    safety: Safety = Safety.PASSIVE
    alone: bool = False

    def check_allowed(self, approach: Approach) -> None:
        """Raises PeerError when the configuration does not allow it."""
        if self.safety not in approach.config.allow:
            option = _OPTIONS.get(self.safety, "allow")
            raise PeerError(Absence.NOT_ALLOWED, f"{self.safety} checks were not asked for ({option})")


_MX = frozenset({Role.MX})

CONVERSATIONS = (
    Conversation(SequenceFacts, keep_the_sequence),
    Conversation(RelayFacts, try_to_relay, _MX),
    Conversation(RelayDeliveryFacts, try_to_deliver, _MX, Safety.ACTIVE),
    Conversation(DirectoryFacts, look_up_names),
    Conversation(SenderFacts, pretend_in_the_envelope, SUBMISSION_ROLES, Safety.ACTIVE),
    Conversation(SenderHeaderFacts, pretend_in_the_message, SUBMISSION_ROLES, Safety.ACTIVE),
    Conversation(TransactionFacts, begin_transactions),
)

BY_KIND = {conversation.facts.kind: conversation for conversation in CONVERSATIONS}
