"""What an audit does to a server, read in the server's own logs and queues (docs/safety.md)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from .audited import Outcome, audited_places
from .catalogue import Catalogue
from .lab import Lab, running_lab

pytestmark = pytest.mark.live

# Well-kept services of every role, and some that take a login where none should be taken.
_OTHERS = {"mx-auth-before-tls", "submission-auth-before-tls", "submission-tls-not-enforced"}

_FAILED = re.compile(r"postfix/(?P<name>[a-z0-9-]+)/smtpd\[\d+\]: warning: .*: SASL .* authentication failed")
_FAILED_DOVECOT = re.compile(r"auth failed, (?P<tries>\d+) attempts.* lip=(?P<address>[0-9.]+)")
# A chunk that is given up with RSET shows in cleanup; whatever is accepted comes to the queue manager.
_ACCEPTED = re.compile(r"postfix[a-z0-9/-]*/(?:qmgr|pickup)\[\d+\]: [0-9A-F]+:.*")


@dataclass(frozen=True)
class Seen:
    """A lab of its own after one default run."""

    lab: Lab
    outcome: Outcome

    def log(self, kind: str) -> str:
        """Everything that all servers of a kind have written."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.lab.directory.glob(kind)))


@pytest.fixture(scope="module")
def seen(servers_installed: None, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Nobody else has talked to these servers: neither another audit nor the second judge."""
    chosen = [entry for entry in catalogue.entries if entry.name in _OTHERS or (entry.sound and entry.group == "quick")]
    with running_lab(replace(catalogue, entries=tuple(chosen))) as lab:
        directory: Path = tmp_path_factory.mktemp("safety")
        places = list(lab.places.values())
        yield Seen(lab, audited_places(directory, places, anchors=lab.authority.anchors))


def test_there_was_something_to_see(seen: Seen) -> None:
    """Without this the tests below could pass because nothing was written down."""
    log = seen.log("postfix-*/maillog")
    assert all(
        f"postfix/{place.name}/smtpd" in log for place in seen.lab.places.values() if place.entry.server == "postfix"
    )
    assert "-login: " in seen.log("dovecot-*/log")


def test_no_mail_was_accepted(seen: Seen) -> None:
    queued = [path for queue in seen.lab.directory.glob("postfix-*/queue") for path in _messages(queue)]
    assert queued == []
    assert _ACCEPTED.findall(seen.log("postfix-*/maillog")) == []


def test_one_failed_login_at_most_on_each_endpoint(seen: Seen) -> None:
    failed = Counter(found["name"] for found in _FAILED.finditer(seen.log("postfix-*/maillog")))
    for found in _FAILED_DOVECOT.finditer(seen.log("dovecot-*/log")):
        failed[found["address"]] += int(found["tries"])
    assert {name: count for name, count in failed.items() if count > 1} == {}
    # The one that is told of in docs/safety.md.
    assert failed["submission-auth-before-tls"] == failed["mx-auth-before-tls"] == 1


def test_nobody_who_exists_was_meant(seen: Seen) -> None:
    users = re.findall(r"user=<([^>]*)>", seen.log("dovecot-*/log")) + re.findall(
        r"sasl_username=(\S+)", seen.log("postfix-*/maillog")
    )
    assert {
        user for user in users if user and "unavailable" not in user and not user.startswith("smtp-audit-")
    } == set()


def _messages(queue: Path) -> list[Path]:
    folders = ("active", "corrupt", "deferred", "hold", "incoming", "maildrop", "saved")
    return [path for folder in folders for path in (queue / folder).rglob("*") if path.is_file()]
