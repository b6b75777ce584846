"""What goes into JSON comes out of it, for every model of facts and for whole snapshots."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtp_audit.facts.endpoint import Domain, Endpoint, Role
from smtp_audit.facts.observation import Facts, Observation
from smtp_audit.facts.snapshot import Snapshot, observed
from smtp_audit.facts.tls import TlsFacts, TlsVersion
from tests.facts_factories import HOST, endpoint, port, seen, snapshot

from .strategies import models, observations, package_kinds

KINDS = package_kinds()
THOROUGH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_kind_is_known() -> None:
    assert {kind.kind for kind in KINDS} >= {
        "port", "greeting", "capability", "starttls", "implicit_tls", "tls", "tls_flaws", "certificate", "auth",
        "unauthenticated_mail", "login", "mx",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@given(data=st.data())
@THOROUGH
def test_facts_come_back_as_they_were(kind: type[Facts], data: st.DataObject) -> None:
    facts = data.draw(models(kind))
    assert kind.model_validate_json(facts.model_dump_json()) == facts


@given(observations())
@THOROUGH
def test_an_observation_comes_back_with_facts_of_its_kind(observation: Observation) -> None:
    back = Observation.model_validate_json(observation.model_dump_json())
    assert back == observation
    assert type(back.facts) is type(observation.facts)


@given(models(Snapshot))
@THOROUGH
def test_a_snapshot_comes_back_as_it_was(taken: Snapshot) -> None:
    text = taken.dump()
    back = Snapshot.parse(text)
    assert back == taken
    assert back.dump() == text
    assert back.sha256 == taken.sha256
    assert text.endswith("}\n")


def test_the_hash_follows_every_change() -> None:
    assert snapshot().sha256 != snapshot(seen(port())).sha256
    assert snapshot().sha256 == snapshot().sha256


def test_the_file_is_read_back(tmp_path: Any) -> None:
    taken = snapshot(seen(port()), subjects=(endpoint(), Domain(name="example.com")))
    path = tmp_path / "snapshot.json"
    path.write_text(taken.dump())
    assert Snapshot.load(path) == taken


def test_facts_are_found_by_kind_and_subject() -> None:
    here, there = seen(port()), seen(port(is_open=False), f"{HOST}:587")
    taken = snapshot(here, there, seen(TlsFacts(offered=False)))
    assert taken.about("port", f"{HOST}:25") == (here,)
    assert taken.about("port", f"{HOST}:993") == ()
    assert observed(taken, TlsFacts, f"{HOST}:25") == (TlsFacts(offered=False),)


# ------------------------------------------------------------------------------------------------- kinds and orders


def test_a_kind_belongs_to_one_class() -> None:
    with pytest.raises(TypeError, match="has no kind"):

        class Nameless(Facts):
            pass

    with pytest.raises(TypeError, match="facts kind 'port' is taken by PortFacts"):

        class Another(Facts):
            kind: ClassVar[str] = "port"


def test_facts_of_a_users_own_kind_come_back() -> None:
    class OwnFacts(Facts):
        kind: ClassVar[str] = "test-own-kind"
        answer: int

    try:
        taken = snapshot(seen(OwnFacts(answer=42)))
        assert Snapshot.parse(taken.dump()) == taken
    finally:
        del Facts.registry["test-own-kind"]


def test_facts_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        port().open = False


def test_versions_are_ordered_by_age() -> None:
    assert sorted(TlsVersion, reverse=True)[0] is TlsVersion.TLS13
    assert TlsVersion.SSL2 < TlsVersion.SSL3 < TlsVersion.TLS10 < TlsVersion.TLS11 < TlsVersion.TLS12 < TlsVersion.TLS13
    assert max(TlsVersion) is TlsVersion("TLSv1.3")


@pytest.mark.parametrize(
    ("where", "key"),
    [
        (Endpoint(role=Role.MX, host="mail.example.com", port=25), "mail.example.com:25"),
        (Endpoint(role=Role.MX, host="2001:db8::1", port=25), "[2001:db8::1]:25"),
        (endpoint(address="192.0.2.1"), "mail.example.com:25"),
        (endpoint(address="192.0.2.1", shared_name=True), "mail.example.com:25@192.0.2.1"),
        (Domain(name="example.com"), "example.com"),
    ],
)
def test_the_key_of_a_subject(where: Endpoint | Domain, key: str) -> None:
    assert where.key == key


def test_an_address_is_no_server_name() -> None:
    assert endpoint().server_name == HOST
    assert endpoint(host="192.0.2.1").server_name is None
    assert endpoint(host="2001:db8::1").server_name is None


def test_every_role_has_a_protocol_a_port_and_a_way_to_begin() -> None:
    assert len({role.standard_port for role in Role}) == len(Role)
    assert {role: role.tls_start.value for role in Role if role.standard_port in (465, 993, 995)} == {
        Role.SUBMISSIONS: "implicit", Role.IMAPS: "implicit", Role.POP3S: "implicit",
    }  # fmt: skip
    assert {role for role in Role if role.tls_start.value == "starttls"} == {
        Role.MX, Role.SUBMISSION, Role.IMAP, Role.POP3, Role.SIEVE,
    }  # fmt: skip


def test_the_dump_is_json_that_says_what_it_is() -> None:
    content = json.loads(snapshot(seen(port())).dump())
    assert (content["format"], content["version"]) == ("smtp-audit-snapshot", 1)
    assert content["observations"][0]["facts"] == {"kind": "port", "role": "mx", "declared": True, "open": True}
