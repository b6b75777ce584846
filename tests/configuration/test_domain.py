"""The tables about a mail domain: what they say ends up in the configuration, and nonsense is refused by name."""

import pytest

from smtp_audit.configuration.model import PolicyHost, Sending
from smtp_audit.configuration.sources import load_config
from smtp_audit.errors import ConfigurationError


def loaded(tmp_path, text):
    path = tmp_path / "smtp-audit.toml"
    path.write_text(f'[target]\ndomain = "example.com"\n{text}', encoding="utf-8")
    return load_config(path)


def test_every_table_is_read(tmp_path):
    config = loaded(
        tmp_path,
        """
[sending]
addresses = ["192.0.2.25", "2001:DB8::25", "192.0.2.25"]
helo = "Mail.Example.com."
[dkim]
selectors = ["Mail2026", "a.b_c"]
[dns]
authoritative = true
authoritative_port = 5353
block_lists = ["bl.example.net"]
[mta_sts]
address = "127.0.0.1"
port = 8443
ca = "ca.pem"
""",
    )
    assert config.sending == Sending(addresses=("192.0.2.25", "2001:db8::25"), helo="mail.example.com")
    assert config.dkim_selectors == ("mail2026", "a.b_c")
    assert config.dnsbl == ("bl.example.net",)
    assert config.authoritative
    assert config.authoritative_port == 5353
    assert config.mta_sts == PolicyHost(address="127.0.0.1", port=8443, ca=tmp_path / "ca.pem")


def test_without_them_nothing_is_assumed(tmp_path):
    config = loaded(tmp_path, "")
    assert config.sending == Sending()
    assert config.dkim_selectors == config.dnsbl == ()
    assert not config.authoritative
    assert config.mta_sts == PolicyHost()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[sending]\naddresses = ["mail.example.com"]', r"sending\.addresses\[1\]"),
        ('[sending]\nhelo = "a b"', r"sending\.helo"),
        ('[dkim]\nselectors = ["ok", "a._domainkey.example.com"]', r"dkim\.selectors\[2\].*no selector"),
        ('[dkim]\nselectors = [""]', r"dkim\.selectors\[1\]"),
        ('[dns]\nblock_lists = ["-"]', r"dns\.block_lists\[1\]"),
        ('[mta_sts]\naddress = "mta-sts.example.com"', r"mta_sts\.address"),
        ("[mta_sts]\nport = 0", r"mta_sts\.port"),
    ],
)
def test_nonsense_is_named(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        loaded(tmp_path, text)
