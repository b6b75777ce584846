"""Behind a login: the addresses of others in the envelope, and messages to the own mailbox only."""

from __future__ import annotations

import base64
import re
import ssl

import pytest

from smtp_audit.configuration.model import Mailboxes
from smtp_audit.controls.sender import sender_own_envelope, sender_own_header
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.sender import HeaderForm
from smtp_audit.lab.authority import Authority
from smtp_audit.probes.conversation.sender import pretend_in_the_envelope, pretend_in_the_message
from smtp_audit.probes.wire import PeerError
from tests.probes.stage import PASSWORD, USER, Stage, server_context, serving
from tests.probes.tls.test_trust import TRUSTED

from .envelope_server import OK, MailServer
from .test_relay import judged

OTHER = "bob@probe.example"
NOT_YOURS = "553 5.7.1 not yours"
BOXES = Mailboxes(own=USER, other=OTHER)


class Submission(MailServer):
    """A mail server on a port for implicit TLS, that asks for a login first."""

    context: ssl.SSLContext

    async def __call__(self, peer) -> None:
        await peer.handshake(self.context)
        await super().__call__(peer)


@pytest.fixture
def server(authority: Authority):
    def made(mail, data=lambda _: "250 queued", rcpt=lambda *_: OK) -> Submission:
        def other(line: str) -> str:
            password = base64.b64decode(line.rpartition(" ")[2]).rpartition(b"\0")[2]
            return "235 welcome" if password == PASSWORD.encode() else "535 no"

        made = Submission(rcpt, mail, data, hello=("250-mail", "250 AUTH PLAIN"), other=other)
        made.context = server_context(authority.issue("submission", TRUSTED["sound"]))
        return made

    return made


def approach_of(stage: Stage, authority: Authority, password: str = PASSWORD, mailboxes: Mailboxes = BOXES):
    approach = stage.approach(Role.SUBMISSIONS, ca=authority.anchors, password=password, domain="probe.example")
    approach.config = approach.config.model_copy(update={"mailboxes": mailboxes})
    approach.run_id = "0123456789abcdef"
    return approach


async def held(server, authority, hold, **more):
    async with serving(server) as stage:
        approach = approach_of(stage, authority, **more)
        facts = await hold(approach, approach.transcript())
        await stage.quiet()
    return facts


def mine(sender: str) -> str:
    return OK if sender in (USER, "") else NOT_YOURS


class TestEnvelope:
    @pytest.mark.parametrize(
        ("mail", "wanted"),
        [
            (mine, "pass"),
            (lambda _: OK, "fail"),
            (lambda sender: OK if sender.endswith("@probe.example") else NOT_YOURS, "fail"),
            (lambda sender: NOT_YOURS if sender == OTHER else OK, "fail"),
            (lambda sender: NOT_YOURS if sender else OK, "indeterminate"),
            (lambda sender: OK if sender == USER else "450 4.2.0 later", "indeterminate"),
            (lambda sender: OK if sender == USER else None, "pass"),
            (lambda sender: OK if sender == USER else "what?", "indeterminate"),
            (lambda sender: OK if sender == USER else "421 4.7.0 busy", "indeterminate"),
        ],
    )
    async def test_verdicts(self, server, authority, mail, wanted):
        submission = server(mail)
        facts = await held(submission, authority, pretend_in_the_envelope)
        assert judged(sender_own_envelope, facts) == wanted
        assert submission.messages == []
        assert {recipient for _, recipient in submission.pairs} <= {USER}

    async def test_refused_at_rcpt(self, server, authority):
        submission = server(lambda _: OK, rcpt=lambda sender, _: mine(sender))
        assert judged(sender_own_envelope, await held(submission, authority, pretend_in_the_envelope)) == "pass"

    @pytest.mark.parametrize(
        ("mail", "wanted"),
        [
            (mine, "pass"),
            (lambda sender: OK if sender == USER or "smtp-audit-" in sender else NOT_YOURS, "indeterminate"),
            (lambda sender: OK if sender in (USER, "postmaster@probe.example") else NOT_YOURS, "indeterminate"),
            (lambda sender: OK if sender == USER else "550 5.1.8 no such address", "indeterminate"),
            (lambda sender: NOT_YOURS if sender.endswith("@probe.example") and sender != USER else OK, "fail"),
        ],
    )
    async def test_without_another_mailbox(self, server, authority, mail, wanted):
        facts = await held(server(mail), authority, pretend_in_the_envelope, mailboxes=Mailboxes())
        assert not facts.other_named
        assert judged(sender_own_envelope, facts) == wanted

    async def test_a_wrong_password_is_tried_once(self, server, authority):
        async with serving(server(mine)) as stage:
            approach = approach_of(stage, authority, password="wrong")
            with pytest.raises(PeerError):
                await pretend_in_the_envelope(approach, approach.transcript())
            with pytest.raises(PeerError):
                await pretend_in_the_message(approach, approach.transcript())
            assert len([line for line in stage.heard if line.startswith(b"AUTH")]) == 1


def looks_at_all(message: bytes) -> str:
    header = message.partition(b"\r\n\r\n")[0].decode()
    named = re.findall(r"^(?:From|Sender): (.*)$", header, re.MULTILINE)
    return "550 5.7.1 not yours" if any(OTHER in field for field in named) else "250 queued"


class TestHeader:
    @pytest.mark.parametrize(
        ("data", "wanted"),
        [
            (looks_at_all, "pass"),
            (lambda _: "250 queued", "fail"),
            (lambda message: "250 queued" if b"\r\nSender: <bob" in message else looks_at_all(message), "fail"),
            (lambda message: looks_at_all(message).replace("550", "450"), "indeterminate"),
            (lambda message: None if OTHER.encode() in message else "250 queued", "indeterminate"),
            (lambda _: "550 5.7.1 no mail today", "indeterminate"),
        ],
    )
    async def test_verdicts(self, server, authority, data, wanted):
        submission = server(mine, data)
        facts = await held(submission, authority, pretend_in_the_message)
        assert judged(sender_own_header, facts) == wanted
        assert len(submission.messages) == len(HeaderForm)
        assert set(submission.pairs) == {(USER, USER)}
        assert all(b"X-SMTP-Audit-Run: 0123456789abcdef\r\n" in message for message in submission.messages)
        assert all(b"\r\nTo: <alice@probe.example>\r\n" in message for message in submission.messages)

    async def test_without_an_own_mailbox_nobody_is_asked(self, server, authority):
        async with serving(server(mine)) as stage:
            approach = approach_of(stage, authority, mailboxes=Mailboxes(other=OTHER))
            with pytest.raises(PeerError) as error:
                await pretend_in_the_message(approach, approach.transcript())
            assert error.value.absence is Absence.NOT_AVAILABLE
            assert stage.connections == 0
