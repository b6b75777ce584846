"""Whatever a file holds, reading it ends; secrets are told from what only looks like them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.probes.source.python_flow import NotPython, flows
from smtp_audit.probes.source.reading import read_text
from smtp_audit.probes.source.secrets import entropy, literal, looks_secret
from smtp_audit.probes.source.tree import GRAMMARS, SourceFile

PIECES = st.sampled_from(
    [
        *(
            "nodemailer",
            "smtplib",
            "import ",
            "auth: {",
            "pass: ",
            "'",
            '"',
            "`",
            "${",
            "}",
            "{",
            "(",
            ")",
            "<p>",
            "=>",
        ),
        *("rejectUnauthorized", ": false", "= ", "def f():", "    ", "mail(", "$", "\\", "\0", "\u2028", "=", "\n"),
    ]
)
HOSTILE = st.lists(PIECES | st.text(max_size=4), max_size=40).map("".join)


@pytest.mark.parametrize("ending", sorted(GRAMMARS))
@settings(max_examples=15, deadline=None)
@given(HOSTILE)
def test_any_text_can_be_read(ending: str, text: str) -> None:
    language, grammar = GRAMMARS[ending]
    reading = read_text(text, SourceFile(Path(), f"x{ending}", language, grammar, False))
    assert all(1 <= finding.line <= text.count("\n") + 1 for finding in reading.findings)


@given(HOSTILE)
def test_any_text_is_python_or_is_not(text: str) -> None:
    with contextlib.suppress(NotPython):
        list(flows(text))


@given(st.text())
def test_what_is_no_literal_is_no_secret(text: str) -> None:
    assert 0.0 <= entropy(text) <= 21.0
    if literal(text) is None:
        assert not looks_secret(text, "given")
    if looks_secret(text, "named"):
        assert looks_secret(text, "given")


@pytest.mark.parametrize(
    ("text", "given_away", "named"),
    [
        ("'q8Zt-4rW9-xKp2-Lm7v'", True, True),
        ('"correct horse battery"', True, False),
        ("'password'", True, False),
        ("'x'", False, False),
        ("'hunter2'", True, False),
        ("''", False, False),
        ("'  '", False, False),
        ("'<password>'", False, False),
        ("'YOUR_PASSWORD'", False, False),
        ("'REPLACE_WITH_A_PASSWORD'", False, False),
        ("'****'", False, False),
        ("`${secret}`", False, False),
        ('"#{secret}"', False, False),
        ("'{{ secret }}'", False, False),
        ("'user.password.label'", True, False),
        ("process.env.PASS", False, False),
        ("'aaaaaaaaaaaa'", True, False),
        ("'/run/secrets/smtp-pass-1'", True, False),
        ("'https://example.test/a8Zk2'", True, False),
        ("'my-example-Pa55'", True, False),
        ("'$ecret-1'", True, True),
        ('"$secret"', False, False),
        ("'$SMTP_PASS'", False, False),
        ("'your-smtp-password'", False, False),
    ],
)
def test_what_looks_like_a_secret(text: str, given_away: bool, named: bool) -> None:
    assert (looks_secret(text, "given"), looks_secret(text, "named")) == (given_away, named)
