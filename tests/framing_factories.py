"""Facts about where lines, commands and messages end, of a server that does it right."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.chunking import ChunkingFacts
from smtp_audit.facts.cross_protocol import CrossProtocolFacts
from smtp_audit.facts.end_of_data import EndOfDataFacts, Letter
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.forwarding import Arrival, Forwarded, ForwardingFacts
from smtp_audit.facts.line_ends import LineEndFacts
from smtp_audit.facts.pipelining import PipeliningFacts
from tests.conversation_factories import answered, dialogue, exchange, reply

QUIT = exchange("QUIT", "221 2.0.0 Bye")
_MAIL = exchange("MAIL FROM:<>", "250 2.1.0 Ok")
_RCPT = exchange("RCPT TO:<postmaster@example.com>", "250 2.1.5 Ok")
_NO = "501 5.1.3 Bad recipient address syntax"
LOST = "the server closed the connection"
SILENT = "no reply to NOOP within 15 s"


def line_ends(**more: Any) -> LineEndFacts:
    """One that refuses LF, and takes CR for a part of the command."""
    fields = {
        "role": Role.MX,
        "bare_lf": answered("RSET\\x0aNOOP", "550 5.5.2 bare <LF> received"),
        "bare_cr": dialogue(exchange("RSET\\x0dNOOP", "250 2.0.0 Ok"), QUIT),
        "nul_recipients": (dialogue(_MAIL, exchange("RCPT", _NO)), dialogue(_MAIL, exchange("RCPT", _NO))),
        **more,
    }
    return LineEndFacts(**fields)


def pipelining(**more: Any) -> PipeliningFacts:
    """One that answers batches, and keeps clients in step."""
    fields = {
        "role": Role.MX,
        "announced": True,
        "batch": dialogue(exchange("MAIL...", "250 2.1.0 Ok", "250 2.1.5 Ok", "550 5.1.1 no", "250 2.0.0 Ok"), QUIT),
        "together": answered("NOOP\\x0d\\x0aNOOP", "554 5.5.0 Error: SMTP protocol synchronization"),
        "early": answered("NOOP", "554 5.5.0 Error: SMTP protocol synchronization"),
        **more,
    }
    return PipeliningFacts(**fields)


def chunking(**more: Any) -> ChunkingFacts:
    """One that announces it."""
    fields = {
        "role": Role.MX,
        "announced": True,
        "no_transaction": answered("BDAT 0 LAST", "503 5.5.1 Error: need RCPT command"),
        "no_recipient": dialogue(_MAIL, exchange("BDAT 0 LAST", "554 5.5.1 Error: no valid recipients")),
        "data_after_chunk": dialogue(
            _MAIL, _RCPT, exchange("BDAT 2", "250 2.0.0 Ok"), exchange("DATA", "503 5.5.1 Error: DATA after BDAT")
        ),
        "gigantic": dialogue(
            _MAIL, _RCPT, exchange("BDAT 18446744073709551616", "521 5.5.4 Syntax: BDAT count [LAST]")
        ),
        **more,
    }
    return ChunkingFacts(**fields)


def cross_protocol(*replies: str, ended: str = "", unknown: str = "") -> CrossProtocolFacts:
    """What came back to a web browser's request."""
    asked = dialogue(exchange("POST / HTTP/1.1...", *replies, ended=ended), unknown=unknown)
    return CrossProtocolFacts(role=Role.MX, posted=asked)


def letter(name: str, *replies: str, hung_up: bool = False, unknown: str = "") -> Letter:
    """A message, the reply to it, and those behind."""
    first, *behind = (reply(text) for text in replies) if replies else (None,)
    return Letter(
        name=name,
        octets="\\x0a.\\x0a",
        reply=first,
        behind=tuple(filter(None, behind)),
        hung_up=hung_up,
        unknown=unknown,
    )


TAKEN = ("250 2.0.0 queued", "250 2.0.0 Ok")
"""The replies to a message that was taken as one, and to NOOP."""
REFUSED = ("550 5.5.2 bare <LF> received",)
ORDINARY = letter("ordinary", *TAKEN)


DATA_WAITS = dialogue(_MAIL, _RCPT, exchange("DATA and NOOP", "503 5.5.0 wait"))


def end_of_data(*letters: Letter, ordinary: Letter = ORDINARY, **more: Any) -> EndOfDataFacts:
    """Messages with an end that is none; without any, one that is taken whole and one that is refused."""
    letters = letters or (letter("LF.LF", *REFUSED), letter("CR.CR", *TAKEN))
    fields = {"long_line": letter("a line of 1000 octets", *TAKEN), "behind_data": DATA_WAITS, **more}
    return EndOfDataFacts(role=Role.MX, ordinary=ordinary, letters=letters, **fields)


WHOLE = Arrival(whole=True)
ARRIVED = Forwarded(letter=ORDINARY, arrivals=(WHOLE,))


NUL_ARRIVED = Forwarded(letter=letter("NUL in the text", *TAKEN), arrivals=(WHOLE,))
NUL_REFUSED = Forwarded(letter=letter("NUL in the header", "550 5.6.0 a NUL"))
DROPPED = Forwarded(letter=letter("dropped behind a line"))


def forwarding(
    *messages: Forwarded, ordinary: Forwarded | None = ARRIVED, refused: str = "", **more: Any
) -> ForwardingFacts:
    """Messages at the sink; without any, one that arrived whole and one that was refused on the way."""
    messages = messages or (
        Forwarded(letter=letter("CR.CR", *TAKEN), arrivals=(WHOLE,)),
        Forwarded(letter=letter("LF.LF", *REFUSED)),
    )
    if refused:
        return ForwardingFacts(role=Role.MX, refused_recipient=refused)
    fields = {"nuls": (NUL_ARRIVED, NUL_REFUSED), "dropped": (DROPPED, DROPPED), "later": ARRIVED, **more}
    return ForwardingFacts(role=Role.SUBMISSION, ordinary=ordinary, messages=messages, waited=20.0, **fields)
