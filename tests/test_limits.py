"""The caps on what a peer can make us do, and the bounds within which users may set times and budgets."""

import pytest
from pydantic import ValidationError

from smtp_audit import limits
from smtp_audit.limits import BudgetLimits, Limits

POSTSCREEN_GREET_WAIT = 6
"""Seconds; postscreen_greet_wait of Postfix is 6 by default for a client without a reputation."""


def test_the_defaults_wait_longer_than_a_greet_delay():
    assert Limits().greeting_seconds > 3 * POSTSCREEN_GREET_WAIT


def test_one_endpoint_has_time_for_every_step():
    given = Limits()
    steps = given.connect_seconds + given.greeting_seconds + given.reply_seconds + given.handshake_seconds
    assert given.endpoint_seconds > 2 * steps


def test_the_default_budget_is_kinder_than_the_throttles_of_common_servers():
    # Dovecot's mail_max_userip_connections is 10, Postfix' smtpd_client_connection_count_limit 50.
    assert BudgetLimits().connections < 10
    assert BudgetLimits().total >= 100


@pytest.mark.parametrize("name", sorted(Limits.model_fields))
@pytest.mark.parametrize("value", [0, -1, 3600.5, float("inf"), float("-inf"), float("nan"), "soon", None])
def test_times_out_of_bounds_are_refused(name, value):
    with pytest.raises(ValidationError):
        Limits.model_validate({name: value})


@pytest.mark.parametrize("name", sorted(Limits.model_fields))
@pytest.mark.parametrize("value", [0.001, 1, 3600])
def test_times_within_bounds_are_taken(name, value):
    assert getattr(Limits.model_validate({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("connections", value) for value in (0, -1, 65, 1.5, float("nan"), 10**400)],
        *[("per_second", value) for value in (0, -0.1, 1001, float("inf"), float("nan"))],
        *[("total", value) for value in (0, -1, 100_001, 2.5)],
    ],
)
def test_budgets_out_of_bounds_are_refused(name, value):
    with pytest.raises(ValidationError):
        BudgetLimits.model_validate({name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("connections", 1), ("connections", 64), ("per_second", 0.1), ("total", 100_000)]
)
def test_budgets_within_bounds_are_taken(name, value):
    assert getattr(BudgetLimits.model_validate({name: value}), name) == value


@pytest.mark.parametrize("model", [Limits, BudgetLimits])
def test_limits_are_frozen_and_know_their_keys(model):
    with pytest.raises(ValidationError):
        model.model_validate({"conections": 1})
    given = model()
    with pytest.raises(ValidationError):
        setattr(given, next(iter(model.model_fields)), 1)


def test_the_caps_fit_each_other():
    assert limits.MAX_LINE * limits.MAX_REPLY_LINES > limits.MAX_CONNECTION_BYTES, "the octets decide, not the lines"
    assert limits.MAX_HANDSHAKE_BYTES <= limits.MAX_CONNECTION_BYTES
    assert limits.MAX_LINE >= 512, "RFC 5321 section 4.5.3.1.5"
    assert limits.MAX_TRANSCRIPT_LINES >= limits.MAX_REPLY_LINES, "a whole reply fits a transcript"
