"""Waivers and attestations: what they cover, until when, and that nothing mandatory can be left out."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from smtp_audit.waiver import Attestation, Waiver

WAIVER = {
    "control": "tls-obsolete-version",
    "subject": "mail.example.com:25",
    "owner": "ops@example.com",
    "reason": "legacy partner until migration, ticket 123",
    "expires": date(2027, 1, 31),
}
ATTESTATION = {
    "clause": "POST-6",
    "owner": "ops@example.com",
    "statement": "A backup has been restored.",
    "evidence": "ticket 456",
    "made": date(2026, 11, 1),
    "expires": date(2027, 1, 31),
}


def waiver(**changes):
    return Waiver.model_validate({**WAIVER, **changes})


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("mail.example.com:25", "mail.example.com:25", True),
        ("mail.example.com:25", "mail.example.com:587", False),
        ("mail.example.com:25", "mail.example.com:2525", False),
        ("mail.example.com:*", "mail.example.com:587", True),
        ("mail.example.com:*", "mail.example.com.evil.example:25", False),
        ("*:25", "mx1.example.com:25", True),
        ("*:25", "mx1.example.com:587", False),
        ("mx?.example.com:25", "mx1.example.com:25", True),
        ("mx?.example.com:25", "mx10.example.com:25", False),
        ("mx[12].example.com:25", "mx2.example.com:25", True),
        ("mx[12].example.com:25", "mx3.example.com:25", False),
        ("*", "anything", True),
        ("example.com", "example.com", True),
        ("[2001:db8::1]:25", "[2001:db8::1]:25", True),
        ("[2001:db8::1]:25", "2:25", False),
        ("[2001:db8::1]:*", "[2001:db8::1]:587", True),
        ("[2001:db8::1]:*", "1:587", False),
        ("[2001:db8::*]:25", "[2001:db8::9]:25", True),
        ("Mail.example.com:25", "mail.example.com:25", False),
        ("mail.example.com:25@192.0.2.1", "mail.example.com:25@192.0.2.1", True),
        ("mail.example.com:25", "mail.example.com:25@192.0.2.1", False),
    ],
)
def test_the_subject_is_a_glob(pattern, subject, covered):
    assert waiver(subject=pattern).covers("tls-obsolete-version", subject) is covered


def test_without_a_subject_every_subject_is_covered():
    given = Waiver.model_validate({key: value for key, value in WAIVER.items() if key != "subject"})
    assert given.covers("tls-obsolete-version", "[::1]:25")


@pytest.mark.parametrize("control", ["tls-obsolete", "tls-obsolete-version2", "*", "TLS-OBSOLETE-VERSION"])
def test_the_control_is_named_exactly(control):
    assert not waiver(control="tls-obsolete-version").covers(control, "mail.example.com:25")
    assert not waiver(control="tls-*").covers("tls-obsolete-version", "mail.example.com:25")


def test_a_waiver_holds_through_its_last_day():
    last = WAIVER["expires"]
    assert not waiver().expired(last - timedelta(days=1))
    assert not waiver().expired(last)
    assert waiver().expired(last + timedelta(days=1))


def test_an_attestation_holds_from_its_first_to_its_last_day():
    given = Attestation.model_validate(ATTESTATION)
    assert not given.valid(given.made - timedelta(days=1))
    assert given.valid(given.made)
    assert given.valid(given.expires)
    assert not given.valid(given.expires + timedelta(days=1))


@pytest.mark.parametrize("missing", ["control", "owner", "reason", "expires"])
def test_a_waiver_without_a_mandatory_field_is_refused(missing):
    with pytest.raises(ValidationError, match=missing):
        Waiver.model_validate({key: value for key, value in WAIVER.items() if key != missing})


@pytest.mark.parametrize("missing", sorted(ATTESTATION))
def test_an_attestation_without_any_of_its_fields_is_refused(missing):
    with pytest.raises(ValidationError, match=missing):
        Attestation.model_validate({key: value for key, value in ATTESTATION.items() if key != missing})


@pytest.mark.parametrize("field", ["control", "subject", "owner", "reason"])
@pytest.mark.parametrize("value", ["", "   ", "\n", "x" * 2001, None, 7])
def test_an_empty_text_is_no_text(field, value):
    with pytest.raises(ValidationError):
        waiver(**{field: value})


def test_an_unknown_field_is_refused():
    with pytest.raises(ValidationError):
        waiver(until=date(2027, 1, 1))
