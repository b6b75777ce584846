"""What wrong passwords come to: refused, limited, and the same for users who exist and who do not."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.same_times import Timed, compare, ruled_out
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Endpoint
from smtp_audit.facts.wrong_passwords import BLOCKS, TRIES_IN_BLOCK, WrongPasswordFacts

SLOW = 1.0
"""Seconds that make a wrong password a slow one: a dictionary of a million then takes twelve days."""

_LAST = 4
"""Tries at the end that have to be slow, so that one slow answer is not taken for a rule."""

_NO_USE = "a wrong password is taken; auth-wrong-passwords judges that"

_TWICE = 2
"""Answers for each user, before one is compared with the other."""


@control(
    "auth-wrong-passwords",
    title="Wrong passwords are refused",
    expects="a wrong password, none, and the right one with more behind it are refused",
    subject=Endpoint,
    needs=WrongPasswordFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 6", "RFC 4616 section 2"),
    remedy={
        "dovecot": "look for nopassword=y and static passdbs, and for passdb ldap with auth_bind = yes on a directory "
        "that takes an empty password for an anonymous bind",
        "postfix": "the passwords are checked by Dovecot or Cyrus SASL: look there",
        "exim": "the server_condition of every authenticator has to compare the password, and refuse an empty one",
        "docker-mailserver": "for LDAP and rimap: a directory must refuse a bind with an empty password",
        "any": "compare the whole password, and refuse an empty one before any directory is asked",
    },
    safety=Safety.INTRUSIVE,
)
def auth_wrong_passwords(guesses: WrongPasswordFacts, rule: Rule) -> Verdict:
    """Whoever gets in with a wrong password sends mail as that user.

    Directories take a bind without a password for an anonymous one and say yes; programs in C stop reading at a NUL, so
    that what is checked is not what was given.
    """
    evidence = (*guesses.empty.told(), *guesses.cut.told(), *(str(tried.exchange) for tried in guesses.tries))
    taken = [tried.exchange for tried in guesses.tries if tried.exchange.accepted]
    for what, dialogue in (("an empty password", guesses.empty), ("a password with NUL in it", guesses.cut)):
        if dialogue.exchanges and dialogue.exchanges[-1].accepted:
            return fail(f"{what} is taken: {dialogue.exchanges[-1].reply}", evidence=evidence)
    if taken:
        return fail(f"a wrong password is taken: {taken[0].reply}", evidence=evidence)
    for what, dialogue in (("an empty password", guesses.empty), ("a password with NUL in it", guesses.cut)):
        _require_refusal(what, dialogue)
    if not any(tried.exchange.refused for tried in guesses.tries):
        raise Undetermined(f"no wrong password was refused for good: {guesses.stopped or 'none was tried'}")
    return passed(f"all of {2 + len(guesses.tries)} are refused", evidence=evidence)


def _require_refusal(what: str, dialogue: Dialogue) -> None:
    """Raises Undetermined when it was neither taken nor refused. Who hangs up has refused it."""
    last = dialogue.last
    if not last.refused and "closed" not in last.ended:
        raise Undetermined(f"{what} is neither taken nor refused: {last}")


@control(
    "auth-limits-guesses",
    title="Guessing passwords is slowed down or stopped",
    expects="after some wrong passwords: 4yz, 421, a closed connection, a lock, or at least a second for each",
    subject=Endpoint,
    needs=WrongPasswordFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 9", "RFC 5321 section 7.8"),
    remedy={
        "postfix": "smtpd_client_auth_rate_limit = 10 (3.1 and later), and fail2ban with the jail postfix-sasl",
        "dovecot": "auth_failure_delay = 2 secs, and leave the listener anvil-auth-penalty at its default; fail2ban "
        "with the jail dovecot",
        "exim": "in acl_smtp_auth: deny ratelimit = 10 / 1h / strict / per_cmd; fail2ban with the jail exim",
        "sendmail": "FEATURE(`ratecontrol', `nodelay', `terminate'), and fail2ban with the jail sendmail-auth",
        "docker-mailserver": "ENABLE_FAIL2BAN=1, with NET_ADMIN for the container",
        "any": "let wrong passwords wait, and keep an address out after several of them",
    },
    safety=Safety.INTRUSIVE,
)
def auth_limits_guesses(guesses: WrongPasswordFacts, rule: Rule) -> Verdict:
    """Lists of leaked passwords are tried on every mail server there is; without a limit one machine tries millions.

    A second for each guess, or an end after a few, leaves time for somebody to notice, and makes all but the worst
    passwords safe from it.
    """
    evidence = _log(guesses)
    if _all_are_right(guesses):
        return fail("a wrong password is taken, so no limit matters", evidence=evidence)
    if guesses.stopped or guesses.closed:
        return passed(guesses.closed or guesses.stopped, evidence=evidence)
    if guesses.returns and guesses.returns[0].exchange.refused:
        return passed(f"the account is locked: {guesses.returns[0].exchange.reply}", evidence=evidence)
    last = [tried.exchange.seconds for tried in guesses.tries[-_LAST:]]
    if len(last) == _LAST and min(last) >= SLOW:
        return passed(f"a wrong password takes {min(last):.1f} s", evidence=evidence)
    if len(guesses.tries) < BLOCKS * TRIES_IN_BLOCK:
        raise Undetermined(f"only {len(guesses.tries)} wrong passwords were tried")
    return fail(
        f"{len(guesses.tries)} wrong passwords in {_spent(guesses):.1f} s, and nothing is done about it",
        evidence=evidence,
    )


@control(
    "auth-lock-is-temporary",
    title="Wrong passwords lock nobody out for long",
    expects="the right password works again about a minute after the last wrong one",
    subject=Endpoint,
    needs=WrongPasswordFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 5321 section 7.8",),
    remedy={
        "dovecot": "limit by address (penalty, fail2ban), not by account: no pam_faillock with a long unlock_time",
        "docker-mailserver": "with LDAP: a short pwdLockoutDuration",
        "any": "limit guesses by the client's address, or lock an account for a minute and no longer",
    },
    safety=Safety.INTRUSIVE,
)
def auth_lock_is_temporary(guesses: WrongPasswordFacts, rule: Rule) -> Verdict:
    """Whoever knows a user's name can keep that user out with wrong passwords, if these lock the account.

    It is advice: some rules ask for locks. Limits by address do the same against guessing, and hit nobody else.
    """
    if not guesses.returns:
        raise Undetermined("the right password was not tried again")
    last = guesses.returns[-1]
    evidence = [f"{back.waited:g} s after: {back.exchange}" for back in guesses.returns]
    if last.exchange.accepted:
        when = "at once" if len(guesses.returns) == 1 else f"within {last.waited:g} s"
        return passed(f"the right password works {when}", evidence=evidence)
    if last.exchange.refused:
        return fail(f"the account is locked for more than {last.waited:g} s: {last.exchange.reply}", evidence=evidence)
    raise Undetermined(f"this client is still kept out after {last.waited:g} s: {last.exchange}")


@control(
    "auth-same-answer",
    title="Users who exist and who do not get the same answer",
    expects="a wrong password is answered with the same code and text, whether the user exists or not",
    subject=Endpoint,
    needs=WrongPasswordFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 9", "RFC 4954 section 6", "RFC 3206 section 5"),
    remedy={
        "dovecot": "no deny passdb with reason, and no reason or temp fields from Lua or checkpassword",
        "exim": "server_set_id and the ACLs must give the same message for both: no message modifier in acl_smtp_auth "
        "that depends on a look-up of the user",
        "any": "answer every failed login with 535 5.7.8 and the same text",
    },
    safety=Safety.INTRUSIVE,
)
def auth_same_answer(guesses: WrongPasswordFacts, rule: Rule) -> Verdict:
    """Different answers tell strangers which addresses exist: to guess the passwords of, or to write to.

    A list of valid users makes guessing a hundred times cheaper, and is sold to spammers.
    """
    if _all_are_right(guesses):
        return not_applicable(_NO_USE)
    known = [str(tried.exchange.reply) for tried in guesses.tries if tried.known and tried.exchange.replies]
    unknown = [str(tried.exchange.reply) for tried in guesses.tries if not tried.known and tried.exchange.replies]
    if min(len(known), len(unknown)) < _TWICE:
        raise Undetermined(f"too few answers to compare: {guesses.stopped or 'the connection ended'}")
    for form in (str, _without_numbers, _codes):
        one, other = {form(text) for text in known}, {form(text) for text in unknown}
        if len(one) == 1 and len(other) == 1:
            if one == other:
                return passed(f"the same for both: {one.pop()}", evidence=_log(guesses))
            return fail(f"a known user gets {one.pop()}, an unknown one {other.pop()}", evidence=_log(guesses))
    raise Undetermined("the answers change from try to try")


def _without_numbers(text: str) -> str:
    """The code, and the words that have no number in them: those differ by session."""
    return text[:3] + re.sub(r"(?<!\S)(?![245]\.\d{1,3}\.\d{1,3}(?!\S))\S*\d\S*", "#", text[3:])


def _codes(text: str) -> str:
    found = re.match(r"\d{3}(?: [245]\.\d{1,3}\.\d{1,3}(?!\S))?", text)
    return found[0] if found else text


@control(
    "auth-same-time",
    title="Users who exist and who do not get the answer in the same time",
    expects="the time to the answer does not depend on whether the user exists",
    subject=Endpoint,
    needs=WrongPasswordFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 9",),
    remedy={
        "dovecot": "auth_failure_delay = 2 secs hides the difference; so does a penalty that grows. SQL and LDAP: one "
        "look-up that returns the hash of a made-up user where there is none",
        "exim": "compare with a made-up hash where the look-up of the user finds nothing",
        "any": "let failed logins wait for a fixed time, and check a made-up password hash for users who do not exist",
    },
    safety=Safety.INTRUSIVE,
)
def auth_same_time(guesses: WrongPasswordFacts, rule: Rule) -> Verdict:
    """A server that computes a slow hash only for users who exist tells with a clock what its texts do not.

    The verdict rests on an exact test: on a server without this fault it is wrong at most once in 1000 audits.
    """
    if _all_are_right(guesses):
        return not_applicable(_NO_USE)
    evidence = _log(guesses)
    blocks = _blocks(guesses)
    slow = bool(guesses.tries) and min(tried.exchange.seconds for tried in guesses.tries[-_LAST:]) >= SLOW
    if blocks:
        found = compare(blocks)
        if found.differs:
            more = "more" if found.difference > 0 else "less"
            text = (
                f"a known user's answer takes {abs(found.difference) * 1000:.0f} ms {more} (chance: {found.chance:.5f})"
            )
            return fail(text, evidence=evidence)
    if guesses.stopped:
        return passed(f"guessing was limited before times could be compared: {guesses.stopped}", evidence=evidence)
    if len(blocks) < BLOCKS:
        raise Undetermined(f"only {len(guesses.tries)} wrong passwords were answered")
    if ruled_out(blocks):
        return passed(f"no difference (chance: {found.chance:.2f})", evidence=evidence)
    if slow:
        return passed("answers wait for a second or more, which hides a difference", evidence=evidence)
    if guesses.closed:
        return passed(f"times vary, and few can be taken: {guesses.closed}", evidence=evidence)
    raise Undetermined("times vary too much: a difference of 50 ms cannot be ruled out")


def _all_are_right(guesses: WrongPasswordFacts) -> bool:
    return any(tried.exchange.accepted for tried in guesses.tries)


def _blocks(guesses: WrongPasswordFacts) -> list[list[Timed]]:
    """The whole blocks of answers."""
    timed = [(tried.known, tried.exchange.seconds) for tried in guesses.tries if tried.exchange.replies]
    whole = len(timed) // TRIES_IN_BLOCK * TRIES_IN_BLOCK
    blocks = [timed[at : at + TRIES_IN_BLOCK] for at in range(0, whole, TRIES_IN_BLOCK)]
    return [block for block in blocks if 0 < sum(kind for kind, _ in block) < len(block)]


def _spent(guesses: WrongPasswordFacts) -> float:
    return sum(tried.exchange.seconds for tried in guesses.tries)


def _log(guesses: WrongPasswordFacts) -> list[str]:
    return [
        f"{'known' if tried.known else 'unknown'} user, {tried.exchange.seconds:.3f} s: {tried.exchange.reply}"
        for tried in guesses.tries
    ]
