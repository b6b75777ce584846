"""Where the question comes from: a network that is trusted, one that is not, and the server's own host."""

from collections.abc import Iterator

import pytest

from smtp_audit.configuration.model import Config, Scope
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.pipeline import audit
from smtp_audit.record import Record

from .catalogue import DOMAIN, HOST
from .network import Block, lab_directory
from .postfix import Postfix, Service

pytestmark = pytest.mark.live

_TRUSTED, _STRANGER = "127.0.0.77", "127.0.0.78"
_RESTRICTIONS = {"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"}


@pytest.fixture(scope="module")
def endpoints(servers_installed: None) -> Iterator[dict[str, Endpoint]]:
    """By the network that each trusts."""
    block = Block()
    networks = {"one": f"{_TRUSTED}/32", "loopback": "127.0.0.0/8"}
    address = block.address(25)
    services = [
        Service(address, 2525 + number, {**_RESTRICTIONS, "mynetworks": network})
        for number, network in enumerate(networks.values())
    ]
    try:
        with lab_directory() as directory:
            postfix = Postfix(directory / "postfix", services)
            postfix.start()
            try:
                yield {
                    name: Endpoint(role=Role.MX, host=HOST, port=service.port, address=address)
                    for name, service in zip(networks, services, strict=True)
                }
            finally:
                postfix.stop()
    finally:
        block.release()


def relaying(endpoint: Endpoint, *sources: str) -> Record:
    """The record of relay-refused."""
    result = audit(
        Config(targets=(HOST,), endpoints=(endpoint,), domain=DOMAIN, scope=(Scope.SERVER,), sources=sources)
    )
    (record,) = [record for record in result.records if record.control == "relay-refused"]
    return record


def test_each_source_is_tried_and_the_trusted_one_named(endpoints: dict[str, Endpoint]) -> None:
    record = relaying(endpoints["one"], _STRANGER, _TRUSTED)
    assert record.status.value == "fail"
    assert record.summary.startswith(f"from {_TRUSTED}: takes mail from a stranger")
    assert relaying(endpoints["one"], _STRANGER).status.value == "pass"
    assert relaying(endpoints["one"]).status.value == "pass"


def test_an_audit_on_the_server_itself_makes_up_no_open_relay(endpoints: dict[str, Endpoint]) -> None:
    record = relaying(endpoints["loopback"])
    assert record.status.value == "indeterminate"
    assert "from the server's own host" in record.summary
    assert relaying(endpoints["loopback"], _STRANGER).status.value == "fail"
