"""All peers by name, and the sound one that a harmless one is compared with."""

from smtp_audit.facts.endpoint import Role

from .greetings import GREETING_PEERS
from .handshakes import HANDSHAKE_PEERS
from .inside import INSIDE_PEERS
from .mailboxes import MAILBOX_PEERS
from .surveys import SURVEY_PEERS
from .talk import TALK_PEERS

_ALL = (*GREETING_PEERS, *HANDSHAKE_PEERS, *INSIDE_PEERS, *MAILBOX_PEERS, *SURVEY_PEERS, *TALK_PEERS)
PEERS = {peer.name: peer for peer in _ALL}

SOUND = {Role.MX: PEERS["sound"], Role.SUBMISSION: PEERS["sound-submission"], Role.IMAPS: PEERS["sound-imaps"]}
