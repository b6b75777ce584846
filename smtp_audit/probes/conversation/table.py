"""Every conversation: the facts it gives, the roles it is for, and what it does to the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtp_audit.facts.auth_protocol import AuthErrorsFacts, AuthProtocolFacts, AuthSessionFacts
from smtp_audit.facts.clear_login import ClearLoginFacts
from smtp_audit.facts.endpoint import SMTP_ROLES, STARTTLS_ROLES, SUBMISSION_ROLES, Role
from smtp_audit.facts.mailbox_access import MailboxAccessFacts
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.wrong_passwords import WrongPasswordFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.auth_protocol import break_auth, keep_to_auth, stay_logged_in
from smtp_audit.probes.conversation.clear_login import log_in_in_clear
from smtp_audit.probes.conversation.mailbox_access import look_at_mailbox_access
from smtp_audit.probes.conversation.sequence import keep_the_sequence
from smtp_audit.probes.conversation.wrong_passwords import try_wrong_passwords
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


_MAILBOXES = frozenset({Role.IMAP, Role.IMAPS, Role.POP3, Role.POP3S, Role.SIEVE})

CONVERSATIONS = (
    Conversation(SequenceFacts, keep_the_sequence),
    Conversation(ClearLoginFacts, log_in_in_clear, roles=STARTTLS_ROLES),
    Conversation(MailboxAccessFacts, look_at_mailbox_access, roles=_MAILBOXES),
    Conversation(AuthProtocolFacts, keep_to_auth, roles=SUBMISSION_ROLES),
    Conversation(AuthSessionFacts, stay_logged_in, roles=SUBMISSION_ROLES, safety=Safety.ACTIVE),
    Conversation(AuthErrorsFacts, break_auth, roles=SUBMISSION_ROLES, safety=Safety.INTRUSIVE),
    Conversation(WrongPasswordFacts, try_wrong_passwords, roles=SUBMISSION_ROLES, safety=Safety.INTRUSIVE, alone=True),
)

BY_KIND = {conversation.facts.kind: conversation for conversation in CONVERSATIONS}
