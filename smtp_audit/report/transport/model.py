"""What a report says of the transport of its endpoints, in words for a reader; the snapshot has the facts."""

from __future__ import annotations

from enum import StrEnum

from smtp_audit.frozen import Frozen


class Tone(StrEnum):
    """How something stands out: by traits that nobody disputes, not by a profile's judgement."""

    PLAIN = "plain"
    WEAK = "weak"
    """A suite of a weak kind, a version below TLS 1.2, a certificate out of its time."""
    UNKNOWN = "unknown"
    """Not known, or not all of it is known."""
    NOTHING = "nothing"
    """Seen not to be there, or without object."""


class TransportMark(Frozen):
    """A trait of what it stands beside, in a word or two: `3des`, `post-quantum`."""

    words: str
    tone: Tone = Tone.PLAIN


class TransportCell(Frozen):
    """One thing that was seen, or that could not be seen: then `note` is the reason."""

    words: str
    note: str = ""
    tone: Tone = Tone.PLAIN
    marks: tuple[TransportMark, ...] = ()


class TransportRow(Frozen):
    """A line of a topic: the cells of one version, feature or kind of client."""

    title: str
    cells: tuple[TransportCell, ...]
    note: str = ""


class TransportGlance(Frozen):
    """An endpoint in one line. No topic is ever empty: what is not known is said."""

    versions: tuple[TransportCell, ...]
    suites: tuple[TransportCell, ...]
    groups: tuple[TransportCell, ...]
    forward_secrecy: tuple[TransportCell, ...]
    chooser: tuple[TransportCell, ...]
    certificate: tuple[TransportCell, ...]


class ClientRow(Frozen):
    """What the server negotiated with one well-known client. `accepted` None: not known; `detail` is how or why."""

    client: str
    sort: str
    accepted: bool | None
    version: str = ""
    suite: str = ""
    group: str = ""
    detail: str = ""
    tone: Tone = Tone.PLAIN
    marks: tuple[TransportMark, ...] = ()


class TransportDetails(Frozen):
    """All that was seen of an endpoint's transport, topic by topic."""

    versions: tuple[TransportRow, ...]
    suites: tuple[TransportRow, ...]
    groups: tuple[TransportRow, ...]
    signatures: tuple[TransportRow, ...]
    features: tuple[TransportRow, ...]
    sessions: tuple[TransportRow, ...]
    certificates: tuple[TransportRow, ...]
    clients: tuple[ClientRow, ...] = ()
    clients_unknown: TransportCell | None = None
    """Why there are no clients, if so."""


class EndpointTransport(Frozen):
    """The transport of one endpoint at one address.

    `nothing` says why there is nothing to tell (the port is closed, no answer, no TLS); then, and only then, `glance`
    and `details` are None.
    """

    subject: str
    role: str
    address: str = ""
    nothing: TransportCell | None = None
    glance: TransportGlance | None = None
    details: TransportDetails | None = None
