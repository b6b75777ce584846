"""Whether the names of a server agree."""

from __future__ import annotations

from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.identity import ReverseName
from tests.conversation_factories import answered, unasked
from tests.facts_factories import certificate, certificates
from tests.framing_factories import LOST
from tests.identity_factories import HOST, PUBLIC, announced, greeted, identity

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_GREETED = greeted(f"{HOST} ESMTP")
_UPPER = greeted(f"{HOST.upper()}. ESMTP")
_OTHER = greeted("mx1.example.net ESMTP")
_MASKED = greeted("********************************")
_UNREADABLE = CertificateFacts(offered=True, host=HOST, unreadable="cannot be parsed")
_FOR_NOBODY = certificates(certificate(dns_names=()))
_NO_TLS = CertificateFacts(offered=False, host=HOST)
_LOOPBACK = identity(address="127.0.0.1", public=False, reverse=())
_NAMELESS = identity(reverse=())
_NO_ANSWER = identity(reverse=(), trouble="PTR: no answer within 6 s")


def _names(name: str, *addresses: str, trouble: str = "", all_known: str = ""):  # type: ignore[no-untyped-def]
    return identity(reverse=(ReverseName(name=name, addresses=addresses, trouble=trouble),), trouble=all_known)


CASES = (
    Case("greeting-name-agrees", (_GREETED, announced()), PASS, f"is {HOST} in greeting and EHLO"),
    Case("greeting-name-agrees", (_UPPER, announced(name=f"{HOST} Hello")), PASS, "in greeting and EHLO"),
    Case("greeting-name-agrees", (_OTHER, announced()), FAIL, f"answers EHLO as {HOST}"),
    Case("greeting-name-agrees", (_GREETED, announced(inside="b.example.com")), FAIL, "EHLO as b.example.com"),
    Case("greeting-name-agrees", (_GREETED, announced().model_copy(update={"before_tls": None, "after_tls": None})),
         INDETERMINATE, "no reply to EHLO"),
    Case("greeting-name-agrees", (_MASKED, announced()), NOT_APPLICABLE, "no full name"),
    #
    Case("greeting-name-in-certificate", (_UPPER, certificates(certificate(dns_names=(HOST,)))), PASS, "is for"),
    Case("greeting-name-in-certificate", (_GREETED, certificates(certificate(dns_names=("*.example.com",)))), PASS, ""),
    Case("greeting-name-in-certificate", (_OTHER, certificates(certificate(dns_names=(HOST,)))), FAIL, f"for {HOST}"),
    Case("greeting-name-in-certificate", (_OTHER, _FOR_NOBODY), NOT_APPLICABLE, "certificate-name"),
    Case("greeting-name-in-certificate", (_GREETED, _UNREADABLE), INDETERMINATE, "cannot be parsed"),
    Case("greeting-name-in-certificate", (_GREETED, _NO_TLS), NOT_APPLICABLE, "no TLS"),
    Case("greeting-name-in-certificate", (_MASKED, certificates()), NOT_APPLICABLE, "no full name"),
    #
    Case("reverse-name-confirmed", identity(), PASS, f"{PUBLIC} is {HOST}"),
    Case("reverse-name-confirmed", identity(address="2001:4860::1", reverse=(
        ReverseName(name=HOST, addresses=("2001:4860:0::0001",)),)), PASS, HOST),
    Case("reverse-name-confirmed", _names(HOST, PUBLIC, all_known="9 names"), PASS, HOST),
    Case("reverse-name-confirmed", _NAMELESS, FAIL, "has no name"),
    Case("reverse-name-confirmed", _names("a.example.net", "192.0.2.9"), FAIL, "leads back to it: a.example.net"),
    Case("reverse-name-confirmed", _names("a.example.net"), FAIL, "no address"),
    Case("reverse-name-confirmed", _names("a.example.net", trouble="SERVFAIL"), INDETERMINATE, "SERVFAIL"),
    Case("reverse-name-confirmed", _names("a.example.net", all_known="9 names"), INDETERMINATE, "9 names"),
    Case("reverse-name-confirmed", _NO_ANSWER, INDETERMINATE, "no answer"),
    Case("reverse-name-confirmed", _LOOPBACK, NOT_APPLICABLE, "no public address"),
    #
    Case("reverse-name-agrees", (_UPPER, identity()), PASS, f"is {HOST.upper()}"),
    Case("reverse-name-agrees", (_OTHER, identity()), FAIL, f"{PUBLIC} is {HOST}"),
    Case("reverse-name-agrees", (_OTHER, _names(HOST, all_known="9 names")), INDETERMINATE, "9 names"),
    Case("reverse-name-agrees", (_GREETED, _NO_ANSWER), INDETERMINATE, "no answer"),
    Case("reverse-name-agrees", (_GREETED, _NAMELESS), NOT_APPLICABLE, "reverse-name-confirmed"),
    Case("reverse-name-agrees", (_GREETED, _LOOPBACK), NOT_APPLICABLE, "no public address"),
    Case("reverse-name-agrees", (_MASKED, identity()), NOT_APPLICABLE, "no full name"),
    #
    Case("smtp-help", identity(help=answered("HELP", "214 2.0.0 RFC 5321")), PASS, "answered: 214"),
    Case("smtp-help", identity(help=answered("HELP", "502 5.5.2 Error: command not recognized")), PASS, "502"),
    Case("smtp-help", identity(help=answered("HELP", "221 2.7.0 I can break rules, too")), FAIL, "closes the conn"),
    Case("smtp-help", identity(help=answered("HELP", ended=LOST)), FAIL, "closes the connection without a reply"),
    Case("smtp-help", identity(help=answered("HELP", "421 too many errors")), INDETERMINATE, "neither"),
    Case("smtp-help", identity(help=answered("HELP", ended="no reply to HELP within 15 s")), INDETERMINATE, "neither"),
    Case("smtp-help", identity(help=unasked()), INDETERMINATE, "Greylisted"),
)  # fmt: skip
