"""The decorator, the registry, parameters and expectations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import pytest
from pydantic import Field

from smtp_audit.control import (
    REGISTRY,
    Control,
    Medium,
    Outcome,
    Registry,
    Rule,
    Safety,
    Verdict,
    control,
    fail,
    load_builtin,
    not_applicable,
    passed,
)
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import ALL_ROLES, Domain, Endpoint, Role
from smtp_audit.facts.service import GreetingFacts, PortFacts
from tests.facts_factories import endpoint, rule

ID = "test-of-control"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    REGISTRY.discard(ID)


def registered(**more: object) -> Control:
    @control(ID, **{"title": "It holds", "expects": "it holds", "subject": Endpoint, "needs": PortFacts, **more})  # type: ignore[arg-type]
    def judge(port: PortFacts, rule: Rule) -> Verdict:
        """It matters."""
        return passed("it holds")

    return REGISTRY[ID]


def test_the_decorator_keeps_the_function_and_registers_its_metadata() -> None:
    made = registered(spec=("RFC 5321",), remedy={"any": "mend it"})
    assert made.judge(PortFacts(role=Role.MX, declared=True, open=True), rule()) == passed("it holds")
    assert made.rationale == "It matters."
    assert made.needs == (PortFacts,)
    assert made.roles == ALL_ROLES
    assert made.safety is Safety.PASSIVE
    assert made.medium is Medium.PROBE
    assert made.origin.endswith("registered.<locals>.judge")
    assert ID in REGISTRY
    assert ID in REGISTRY.ids()
    assert made in list(REGISTRY)


@pytest.mark.parametrize("needs", [(), (PortFacts, GreetingFacts)])
def test_the_signature_has_to_fit_the_needs(needs: tuple[type, ...]) -> None:
    with pytest.raises(ConfigurationError, match=f"control {ID}: .*judge takes 2 arguments"):
        registered(needs=needs)
    assert ID not in REGISTRY


@pytest.mark.parametrize(
    ("expects", "says"),
    [
        ("more than {minimum}", "names {minimum}, which is no parameter"),
        ("a { brace", "a brace itself is written twice"),
        ("nothing in {}", "which is no parameter"),
    ],
)
def test_what_is_expected_has_to_be_fillable(expects: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        registered(expects=expects)
    assert ID not in REGISTRY


def test_needs_given_names_roles_of_the_control() -> None:
    with pytest.raises(ConfigurationError, match="needs_given names what it is not about: imap"):
        registered(roles=(Role.MX,), needs_given=(Role.MX, Role.IMAP))
    assert ID not in REGISTRY


@pytest.mark.parametrize(
    ("more", "listed"),
    [
        ({}, False),
        ({"needs_given": (Role.SUBMISSION,)}, False),
        ({"needs_given": (Role.MX,)}, True),
        ({"safety": Safety.ACTIVE}, True),
        ({"safety": Safety.SLOW}, True),
    ],
)
def test_a_passive_control_may_be_listed_only_where_it_needs_what_is_given(
    more: dict[str, object], listed: bool
) -> None:
    made = registered(**more)
    assert made.may_be_listed(endpoint(Role.MX)) is listed
    assert made.may_be_listed(Domain(name="example.com")) is (made.safety is not Safety.PASSIVE)


def test_an_id_belongs_to_one_function() -> None:
    registered()
    registered()  # the same function again, as when a module is read twice
    with pytest.raises(ConfigurationError, match="is taken by"):

        @control(ID, title="Another", expects="another", subject=Endpoint, needs=PortFacts)
        def another(port: PortFacts, rule: Rule) -> Verdict:
            return fail("no")


def test_a_control_applies_to_its_kind_and_roles() -> None:
    made = registered(roles=[Role.MX])
    assert made.applies_to(endpoint(Role.MX))
    assert not made.applies_to(endpoint(Role.IMAP))
    assert not made.applies_to(Domain(name="example.com"))
    REGISTRY.discard(ID)
    about_domains = registered(subject=Domain)
    assert about_domains.applies_to(Domain(name="example.com"))
    assert not about_domains.applies_to(endpoint())


PARAMETERS = {"days": Annotated[int, Field(ge=0)], "roles": list[Role]}


def test_parameters_are_converted() -> None:
    made = registered(parameters=PARAMETERS, expects="{days} days on {roles}")
    checked = made.check_parameters({"days": 30, "roles": ["mx"]}, "here")
    assert checked == {"days": 30, "roles": [Role.MX]}
    assert made.expectation(checked) == "30 days on mx"
    assert made.expectation({"days": 1, "roles": []}) == "1 days on none"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"days": 30}, "here: control test-of-control needs the parameter 'roles'"),
        ({"days": 30, "roles": [], "day": 1}, "has no parameter 'day' (did you mean 'days'?)"),
        ({"days": "soon", "roles": []}, "days = 'soon': Input should be a valid integer"),
        ({"days": -1, "roles": []}, "days = -1: Input should be greater than or equal to 0"),
        ({"days": 30, "roles": ["mail"]}, "roles = ['mail']: Input should be 'mx'"),
    ],
)
def test_parameters_that_do_not_fit_are_one_clear_line(given: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        registered(parameters=PARAMETERS).check_parameters(given, "here")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_verdicts_say_what_was_seen() -> None:
    assert passed("a", evidence=["1"]) == Verdict(outcome=Outcome.PASS, summary="a", evidence=("1",))
    assert fail("b").outcome is Outcome.FAIL
    assert not_applicable("c").outcome is Outcome.NOT_APPLICABLE


def test_a_registry_of_ones_own() -> None:
    own = Registry()
    own.add(registered())
    assert own.ids() == (ID,)
    own.discard(ID)
    own.discard(ID)
    assert ID not in own


def test_the_builtin_controls_come_at_once_and_only_once() -> None:
    before = load_builtin().ids()
    assert load_builtin().ids() == before
    assert "tls-obsolete-version" in before
