"""A password that cannot be shown by accident, and the redaction of what a peer or a transcript may echo."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Collection, Iterator
from typing import Final

from pydantic import SecretStr

from smtp_audit.wiretext import escape, escape_text

MASK: Final = "<secret>"

_BASE64: Final = frozenset(string.ascii_letters + string.digits + "+/")
_SHORTEST_CORE: Final = 3
_CUT: Final = re.compile(r"\.\.\.\([0-9]+ (?:octets|characters) more\)")


class Secret(SecretStr):
    """A secret text: `repr`, `str`, formatting and JSON show a mask; only `get_secret_value()` gives the text."""

    def _display(self) -> str:
        return MASK if self._secret_value else ""

    def forms(self) -> tuple[str, ...]:
        """Every spelling in which a transcript may carry the secret alone: as it is, as a quoted string of IMAP or
        ManageSieve, both of them escaped as transcripts are, and in base64."""
        text = self.get_secret_value()
        if not text:
            return ()
        plain = (text, text.replace("\\", "\\\\").replace('"', '\\"'))
        escaped = [shown for form in plain for shown in (escape(_octets(form)), escape_text(form, len(form)))]
        encoded = base64.b64encode(_octets(text)).decode()
        return tuple(dict.fromkeys((*plain, *escaped, encoded, encoded.rstrip("="))))

    def cores(self) -> tuple[str, ...]:
        """What base64 of something longer that contains the secret has in common, one for each alignment.

        The initial response of AUTH PLAIN (RFC 4616) is such: the user's name and the password in one base64 text.
        """
        raw = _octets(self.get_secret_value())
        cores = []
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + raw).decode()
            # Characters that depend on the secret alone: those of its neighbours' bits are left out on both sides.
            cores.append(encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6])
        return tuple(core for core in cores if len(core) >= _SHORTEST_CORE)


def redact(text: str, secrets: Collection[Secret]) -> str:
    """`text` with a mask in place of every form of every secret, and of every base64 text that holds one."""
    if not secrets:
        return text
    spans = sorted(span for secret in secrets for span in _spans(text, secret))
    shown, done = "", 0
    for start, end in spans:
        if start >= done:
            shown += text[done:start] + MASK
        done = max(done, end)
    return shown + text[done:]


def _spans(text: str, secret: Secret) -> Iterator[tuple[int, int]]:
    for form in secret.forms():
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + 1)
    yield from _cut_spans(text, secret)
    for core in secret.cores():
        at = text.find(core)
        while at >= 0:
            start, end = at, at + len(core)
            while start > 0 and text[start - 1] in _BASE64:
                start -= 1
            while end < len(text) and text[end] in _BASE64:
                end += 1
            while end < len(text) and text[end] == "=":
                end += 1
            yield start, end
            at = text.find(core, end)


def _cut_spans(text: str, secret: Secret) -> Iterator[tuple[int, int]]:
    """Where a text was cut short (`wiretext.escape`), the beginning of a secret that the cut went through."""
    for mark in _CUT.finditer(text):
        end = mark.start()
        for form in (*secret.forms(), *secret.cores()):
            lengths = range(len(form) - 1, _SHORTEST_CORE - 1, -1)
            length = next((length for length in lengths if text.endswith(form[:length], 0, end)), 0)
            if not length:
                continue
            start = end - length
            while form in secret.cores() and start > 0 and text[start - 1] in _BASE64:
                start -= 1
            yield start, end


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
