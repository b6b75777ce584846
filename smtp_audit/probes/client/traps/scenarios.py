"""Every scenario, group by group: what is wrong with the server, and what a sound program does there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from smtp_audit.facts.client import Duty
from smtp_audit.probes.client.traps.scenario import Manners, Scenario

_PLAIN: Final = ("PIPELINING", "SIZE 10485760", "ENHANCEDSTATUSCODES", "8BITMIME")
_INSIDE: Final = (*_PLAIN, "AUTH PLAIN LOGIN")
_ALERT: Final = b"\x15\x03\x03\x00\x02\x02\x28"
"""handshake_failure (RFC 8446 section 6)."""

_CONTROLS: Final = (
    Scenario("good-tls13", "controls", Duty.DELIVER, "a sound server, TLS 1.3 alone", tls="tls13"),
    Scenario("good-tls12", "controls", Duty.DELIVER, "a sound server, TLS 1.2 alone", tls="tls12"),
    Scenario("good-rsa", "controls", Duty.DELIVER, "a sound server with an RSA certificate", certificate="rsa"),
    Scenario("good-wildcard", "controls", Duty.DELIVER, "a sound server, named by a wildcard", certificate="wildcard"),
)


def _negotiation() -> Iterator[Scenario]:
    # Who says STARTTLS though it is not offered gets sound TLS, as from the server behind whoever took the word out.
    def trap(name: str, told: str, manners: Manners, duty: Duty = Duty.REFUSE) -> Scenario:
        return Scenario(f"starttls-{name}", "negotiation", duty, told, manners=manners)

    yield trap("stripped", "STARTTLS is not offered, and AUTH is", Manners(capabilities=_INSIDE))
    yield trap("stripped-no-auth", "neither STARTTLS nor AUTH is offered", Manners(capabilities=_PLAIN))
    garbled = ("PIPELINING", "XXXXXXXA", "AUTH PLAIN LOGIN")
    yield trap("garbled", "STARTTLS is overwritten, as some firewalls do", Manners(capabilities=garbled))
    for code, text in (("454", "4.7.0 TLS not available"), ("502", "5.5.1 Not implemented"), ("354", "Go ahead")):
        manners = Manners(capabilities=("STARTTLS", *_INSIDE), replies={"starttls": f"{code} {text}\r\n"})
        yield trap(f"answered-{code}", f"STARTTLS is answered with {code}", manners)
    manners = Manners(capabilities=("STARTTLS", *_INSIDE), begins_tls=False)
    yield trap("without-tls", "STARTTLS is answered with 220, and no TLS follows", manners)
    manners = Manners(capabilities=("STARTTLS", *_INSIDE), raw=_ALERT)
    yield trap("alert", "the handshake is answered with an alert", manners)
    manners = Manners(capabilities=("STARTTLS", *_INSIDE), raw=b"454 4.7.0 TLS failed\r\n")
    yield trap("text", "the handshake is answered with text", manners)
    manners = Manners(capabilities=("STARTTLS", *_INSIDE), closes="handshake")
    yield trap("closes", "the server hangs up on the handshake", manners)
    manners = Manners(replies={"ehlo": "502 5.5.1 Unknown command\r\n"})
    yield trap("no-ehlo", "EHLO is refused, so that nothing is offered", manners)
    manners = Manners(replies={"ehlo": "250 {host}\r\n"})
    yield trap("nothing-offered", "EHLO is answered without any extension", manners)
    manners = Manners(capabilities=("STARTTLS", *_INSIDE), tls_capabilities=_PLAIN)
    yield trap("auth-only-before", "AUTH is offered before TLS, not inside it", manners)
    lower = Manners(capabilities=("PIPELINING", "starttls"))
    yield Scenario("starttls-lower-case", "negotiation", Duty.EITHER, "the keyword is in lower case", manners=lower)
    extended = Manners(capabilities=("STARTTLSX", "XSTARTTLS", *_INSIDE))
    yield trap("look-alike", "only look-alikes of STARTTLS are offered", extended)


def _injection() -> Iterator[Scenario]:
    def trap(name: str, told: str, manners: Manners) -> Scenario:
        return Scenario(f"injection-{name}", "injection", Duty.EITHER, told, manners=manners)

    late = 2.0
    ehlo = "250-{host}\r\n250 AUTH PLAIN LOGIN\r\n"
    yield trap("ehlo", "a reply to EHLO comes in clear text behind 220", Manners(injected=ehlo, withholds=late))
    yield trap("code", "another reply comes in clear text behind 220", Manners(injected="250 Ok\r\n", withholds=late))
    yield trap("part", "the beginning of a reply comes in clear text behind 220", Manners(injected="250-x"))
    manners = Manners(injected=ehlo, fragments=True, withholds=late)
    yield trap("fragments", "a reply to EHLO comes in clear text, octet by octet", manners)
    failing = "554 5.7.0 Not today\r\n"
    yield trap("failure", "a failure comes in clear text behind 220", Manners(injected=failing, withholds=late))


_CERTIFICATES: Final = (
    ("self-signed", "the certificate is self-signed", False),
    ("untrusted", "the certificate is of an authority that nobody trusts", False),
    ("expired", "the certificate has expired", False),
    ("not-yet", "the certificate is not yet valid", False),
    ("wrong-host", "the certificate is for another host", False),
    ("wrong-host-cn-right", "the host is in the common name only, and other names are there", False),
    ("parent-domain", "the certificate is for the domain above the host", False),
    ("sub-domain-wildcard", "the certificate is for names below the host", False),
    ("star", "the certificate is for *", False),
    ("star-top", "the certificate is for a whole top-level domain", False),
    ("client-only", "the certificate is for clients only", False),
    ("leaf-as-issuer", "the issuer is no authority", False),
    ("cn-only", "the host is in the common name only (RFC 9525)", True),
    ("partial-wildcard", "the wildcard is part of a label (RFC 9525)", True),
    ("rsa-1024", "the key has 1024 bits", True),
    ("must-staple", "the certificate demands a stapled response, and there is none", True),
)

_VERSIONS: Final = (
    ("ssl3", "rsa", "SSL 3 alone", False),
    ("tls10", "sound", "TLS 1.0 alone", False),
    ("tls11", "sound", "TLS 1.1 alone", False),
    ("anonymous", "sound", "suites without a certificate alone", False),
    ("null", "rsa", "suites without encryption alone", False),
    ("rsa", "rsa", "suites without forward secrecy alone", False),
    ("rc4", "rsa", "RC4 alone", False),
    ("3des", "rsa", "3DES alone", False),
    ("dh-1024", "rsa", "a Diffie-Hellman group of 1024 bits alone", False),
)


def _encryption() -> Iterator[Scenario]:
    for kind, told, warns in _CERTIFICATES:
        tls = "weak-keys" if kind == "rsa-1024" else "modern"
        yield Scenario(
            f"certificate-{kind}",
            "certificates",
            Duty.REFUSE,
            told,
            certificate=kind,
            tls=tls,
            trusted=False,
            warns=warns,
        )
    for tls, kind, told, warns in _VERSIONS:
        yield Scenario(f"tls-{tls}", "tls", Duty.REFUSE, told, certificate=kind, tls=tls, trusted=False, warns=warns)


def _authentication() -> Iterator[Scenario]:
    def trap(name: str, told: str, manners: Manners, duty: Duty) -> Scenario:
        return Scenario(f"auth-{name}", "authentication", duty, told, manners=manners)

    cram = Manners(tls_capabilities=(*_PLAIN, "AUTH CRAM-MD5"))
    yield trap("cram-md5-only", "CRAM-MD5 alone is offered inside TLS", cram, Duty.EITHER)
    anonymous = Manners(tls_capabilities=(*_PLAIN, "AUTH ANONYMOUS"))
    yield trap("anonymous-only", "ANONYMOUS alone is offered inside TLS", anonymous, Duty.REPORT)
    unknown = Manners(tls_capabilities=(*_PLAIN, "AUTH XSTRANGE"))
    yield trap("unknown-only", "an unknown mechanism alone is offered", unknown, Duty.REPORT)
    none = Manners(tls_capabilities=_PLAIN, replies={"mail": "530 5.7.0 Authentication required\r\n"})
    yield trap("none", "no AUTH is offered, and mail is refused without", none, Duty.REPORT)
    open_door = Manners(tls_capabilities=_PLAIN)
    yield trap("none-and-open", "no AUTH is offered, and mail is taken without", open_door, Duty.EITHER)
    yield trap("refused", "the password is refused", Manners(replies={"auth": "535 5.7.8 No\r\n"}), Duty.REPORT)
    later = Manners(replies={"auth": "454 4.7.0 Temporary failure\r\n"})
    yield trap("later", "the login fails for now", later, Duty.REPORT)
    weaker = Manners(replies={"auth": "534 5.7.9 Too weak\r\n"})
    yield trap("too-weak", "the mechanism is refused", weaker, Duty.REPORT)
    clear = Manners(capabilities=(*_PLAIN, "AUTH CRAM-MD5"))
    yield trap("cram-in-clear", "CRAM-MD5 is offered in clear text, STARTTLS is not", clear, Duty.REFUSE)
    old = Manners(tls_capabilities=(*_PLAIN, "AUTH=PLAIN LOGIN"))
    yield trap("old-form", "AUTH is offered in the old form with = alone", old, Duty.EITHER)


def _faults() -> Iterator[Scenario]:
    def fault(name: str, told: str, manners: Manners, duty: Duty = Duty.REPORT) -> Scenario:
        return Scenario(f"fault-{name}", "faults", duty, told, manners=manners)

    yield fault("close-greeting", "the server hangs up before its greeting", Manners(closes="greeting"))
    yield fault("554-greeting", "554 is the greeting", Manners(replies={"greeting": "554 5.3.2 No service\r\n"}))
    yield fault("421-greeting", "421 is the greeting", Manners(replies={"greeting": "421 4.3.2 Later\r\n"}))
    yield fault("close-ehlo", "the server hangs up on EHLO inside TLS", Manners(closes="tls-ehlo"))
    yield fault("close-auth", "the server hangs up on the login", Manners(closes="auth"))
    yield fault("close-mail", "the server hangs up on MAIL", Manners(closes="mail"))
    yield fault("close-data", "the server hangs up on DATA", Manners(closes="data"))
    yield fault("close-content", "the server hangs up in the message", Manners(closes="content"))
    yield fault("close-dot", "the server hangs up after the final dot", Manners(closes="dot"))
    yield fault("452-dot", "452 after the final dot", Manners(replies={"dot": "452 4.3.1 No space\r\n"}))
    yield fault("421-dot", "421 after the final dot", Manners(replies={"dot": "421 4.3.2 Closing\r\n"}))
    yield fault("554-dot", "554 after the final dot", Manners(replies={"dot": "554 5.7.1 Rejected\r\n"}))
    yield fault("550-sender", "the sender is refused", Manners(replies={"mail": "550 5.7.1 Not you\r\n"}))
    yield fault("550-recipient", "the recipient is refused", Manners(replies={"rcpt": "550 5.1.1 Unknown\r\n"}))
    yield fault("451-recipient", "the recipient is deferred", Manners(replies={"rcpt": "451 4.7.1 Later\r\n"}))
    yield fault("550-data", "DATA is refused", Manners(replies={"data": "550 5.7.1 No\r\n"}))
    once = Manners(replies={"mail": "451 4.3.0 Later\r\n"}, once=("mail",))
    yield fault("451-once", "451 on the first connection, then all is well", once, Duty.EITHER)


def _hangs() -> Iterator[Scenario]:
    for moment, told in (
        ("greeting", "nothing is said at all"),
        ("starttls", "STARTTLS is not answered"),
        ("handshake", "the handshake is not answered"),
        ("auth", "the login is not answered"),
        ("dot", "the final dot is not answered"),
    ):
        manners = Manners(hangs=moment)  # type: ignore[arg-type]
        yield Scenario(f"hang-{moment}", "hangs", Duty.REPORT, told, manners=manners, seconds=40.0)


def _syntax() -> Iterator[Scenario]:
    def odd(name: str, told: str, manners: Manners, duty: Duty = Duty.EITHER) -> Scenario:
        return Scenario(f"syntax-{name}", "syntax", duty, told, manners=manners)

    many = "220-{host}\r\n" + "220-please wait\r\n" * 10 + "220 {host} ESMTP\r\n"
    yield odd("long-greeting", "the greeting has twelve lines", Manners(replies={"greeting": many}), Duty.DELIVER)
    yield odd("code-only", "replies are codes without text", Manners(replies={"mail": "250\r\n", "rcpt": "250\r\n"}))
    mixed = Manners(replies={"mail": "250-2.1.0 Ok\r\n550 5.7.1 No\r\n"})
    yield odd("mixed-codes", "a reply has two codes", mixed)
    yield odd("bare-lf", "lines end in LF alone", Manners(replies={"mail": "250 2.1.0 Ok\n"}))
    yield odd("long-line", "a reply of 4000 octets", Manners(replies={"mail": "250 " + "x" * 4000 + "\r\n"}))
    yield odd(
        "endless-line", "a line of a megabyte without an end", Manners(replies={"mail": "2" * 1_000_000}, closes="rcpt")
    )
    yield odd("nul", "a NUL in a reply", Manners(replies={"mail": "250 2.1.0 O\x00k\r\n"}))
    yield odd("escape", "a reply with an escape sequence", Manners(replies={"rcpt": "250 \x1b]0;x\x07\x1b[2J\r\n"}))
    yield odd("no-code", "a reply without a code", Manners(replies={"mail": "Ok\r\n"}), Duty.REPORT)
    yield odd(
        "continues", "a reply that never ends", Manners(replies={"mail": "250-x\r\n" * 2000}, hangs_up_behind="mail")
    )
    small = Manners(tls_capabilities=("SIZE 100", "AUTH PLAIN LOGIN"), replies={"mail": "552 5.3.4 Too big\r\n"})
    yield odd("size-too-small", "SIZE is below any message", small, Duty.REPORT)
    seven = Manners(tls_capabilities=("PIPELINING", "SIZE 10485760", "AUTH PLAIN LOGIN"))
    yield odd("no-8bitmime", "8BITMIME is not offered", seven, Duty.DELIVER)
    changed = Manners(tls_capabilities=("AUTH LOGIN",))
    yield odd("less-inside", "other extensions inside TLS than before", changed, Duty.DELIVER)
    yield odd("greeting-250", "the greeting has the code 250", Manners(replies={"greeting": "250 {host}\r\n"}))
    yield odd("252-recipient", "the recipient is answered with 252", Manners(replies={"rcpt": "252 2.1.5 Ok\r\n"}))


def _implicit() -> Iterator[Scenario]:
    """The controls, certificates and versions once more, with TLS from the first octet."""
    for each in (_CONTROLS[0], _CONTROLS[1], *_encryption()):
        if each.warns:
            continue
        yield replace(each, name=f"implicit-{each.name}", group="implicit", implicit=True)
    text = Manners(hangs="handshake")
    yield Scenario(
        "implicit-silent",
        "hangs",
        Duty.REPORT,
        "TLS from the first octet is not answered",
        True,
        manners=text,
        seconds=40.0,
    )


SCENARIOS: Final[tuple[Scenario, ...]] = (
    *_CONTROLS,
    *_negotiation(),
    *_injection(),
    *_encryption(),
    *_authentication(),
    *_faults(),
    *_hangs(),
    *_syntax(),
    *_implicit(),
)
"""All of them, by group."""
