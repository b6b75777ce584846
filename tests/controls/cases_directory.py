"""VRFY and EXPN."""

from __future__ import annotations

from smtp_audit.facts.conversation import Dialogue
from tests.conversation_factories import answered, unasked
from tests.relay_factories import HUNG_UP, directory

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE

_KNOWN, _NOBODY, _OTHER = "postmaster@example.com", "smtp-audit-000000000000@example.com", "smtp-audit-1@example.com"


def _vrfy(known: str, unknown: str, nobody: str | None = None) -> object:
    return directory(
        known=answered(f"VRFY {_KNOWN}", known),
        unknown=answered(f"VRFY {_NOBODY}", unknown),
        nobody=answered(f"VRFY {_OTHER}", unknown.replace(_NOBODY, _OTHER) if nobody is None else nobody),
    )


def _hung_up(name: str) -> Dialogue:
    return answered(f"VRFY {name}", ended=HUNG_UP)


_CANNOT = "252 2.0.0 Cannot VRFY user; try RCPT to attempt delivery"
_UNKNOWN = f"550 5.1.1 <{_NOBODY}>: Recipient address rejected: User unknown in local recipient table"

_VRFY = (
    Case("vrfy-tells-nothing", directory(), PASS, "the same for everyone: 502"),
    Case("vrfy-tells-nothing", _vrfy(_CANNOT, _CANNOT), PASS, "252"),
    Case("vrfy-tells-nothing", _vrfy(f"252 2.0.0 {_KNOWN}", f"252 2.0.0 {_NOBODY}"), PASS, "252"),
    Case("vrfy-tells-nothing", _vrfy("252 postmaster", "252 smtp-audit-000000000000", "252 smtp-audit-1"), PASS, "252"),
    Case("vrfy-tells-nothing", _vrfy("252 ok (id 17)", "252 ok (id 18)", "252 ok (id 19)"), PASS, "252"),
    Case("vrfy-tells-nothing", _vrfy(f"252 2.0.0 {_KNOWN}", _UNKNOWN), FAIL, "tells who is there"),
    Case("vrfy-tells-nothing", _vrfy(f"250 2.1.5 Post Master <{_KNOWN}>", _UNKNOWN), FAIL, "Post Master"),
    Case("vrfy-tells-nothing", _vrfy("252 2.1.5 user is here", "252 2.1.5 try it"), FAIL, "user is here"),
    Case("vrfy-tells-nothing", _vrfy("550 5.7.1 ask by RCPT", "550 5.1.1 unknown"), FAIL, "tells who is there"),
    Case("vrfy-tells-nothing", _vrfy(_UNKNOWN.replace(_NOBODY, _KNOWN), _UNKNOWN), INDETERMINATE, "did not find"),
    # Not the mailbox is unknown, but the command.
    Case("vrfy-tells-nothing", _vrfy("502 unknown command", "502 unknown command"), PASS, "502 unknown"),
    Case("vrfy-tells-nothing", _vrfy("500 5.5.1 VRFY not found", "500 5.5.1 VRFY not found"), PASS, "500 5.5.1"),
    # Looked up, and not a domain of its own; or a server that says so in other words.
    Case("vrfy-tells-nothing", _vrfy("550 relay not permitted", "550 relay not permitted"), INDETERMINATE, "did not"),
    Case("vrfy-tells-nothing", _vrfy("550 Unrouteable address", "550 Unrouteable address"), INDETERMINATE, "did not"),
    Case("vrfy-tells-nothing", _vrfy("450 4.7.0 later", "450 4.7.0 later"), INDETERMINATE, "refused for now"),
    Case("vrfy-tells-nothing", _vrfy(f"252 {_KNOWN}", "451 4.3.0 later"), INDETERMINATE, "refused for now"),
    Case("vrfy-tells-nothing", directory(unknown=unasked()), INDETERMINATE, "Greylisted"),
    Case(
        "vrfy-tells-nothing",
        directory(known=_hung_up(_KNOWN), unknown=_hung_up(_NOBODY), nobody=_hung_up(_OTHER)),
        PASS,
        "closed the connection",
    ),
    Case(
        "vrfy-tells-nothing",
        directory(known=answered("VRFY x", ended="no reply to VRFY within 15 s")),
        INDETERMINATE,
        "within 15 s",
    ),
)

_MEMBERS = answered("EXPN postmaster@example.com", "250 2.1.5 Alice <alice@example.com>")

_EXPN = (
    Case("expn-tells-nothing", directory(), PASS, "lists nobody: 502"),
    Case("expn-tells-nothing", directory(postmaster=_MEMBERS), FAIL, "alice@example.com"),
    Case("expn-tells-nothing", directory(abuse=_MEMBERS, postmaster=unasked()), FAIL, "lists members"),
    Case("expn-tells-nothing", directory(postmaster=_MEMBERS, no_list=unasked()), FAIL, "lists members"),
    Case("expn-tells-nothing", directory(postmaster=answered("EXPN postmaster", "252 2.5.2 no")), PASS, "252"),
    Case("expn-tells-nothing", directory(postmaster=answered("EXPN postmaster", ended=HUNG_UP)), PASS, "closed"),
    Case(
        "expn-tells-nothing",
        directory(
            postmaster=answered("EXPN postmaster@example.com", "250 Ok"),
            abuse=answered("EXPN abuse@example.com", "250 Ok"),
            no_list=answered("EXPN smtp-audit-1@example.com", "250 Ok"),
        ),
        PASS,
        "lists nobody: 250 Ok",
    ),
    Case(
        "expn-tells-nothing",
        directory(
            postmaster=answered("EXPN postmaster", "550 5.1.1 User unknown"),
            abuse=answered("EXPN abuse", "550 5.1.1 User unknown"),
        ),
        INDETERMINATE,
        "looks names up",
    ),
    Case("expn-tells-nothing", directory(abuse=answered("EXPN abuse", "450 later")), INDETERMINATE, "refused for now"),
    Case("expn-tells-nothing", directory(postmaster=unasked()), INDETERMINATE, "Greylisted"),
)

CASES = (*_VRFY, *_EXPN)
