"""Code of others that is known to be sound: what is found there is true, and stands here with its reason."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from smtp_audit.probes.source.looking import read_tree
from smtp_audit.probes.wire import Transcript

KNOWN = {
    "aiosmtplib": {
        ("smtp.py", "python-cert-none"): "what validate_certs=False does: the library's own switch",
    },
    "aiosmtpd": {
        ("controller.py", "python-cert-none"): "connects to the server that it just started itself",
        ("controller.py", "python-no-host-check"): "the same",
        ("main.py", "python-no-host-check"): "a server's context: it has no host's name to check",
        ("handlers.py", "python-smtp-without-starttls"): "the Proxy handler passes mail on without TLS",
    },
    "jinja2": {
        ("utils.py", "python-html-unescaped"): "urlize(): escaped some lines before, which no pattern sees",
    },
    "dns": {
        ("_no_ssl.py", "python-cert-none"): "stands in for the module ssl where there is none: makes no connection",
        ("_no_ssl.py", "python-no-host-check"): "the same",
        ("query.py", "python-cert-none"): "what verify=False does: the library's own switch",
    },
}


@pytest.mark.parametrize("package", sorted(KNOWN))
def test_what_is_found_in_sound_code_is_known(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    facts = asyncio.run(read_tree(Path(spec.origin).parent, Transcript(())))
    assert facts.read
    assert not facts.unread
    assert {(finding.path, finding.rule) for finding in facts.findings} == set(KNOWN[package])
