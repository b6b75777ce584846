"""A login by SMTP: only inside TLS with a certificate that proves the name, and one answer for one password."""

from __future__ import annotations

import base64
import ssl

from smtp_audit.facts.endpoint import TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.probes.approach import Approach, Session, Unrepeatable
from smtp_audit.probes.tls.trust import strict_context
from smtp_audit.probes.wire import PeerError, tls_reason
from smtp_audit.secret import Secret
from smtp_audit.wiretext import escape


def check_login(approach: Approach) -> tuple[str, Secret]:
    """The user and the password to log in with.

    Raises:
        PeerError: none were given, or they were refused before.
    """
    user_and_password = approach.given_login()
    if approach.login.refused:
        raise PeerError(Absence.REFUSED_SERVICE, approach.login.refused)
    return user_and_password


async def log_in(session: Session, approach: Approach) -> None:
    """Log in with the given credentials: TLS first, chain and name verified.

    A refused login is never tried again on this host, so that no account is locked by an audit.

    Raises:
        PeerError: no credentials, no trustworthy TLS, or no login.
    """
    user, password = check_login(approach)
    mechanism = await up_to_login(session, approach)
    async with approach.login.turn():
        check_login(approach)  # another may have been refused meanwhile
        try:
            reply = await authenticate(session, mechanism, user, password)
        except PeerError as error:
            approach.login.unanswered(error.reason)
            raise Unrepeatable(error.absence, f"the login was not answered: {error.reason}") from None
        approach.login.answered(approach, mechanism, reply)
    if reply.code != "235":
        raise Unrepeatable(Absence.REFUSED_SERVICE, approach.login.refused)


async def up_to_login(session: Session, approach: Approach) -> str:
    """TLS, chain and name verified, and EHLO; the mechanism to log in with: PLAIN or LOGIN.

    Raises:
        PeerError: no trustworthy TLS, or no such mechanism.
    """
    smtp = session.smtp
    if not await session.up_to_tls():
        raise PeerError(Absence.UNTRUSTED, "STARTTLS is not offered: the password is not sent in clear")
    await trusted(session, approach)
    if session.endpoint.tls_start is TlsStart.IMPLICIT:
        await session.greeting()
    mechanisms = smtp.mechanisms(await session.capabilities())
    for name in ("PLAIN", "LOGIN"):
        if name in mechanisms:
            return name
    offered = escape(", ".join(mechanisms).encode(), 200)
    raise PeerError(Absence.REFUSED_SERVICE, f"no mechanism takes a password as it is ({offered or 'none'})")


async def authenticate(session: Session, mechanism: str, user: str, password: Secret, shown: str = "<secret>") -> Reply:
    """Give user and password; the server's last reply, 421 included. `shown` stands for both in the transcript.

    Raises:
        PeerError: there was none.
    """
    connection, smtp = session.connection, session.smtp
    # The password is never in a variable: a traceback that shows those must not show it.
    async with connection.within(session.limits.reply_seconds * 2, "answer to the login"):
        if mechanism == "PLAIN":
            await connection.send(_plain(user, password), shown=f"AUTH PLAIN {shown}")
            return await smtp.any_reply(connection)
        # AUTH LOGIN (draft-murchison-sasl-login): two prompts, two answers.
        await connection.send(b"AUTH LOGIN\r\n")
        reply = await smtp.any_reply(connection)
        if reply.code == "334":
            await connection.send(_base64(user), shown="<user name>")
            reply = await smtp.any_reply(connection)
        if reply.code == "334":
            await connection.send(_base64(password.get_secret_value()), shown=shown)
            reply = await smtp.any_reply(connection)
        return reply


def _plain(user: str, password: Secret) -> bytes:
    """AUTH PLAIN with its initial response (RFC 4616 section 2, RFC 4954 section 4)."""
    return b"AUTH PLAIN " + _base64(f"\0{user}\0{password.get_secret_value()}")


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode()) + b"\r\n"


async def trusted(session: Session, approach: Approach) -> None:
    """Begin TLS with a certificate that proves the name.

    Raises:
        PeerError: it does not, or there is no TLS to be had.
    """
    context = strict_context(approach.anchors)
    try:
        async with session.connection.within(session.handshake_seconds, "end of the TLS handshake"):
            await session.connection.start_tls(context, session.endpoint.host)
    except ssl.SSLError as error:
        reason = f"not tried: the password is sent only to a server that proves its name ({tls_reason(error)})"
        raise PeerError(Absence.UNTRUSTED, reason) from None
