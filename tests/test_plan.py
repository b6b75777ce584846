"""What a plan makes of the targets that were named and of what was looked up."""

from __future__ import annotations

import pytest

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Domain
from smtp_audit.plan import Found, prepare
from tests.facts_factories import endpoint

MX = endpoint(host="mx.example.com")


@pytest.mark.parametrize(
    ("config", "domains", "wanted"),
    [
        (Config(names=("example.com",)), ("example.com",), "example.com"),
        (Config(names=("mail.example.com",)), (), None),
        (Config(names=("example.com", "example.net")), ("example.com", "example.net"), None),
        (Config(names=("example.com", "mail.example.net")), ("example.com",), None),
        (Config(names=("example.com",), endpoints=(endpoint(host="mail.example.net"),)), ("example.com",), None),
        (Config(names=("example.com",), domain="example.org"), ("example.com",), "example.org"),
    ],
    ids=["domain", "host", "two domains", "a host besides", "an endpoint besides", "another is named"],
)
def test_the_mail_domain_is_the_only_one_that_was_asked_for(config, domains, wanted):
    """Of several nobody knows which of them a server takes mail for."""
    found = Found(subjects=(*(Domain(name=name) for name in domains), MX))
    assert prepare(config, found=found).config.domain == wanted
