"""Every conversation: the facts it gives, the roles it is for, and what it does to the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.auth_protocol import AuthErrorsFacts, AuthProtocolFacts, AuthSessionFacts
from smtp_audit.facts.bounds import IdleFacts, IdleMessageFacts, JunkFacts, OpenPortsFacts, ParallelFacts
from smtp_audit.facts.chunking import ChunkingFacts
from smtp_audit.facts.clear_login import ClearLoginFacts
from smtp_audit.facts.cross_protocol import CrossProtocolFacts
from smtp_audit.facts.directory import DirectoryFacts
from smtp_audit.facts.end_of_data import EndOfDataFacts
from smtp_audit.facts.endpoint import ALL_ROLES, MAILBOX_ROLES, SMTP_ROLES, STARTTLS_ROLES, SUBMISSION_ROLES, Role
from smtp_audit.facts.forwarding import ForwardingFacts
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.facts.line_ends import LineEndFacts
from smtp_audit.facts.mailbox_access import MailboxAccessFacts
from smtp_audit.facts.mailbox_passwords import MailboxPasswordFacts
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.pipelining import PipeliningFacts
from smtp_audit.facts.relay import RelayDeliveryFacts, RelayFacts
from smtp_audit.facts.sender import SenderFacts, SenderHeaderFacts
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.starttls_state import StarttlsStateFacts
from smtp_audit.facts.transaction import TransactionFacts
from smtp_audit.facts.wrong_passwords import WrongPasswordFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.auth_protocol import break_auth, keep_to_auth, stay_logged_in
from smtp_audit.probes.conversation.bounds import connect_many, keep_silent, say_junk, stall_a_message
from smtp_audit.probes.conversation.chunking import try_chunks
from smtp_audit.probes.conversation.clear_login import log_in_in_clear
from smtp_audit.probes.conversation.cross_protocol import post_a_form
from smtp_audit.probes.conversation.directory import look_up_names
from smtp_audit.probes.conversation.end_of_data import end_messages
from smtp_audit.probes.conversation.forwarding import forward_messages
from smtp_audit.probes.conversation.identity import look_at_identity
from smtp_audit.probes.conversation.line_ends import try_line_ends
from smtp_audit.probes.conversation.mailbox_access import look_at_mailbox_access
from smtp_audit.probes.conversation.mailbox_passwords import guess_at_mailbox
from smtp_audit.probes.conversation.open_ports import scan_ports
from smtp_audit.probes.conversation.pipelining import run_ahead
from smtp_audit.probes.conversation.relay import try_to_deliver, try_to_relay
from smtp_audit.probes.conversation.sender import pretend_in_the_envelope, pretend_in_the_message
from smtp_audit.probes.conversation.sequence import keep_the_sequence
from smtp_audit.probes.conversation.starttls_state import look_across_starttls
from smtp_audit.probes.conversation.transaction import begin_transactions
from smtp_audit.probes.conversation.wrong_passwords import try_wrong_passwords
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.safety import Safety

_OPTIONS = {Safety.INTRUSIVE: "--smtp-intrusive", Safety.SLOW: "--smtp-slow"}


@dataclass(frozen=True)
class Conversation:
    """One probe. `alone`: nothing else may talk to the endpoint meanwhile, since it measures time or fills limits, or
    has to be a stranger there (postscreen knows who waited on another connection).

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


_MX = frozenset({Role.MX})

CONVERSATIONS = (
    Conversation(SequenceFacts, keep_the_sequence),
    Conversation(RelayFacts, try_to_relay, _MX),
    Conversation(RelayDeliveryFacts, try_to_deliver, _MX, Safety.ACTIVE),
    Conversation(DirectoryFacts, look_up_names),
    Conversation(SenderFacts, pretend_in_the_envelope, SUBMISSION_ROLES, Safety.ACTIVE),
    Conversation(SenderHeaderFacts, pretend_in_the_message, SUBMISSION_ROLES, Safety.ACTIVE),
    Conversation(TransactionFacts, begin_transactions),
    Conversation(LineEndFacts, try_line_ends),
    Conversation(PipeliningFacts, run_ahead, alone=True),
    Conversation(ChunkingFacts, try_chunks),
    Conversation(CrossProtocolFacts, post_a_form),
    Conversation(EndOfDataFacts, end_messages, safety=Safety.ACTIVE),
    Conversation(ForwardingFacts, forward_messages, safety=Safety.ACTIVE),
    Conversation(ClearLoginFacts, log_in_in_clear, roles=STARTTLS_ROLES),
    Conversation(MailboxAccessFacts, look_at_mailbox_access, roles=MAILBOX_ROLES),
    Conversation(AuthProtocolFacts, keep_to_auth, roles=SUBMISSION_ROLES),
    Conversation(AuthSessionFacts, stay_logged_in, roles=SUBMISSION_ROLES, safety=Safety.ACTIVE),
    Conversation(AuthErrorsFacts, break_auth, roles=SUBMISSION_ROLES, safety=Safety.INTRUSIVE),
    Conversation(WrongPasswordFacts, try_wrong_passwords, roles=SUBMISSION_ROLES, safety=Safety.INTRUSIVE, alone=True),
    Conversation(MailboxPasswordFacts, guess_at_mailbox, roles=MAILBOX_ROLES, safety=Safety.INTRUSIVE, alone=True),
    Conversation(StarttlsStateFacts, look_across_starttls, SMTP_ROLES & STARTTLS_ROLES),
    Conversation(IdentityFacts, look_at_identity),
    Conversation(ParallelFacts, connect_many, safety=Safety.INTRUSIVE, alone=True),
    Conversation(JunkFacts, say_junk, safety=Safety.SLOW, alone=True),
    Conversation(IdleFacts, keep_silent, safety=Safety.SLOW, alone=True),
    Conversation(IdleMessageFacts, stall_a_message, frozenset({Role.MX}), safety=Safety.SLOW, alone=True),
    Conversation(OpenPortsFacts, scan_ports, ALL_ROLES, safety=Safety.INTRUSIVE, of_host=True),
)

BY_KIND = {conversation.facts.kind: conversation for conversation in CONVERSATIONS}
