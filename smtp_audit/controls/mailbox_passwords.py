"""What wrong passwords come to on the ports for mailboxes: refused, and limited."""

from __future__ import annotations

from smtp_audit.control import Rule, Safety, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import MAILBOX_ROLES, Endpoint
from smtp_audit.facts.mailbox_passwords import MOST_GUESSES, SLOW, MailboxPasswordFacts


@control(
    "mailbox-wrong-passwords",
    title="Wrong passwords open no mailbox",
    expects="a wrong password and an empty one are refused by IMAP, POP3 and ManageSieve",
    subject=Endpoint,
    needs=MailboxPasswordFacts,
    roles=MAILBOX_ROLES,
    spec=("RFC 9051 section 6.2.3", "RFC 1939 section 7", "RFC 5804 section 2.1"),
    remedy={
        "dovecot": "look for nopassword=y and static passdbs, and for passdb ldap with auth_bind = yes on a directory "
        "that takes an empty password for an anonymous bind",
        "docker-mailserver": "for LDAP: a directory must refuse a bind with an empty password",
        "any": "compare the whole password, and refuse an empty one before any directory is asked",
    },
    safety=Safety.INTRUSIVE,
)
def mailbox_wrong_passwords(guesses: MailboxPasswordFacts, rule: Rule) -> Verdict:
    """Whoever gets in with a wrong password reads that user's mail, and sets new passwords elsewhere with it.

    A server may check passwords in one way for sending and in another for reading.
    """
    tried = (guesses.empty, *guesses.guesses)
    evidence = [str(guess) for guess in tried]
    if guesses.empty.taken:
        return fail(f"an empty password is taken: {guesses.empty.exchange.reply}", evidence=evidence)
    for guess in guesses.guesses:
        if guess.taken:
            return fail(f"a wrong password is taken: {guess.exchange.reply}", evidence=evidence)
    if not (guesses.empty.refused or guesses.empty.exchange.hung_up):
        raise Undetermined(f"an empty password is neither taken nor refused: {guesses.empty.exchange}")
    if not any(guess.refused for guess in guesses.guesses):
        raise Undetermined(f"no wrong password was refused for good: {guesses.stopped or 'none was tried'}")
    return passed(f"all of {len(tried)} are refused", evidence=evidence)


@control(
    "mailbox-limits-guesses",
    title="Guessing passwords is slowed down or stopped at mailboxes as well",
    expects="after some wrong passwords: a refusal for now, a closed connection, a lock, or at least a second for each",
    subject=Endpoint,
    needs=MailboxPasswordFacts,
    roles=MAILBOX_ROLES,
    spec=("RFC 9051 section 6.2.3", "RFC 1939 section 7", "RFC 5804 section 2.1"),
    remedy={
        "dovecot": "auth_failure_delay = 2 secs, and leave the listener anvil-auth-penalty at its default; fail2ban "
        "with the jail dovecot",
        "docker-mailserver": "ENABLE_FAIL2BAN=1, with NET_ADMIN for the container",
        "any": "let wrong passwords wait, and keep an address out after several of them",
    },
    safety=Safety.INTRUSIVE,
)
def mailbox_limits_guesses(guesses: MailboxPasswordFacts, rule: Rule) -> Verdict:
    """Whoever finds guessing limited at the submission ports goes on at IMAP and POP3, where the same password works.

    Limits are set for each service by itself, and are easily forgotten for one.
    """
    evidence = [str(guess) for guess in guesses.guesses]
    if guesses.empty.taken or any(guess.taken for guess in guesses.guesses):
        return fail("a wrong password is taken, so no limit matters", evidence=evidence)
    if guesses.stopped:
        return passed(guesses.stopped, evidence=evidence)
    wait = MailboxPasswordFacts.least_wait(guesses.guesses)
    if wait >= SLOW:
        return passed(f"a wrong password takes {wait:.1f} s", evidence=evidence)
    if guesses.returns and (guesses.returns[0].refused or guesses.returns[0].later):
        return passed(f"the right password is refused behind them: {guesses.returns[0].exchange}", evidence=evidence)
    if len(guesses.guesses) < MOST_GUESSES or not guesses.returns or not guesses.returns[-1].taken:
        raise Undetermined(f"only {len(guesses.guesses)} wrong passwords were tried")
    spent = sum(guess.exchange.seconds for guess in guesses.guesses)
    return fail(
        f"{len(guesses.guesses)} wrong passwords in {spent:.1f} s, and nothing is done about it", evidence=evidence
    )
