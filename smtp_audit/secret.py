"""A password that cannot be shown by accident, and the redaction of what a peer or a transcript may echo."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from pydantic import SecretStr

MASK = "<secret>"


class Secret(SecretStr):
    """A secret text. `repr`, `str`, formatting and JSON show a mask; `get_secret_value()` is the only way to the text."""

    def _display(self) -> str:
        return MASK if self._secret_value else ""

    def forms(self) -> tuple[str, ...]:
        """Every spelling in which SMTP, IMAP or ManageSieve may carry the secret: as it is and in base64."""
        text = self.get_secret_value()
        if not text:
            return ()
        raw = text.encode()
        encoded = base64.b64encode(raw).decode()
        return tuple(dict.fromkeys((text, encoded, encoded.rstrip("="))))


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with every form of every secret replaced by a mask, the longest form first."""
    forms = sorted({form for secret in secrets for form in secret.forms()}, key=len, reverse=True)
    for form in forms:
        text = text.replace(form, MASK)
    return text
