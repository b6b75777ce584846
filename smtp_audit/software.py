"""What software a server says it is, so that a remedy can speak its language. A hint, never a judgement."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SIGNS = (
    ("postfix", r"\bpostfix\b"),
    ("exim", r"\bexim\b"),
    ("dovecot", r"\bdovecot\b|\bpigeonhole\b"),
    ("sendmail", r"\bsendmail\b"),
    ("opensmtpd", r"\bopensmtpd\b"),
    ("courier", r"\bcourier\b"),
    ("exchange", r"\bmicrosoft esmtp\b|\bmicrosoft exchange\b"),
    ("haraka", r"\bharaka\b"),
    ("chasquid", r"\bchasquid\b"),
    ("cyrus", r"\bcyrus\b"),
    ("aiosmtpd", r"\baiosmtpd\b|\bpython smtp\b"),
)


def recognise(lines: Iterable[str]) -> str:
    """The lower-case name of the software that greeting or capability lines name; empty when they name none."""
    text = "\n".join(lines).lower()
    for name, sign in _SIGNS:
        if re.search(sign, text):
            return name
    return ""
