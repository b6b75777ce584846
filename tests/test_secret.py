"""A secret is shown by nothing, and redaction finds it in every form that a mail protocol gives it."""

import base64
import copy
import json
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.configuration.model import Credentials
from smtp_audit.secret import MASK, Secret, redact
from smtp_audit.wiretext import escape, escape_text

PASSWORD = "Tr0ub4dor & 3"
AWKWARD = ['p"w\\d', "pässwört", "geheim\\", "密码密码", "a\tb\x7fc", "0123456789" * 20]

texts = st.text(st.characters(codec="utf-8"), min_size=3, max_size=30)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        lambda s: f"{s}",
        lambda s: f"{s!r:>40}",
        lambda s: "%s %r" % (s, s),  # noqa: UP031 (that way of formatting is the subject)
        lambda s: repr([s]),
        lambda s: repr(Credentials(user="alice", password=s)),
        lambda s: str(Credentials(user="alice", password=s)),
        lambda s: Credentials(user="alice", password=s).model_dump_json(),
        lambda s: str(Credentials(user="alice", password=s).model_dump()),
        lambda s: json.dumps(Credentials(user="alice", password=s).model_dump(mode="json")),
    ],
)
def test_nothing_shows_the_secret(show):
    shown = show(Secret(PASSWORD))
    assert PASSWORD not in shown
    assert MASK in shown or "**********" in shown  # the latter is pydantic's mask in JSON


def test_the_text_can_be_had_on_purpose():
    assert Secret(PASSWORD).get_secret_value() == PASSWORD
    assert Credentials(user="alice", password=Secret(PASSWORD)).password == Secret(PASSWORD)


def test_a_secret_survives_a_copy_and_a_pickle():
    for other in (copy.deepcopy(Secret(PASSWORD)), pickle.loads(pickle.dumps(Secret(PASSWORD)))):
        assert other.get_secret_value() == PASSWORD


def test_an_empty_secret_changes_nothing():
    assert Secret("").forms() == ()
    assert redact("250 OK = nothing to hide", [Secret("")]) == "250 OK = nothing to hide"
    assert str(Secret("")) == ""


def test_text_without_the_secret_is_left_alone():
    line = "250-mx.example.com ESMTP AUTH PLAIN LOGIN dGhpcyBpcyBub3QgaXQ="
    assert redact(line, [Secret(PASSWORD), Secret("another one")]) == line


def test_the_secret_itself_is_masked_wherever_it_stands():
    assert redact(f"535 {PASSWORD} is wrong: {PASSWORD}", [Secret(PASSWORD)]) == f"535 {MASK} is wrong: {MASK}"


@pytest.mark.parametrize("password", [PASSWORD, *AWKWARD])
def test_every_form_of_the_wire_is_masked(password):
    raw = password.encode()
    lines = {
        "as it is": password,
        "escaped octets": escape(raw),
        "escaped text": escape_text(password),
        "AUTH LOGIN": base64.b64encode(raw).decode(),
        "without padding": base64.b64encode(raw).decode().rstrip("="),
        "quoted string": escape(password.replace("\\", "\\\\").replace('"', '\\"').encode()),
    }
    for what, line in lines.items():
        assert redact(f"535 5.7.8 [{line}]", [Secret(password)]) == f"535 5.7.8 [{MASK}]", what


@pytest.mark.parametrize("password", [PASSWORD, *AWKWARD])
@pytest.mark.parametrize("user", ["a", "al", "ali", "alice@example.com"])
def test_an_echoed_initial_response_of_auth_plain_is_masked_whole(user, password):
    blob = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    assert redact(f"535 5.7.8 {blob}: refused", [Secret(password)]) == f"535 5.7.8 {MASK}: refused"


@given(before=st.binary(max_size=9), password=texts, after=st.binary(max_size=9))
def test_no_base64_that_holds_the_secret_survives(before, password, after):
    blob = base64.b64encode(before + password.encode() + after).decode()
    assert redact(f"({blob})", [Secret(password)]) == f"({MASK})"


@given(around=st.text(max_size=40), password=texts)
def test_the_secret_never_survives(around, password):
    shown = redact(around + password + around, [Secret(password)])
    assert password not in shown.replace(MASK, "\0\0\0") or password in MASK


def test_several_secrets_are_masked_the_longest_first():
    both = [Secret("hunter2"), Secret("hunter2hunter2")]
    assert redact("x hunter2hunter2 y", both) == f"x {MASK} y"
    assert redact("x hunter2 hunter2hunter2 y", both) == f"x {MASK} {MASK} y"


def test_a_mask_is_not_masked_again():
    assert redact("e", [Secret("e"), Secret("secret")]) == MASK


@pytest.mark.parametrize("line", ["QUJD" * 2000, "A" * 8192, "secret" * 1300, "c2Vj" * 2000], ids=["0", "1", "2", "3"])
def test_long_hostile_lines_take_no_time(line):
    began = time.process_time()
    redact(line, [Secret("secret"), Secret("AAAAAAAA"), Secret("A")])
    assert time.process_time() - began < 1


@pytest.mark.parametrize("before", range(0, 60, 7))
def test_half_a_secret_in_front_of_a_cut_is_masked(before):
    secret = Secret("correct horse battery")
    blob = base64.b64encode(b"\0user\0correct horse battery").decode()
    for said in ("correct horse battery", blob):
        for kept in range(16, len(said)):
            text = escape(f"{'.' * before}{said}".encode(), before + kept)
            shown = redact(text, [secret])
            assert said[12:kept] not in shown
            assert shown.endswith("more)")
