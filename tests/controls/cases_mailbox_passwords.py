"""Wrong passwords on the ports for mailboxes."""

from __future__ import annotations

from smtp_audit.facts.mailbox_passwords import MOST_GUESSES
from tests.auth_factories import mailbox_guess as guess
from tests.auth_factories import mailbox_passwords as passwords

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE

_HASTY = (guess(seconds=0.01),) * MOST_GUESSES
_IN = (guess("OK"),)
_LOST = guess("", ended="the server closed the connection")
_SILENT = guess("", ended="no answer to the login within 30 s")

CASES = (
    Case("mailbox-wrong-passwords", passwords(), PASS, "all of 5 are refused"),
    Case("mailbox-wrong-passwords", passwords(empty=guess("+OK")), FAIL, "an empty password is taken"),
    Case("mailbox-wrong-passwords", passwords(guesses=(guess(), *_IN)), FAIL, "a wrong password is taken: OK"),
    Case("mailbox-wrong-passwords", passwords(empty=_SILENT, guesses=_IN), FAIL, "a wrong password is taken"),
    Case("mailbox-wrong-passwords", passwords(empty=_LOST), PASS, "all of 5"),
    Case("mailbox-wrong-passwords", passwords(empty=_SILENT), INDETERMINATE, "neither taken nor refused"),
    Case("mailbox-wrong-passwords", passwords(empty=guess("NO [UNAVAILABLE] x")), INDETERMINATE, "neither taken"),
    Case("mailbox-wrong-passwords", passwords(guesses=(), stopped="after 1: closed"), INDETERMINATE, "after 1: closed"),
    #
    Case("mailbox-limits-guesses", passwords(), PASS, "a wrong password takes 2.0 s"),
    Case("mailbox-limits-guesses", passwords(guesses=_HASTY), FAIL, "16 wrong passwords in 0.2 s, and nothing"),
    Case("mailbox-limits-guesses", passwords(guesses=_HASTY, stopped="after 3: closed"), PASS, "after 3: closed"),
    Case("mailbox-limits-guesses", passwords(guesses=_IN), FAIL, "no limit matters"),
    Case("mailbox-limits-guesses", passwords(empty=guess("OK"), guesses=()), FAIL, "no limit matters"),
    Case(
        "mailbox-limits-guesses",
        passwords(guesses=_HASTY, returns=(guess("-ERR no"), guess("+OK"))),
        PASS,
        "the right password is refused behind them",
    ),
    Case("mailbox-limits-guesses", passwords(guesses=_HASTY[:3]), INDETERMINATE, "only 3 wrong passwords"),
    # Whoever cannot come back may have been kept out, or the server may be down.
    Case("mailbox-limits-guesses", passwords(guesses=_HASTY, returns=(_LOST,) * 3), INDETERMINATE, "only 16"),
    Case("mailbox-limits-guesses", passwords(guesses=_HASTY, returns=(_LOST, guess("OK"))), FAIL, "nothing is done"),
)
