"""Wrong passwords: refused, limited, and the same for users who exist and who do not."""

from __future__ import annotations

from smtp_audit.facts.wrong_passwords import WrongPassword
from tests.auth_factories import RIGHT, WRONG, back, guess, guesses, wrong_passwords
from tests.conversation_factories import answered, unasked

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_QUICK = guesses(0.01, 0.01)
_LIMIT = "after 9 wrong passwords: 450 4.7.1 too many AUTH commands"
_NO_USER = "550 5.1.1 no such user"

_REFUSED = (
    Case("auth-wrong-passwords", wrong_passwords(), PASS, "all of 26 are refused"),
    Case("auth-wrong-passwords", wrong_passwords(empty=answered("AUTH", RIGHT)), FAIL, "an empty password is taken"),
    Case("auth-wrong-passwords", wrong_passwords(cut=answered("AUTH", RIGHT)), FAIL, "with NUL in it is taken"),
    Case("auth-wrong-passwords", wrong_passwords(tries=(guess(False, 0.1, RIGHT),)), FAIL, "a wrong password is taken"),
    Case(
        "auth-wrong-passwords",
        wrong_passwords(cut=answered("AUTH", ended="the server closed the connection")),
        PASS,
        "are refused",
    ),
    Case("auth-wrong-passwords", wrong_passwords(empty=answered("AUTH", "454 later")), INDETERMINATE, "neither taken"),
    Case("auth-wrong-passwords", wrong_passwords(cut=unasked("421 too many")), INDETERMINATE, "421 too many"),
    Case("auth-wrong-passwords", wrong_passwords(tries=(), stopped=_LIMIT), INDETERMINATE, "450"),
)

_LIMITED = (
    Case("auth-limits-guesses", wrong_passwords(), PASS, "a wrong password takes 2.0 s"),
    Case("auth-limits-guesses", wrong_passwords(tries=_QUICK[:8], stopped=_LIMIT), PASS, "450"),
    Case(
        "auth-limits-guesses", wrong_passwords(tries=_QUICK, returns=(back(WRONG), back(waited=10))), PASS, "is locked"
    ),
    Case("auth-limits-guesses", wrong_passwords(tries=_QUICK, closed="after 3: 421"), PASS, "after 3: 421"),
    Case("auth-limits-guesses", wrong_passwords(tries=_QUICK), FAIL, "24 wrong passwords in 0.2 s"),
    # One slow answer is no limit, and neither is one quick one its absence.
    Case("auth-limits-guesses", wrong_passwords(tries=(*_QUICK[:-1], guess(True, 9))), FAIL, "nothing is done"),
    Case("auth-limits-guesses", wrong_passwords(tries=(guess(True, 0), *guesses()[1:])), PASS, "takes 2.0 s"),
    Case("auth-limits-guesses", wrong_passwords(tries=(guess(True, 0.1, RIGHT),), stopped="taken"), FAIL, "no limit"),
    Case("auth-limits-guesses", wrong_passwords(tries=_QUICK[:8]), INDETERMINATE, "only 8"),
)

_LOCK = "auth-lock-is-temporary"
_LOCKED = (
    Case(_LOCK, wrong_passwords(), PASS, "works at once"),
    Case(_LOCK, wrong_passwords(returns=(back(WRONG), back(waited=10))), PASS, "works within 10 s"),
    Case(_LOCK, wrong_passwords(returns=(back(WRONG), back(WRONG, 65))), FAIL, "locked for more than 65 s: 535"),
    Case(_LOCK, wrong_passwords(returns=(back(WRONG), back("450 4.7.1 later", 65))), INDETERMINATE, "kept out"),
    Case(_LOCK, wrong_passwords(returns=(back(ended="refuses connections", waited=65),)), INDETERMINATE, "kept out"),
    Case(_LOCK, wrong_passwords(returns=()), INDETERMINATE, "not tried again"),
)


def _with(known: str, unknown: str) -> tuple[WrongPassword, ...]:
    return guesses(answers=(known, unknown))


_SESSIONS = tuple(guess(tried.known, 2.0, f"535 5.7.8 failed q{number}x") for number, tried in enumerate(guesses()))
_TOLD = tuple(
    guess(tried.known, 2.0, f"535 5.7.8 {'bad password' if tried.known else 'no such user'} q{number}x")
    for number, tried in enumerate(guesses())
)
_CODES = tuple(
    guess(tried.known, 2.0, f"{535 if tried.known else 550} 5.7.8 {'ab'[number % 2]}{'cd'[number % 3 % 2]}")
    for number, tried in enumerate(guesses())
)
_CHANGING = tuple(guess(tried.known, 2.0, f"53{number % 5} no") for number, tried in enumerate(guesses()))

_ANSWER = "auth-same-answer"
_ANSWERS = (
    Case(_ANSWER, wrong_passwords(), PASS, "the same for both: 535 5.7.8"),
    Case(_ANSWER, wrong_passwords(tries=_SESSIONS), PASS, "the same for both: 535 5.7.8 failed #"),
    Case(_ANSWER, wrong_passwords(tries=_with(WRONG, _NO_USER)), FAIL, "an unknown one 550 5.1.1 no such user"),
    Case(_ANSWER, wrong_passwords(tries=_with("535 wrong password", "535 wrong user")), FAIL, "535 wrong user"),
    Case(_ANSWER, wrong_passwords(tries=_with("535 5.7.8 no", "535 5.1.1 no")), FAIL, "535 5.1.1"),
    Case(_ANSWER, wrong_passwords(tries=_with("535 5.7.8 no", "454 4.7.0 no")), FAIL, "454 4.7.0"),
    Case(_ANSWER, wrong_passwords(tries=_TOLD), FAIL, "no such user #"),
    Case(_ANSWER, wrong_passwords(tries=_CODES), FAIL, "a known user gets 535 5.7.8, an unknown one 550 5.7.8"),
    Case(_ANSWER, wrong_passwords(tries=_CHANGING), INDETERMINATE, "change from try to try"),
    Case(_ANSWER, wrong_passwords(tries=(guess(True, 0.1, RIGHT),), stopped="taken"), NOT_APPLICABLE, "auth-wrong"),
    Case(_ANSWER, wrong_passwords(tries=guesses()[:3], stopped=_LIMIT), INDETERMINATE, "too few answers"),
)

_TIME = "auth-same-time"
_NOISE = tuple(guess(tried.known, 0.1 + 0.3 * (number * 7 % 5)) for number, tried in enumerate(guesses()))
_SLOW_NOISE = tuple(guess(tried.known, 1.5 + 0.3 * (number * 7 % 5)) for number, tried in enumerate(guesses()))
_TIMES = (
    Case(_TIME, wrong_passwords(tries=_QUICK), PASS, "no difference"),
    Case(_TIME, wrong_passwords(tries=guesses(0.02, 0.01)), PASS, "no difference"),
    Case(_TIME, wrong_passwords(tries=guesses(0.11, 0.01)), FAIL, "takes 100 ms more"),
    Case(_TIME, wrong_passwords(tries=guesses(0.01, 0.11)), FAIL, "takes 100 ms less"),
    Case(_TIME, wrong_passwords(tries=guesses(2.1, 2.0)), FAIL, "takes 100 ms more"),
    Case(_TIME, wrong_passwords(tries=guesses(0.11, 0.01, 5), stopped=_LIMIT), FAIL, "takes 100 ms more"),
    Case(_TIME, wrong_passwords(tries=guesses(0.11, 0.01, 4), stopped=_LIMIT), PASS, "limited before"),
    Case(_TIME, wrong_passwords(tries=(), stopped=_LIMIT), PASS, "limited before"),
    Case(_TIME, wrong_passwords(tries=_SLOW_NOISE), PASS, "answers wait for a second"),
    Case(_TIME, wrong_passwords(tries=_NOISE), INDETERMINATE, "vary too much"),
    Case(_TIME, wrong_passwords(tries=_NOISE, closed="after 3: 421"), PASS, "few can be taken: after 3: 421"),
    Case(_TIME, wrong_passwords(tries=guesses(0.11, 0.01, 4)), INDETERMINATE, "only 16"),
    Case(_TIME, wrong_passwords(tries=(guess(True, 0.1, RIGHT),), stopped="taken"), NOT_APPLICABLE, "auth-wrong"),
)

CASES = (*_REFUSED, *_LIMITED, *_LOCKED, *_ANSWERS, *_TIMES)
