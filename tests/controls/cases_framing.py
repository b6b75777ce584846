"""Where lines, commands and messages end, and clients that run ahead or speak another protocol."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.forwarding import Arrival, Forwarded
from tests.conversation_factories import answered, dialogue, exchange, unasked
from tests.framing_factories import (
    DROPPED,
    LOST,
    NUL_ARRIVED,
    ORDINARY,
    QUIT,
    REFUSED,
    SILENT,
    TAKEN,
    WHOLE,
    chunking,
    cross_protocol,
    end_of_data,
    forwarding,
    letter,
    line_ends,
    pipelining,
)

from .case import Case, Expected

PASS, FAIL, INDETERMINATE, NOT_APPLICABLE = (
    Expected.PASS,
    Expected.FAIL,
    Expected.INDETERMINATE,
    Expected.NOT_APPLICABLE,
)

_LF = "RSET\\x0aNOOP"
_TWO = dialogue(exchange(_LF, "250 Ok"), exchange("QUIT", "250 Ok", "221 Bye"))
_ONE = dialogue(exchange(_LF, "250 Ok"), QUIT)

_LINE_ENDS = (
    Case("smtp-command-bare-lf", line_ends(), PASS, "refused: 550"),
    Case("smtp-command-bare-lf", line_ends(bare_lf=_ONE), PASS, "one reply to both lines"),
    Case("smtp-command-bare-lf", line_ends(bare_lf=answered(_LF, ended=LOST)), PASS, "hangs up"),
    Case(
        "smtp-command-bare-lf", line_ends(bare_lf=_TWO), FAIL, "takes LF alone for the end of a command: 250 Ok, then"
    ),
    # Whatever the second command is answered with: that it has an answer of its own is the fault.
    Case(
        "smtp-command-bare-lf",
        line_ends(bare_lf=dialogue(exchange(_LF, "250 Ok"), exchange("QUIT", "554 wait", "221 Bye"))),
        FAIL,
        "250 Ok, then 554 wait",
    ),
    Case("smtp-command-bare-lf", line_ends(bare_lf=answered(_LF, "450 later")), INDETERMINATE, "neither taken"),
    Case("smtp-command-bare-lf", line_ends(bare_lf=answered(_LF, ended="no reply to RSET")), INDETERMINATE, "neither"),
    # A goodbye in other words than 221 may be the reply to either.
    Case(
        "smtp-command-bare-lf",
        line_ends(bare_lf=dialogue(exchange(_LF, "250 Ok"), exchange("QUIT", "250 Bye", ended=LOST))),
        INDETERMINATE,
        "how many commands it saw",
    ),
    Case("smtp-command-bare-lf", line_ends(bare_lf=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-command-bare-cr", line_ends(), PASS, "CR alone ends no command"),
    Case("smtp-command-bare-cr", line_ends(bare_cr=_TWO), FAIL, "takes CR alone"),
    Case("smtp-command-bare-cr", line_ends(bare_cr=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-recipient-nul", line_ends(), PASS, "refused: 501"),
    Case("smtp-recipient-nul", line_ends(nul_recipients=()), NOT_APPLICABLE, "submission-requires-auth"),
    Case(
        "smtp-recipient-nul",
        line_ends(nul_recipients=(unasked(), answered("RCPT", "250 Ok"))),
        FAIL,
        "with a NUL: RCPT",
    ),
    Case(
        "smtp-recipient-nul",
        line_ends(nul_recipients=(answered("RCPT", "501 no"), answered("RCPT", "450 later"))),
        INDETERMINATE,
        "450 later",
    ),
    Case(
        "smtp-recipient-nul",
        line_ends(nul_recipients=(answered("RCPT", "501 no"), unasked())),
        INDETERMINATE,
        "Greylisted",
    ),
)

_BATCH = "MAIL..."
_OKS = ("250 a", "250 b", "250 c", "250 d")


def _together(*behind: str, ended: str = "") -> Dialogue:
    return dialogue(exchange("NOOP\\x0d\\x0aNOOP", "250 a"), exchange("QUIT", *behind, ended=ended))


def _early(said: str, answer: str) -> Dialogue:
    return dialogue(exchange("NOOP", "220 hi", "250 Ok"), exchange("EHLO", "250 mail"), exchange(said, answer))


_PIPELINING = (
    Case("smtp-pipelining-complete", pipelining(), PASS, "all 4 commands of a batch"),
    Case("smtp-pipelining-complete", pipelining(announced=False), NOT_APPLICABLE, "not announced"),
    Case(
        "smtp-pipelining-complete",
        pipelining(batch=dialogue(exchange(_BATCH, "250 a"), exchange("QUIT", "221 Bye"))),
        FAIL,
        "answers 1 of 4",
    ),
    # Late is not lost: the replies come before the one to QUIT.
    Case(
        "smtp-pipelining-complete",
        pipelining(batch=dialogue(exchange(_BATCH, "250 a"), exchange("QUIT", "250 b", "250 c", "250 d", "221 Bye"))),
        PASS,
        "all 4",
    ),
    Case(
        "smtp-pipelining-complete",
        pipelining(batch=dialogue(exchange(_BATCH, *_OKS), exchange("QUIT", "250 e", "221 Bye"))),
        FAIL,
        "gives 5 replies to 4",
    ),
    Case(
        "smtp-pipelining-complete",
        pipelining(batch=dialogue(exchange(_BATCH, "250 a", "250 b", "250 c", "550 d"), QUIT)),
        FAIL,
        "in the place of RSET is 550 d",
    ),
    Case(
        "smtp-pipelining-complete",
        pipelining(batch=dialogue(exchange(_BATCH, "250 a"), exchange("QUIT", ended=LOST))),
        INDETERMINATE,
        "not answered to its end",
    ),
    Case("smtp-pipelining-complete", pipelining(batch=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-unauthorised-pipelining", pipelining(), PASS, "refused: 554"),
    Case("smtp-unauthorised-pipelining", pipelining(together=_together("503 b")), PASS, "refused: 503"),
    Case("smtp-unauthorised-pipelining", pipelining(together=_together(ended=LOST)), PASS, "hangs up"),
    Case(
        "smtp-unauthorised-pipelining",
        pipelining(together=_together("250 b", "221 Bye")),
        FAIL,
        "did not wait: 250",
    ),
    Case(
        "smtp-unauthorised-pipelining",
        pipelining(together=_together(ended=SILENT)),
        INDETERMINATE,
        "neither taken nor refused",
    ),
    Case("smtp-unauthorised-pipelining", pipelining(together=_together("221 Bye")), PASS, "does not hear"),
    Case(
        "smtp-unauthorised-pipelining",
        pipelining(together=_together("250 b", "250 c", "221 Bye")),
        INDETERMINATE,
        "neither",
    ),
    Case("smtp-unauthorised-pipelining", pipelining(together=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-early-talker", pipelining(), PASS, "refused: 554"),
    Case(
        "smtp-early-talker", pipelining(early=_early("RCPT", "550 5.5.1 Protocol error")), PASS, "refused later: RCPT"
    ),
    Case("smtp-early-talker", pipelining(early=_early("RCPT", "250 Ok")), FAIL, "before the greeting: 250 Ok"),
    Case("smtp-early-talker", pipelining(early=_early("RCPT", "450 later")), INDETERMINATE, "neither taken"),
    Case("smtp-early-talker", pipelining(early=answered("NOOP", "220 hi", "503 wait")), PASS, "refused: 503"),
    Case("smtp-early-talker", pipelining(early=answered("NOOP", "220 hi", "250 ok")), FAIL, "before the greeting: 250"),
    Case("smtp-early-talker", pipelining(early=None), NOT_APPLICABLE, "TLS begins at once"),
    Case("smtp-early-talker", pipelining(early=answered("NOOP", "421 busy")), INDETERMINATE, "turned away for now"),
    Case(
        "smtp-early-talker",
        pipelining(early=answered("NOOP", "421 mail.example.com You talk too soon")),
        PASS,
        "refused: 421 mail.example.com You talk too soon",
    ),
    # The rest of the question was left unsaid, as nothing comes behind 421.
    Case(
        "smtp-early-talker",
        pipelining(early=dialogue(exchange("NOOP", "421 4.7.0 early talker"), unknown="NOOP -> 421")),
        PASS,
        "refused: 421",
    ),
    Case(
        "smtp-early-talker",
        pipelining(early=dialogue(exchange("NOOP", "421 too many connections"), unknown="NOOP -> 421 too many")),
        INDETERMINATE,
        "421 too many",
    ),
    Case("smtp-early-talker", pipelining(early=answered("NOOP", "421 try later, not soon")), INDETERMINATE, "for now"),
    Case("smtp-early-talker", pipelining(early=unasked()), INDETERMINATE, "Greylisted"),
)

_CHUNKING = (
    Case("smtp-chunk-needs-transaction", chunking(), PASS, "refused: 503"),
    Case("smtp-chunk-needs-transaction", chunking(no_recipient=None), PASS, "refused: 503"),
    Case("smtp-chunk-needs-transaction", chunking(announced=False), NOT_APPLICABLE, "not announced"),
    Case(
        "smtp-chunk-needs-transaction",
        chunking(no_transaction=unasked(), no_recipient=answered("BDAT 0 LAST", "250 Ok")),
        FAIL,
        "without an envelope",
    ),
    Case("smtp-chunk-needs-transaction", chunking(no_recipient=unasked()), INDETERMINATE, "Greylisted"),
    Case(
        "smtp-chunk-needs-transaction",
        chunking(no_transaction=answered("BDAT 0 LAST", "450 later")),
        INDETERMINATE,
        "neither taken nor refused",
    ),
    Case("smtp-chunk-then-data", chunking(), PASS, "refused: 503"),
    Case("smtp-chunk-then-data", chunking(data_after_chunk=answered("DATA", "354 go ahead")), FAIL, "takes DATA"),
    Case("smtp-chunk-then-data", chunking(data_after_chunk=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-chunk-then-data", chunking(announced=False), NOT_APPLICABLE, "not announced"),
    Case("smtp-chunk-then-data", chunking(data_after_chunk=None), NOT_APPLICABLE, "submission-requires-auth"),
    Case("smtp-chunk-size", chunking(), PASS, "refused: 521"),
    Case("smtp-chunk-size", chunking(gigantic=answered("BDAT", ended=LOST)), PASS, "hangs up"),
    Case("smtp-chunk-size", chunking(gigantic=answered("BDAT", "250 0 octets")), FAIL, "takes a chunk of 2^64 octets"),
    Case("smtp-chunk-size", chunking(gigantic=answered("BDAT")), FAIL, "waits for the octets"),
    Case("smtp-chunk-size", chunking(gigantic=answered("BDAT", "452 later")), INDETERMINATE, "neither taken"),
    Case("smtp-chunk-size", chunking(gigantic=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-chunk-size", chunking(announced=False), NOT_APPLICABLE, "not announced"),
)

_CROSS = (
    Case("smtp-cross-protocol", cross_protocol("221 2.7.0 Goodbye."), PASS, "hangs up after 1 reply"),
    Case("smtp-cross-protocol", cross_protocol("500 a", "500 b", "421 enough"), PASS, "hangs up after 3 replies"),
    Case("smtp-cross-protocol", cross_protocol(ended=LOST), PASS, "hangs up after 0 replies"),
    Case(
        "smtp-cross-protocol", cross_protocol("500 a", "500 b", "250 Ok", "221 Bye"), FAIL, "browser's request: 250 Ok"
    ),
    Case("smtp-cross-protocol", cross_protocol("500 a", ended=SILENT), INDETERMINATE, "neither hung up"),
    Case("smtp-cross-protocol", cross_protocol(unknown="nonsense"), INDETERMINATE, "nonsense"),
)

_SPLIT = letter("LF.CRLF", "250 queued", "500 XSMUGGLED?", "250 Ok")
_STRANGE = letter("LF.LF", "250 queued")

_END_OF_DATA = (
    Case("end-of-data-exact", end_of_data(), PASS, "of 2 messages 1 are taken whole, 1 refused"),
    Case("end-of-data-exact", end_of_data(letter("LF.LF", hung_up=True)), PASS, "0 are taken whole, 1 refused"),
    Case(
        "end-of-data-exact", end_of_data(letter("CR.CR", *TAKEN), _SPLIT), FAIL, "behind LF.CRLF: 250 queued, then 500"
    ),
    # Seen is seen, whatever else is not known.
    Case("end-of-data-exact", end_of_data(letter("LF.LF", unknown="450"), _SPLIT), FAIL, "behind LF.CRLF"),
    Case("end-of-data-exact", end_of_data(letter("LF.LF", "250 queued", "554 wait")), FAIL, "behind LF.LF"),
    Case("end-of-data-exact", end_of_data(_STRANGE), INDETERMINATE, "neither taken whole nor refused"),
    Case("end-of-data-exact", end_of_data(letter("LF.LF", "451 later")), INDETERMINATE, "451 later"),
    Case("end-of-data-exact", end_of_data(letter("LF.LF", "421 4.7.0 too many errors")), INDETERMINATE, "421 4.7.0"),
    Case("end-of-data-exact", end_of_data(letter("LF.LF", "421 barely, scratch")), INDETERMINATE, "421 barely"),
    # Sendmail and qmail.
    Case(
        "end-of-data-exact", end_of_data(letter("LF.LF", "421 4.5.0 Bare linefeed (LF) not allowed")), PASS, "1 refused"
    ),
    Case(
        "end-of-data-exact", end_of_data(letter("LF.LF", "421 4.5.0 Bare carriage return (CR) not allowed")), PASS, "1"
    ),
    Case(
        "end-of-data-exact", end_of_data(letter("LF.LF", "451 See http://pobox.com/~djb/docs/smtplf.html.")), PASS, "1"
    ),
    # Words are no refusal where the message was taken.
    Case("end-of-data-exact", end_of_data(letter("LF.LF", "250 bare LF, queued")), INDETERMINATE, "neither"),
    Case("end-of-data-exact", end_of_data(letter("LF.LF", unknown="RCPT -> 450")), INDETERMINATE, "RCPT -> 450"),
    Case(
        "end-of-data-exact",
        end_of_data(letter("LF.LF", *REFUSED), ordinary=letter("ordinary", "550 spam")),
        INDETERMINATE,
        "an ordinary message is not taken either: ordinary: 550 spam",
    ),
)

_PASSED_ON = Forwarded(letter=letter("LF.LF", *TAKEN), arrivals=(Arrival(bare="a\\x0a.\\x0ab", whole=True),))
_MISSING = Forwarded(letter=letter("LF.LF", *TAKEN))

_FORWARDING = (
    Case("forwarded-line-ends", forwarding(), PASS, "of 2 messages 1 arrive without bare CR or LF, 1 are refused"),
    Case("forwarded-line-ends", forwarding(_MISSING, _PASSED_ON), FAIL, "passes on LF.LF as a\\x0a.\\x0ab"),
    Case(
        "forwarded-line-ends",
        forwarding(Forwarded(letter=_SPLIT, arrivals=(Arrival(whole=False),))),
        FAIL,
        "a part of the message with LF.CRLF",
    ),
    Case(
        "forwarded-line-ends",
        forwarding(Forwarded(letter=letter("CR.CR", *TAKEN), arrivals=(WHOLE, WHOLE))),
        FAIL,
        "makes 2 messages of 1",
    ),
    Case("forwarded-line-ends", forwarding(_MISSING), INDETERMINATE, "neither refused nor did it arrive"),
    Case("forwarded-line-ends", forwarding(ordinary=None), INDETERMINATE, "no message was sent"),
    Case("forwarded-line-ends", forwarding(ordinary=Forwarded(letter=ORDINARY)), INDETERMINATE, "nothing arrived"),
    Case(
        "forwarded-line-ends",
        forwarding(ordinary=Forwarded(letter=ORDINARY, arrivals=(Arrival(whole=False),))),
        INDETERMINATE,
        "not even an ordinary message",
    ),
    Case(
        "forwarded-line-ends",
        forwarding(ordinary=Forwarded(letter=letter("ordinary", "550 spam"))),
        INDETERMINATE,
        "not taken either",
    ),
    Case("forwarded-line-ends", forwarding(refused="RCPT -> 550 no relaying"), NOT_APPLICABLE, "does not forward"),
)

_REFUSED_ANYHOW = letter("ordinary", "550 spam")
_LONG = "a line of 1000 octets"

_TEXT_LINE = (
    Case("smtp-text-line", end_of_data(), PASS, "taken: 250"),
    Case("smtp-text-line", end_of_data(long_line=letter(_LONG, "550 too long")), FAIL, "has to take: 550 too long"),
    Case("smtp-text-line", end_of_data(long_line=letter(_LONG, "250 ok", "500 what?")), FAIL, "a part of the line"),
    Case("smtp-text-line", end_of_data(long_line=letter(_LONG, hung_up=True)), FAIL, "closes the connection"),
    Case("smtp-text-line", end_of_data(long_line=letter(_LONG, "451 later")), INDETERMINATE, "451 later"),
    Case("smtp-text-line", end_of_data(long_line=letter(_LONG, "250 ok")), INDETERMINATE, "neither taken"),
    Case("smtp-text-line", end_of_data(long_line=letter(_LONG, unknown="RCPT -> 450")), INDETERMINATE, "RCPT -> 450"),
    Case("smtp-text-line", end_of_data(long_line=None), INDETERMINATE, "it was not sent"),
    Case("smtp-text-line", end_of_data(ordinary=_REFUSED_ANYHOW), INDETERMINATE, "not taken either"),
)


def _hasty(*replies: str, ended: str = "", before: str = "250 Ok") -> Dialogue:
    return dialogue(exchange("RCPT TO:<a@b>", before), exchange("DATA and NOOP", *replies, ended=ended))


def _behind_dot(first: str, *behind: str, ended: str = "") -> Dialogue:
    return dialogue(exchange("<message>", first), exchange("QUIT", *behind, ended=ended))


_AHEAD = (
    Case("smtp-message-pipelining", end_of_data(), PASS, "refused: 503"),
    Case("smtp-message-pipelining", end_of_data(behind_data=_hasty("554 5.5.0 wait")), PASS, "refused: 554"),
    Case("smtp-message-pipelining", end_of_data(behind_data=_hasty(ended=LOST)), PASS, "hangs up"),
    Case("smtp-message-pipelining", end_of_data(behind_data=_hasty("354 go ahead")), FAIL, "goes on behind DATA"),
    Case("smtp-message-pipelining", end_of_data(behind_data=_hasty("451 later")), INDETERMINATE, "451 later"),
    Case("smtp-message-pipelining", end_of_data(behind_data=_hasty(ended=SILENT)), INDETERMINATE, "neither"),
    Case(
        "smtp-message-pipelining",
        end_of_data(behind_data=dialogue(exchange("RCPT TO:<a@b>", "550 no"))),
        INDETERMINATE,
        "RCPT",
    ),
    Case("smtp-message-pipelining", end_of_data(behind_data=unasked()), INDETERMINATE, "Greylisted"),
    Case("smtp-message-pipelining", end_of_data(behind_data=None), INDETERMINATE, "not asked"),
    Case("smtp-message-pipelining", end_of_data(ordinary=_REFUSED_ANYHOW), INDETERMINATE, "not taken either"),
    Case(
        "smtp-message-pipelining",
        end_of_data(behind_dot=_behind_dot("250 queued", "250 Ok", "221 Bye")),
        FAIL,
        "came with a message: 250 Ok",
    ),
    Case("smtp-message-pipelining", end_of_data(behind_dot=_behind_dot("250 queued", "221 Bye")), PASS, "503"),
    Case("smtp-message-pipelining", end_of_data(behind_dot=_behind_dot("250 queued", "554 wait")), PASS, "503"),
    Case("smtp-message-pipelining", end_of_data(behind_dot=_behind_dot("250 queued", ended=LOST)), PASS, "503"),
    Case(
        "smtp-message-pipelining",
        end_of_data(behind_dot=_behind_dot("250 queued", ended=SILENT)),
        INDETERMINATE,
        "neither",
    ),
    Case("smtp-message-pipelining", end_of_data(behind_dot=unasked()), INDETERMINATE, "Greylisted"),
)

_CUT = Forwarded(letter=letter("NUL in the header", *TAKEN), arrivals=(Arrival(whole=True, cut=True),))
_SHORT = Forwarded(letter=letter("NUL in the text", *TAKEN), arrivals=(Arrival(whole=False, cut=True),))
_NOTHING = Forwarded(letter=ORDINARY)

_NULS = (
    Case("forwarded-nul", forwarding(), PASS, "of 2 messages with a NUL 1 arrive whole, 1 are refused"),
    Case("forwarded-nul", forwarding(nuls=(_CUT, NUL_ARRIVED)), FAIL, "NUL in the header for an end: the rest of its"),
    Case("forwarded-nul", forwarding(nuls=(NUL_ARRIVED, _SHORT)), FAIL, "the rest of the message is lost"),
    Case(
        "forwarded-nul",
        forwarding(nuls=(Forwarded(letter=letter("NUL in the text", *TAKEN)),)),
        INDETERMINATE,
        "neither refused nor did it arrive",
    ),
    Case("forwarded-nul", forwarding(nuls=()), INDETERMINATE, "no message with a NUL"),
    Case("forwarded-nul", forwarding(ordinary=_NOTHING), INDETERMINATE, "nothing arrived"),
    Case("forwarded-nul", forwarding(refused="RCPT -> 550 no relaying"), NOT_APPLICABLE, "does not forward"),
)

_KEPT = Forwarded(letter=letter("dropped behind a dot"), arrivals=(WHOLE,))

_DROPPED = (
    Case("dropped-message-forgotten", forwarding(), PASS, "of 2 messages without an end none arrives"),
    Case("dropped-message-forgotten", forwarding(dropped=(DROPPED, _KEPT)), FAIL, "its end: dropped behind a dot"),
    Case(
        "dropped-message-forgotten",
        forwarding(dropped=(Forwarded(letter=letter("dropped behind a dot", unknown="DATA -> 451")), _KEPT)),
        FAIL,
        "dropped behind a dot",
    ),
    Case(
        "dropped-message-forgotten",
        forwarding(dropped=(DROPPED, Forwarded(letter=letter("dropped behind a dot", unknown="DATA -> 451")))),
        INDETERMINATE,
        "could not be begun: dropped behind a dot: DATA -> 451",
    ),
    Case("dropped-message-forgotten", forwarding(dropped=()), INDETERMINATE, "begun and dropped"),
    Case("dropped-message-forgotten", forwarding(later=_NOTHING), INDETERMINATE, "they may still come"),
    Case("dropped-message-forgotten", forwarding(later=None), INDETERMINATE, "they may still come"),
    Case("dropped-message-forgotten", forwarding(ordinary=_NOTHING), INDETERMINATE, "nothing arrived"),
    Case("dropped-message-forgotten", forwarding(refused="RCPT -> 550 no"), NOT_APPLICABLE, "does not forward"),
)

CASES = (
    *_LINE_ENDS,
    *_PIPELINING,
    *_CHUNKING,
    *_CROSS,
    *_END_OF_DATA,
    *_FORWARDING,
    *_TEXT_LINE,
    *_AHEAD,
    *_NULS,
    *_DROPPED,
)
