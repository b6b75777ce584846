"""The command AUTH as RFC 4954 has it."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.auth_protocol import AuthErrorsFacts, AuthProtocolFacts, AuthSessionFacts
from smtp_audit.facts.authentication import asks_for_login
from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import SUBMISSION_ROLES, Endpoint

_NOT_OFFERED = "AUTH with a mechanism that takes a password is not offered; auth-offered judges that"

_LOGIN = re.compile(r"authenticat|\bauth\b|\blog(?:ged)?[ -]?(?:in|on)\b|starttls|encrypt", re.IGNORECASE)
"""What a refusal of MAIL speaks of where it takes a login first."""

_ANOTHER = (
    "no setting of a current server does this: update it, or look for a proxy or filter that answers in its place"
)


def _password_mechanism(mechanisms: tuple[str, ...]) -> bool:
    return "PLAIN" in mechanisms or "LOGIN" in mechanisms


def _refused(dialogue: Dialogue, what: str) -> Verdict:
    """Refused for good passes, whatever the code; taken fails; all else cannot be told."""
    last = dialogue.last
    if last.refused:
        return passed(f"refused: {last.replies[-1]}", evidence=dialogue.told())
    if last.accepted:
        return fail(f"{what}: {last.replies[-1]}", evidence=dialogue.told())
    raise Undetermined(f"neither taken nor refused: {last}")


@control(
    "auth-needs-mechanism",
    title="AUTH without a mechanism is refused",
    expects="AUTH alone is answered with 501 or another 5yz code",
    subject=Endpoint,
    needs=AuthProtocolFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4", "RFC 5321 section 4.2.4"),
    remedy={"any": _ANOTHER},
)
def auth_needs_mechanism(auth: AuthProtocolFacts, rule: Rule) -> Verdict:
    """A server that begins a login of no kind has to guess what the client means by the next line.

    That line then holds a secret for a client that thought it was refused, or a command for one that did not.
    """
    return _refused(auth.without_mechanism, "begins a login without a mechanism")


@control(
    "auth-cancel",
    title="A login can be cancelled",
    expects="* in the middle of a login is answered with 501",
    subject=Endpoint,
    needs=AuthProtocolFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4",),
    remedy={"any": _ANOTHER},
)
def auth_cancel(auth: AuthProtocolFacts, rule: Rule) -> Verdict:
    """A client that thinks better of it has to get out without a wrong password on its account.

    A server that takes the asterisk for an answer counts a failed login, and locks out users whose client only tried
    which mechanism works; one that does not end the exchange takes the next command for a secret, and may log it.
    """
    if not _password_mechanism(auth.mechanisms):
        return not_applicable(_NOT_OFFERED)
    last = auth.cancelled.last
    if not last.replies:
        raise Undetermined(f"no answer to the cancelled login: {last.ended or 'nothing came'}")
    reply, evidence = last.replies[-1], auth.cancelled.told()
    if reply.code == "501":
        return passed(f"cancelled: {reply}", evidence=evidence)
    if reply.code.startswith("4"):
        raise Undetermined(f"neither cancelled nor taken: {last}")
    return fail(f"* is answered with {reply.code}, not with 501: {reply}", evidence=evidence)


@control(
    "auth-not-in-transaction",
    title="No login inside a mail transaction",
    expects="AUTH after MAIL is answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=AuthProtocolFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4",),
    remedy={"any": _ANOTHER},
)
def auth_not_in_transaction(auth: AuthProtocolFacts, rule: Rule) -> Verdict:
    """Who sends is checked when MAIL is given; a login after that changes the sender's rights behind the check.

    A transaction begun as a stranger then ends with a user's rights: limits, sender checks and logs were made for
    somebody else.
    """
    if not _password_mechanism(auth.mechanisms):
        return not_applicable(_NOT_OFFERED)
    exchanges = auth.in_transaction.exchanges
    if len(exchanges) == 1 and exchanges[0].refused and exchanges[0].reply is not None:
        if not (asks_for_login(exchanges[0].reply) or _LOGIN.search(str(exchanges[0].reply))):
            raise Undetermined(f"MAIL is refused, and not for want of a login: {exchanges[0].reply}")
        return not_applicable(f"no transaction is begun without a login: {exchanges[0].reply}")
    return _refused(auth.in_transaction, "begins a login inside a mail transaction")


@control(
    "auth-once",
    title="A second login is refused",
    expects="AUTH after a login is answered with 503 or another 5yz code",
    subject=Endpoint,
    needs=AuthSessionFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4",),
    remedy={"any": _ANOTHER},
    safety=Safety.ACTIVE,
)
def auth_once(session: AuthSessionFacts, rule: Rule) -> Verdict:
    """One session belongs to one user: what was checked for the first must not be used by the second.

    Where users can change inside a session, one valid account is enough to guess the passwords of others without the
    limits on new connections, and logs name the wrong sender.
    """
    return _refused(session.second, "begins a second login")


@control(
    "auth-survives-ehlo",
    title="A login lasts until the connection ends",
    expects="after EHLO the user's own MAIL is taken as it was before",
    subject=Endpoint,
    needs=AuthSessionFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.1.4", "RFC 4954 section 4"),
    remedy={"any": _ANOTHER},
    safety=Safety.ACTIVE,
)
def auth_survives_ehlo(session: AuthSessionFacts, rule: Rule) -> Verdict:
    """EHLO starts over with the mail, not with the session: a client may give it again and is still logged in.

    A server that forgets the login refuses mail in the middle of a session, and since AUTH may be given only once, the
    client cannot help itself.
    """
    before, after = session.sender.last, session.after_ehlo.last
    evidence = (*session.sender.told(), *session.after_ehlo.told())
    if not before.accepted:
        raise Undetermined(f"the user's own MAIL is not taken to begin with: {before}")
    if after.accepted:
        return passed(f"still logged in: {after.reply}", evidence=evidence)
    if after.reply is not None and asks_for_login(after.reply):
        return fail(f"EHLO ends the login: {after.reply}", evidence=evidence)
    raise Undetermined(f"neither taken nor refused for want of a login: {after}")


@control(
    "auth-unknown-mechanism",
    title="An unknown mechanism is refused",
    expects="AUTH with a mechanism that does not exist is answered with 504 or another 5yz code",
    subject=Endpoint,
    needs=AuthErrorsFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4",),
    remedy={"any": _ANOTHER},
    safety=Safety.INTRUSIVE,
)
def auth_unknown_mechanism(auth: AuthErrorsFacts, rule: Rule) -> Verdict:
    """What no server knows can be checked by none: a login of that kind is either a pretence or a way in.

    Traps that take every login do so, and so do filters that answer before the server behind them has looked.
    """
    return _refused(auth.unknown_mechanism, "begins a login with a mechanism that does not exist")


@control(
    "auth-bad-encoding",
    title="A response that is not base64 is refused",
    expects="AUTH with a response that cannot be decoded is answered with 501 or another 5yz code",
    subject=Endpoint,
    needs=AuthErrorsFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4",),
    remedy={"any": _ANOTHER},
    safety=Safety.INTRUSIVE,
)
def auth_bad_encoding(auth: AuthErrorsFacts, rule: Rule) -> Verdict:
    """A lenient decoder makes something of anything: two programs then see two different names in one login.

    What one of them logs, limits or locks is not what the other lets in.
    """
    if not _password_mechanism(auth.mechanisms):
        return not_applicable(_NOT_OFFERED)
    return _refused(auth.bad_encoding, "takes a response that is not base64")


@control(
    "auth-line-limit",
    title="An over-long AUTH line is refused as one line",
    expects="an AUTH line of more than 12288 octets is refused, and its rest is not taken for commands",
    subject=Endpoint,
    needs=AuthErrorsFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4", "RFC 4954 section 4.2"),
    remedy={
        "postfix": "leave line_length_limit at its default",
        "any": _ANOTHER,
    },
    safety=Safety.INTRUSIVE,
)
def auth_line_limit(auth: AuthErrorsFacts, rule: Rule) -> Verdict:
    """Whoever has not logged in yet must not be able to fill the memory, or to hide commands in a line.

    A server that cuts the line and reads on treats the rest as commands which no filter in front of it has seen.
    """
    if not _password_mechanism(auth.mechanisms):
        return not_applicable(_NOT_OFFERED)
    dialogue = auth.long_line
    evidence = dialogue.told()
    if not dialogue.exchanges:
        raise Undetermined(dialogue.unknown)
    first = dialogue.exchanges[0]
    if first.accepted:
        return fail(f"takes it: {first.reply}", evidence=evidence)
    if first.reply is None and "closed" in first.ended:
        return passed(f"refused: {first.ended}", evidence=evidence)
    if first.reply is None or not (first.refused or first.reply.code == "421"):
        raise Undetermined(f"neither taken nor refused: {first}")
    if len(dialogue.exchanges) > 1 and (behind := dialogue.exchanges[1].reply) is not None and behind.code != "250":
        if behind.code.startswith("5"):
            return fail(f"takes the rest of the line for a command: {behind}", evidence=evidence)
        if behind.code != "421":
            raise Undetermined(f"it cannot be told what became of the rest of the line: {dialogue.exchanges[1]}")
    return passed(f"refused: {first.reply}", evidence=evidence)
