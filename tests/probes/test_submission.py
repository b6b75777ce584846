"""Mail without AUTH is asked for and never sent; the password goes only to who proved to be the server meant."""

from __future__ import annotations

import base64
import ssl
import time

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence
from smtp_audit.lab.authority import Authority, Kind
from smtp_audit.limits import BudgetLimits, Limits
from smtp_audit.probes.submission import try_login, try_without_auth
from smtp_audit.probes.wire import PeerError
from smtp_audit.secret import MASK
from tests.hostile.acts import hang, inside_tls, leave, say, then, usual, when
from tests.hostile.dialogue import Dialogue

from .stage import HOST, PASSWORD, USER, Stage, server_context, serving, talking
from .tls.test_trust import TRUSTED, UNTRUSTED, limit

SOUND = TRUSTED["sound"]
WAYS = [Role.SUBMISSION, Role.SUBMISSIONS]

IMPATIENT = Limits(connect_seconds=0.2, greeting_seconds=0.2, reply_seconds=0.2, handshake_seconds=0.2)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("submission", SOUND))


async def welcome(dialogue: Dialogue) -> None:
    """Take the right user and password, by PLAIN or LOGIN."""
    _, password = await dialogue.credentials()
    good = password == PASSWORD.encode()
    await dialogue.wire.send(b"235 2.7.0 welcome\r\n" if good else b"535 5.7.8 wrong user or password\r\n")


def offering(context: ssl.SSLContext, capability: bytes, **acts):
    """A submission server that announces one thing inside TLS."""
    inside = when(inside_tls, say(b"250-mail\r\n" + capability + b"\r\n"), usual("capabilities"))
    return talking(Role.SUBMISSION, context, capabilities=inside, **acts)


def login(stage: Stage, authority: Authority, role: Role = Role.SUBMISSION, password: str = PASSWORD, **more):
    approach = stage.approach(role, ca=authority.anchors, password=password, **more)
    transcript = approach.transcript()
    return try_login(approach, transcript), transcript


def text_of(transcript) -> str:
    return "\n".join(str(line) for line in transcript.lines)


def assert_nothing_was_given_away(stage: Stage) -> None:
    """No AUTH was heard, and the password in no spelling."""
    assert stage.connections >= 1
    assert not [line for line in stage.heard if line.upper().startswith(b"AUTH")]
    everything = bytes(stage.octets) + b"\n".join(stage.heard)
    plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    for form in (PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), plain):
        assert form not in everything


async def absence(work) -> PeerError:
    with pytest.raises(PeerError) as error:
        await work
    return error.value


class TestLogin:
    @pytest.mark.parametrize("role", WAYS)
    async def test_the_right_password(self, authority, context, role):
        async with serving(talking(role, context, auth=welcome)) as stage:
            work, transcript = login(stage, authority, role)
            facts = await work
        assert (facts.offered, facts.mechanism, facts.accepted, facts.reply.code) == (True, "PLAIN", True, "235")
        if role is Role.SUBMISSION:
            words = [line.split()[0].upper() for line in stage.heard]
            assert words.index(b"STARTTLS") < words.index(b"AUTH")
        assert base64.b64encode(PASSWORD.encode()).rstrip(b"=") not in stage.octets  # it went inside TLS
        assert PASSWORD not in text_of(transcript)
        assert "logged in" in text_of(transcript)

    @pytest.mark.parametrize("role", WAYS)
    async def test_the_wrong_password(self, authority, context, role):
        async with serving(talking(role, context, auth=welcome)) as stage:
            facts = await login(stage, authority, role, "wrong")[0]
        assert (facts.offered, facts.accepted, facts.reply.code) == (True, False, "535")

    @pytest.mark.parametrize("role", WAYS)
    @pytest.mark.parametrize("name", ["expired", "not yet valid", "for another name", "without names", *UNTRUSTED])
    async def test_a_certificate_that_proves_nothing_gets_no_password(self, authority, role, name):
        kind: Kind = TRUSTED[name] if name in TRUSTED else UNTRUSTED[name][0]
        weak = server_context(authority.issue("weak", kind))
        async with serving(talking(role, weak, auth=welcome)) as stage:
            work, transcript = login(stage, authority, role)
            error = await absence(work)
            assert_nothing_was_given_away(stage)
        assert error.absence is Absence.UNTRUSTED
        assert "not tried" in error.reason
        assert PASSWORD not in error.reason + text_of(transcript)

    @pytest.mark.parametrize("role", WAYS)
    async def test_nor_does_an_old_version_of_tls(self, authority, role):
        old = server_context(authority.issue("old", SOUND), old=True)
        limit(old, ssl.TLSVersion.TLSv1_1)
        async with serving(talking(role, old, auth=welcome)) as stage:
            error = await absence(login(stage, authority, role)[0])
            assert_nothing_was_given_away(stage)
        assert error.absence is Absence.UNTRUSTED

    async def test_a_server_without_starttls_gets_no_password(self, authority, context):
        stripped = talking(
            Role.SUBMISSION, context, capabilities=say(b"250-mail\r\n250 AUTH PLAIN LOGIN\r\n"), auth=welcome
        )
        async with serving(stripped) as stage:
            work, transcript = login(stage, authority)
            facts = await work
            assert_nothing_was_given_away(stage)
        assert not facts.offered
        assert not facts.accepted
        assert "not sent in clear" in text_of(transcript)

    @pytest.mark.parametrize(
        "answer", [b"454 4.7.0 not now\r\n", b"554 5.7.0 no\r\n", b"421 4.3.2 busy\r\n", b"nonsense\r\n", b"354 go\r\n"]
    )
    async def test_a_server_that_refuses_starttls_gets_no_password(self, authority, context, answer):
        refusing = talking(
            Role.SUBMISSION,
            context,
            capabilities=say(b"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"),
            starttls=then(say(answer), hang),
            auth=welcome,
        )
        async with serving(refusing) as stage:
            await absence(login(stage, authority, limits=IMPATIENT)[0])
            assert_nothing_was_given_away(stage)

    async def test_a_server_that_says_yes_and_goes_on_in_clear_gets_no_password(self, authority, context):
        async def no_tls(dialogue: Dialogue) -> None:
            await dialogue.wire.take()
            await dialogue.wire.put(b"250-mail\r\n250 AUTH PLAIN LOGIN\r\n")

        async with serving(talking(Role.SUBMISSION, context, handshake=no_tls, auth=welcome)) as stage:
            await absence(login(stage, authority, limits=IMPATIENT)[0])
            assert_nothing_was_given_away(stage)

    async def test_clear_text_injected_behind_the_yes_gets_no_password(self, authority, context):
        injected = talking(
            Role.SUBMISSION,
            context,
            starttls=say(b"220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n235 welcome\r\n"),
            auth=welcome,
        )
        async with serving(injected) as stage:
            work, _ = login(stage, authority, limits=IMPATIENT)
            try:
                facts = await work
            except PeerError:
                assert_nothing_was_given_away(stage)
            else:
                # It was thrown away, and what counts came from inside.
                assert facts.reply is not None
                assert facts.reply.lines == ("2.7.0 welcome",)

    async def test_clear_text_where_tls_belongs_gets_no_password(self, authority, context):
        async with serving(talking(Role.SUBMISSION, context, auth=welcome)) as stage:
            await absence(login(stage, authority, Role.SUBMISSIONS, limits=IMPATIENT)[0])
            assert_nothing_was_given_away(stage)

    @pytest.mark.parametrize("offered", [b"250 HELP", b"250 AUTH"])
    async def test_without_auth_there_is_nothing_to_try(self, authority, context, offered):
        async with serving(offering(context, offered)) as stage:
            facts = await login(stage, authority)[0]
            assert_nothing_was_given_away(stage)
        assert not facts.offered

    async def test_mechanisms_that_take_no_password_leave_the_question_open(self, authority, context):
        """Something is offered, so that nothing excuses the login: it was not shown to work."""
        async with serving(offering(context, b"250 AUTH GSSAPI NTLM")) as stage:
            error = await absence(login(stage, authority)[0])
            assert_nothing_was_given_away(stage)
        assert error.absence is Absence.REFUSED_SERVICE
        assert "GSSAPI" in error.reason

    @pytest.mark.parametrize("code", ["535", "530", "501", "550"])
    async def test_a_refused_password_is_not_tried_again(self, authority, context, code):
        """Each try counts against the account."""
        refusing = offering(context, b"250 AUTH CRAM-MD5 LOGIN PLAIN", auth=say(f"{code} 5.7.8 no\r\n".encode()))
        async with serving(refusing) as stage:
            facts = await login(stage, authority)[0]
        assert (facts.mechanism, facts.accepted, facts.reply.code) == ("PLAIN", False, code)
        assert [line.split()[1] for line in stage.heard if line.startswith(b"AUTH")] == [b"PLAIN"]

    async def test_a_mechanism_that_is_not_there_after_all_is_passed_over(self, authority, context):
        async def only_login(dialogue: Dialogue) -> None:
            if b"LOGIN" in dialogue.line.upper():
                await welcome(dialogue)
            else:
                await dialogue.wire.send(b"504 5.5.4 unrecognized authentication type\r\n")

        async with serving(offering(context, b"250 AUTH PLAIN LOGIN", auth=only_login)) as stage:
            facts = await login(stage, authority)[0]
        assert (facts.mechanism, facts.accepted) == ("LOGIN", True)
        only_plain = offering(context, b"250 AUTH PLAIN", auth=say(b"504 5.5.4 no\r\n"))
        async with serving(only_plain) as stage:
            facts = await login(stage, authority)[0]
        assert (facts.mechanism, facts.accepted, facts.reply.code) == ("PLAIN", False, "504")

    @pytest.mark.parametrize("challenge", [b"334 !!!\r\n", b"334 \xff\r\n", b"334\r\n"])
    async def test_a_challenge_that_is_none_is_no_verdict(self, authority, context, challenge):
        broken = offering(context, b"250 AUTH CRAM-MD5", auth=then(say(challenge), leave))
        async with serving(broken) as stage:
            error = await absence(login(stage, authority, limits=IMPATIENT)[0])
        assert error.absence in (Absence.DROPPED, Absence.MALFORMED)

    @pytest.mark.parametrize("code", ["421", "450", "451", "454"])
    async def test_not_now_is_no_verdict(self, authority, context, code):
        busy = talking(Role.SUBMISSION, context, auth=say(f"{code} 4.7.0 try later\r\n".encode()))
        async with serving(busy) as stage:
            error = await absence(login(stage, authority)[0])
        assert error.absence is Absence.REFUSED_SERVICE
        assert code in error.reason

    @pytest.mark.parametrize("act", [leave, hang, say(b"235"), say(b"\xff\xfe\r\n")])
    async def test_a_login_that_breaks_off_is_no_verdict(self, authority, context, act):
        async with serving(talking(Role.SUBMISSION, context, auth=then(act, hang))) as stage:
            began = time.monotonic()
            error = await absence(login(stage, authority, limits=IMPATIENT)[0])
            assert time.monotonic() - began < 4
        assert error.absence in (Absence.DROPPED, Absence.TIMEOUT, Absence.MALFORMED)

    @pytest.mark.parametrize("password", [PASSWORD, 'pa\\ss"word', "p\u00e4ssw\u00f6rd", "<b>pass&word</b>"])
    async def test_a_password_that_the_server_repeats_is_masked(self, authority, context, password):
        async def echo(dialogue: Dialogue) -> None:
            raw, given = await dialogue.credentials()
            parts = [given, base64.b64encode(given), raw, b"no"]
            for part in parts[:-1]:
                await dialogue.wire.send(b"535-5.7.8 not " + part + b" here\r\n")
            await dialogue.wire.send(b"535 5.7.8 no\r\n")

        async with serving(talking(Role.SUBMISSION, context, auth=echo)) as stage:
            work, transcript = login(stage, authority, password=password)
            facts = await work
        shown = facts.model_dump_json() + text_of(transcript)
        assert MASK in shown
        assert "here" in shown
        plain = base64.b64encode(f"\0{USER}\0{password}".encode()).decode()
        for form in (password, base64.b64encode(password.encode()).decode(), plain, plain[-16:]):
            assert form not in shown

    @pytest.mark.parametrize(
        "act", [leave, then(say(b"421 4.7.0 too many connections\r\n"), leave), then(say(b"450 later\r\n"), leave)]
    )
    @pytest.mark.parametrize("step", ["accept", "greeting", "capabilities", "starttls"])
    async def test_a_connection_that_is_turned_away_before_the_login_is_made_again(self, authority, context, act, step):
        """A rate limit is no verdict on the password, also not "could not tell"."""
        busy = when(lambda dialogue: dialogue.number < 3, act, usual(step))
        async with serving(talking(Role.SUBMISSION, context, auth=welcome, **{step: busy})) as stage:
            approach = stage.approach(Role.SUBMISSION, ca=authority.anchors, password=PASSWORD)
            facts = await try_login(approach, approach.transcript())
            assert stage.connections == 3
        assert facts.accepted
        assert approach.budget.effort().backoffs == 2

    async def test_a_connection_that_is_turned_away_in_clear_before_tls_is_made_again(self, authority, context):
        act = then(say(b"421 4.7.0 too many connections\r\n"), leave)
        busy = when(lambda dialogue: dialogue.number < 3, act, usual("accept"))
        async with serving(talking(Role.SUBMISSIONS, context, auth=welcome, accept=busy)) as stage:
            approach = stage.approach(Role.SUBMISSIONS, ca=authority.anchors, password=PASSWORD)
            facts = await try_login(approach, approach.transcript())
        assert facts.accepted

    @pytest.mark.parametrize("act", [leave, then(say(b"421 4.7.0 busy\r\n"), leave), hang])
    async def test_a_password_that_was_sent_is_not_sent_again(self, authority, context, act):
        """It may have counted against the account."""
        async with serving(talking(Role.SUBMISSION, context, auth=act)) as stage:
            await absence(login(stage, authority, limits=IMPATIENT)[0])
            assert stage.connections == 1
        assert len([line for line in stage.heard if line.startswith(b"AUTH")]) == 1

    async def test_without_credentials_nobody_is_asked(self):
        async with serving(talking(Role.SUBMISSION)) as stage:
            approach = stage.approach(Role.SUBMISSION)
            error = await absence(try_login(approach, approach.transcript()))
            assert error.absence is Absence.NOT_AVAILABLE
            approach = stage.approach(Role.SUBMISSION, password="")
            error = await absence(try_login(approach, approach.transcript()))
            assert error.absence is Absence.NOT_GIVEN
            assert "SMTP_AUDIT_PASSWORD" in error.reason
            assert stage.connections == 0

    async def test_nobody_there(self, authority):
        async with serving(talking(Role.SUBMISSION)) as stage:
            stage.close()
            error = await absence(login(stage, authority)[0])
        assert error.absence is Absence.CLOSED

    async def test_it_counts_in_the_budget_and_closes_its_connection(self, authority, context):
        async with serving(talking(Role.SUBMISSION, context, auth=welcome)) as stage:
            approach = stage.approach(
                Role.SUBMISSION, ca=authority.anchors, password=PASSWORD, budget=BudgetLimits(total=1, per_second=1000)
            )
            await try_login(approach, approach.transcript())
            error = await absence(try_login(approach, approach.transcript()))
            assert error.absence is Absence.BUDGET
            assert approach.budget.effort().connections == stage.connections == 1
            await stage.quiet()


def mail(stage: Stage, role: Role = Role.SUBMISSION, **more):
    approach = stage.approach(role, **more)
    return try_without_auth(approach, approach.transcript())


class TestWithoutAuth:
    @pytest.mark.parametrize("role", WAYS)
    async def test_a_server_that_asks_for_auth(self, context, role):
        async with serving(talking(role, context)) as stage:
            facts = await mail(stage, role)
            await stage.quiet()
        assert facts.inside_tls
        own, foreign = facts.transactions
        assert own.mail.reply.code == foreign.mail.reply.code == "530"
        assert own.recipients == foreign.recipients == ()
        assert facts.ended == ""
        assert b"DATA" not in b"\n".join(stage.heard).upper()
        assert b"RSET" in stage.heard

    async def test_a_server_that_takes_mail_from_anyone(self, context):
        open_relay = talking(Role.SUBMISSION, context, mail=say(b"250 2.1.0 ok\r\n"), rcpt=say(b"250 2.1.5 ok\r\n"))
        async with serving(open_relay) as stage:
            facts = await mail(stage, domain="probe.example")
            await stage.quiet()
        (only,) = facts.transactions
        assert only.mail.command == "MAIL FROM:<postmaster@probe.example>"
        assert [step.command for step in only.recipients] == [
            "RCPT TO:<postmaster@probe.example>",
            "RCPT TO:<smtp-audit@example.com>",
        ]
        assert [step.reply.code for step in only.recipients] == ["250", "250"]
        words = [line.split()[0].upper() for line in stage.heard]
        assert b"DATA" not in words
        assert words.index(b"RSET") > words.index(b"RCPT")

    @pytest.mark.parametrize(
        ("host", "domain", "own", "foreign"),
        [
            (HOST, None, HOST, "example.com"),
            (HOST, "probe.example", "probe.example", "example.com"),
            ("mail.example.com", None, "mail.example.com", "example.org"),
            ("mail.example.net", "example.com", "example.com", "example.org"),
            ("mail.example.org", None, "mail.example.org", "example.com"),
            ("192.0.2.25", None, "[192.0.2.25]", "example.com"),
            ("2001:db8::25", None, "[IPv6:2001:db8::25]", "example.com"),
        ],
    )
    async def test_the_addresses_of_the_envelope(self, context, host, domain, own, foreign):
        """Ours is one that the server has to know; the foreign one is nobody's (RFC 2606) and not ours."""
        taking = talking(Role.SUBMISSION, context, mail=say(b"250 ok\r\n"), rcpt=say(b"550 no\r\n"))
        async with serving(taking) as stage:
            facts = await mail(stage, host=host, domain=domain)
            await stage.quiet()
        assert [each.mail.command for each in facts.transactions] == [
            f"MAIL FROM:<postmaster@{own}>",
            f"MAIL FROM:<smtp-audit@{foreign}>",
            "MAIL FROM:<>",
        ]
        for each in facts.transactions:
            assert [step.command for step in each.recipients] == [
                f"RCPT TO:<postmaster@{own}>",
                f"RCPT TO:<smtp-audit@{foreign}>",
            ]
        assert stage.connections == 1
        assert stage.heard.count(b"RSET") == 3

    async def test_without_starttls_it_is_asked_in_clear(self, context):
        bare = talking(Role.SUBMISSION, context, capabilities=say(b"250 mail\r\n"))
        async with serving(bare) as stage:
            facts = await mail(stage)
        assert not facts.inside_tls
        assert facts.transactions[0].mail.reply.code == "530"

    async def test_a_certificate_that_proves_nothing_does_not_matter_here(self, authority):
        weak = server_context(authority.issue("weak", UNTRUSTED["self-signed"][0]))
        async with serving(talking(Role.SUBMISSION, weak)) as stage:
            assert (await mail(stage)).inside_tls

    @pytest.mark.parametrize(
        ("acts", "wanted"),
        [
            ({"handshake": leave}, Absence.DROPPED),
            ({"handshake": hang}, Absence.TIMEOUT),
            ({"starttls": say(b"554 no\r\n")}, Absence.REFUSED_SERVICE),
            ({"mail": hang}, Absence.TIMEOUT),
            ({"mail": leave}, Absence.DROPPED),
            ({"mail": say(b"what?\r\n")}, Absence.MALFORMED),
            ({"mail": say(b"421 busy\r\n")}, Absence.REFUSED_SERVICE),
        ],
        ids=["drops", "hangs", "refuses", "mail hangs", "mail drops", "nonsense", "421"],
    )
    async def test_what_could_not_be_tried(self, context, acts, wanted):
        async with serving(talking(Role.SUBMISSION, context, **acts)) as stage:
            error = await absence(mail(stage, limits=IMPATIENT))
        assert error.absence is wanted

    async def test_421_is_waited_out(self, context):
        busy = when(lambda dialogue: dialogue.number < 3, then(say(b"421 4.3.2 busy\r\n"), leave), usual("mail"))
        async with serving(talking(Role.SUBMISSION, context, mail=busy)) as stage:
            facts = await mail(stage)
        assert facts.transactions[0].mail.reply.code == "530"
        assert stage.connections == 3

    async def test_a_temporary_refusal_is_kept_as_it_is(self, context):
        """Whether 451 is an answer is not for a probe to say."""
        later = talking(Role.SUBMISSION, context, mail=say(b"451 4.3.0 later\r\n"))
        async with serving(later) as stage:
            assert (await mail(stage)).transactions[0].mail.reply.code == "451"

    @pytest.mark.parametrize(
        ("answer", "senders"),
        [
            (b"530 5.7.0 Authentication required", 2),
            (b"502 5.7.0 Please authenticate first", 2),
            (b"550 5.7.0 no", 2),
            (b"550 authentication required", 3),
            (b"554 5.7.1 Access denied", 3),
            (b"550 5.7.09 no", 3),
            (b"451 5.7.0 later", 3),
        ],
    )
    async def test_only_a_code_that_asks_for_a_login_speaks_for_all_senders(self, context, answer, senders):
        async with serving(talking(Role.SUBMISSION, context, mail=say(answer + b"\r\n"))) as stage:
            facts = await mail(stage)
        assert len(facts.transactions) == senders
        assert facts.ended == ""

    @pytest.mark.parametrize("end", [leave, then(say(b"421 4.5.0 Too many errors, bye\r\n"), leave)])
    async def test_who_hangs_up_after_some_refusals_is_asked_the_rest_again(self, context, end):
        """As chasquid does at the third."""
        refusals = 0

        async def third_time(dialogue: Dialogue) -> None:
            nonlocal refusals
            refusals += 1
            await (end if refusals % 3 == 0 else say(b"550 5.7.9 must be authenticated\r\n"))(dialogue)

        async with serving(talking(Role.SUBMISSION, context, mail=third_time)) as stage:
            facts = await mail(stage, domain="probe.example")
            assert stage.connections == 2
        assert [each.mail.command for each in facts.transactions] == [
            "MAIL FROM:<postmaster@probe.example>",
            "MAIL FROM:<smtp-audit@example.com>",
            "MAIL FROM:<>",
        ]
        assert facts.ended == ""

    @pytest.mark.parametrize(
        ("act", "ended"),
        [
            (leave, "closed the connection"),
            (hang, "no replies to MAIL and RCPT"),
            (say(b"what?\r\n"), "not an SMTP reply"),
            (then(say(b"421 4.3.2 busy\r\n"), leave), "421 4.3.2 busy"),
        ],
        ids=["drops", "hangs", "nonsense", "421"],
    )
    async def test_what_was_seen_before_the_end_is_kept(self, context, act, ended):
        own = when(lambda dialogue: b"postmaster" in dialogue.line, say(b"550 no\r\n"), act)
        async with serving(talking(Role.SUBMISSION, context, mail=own)) as stage:
            facts = await mail(stage, limits=IMPATIENT)
            assert stage.connections <= 2
        assert [each.mail.reply.code for each in facts.transactions] == ["550"]
        assert ended in facts.ended

    async def test_mail_that_was_taken_is_known_however_it_ends(self, context):
        local = when(lambda dialogue: b"postmaster" in dialogue.line, say(b"250 ok\r\n"), leave)
        async with serving(talking(Role.SUBMISSION, context, mail=say(b"250 ok\r\n"), rcpt=local)) as stage:
            facts = await mail(stage)
            assert stage.connections == 1
        (only,) = facts.transactions
        assert [step.reply.code for step in only.recipients] == ["250"]
        assert "closed the connection" in facts.ended

    async def test_half_a_transaction_is_kept_as_half(self, context):
        own = when(lambda dialogue: b"postmaster" in dialogue.line, say(b"550 no\r\n"), say(b"250 ok\r\n"))
        async with serving(talking(Role.SUBMISSION, context, mail=own, rcpt=leave)) as stage:
            facts = await mail(stage)
        assert [len(each.recipients) for each in facts.transactions] == [0, 0]
        assert [each.mail.reply.code for each in facts.transactions] == ["550", "250"]
        assert facts.ended
