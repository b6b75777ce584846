"""Mailboxes, accounts and addresses of one's own."""

import pytest

from smtp_audit.configuration.model import Sink
from smtp_audit.configuration.sources import load_config
from smtp_audit.errors import ConfigurationError

TARGET = '[target]\nhosts = ["mail.example.com"]\n'


def config(tmp_path, text, environ=None):
    path = tmp_path / "smtp-audit.toml"
    path.write_text(text)
    return load_config(path, environ or {})


def test_nothing_named_is_nothing_used(tmp_path):
    found = config(tmp_path, TARGET)
    assert found.mailboxes.own is found.mailboxes.other is found.mailboxes.foreign is None
    assert found.throwaway is found.sink is None
    assert found.sources == ()


def test_all_of_them(tmp_path):
    text = (
        'sources = ["127.0.0.2", "127.0.0.2", "::1"]\n'
        + TARGET
        + '[mailboxes]\nown = "a.b+c@EXAMPLE.com"\nforeign = "x@example.net"\n'
        + '[throwaway]\nuser = "t"\n[sink]\naddress = "s@example.net"\nlisten = "[::1]:2525"\n'
    )
    found = config(tmp_path, text, {"SMTP_AUDIT_THROWAWAY_PASSWORD": "hunter2"})
    assert found.mailboxes.own == "a.b+c@example.com"
    assert found.mailboxes.foreign == "x@example.net"
    assert found.throwaway is not None
    assert found.throwaway.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(found)
    assert found.sink == Sink(address="s@example.net", listen="::1", port=2525)
    assert found.sources == ("127.0.0.2", "::1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[mailboxes]\nown = "example.com"', "mailboxes.own: 'example.com' is not a mailbox"),
        ("[mailboxes]\nown = '\"a b\"@example.com'", "is not a mailbox"),
        ('[mailboxes]\nown = "a@b>\\r\\nRSET@example.com"', "is not a mailbox"),
        (f'[mailboxes]\nown = "{"a" * 65}@example.com"', "is not a mailbox"),
        ('[mailboxes]\nown = "a@-x-"', "mailboxes.own"),
        ('[sink]\naddress = "a@example.com"\nlisten = "mail.example.com:25"', "is not an address with a port"),
        ('[sink]\naddress = "a@example.com"\nlisten = "127.0.0.1"', "is not an address with a port"),
        ('[sink]\naddress = "a@example.com"', "sink.listen: is missing"),
        ('[throwaway]\npassword_env = "X"', "throwaway.user: is missing"),
        ('[throwaway]\nuser = "t"\npassword_env = "hunter2"', "never the password itself"),
        ('sources = ["example.com"]', "sources[1]"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, text, message):
    with pytest.raises(ConfigurationError) as caught:
        config(tmp_path, text + "\n" + TARGET if text.startswith("sources") else TARGET + text + "\n")
    assert message in str(caught.value)
