"""The command AUTH where it has to be refused, and what a login is worth afterwards (RFC 4954)."""

from __future__ import annotations

import base64

from smtp_audit.facts.auth_protocol import AuthErrorsFacts, AuthProtocolFacts, AuthSessionFacts
from smtp_audit.facts.conversation import Dialogue
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.envelope import login_sender
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing, say
from smtp_audit.probes.dialect import Smtp
from smtp_audit.probes.wire import Transcript

LONG_RESPONSE = 12_600
"""Octets of a response that is too long: RFC 4954 section 4.2 lets servers refuse lines of more than 12288."""

_UNASKED = Dialogue(unknown="AUTH with a mechanism that takes a password is not offered")


async def keep_to_auth(approach: Approach, transcript: Transcript) -> AuthProtocolFacts:
    """Begin logins and never end one: no secret is sent.

    Raises:
        PeerError: not one question could be put.
    """
    interview = Interview(approach, transcript)
    await interview.ask([Question("without_mechanism", (say("AUTH"),))])
    mechanisms = Smtp().mechanisms(interview.capabilities)
    if (mechanism := _asking(mechanisms)) is not None:
        begin = f"AUTH {mechanism}"
        await interview.ask(
            [
                Question("cancelled", (say(begin, needs="3"), say("*"))),
                # Where the server goes on, only the end of the connection leaves the exchange without a wrong answer.
                Question("in_transaction", (say("MAIL FROM:<>", needs="2"), say(begin)), ends=True),
            ]
        )
    answers = {"cancelled": _UNASKED, "in_transaction": _UNASKED, **interview.answers}
    return AuthProtocolFacts(role=approach.endpoint.role, mechanisms=mechanisms, **answers)


async def stay_logged_in(approach: Approach, transcript: Transcript) -> AuthSessionFacts:
    """Log in with the given credentials, and see what is still possible then. Nothing is sent.

    Raises:
        PeerError: there was no login, or not one question could be put.
    """
    mail = f"MAIL FROM:<{login_sender(approach)}>"
    source = approach.budget.source
    name = approach.config.ehlo or (f"[IPv6:{source}]" if ":" in source else f"[{source or '127.0.0.1'}]")
    questions = (
        Question("sender", (say(mail),)),
        Question("second", (say("AUTH PLAIN"),), ends=True),
        # Last: where EHLO ends the login, what follows would be another first one.
        Question("after_ehlo", (say(f"EHLO {name}", needs="2"), say(mail))),
    )
    answers = await Interview(approach, transcript, Standing.LOGGED_IN).ask(questions)
    return AuthSessionFacts(role=approach.endpoint.role, **answers)


async def break_auth(approach: Approach, transcript: Transcript) -> AuthErrorsFacts:
    """AUTH in forms that no server may take.

    Raises:
        PeerError: not one question could be put.
    """
    interview = Interview(approach, transcript)
    await interview.ask([Question("unknown_mechanism", (say("AUTH XSMTPAUDIT"),))])
    mechanisms = Smtp().mechanisms(interview.capabilities)
    if (mechanism := _asking(mechanisms)) is not None:
        response = base64.b64encode(b"\0" + b"a" * (LONG_RESPONSE * 3 // 4)).decode()
        too_long = Say(
            f"AUTH {mechanism} {response}\r\n".encode(), shown=f"AUTH {mechanism} <{len(response)} octets of base64>"
        )
        await interview.ask(
            [
                Question("bad_encoding", (say(f"AUTH {mechanism} !!!!"),)),
                # NOOP shows whether the rest of the line was taken for commands: its answer would be another.
                Question("long_line", (too_long, say("NOOP")), ends=True),
            ]
        )
    answers = {"bad_encoding": _UNASKED, "long_line": _UNASKED, **interview.answers}
    return AuthErrorsFacts(role=approach.endpoint.role, mechanisms=mechanisms, **answers)


def _asking(mechanisms: tuple[str, ...]) -> str | None:
    """A mechanism that is offered and asks for its response where none was given."""
    return next((name for name in ("PLAIN", "LOGIN") if name in mechanisms), None)
