"""What a server says about itself, line by line as servers say it."""

from __future__ import annotations

from tests.conversation_factories import answered, unasked
from tests.identity_factories import HOST, announced, greeted, identity, no_greeting

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_PRODUCTS = {"products": ["Postfix", "Exim", "Sendmail", "Microsoft ESMTP MAIL Service", "Python SMTP", "JAMES"]}
_SYSTEMS = {"systems": ["Debian", "Ubuntu", "Linux", "Red Hat", "Windows", "OpenBSD"]}
_SUFFIXES = {"suffixes": ["local", "internal", "lan", "home.arpa"]}

_POSTFIX = f"{HOST} ESMTP Postfix (Debian/GNU)"
_EXIM = f"{HOST} ESMTP Exim 4.96 Tue, 24 Nov 2026 21:45:52 +0000"
_SENDMAIL = f"{HOST} ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2; Tue, 24 Nov 2026 21:45:52 GMT"
_EXCHANGE = f"{HOST} Microsoft ESMTP MAIL Service, Version: 10.0.14393.4169 ready at  Tue, 24 Nov 2026 21:45:52 +0000"
_GMAIL = "mx.google.com ESMTP 5b1f17b1804b1-47a2.137 - gsmtp"
_QUIET = f"{HOST} ESMTP"
_OPENSMTPD_HELP = answered("HELP", "214 2.0.0 To report bugs in the implementation, please contact bugs@openbsd.org")
_SENDMAIL_HELP = answered("HELP", "214 2.0.0 This is sendmail version 8.17.1.9")


def _case(control, line, expected, says, parameters, ehlo=HOST, **more):  # type: ignore[no-untyped-def]
    facts = (greeted(*line) if isinstance(line, tuple) else greeted(line), announced(name=ehlo), identity(**more))
    return Case(control, facts, expected, says, parameters)


def _nothing(control: str, parameters: dict[str, list[str]]) -> Case:
    return Case(control, (no_greeting(), announced(), identity()), NOT_APPLICABLE, "no greeting", parameters)


CASES = (
    _nothing("greeting-product", _PRODUCTS),
    _case("greeting-product", _QUIET, PASS, "names no product", _PRODUCTS),
    _case("greeting-product", _GMAIL, PASS, "names no product", _PRODUCTS),
    _case("greeting-product", "postfix.example.com ESMTP", PASS, "names no product", _PRODUCTS),  # its name
    _case("greeting-product", f"{HOST} ESMTP not-a-postfix-host", PASS, "names no product", _PRODUCTS),
    _case("greeting-product", _QUIET, PASS, "names no product", _PRODUCTS, ehlo=f"{HOST} Hello [10.9.8.7]"),
    _case("greeting-product", _QUIET, PASS, "product", _PRODUCTS, ehlo=f"{HOST} Hello exim.me", client_name="exim.me"),
    _case("greeting-product", _POSTFIX, FAIL, "names its product: Postfix", _PRODUCTS),
    _case("greeting-product", _EXIM, FAIL, "names its product: Exim", _PRODUCTS),
    _case("greeting-product", _EXCHANGE, FAIL, "Microsoft ESMTP MAIL Service", _PRODUCTS),
    _case("greeting-product", f"{HOST} Python SMTP 1.4.6", FAIL, "Python SMTP", _PRODUCTS),
    _case("greeting-product", (HOST, "powered by POSTFIX"), FAIL, "POSTFIX", _PRODUCTS),
    _case("greeting-product", _QUIET, FAIL, "Sendmail", _PRODUCTS, ehlo=f"{HOST} this is Sendmail"),
    _case("greeting-product", _QUIET, FAIL, "sendmail", _PRODUCTS, help=_SENDMAIL_HELP),
    _case("greeting-product", _QUIET, PASS, "product", _PRODUCTS, help=answered("HELP", ended="it hung up")),
    _case("greeting-product", _QUIET, INDETERMINATE, "Greylisted", _PRODUCTS, help=unasked()),
    _case("greeting-product", _POSTFIX, FAIL, "Postfix", _PRODUCTS, help=unasked()),
    #
    _nothing("greeting-version", _PRODUCTS),
    _case("greeting-version", _QUIET, PASS, "names no version", _PRODUCTS),
    _case("greeting-version", _POSTFIX, PASS, "names no version", _PRODUCTS),
    _case("greeting-version", _GMAIL, PASS, "names no version", _PRODUCTS),
    _case("greeting-version", f"{HOST} ESMTP ready, 192.0.2.1 connected", PASS, "names no version", _PRODUCTS),
    _case("greeting-version", f"{HOST} ESMTP welcome 192.0.2.1", PASS, "names no version", _PRODUCTS),
    _case("greeting-version", f"{HOST} ESMTP no more than 10.4 MB", PASS, "names no version", _PRODUCTS),
    _case("greeting-version", f"{HOST} ESMTP Unheard 1.2.3", FAIL, "Unheard 1.2.3", _PRODUCTS),
    _case("greeting-version", f"{HOST} ESMTP unheard v0.9", FAIL, "unheard v0.9", _PRODUCTS),
    _case("greeting-version", "mail-1.2.example.com ESMTP", PASS, "names no version", _PRODUCTS),
    _case("greeting-version", _QUIET, PASS, "version", _PRODUCTS, help=answered("HELP", "214 2.0.0 see RFC 5321")),
    _case("greeting-version", _EXIM, FAIL, "Exim 4.96", _PRODUCTS),
    _case("greeting-version", _SENDMAIL, FAIL, "Sendmail 8.17.1.9", _PRODUCTS),
    _case("greeting-version", _EXCHANGE, FAIL, "Version: 10.0.14393.4169", _PRODUCTS),
    _case("greeting-version", f"{HOST} ESMTP Haraka/3.0.5 ready", FAIL, "Haraka/3.0.5", _PRODUCTS),
    _case("greeting-version", f"{HOST} Python SMTP 1.4.6", FAIL, "SMTP 1.4.6", _PRODUCTS),
    _case("greeting-version", _QUIET, FAIL, "8.17.1.9", _PRODUCTS, help=_SENDMAIL_HELP),
    _case("greeting-version", _QUIET, INDETERMINATE, "Greylisted", _PRODUCTS, help=unasked()),
    #
    _nothing("greeting-system", _SYSTEMS),
    _case("greeting-system", _QUIET, PASS, "names no operating system", _SYSTEMS),
    _case("greeting-system", _EXIM, PASS, "names no operating system", _SYSTEMS),
    _case("greeting-system", _QUIET, PASS, "no operating system", _SYSTEMS, help=_OPENSMTPD_HELP),
    _case("greeting-system", "debian.example.com ESMTP", PASS, "names no operating system", _SYSTEMS),
    _case("greeting-system", f"{HOST} ESMTP on OpenBSD", FAIL, "OpenBSD", _SYSTEMS),
    _case("greeting-system", _POSTFIX, FAIL, "operating system: Debian", _SYSTEMS),
    _case("greeting-system", _SENDMAIL, FAIL, "Debian", _SYSTEMS),
    _case("greeting-system", f"{HOST} ESMTP Postfix (Ubuntu)", FAIL, "Ubuntu", _SYSTEMS),
    _case("greeting-system", _QUIET, INDETERMINATE, "Greylisted", _SYSTEMS, help=unasked()),
    #
    _nothing("greeting-internal-names", _SUFFIXES),
    _case("greeting-internal-names", _QUIET, PASS, "no name of the inner network", _SUFFIXES),
    _case("greeting-internal-names", _EXIM, PASS, "no name of the inner network", _SUFFIXES),
    _case("greeting-internal-names", "local.example.com ESMTP not.localized lanx", PASS, "no name", _SUFFIXES),
    _case("greeting-internal-names", _EXCHANGE.replace("10.0.14393.4169", "10.0.1.5"), PASS, "no name", _SUFFIXES),
    _case("greeting-internal-names", f"{HOST} ESMTP [10.9.8.7] welcome", PASS, "no name", _SUFFIXES),  # ours
    _case("greeting-internal-names", f"{HOST} ESMTP [10.9.8.77] welcome", FAIL, "10.9.8.77", _SUFFIXES),  # not ours
    _case("greeting-internal-names", f"{HOST} ESMTP 192.0.2.1 8.8.8.8", PASS, "no name", _SUFFIXES),
    _case("greeting-internal-names", _QUIET, PASS, "no name", _SUFFIXES, ehlo=f"{HOST} Hello pc.lan [172.16.0.1]"),
    _case("greeting-internal-names", "mail.corp.lan ESMTP", PASS, "no name", _SUFFIXES, host="mail.corp.lan"),
    _case("greeting-internal-names", "mx2.corp.lan ESMTP", PASS, "no name", _SUFFIXES, host="mail.corp.lan"),
    _case("greeting-internal-names", "[10.0.0.1] ESMTP", PASS, "no name", _SUFFIXES, address="10.0.0.1"),
    _case("greeting-internal-names", "localhost ESMTP", FAIL, "reveals: localhost", _SUFFIXES),
    _case("greeting-internal-names", "EX01.CORP.LOCAL ESMTP", FAIL, "reveals: EX01.CORP.LOCAL", _SUFFIXES),
    _case("greeting-internal-names", f"{HOST} ESMTP (gw.home.arpa)", FAIL, "reveals: gw.home.arpa", _SUFFIXES),
    _case("greeting-internal-names", f"{HOST} ESMTP from 192.168.1.10", FAIL, "reveals: 192.168.1.10", _SUFFIXES),
    _case("greeting-internal-names", f"{HOST} ESMTP [IPv6:fd00::25]", FAIL, "reveals: fd00::25", _SUFFIXES),
    _case("greeting-internal-names", "3f9a1b2c4d5e ESMTP", FAIL, "reveals: 3f9a1b2c4d5e", _SUFFIXES),
    _case("greeting-internal-names", _QUIET, FAIL, "reveals: mail.lan", _SUFFIXES, ehlo="mail.lan"),
    _case("greeting-internal-names", _QUIET, FAIL, "reveals: 172.20.0.3", _SUFFIXES, ehlo="[172.20.0.3]"),
)
