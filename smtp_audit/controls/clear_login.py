"""That a secret sent before TLS is refused unseen, whether a login is offered there or not."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.clear_login import ClearLoginFacts
from smtp_audit.facts.conversation import Exchange
from smtp_audit.facts.endpoint import STARTTLS_ROLES, Endpoint, Protocol
from smtp_audit.facts.service import Reply

_ENCRYPTION = re.compile(
    r"\b(?:start)?tls\b|\bssl|encrypt|plain ?text|clear ?text|secure|privacy|\blayer\b", re.IGNORECASE
)
"""Words of a refusal that is about the connection, not about the secret."""

_CREDENTIALS = re.compile(
    r"authentication (?:failed|failure|unsuccessful)|(?:login|auth\w*) (?:failed|incorrect|invalid)"
    r"|(?:invalid|incorrect|wrong|bad|unknown) (?:user|password|passwd|login|credential|secret|auth)"
    r"|(?:password|credentials?|login) (?:is |are )?(?:invalid|incorrect|wrong|rejected)",
    re.IGNORECASE,
)
"""Words of a refusal that is about the secret."""

_SMTP_UNSEEN = {
    # RFC 5321 section 4.2.2: no such command, or not now.
    "500", "502", "503",
    # RFC 4954 section 6 and RFC 5248: no such mechanism here, log in another way, encryption needed.
    "504", "523", "530", "534", "538",
}  # fmt: skip


@control(
    "auth-refused-before-tls",
    title="A login tried before TLS is refused unseen",
    expects="AUTH PLAIN, LOGIN, PASS or AUTHENTICATE in clear text is refused without a look at the secret",
    subject=Endpoint,
    needs=ClearLoginFacts,
    roles=STARTTLS_ROLES,
    spec=(
        "RFC 4954 section 4",
        "RFC 4954 section 6",
        "RFC 9051 section 6.2.3",
        "RFC 2595 section 4",
        "RFC 5804 section 2.1",
        "RFC 8314 section 4.1",
    ),
    remedy={
        "postfix": "smtpd_tls_auth_only = yes",
        "dovecot": "ssl = required, and auth_allow_cleartext = no (2.4) or disable_plaintext_auth = yes (2.3); "
        "login_trusted_networks must not name networks of clients",
        "exim": "server_advertise_condition = ${if def:tls_in_cipher} in every authenticator: what is not advertised "
        "is refused; or acl_smtp_auth with require encrypted = *",
        "sendmail": "define(`confAUTH_OPTIONS', `A p y')dnl",
        "opensmtpd": "tls-require in place of tls on the listen line with auth",
        "docker-mailserver": "set SSL_TYPE: without it logins in clear text are allowed",
        "any": "let the server refuse logins before TLS, not only leave them out of its announcement",
    },
)
def auth_refused_before_tls(login: ClearLoginFacts, rule: Rule) -> Verdict:
    """A server that hides the offer and still takes the login helps no one whose client does not ask first.

    Clients with a fixed configuration send the password without reading the announcement, and an attacker on the way
    can add one to it. As long as such a login works nobody notices that passwords go over the network in clear text.
    """
    last = login.attempt.last
    evidence = login.attempt.told()
    reply = last.replies[-1] if last.replies else None
    if reply is None:
        raise Undetermined(f"no answer to the login: {last.ended or 'nothing came'}")
    match login.role.protocol:
        case Protocol.SMTP:
            seen = _seen_by_smtp(reply)
        case Protocol.IMAP:
            seen = _seen_by_imap(reply, login.announced)
        case Protocol.POP3:
            seen = _seen_by_pop3(last, reply)
        case Protocol.SIEVE:
            seen = _seen_by_sieve(reply, login.announced)
    if seen is None:
        raise Undetermined(f"refused, and it cannot be told whether the secret was looked at: {reply}")
    if seen:
        return fail(f"takes a secret in clear text: {reply}", evidence=evidence)
    return passed(f"refused unseen: {reply}", evidence=evidence)


def _seen_by_smtp(reply: Reply) -> bool | None:
    """Whether the secret was looked at; None if that cannot be told."""
    text = " ".join(reply.lines)
    enhanced = found[0] if (found := re.match(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)", text)) else ""
    # RFC 4954 section 6, RFC 5248: 5.7.8 is about the credentials, 5.7.11 (5.7.10 by mistake) about encryption.
    if reply.code[:1] in "23" or enhanced == "5.7.8":
        return True
    if enhanced in ("5.7.10", "5.7.11") and reply.code.startswith("5"):
        return False
    if reply.code == "535":
        return None if _ENCRYPTION.search(text) else True
    if reply.code in _SMTP_UNSEEN:
        return None if _CREDENTIALS.search(text) and not _ENCRYPTION.search(text) else False
    return None


def _seen_by_imap(reply: Reply, announced: tuple[str, ...]) -> bool | None:
    status = reply.lines[-1] if reply.lines else ""
    code = found[1].upper() if (found := re.match(r"\[([A-Za-z]+)", status)) else ""
    if reply.code == "OK":
        return True
    if reply.code not in ("NO", "BAD"):
        return None
    # RFC 5530 section 3.
    if code in ("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"):
        return True
    if code == "PRIVACYREQUIRED":
        return False
    if code in ("UNAVAILABLE", "INUSE", "LIMIT", "CONTACTADMIN", "SERVERBUG"):
        return None
    if reply.code == "BAD":
        return False
    if _ENCRYPTION.search(status):
        return False
    if _CREDENTIALS.search(status):
        return True
    # RFC 9051 section 6.2.3: who announces LOGINDISABLED does not look, and needs no further word.
    return "LOGIN-COMMAND" in announced


def _seen_by_pop3(last: Exchange, reply: Reply) -> bool | None:
    status = reply.lines[-1] if reply.lines else ""
    if reply.code == "+OK":
        return True
    # RFC 2449 section 8.1.2, RFC 3206 section 4: what says nothing about the login. [AUTH] is used for both.
    if status.upper().startswith(("[SYS/", "[IN-USE]", "[LOGIN-DELAY]")):
        return None
    return not (last.sent.startswith("USER") or _ENCRYPTION.search(status))


def _seen_by_sieve(reply: Reply, announced: tuple[str, ...]) -> bool | None:
    status = reply.lines[-1] if reply.lines else ""
    code = found[1].upper() if (found := re.match(r"\(([A-Za-z-]+)", status)) else ""
    if reply.code == "OK":
        return True
    # RFC 5804 section 1.3. A transition is asked for only of who gave the right secret.
    if code in ("ENCRYPT-NEEDED", "AUTH-TOO-WEAK"):
        return False
    if code == "TRANSITION-NEEDED":
        return True
    if reply.code != "NO" or code in ("TRYLATER", "REFERRAL"):
        return None
    if _ENCRYPTION.search(status):
        return False
    if _CREDENTIALS.search(status) or "PLAIN" in announced:
        return True
    return None
