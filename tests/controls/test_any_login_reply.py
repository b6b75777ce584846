"""Whatever a server says to a login: no verdict breaks, and what took the secret never passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.control import REGISTRY, Outcome, load_builtin
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, Exchange
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.service import Reply
from tests.auth_factories import clear_login, guess, identified, mailbox_access, wrong_passwords
from tests.facts_factories import rule

load_builtin()

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
hints = st.sampled_from(
    ["TLS", "authentication failed", "5.7.8 ", "5.7.11 ", "[AUTHENTICATIONFAILED]", "(ENCRYPT-NEEDED)"]
)
text = st.lists(printable | hints, max_size=4).map(" ".join)
ROLES = {
    Role.MX: st.integers(200, 599).map(str),
    Role.IMAP: st.sampled_from(["OK", "NO", "BAD", "BYE"]),
    Role.POP3: st.sampled_from(["+OK", "-ERR"]),
    Role.SIEVE: st.sampled_from(["OK", "NO", "BYE"]),
}


def outcome(control: str, facts: object) -> Outcome | None:
    try:
        verdict = REGISTRY[control].judge(facts, rule())
    except Undetermined:
        return None
    assert "\n" not in verdict.summary
    return verdict.outcome


@pytest.mark.parametrize("role", sorted(ROLES))
@given(data=st.data())
def test_what_took_the_secret_never_passes(role: Role, data: st.DataObject) -> None:
    reply = Reply(code=data.draw(ROLES[role]), lines=(data.draw(text),))
    sent = "PASS <made-up secret>" if role is Role.POP3 else "LOGIN"
    attempt = Dialogue(exchanges=(Exchange(sent=sent, replies=(reply,)),))
    announced = data.draw(st.sampled_from([(), ("LOGIN-COMMAND",), ("PLAIN",)]))
    found = outcome("auth-refused-before-tls", clear_login(role, attempt=attempt, announced=announced))
    if reply.code[:1] in "23" or reply.code in ("OK", "+OK"):
        assert found is Outcome.FAIL
    if reply.code.startswith("4"):
        assert found is not Outcome.PASS


@given(text, text)
def test_whatever_a_mailbox_server_calls_itself(greeting: str, listing: str) -> None:
    facts = mailbox_access(
        greeting=Reply(code="OK", lines=(greeting,)), identification=identified(listing), after_tls=(listing,)
    )
    for control in ("mailbox-version-hidden", "mailbox-product-hidden", "imap-greeting-offers-no-login"):
        outcome(control, facts)
    outcome("mailbox-capabilities-inside-tls", facts)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 60), st.integers(200, 599), text), max_size=26), text, text)
def test_whatever_comes_of_wrong_passwords(tries, stopped: str, closed: str) -> None:
    made = tuple(guess(known, seconds, f"{code} {words}") for known, seconds, code, words in tries)
    facts = wrong_passwords(tries=made, stopped=stopped, closed=closed)
    taken = any(tried.exchange.accepted for tried in made)
    for control in ("auth-wrong-passwords", "auth-limits-guesses", "auth-same-answer", "auth-same-time"):
        found = outcome(control, facts)
        if taken:
            assert found is not Outcome.PASS
