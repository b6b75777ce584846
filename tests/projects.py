"""A project folder to configure an audit in, and what its files may hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smtp_audit.configuration import build_config
from smtp_audit.configuration.model import Config
from smtp_audit.errors import ConfigurationError

FILE = "smtp-audit.toml"
TARGET = """
[target]
domain = "example.com"
[[target.endpoint]]
role = "mx"
host = "mail.example.com"
address = "127.0.0.78"
port = 27025
[[target.endpoint]]
role = "imaps"
host = "imap.example.com"
port = 993
"""


class Project:
    """A project folder, and a folder in it from which pytest is run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.here = root / "here"
        self.here.mkdir()

    def file(self, text: str, name: str = FILE) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def build(
        self, *, ini: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None, **options: Any
    ) -> Config | None:
        given = {f"smtp_{key}": value for key, value in options.items()}
        defaults = {f"smtp_{key}": value for key, value in (ini or {}).items()}
        return build_config(given, self.root, self.here, environ or {}, defaults)

    def config(self, **options: Any) -> Config:
        config = self.build(**options)
        assert config is not None
        return config

    def complaint(self, **options: Any) -> str:
        with pytest.raises(ConfigurationError) as caught:
            self.build(**options)
        message = str(caught.value)
        assert message.isprintable()
        assert message.isascii()
        assert len(message) < 400
        return message


def make_anchor() -> str:
    """A certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
