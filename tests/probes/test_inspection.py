"""Everything about one endpoint: each kind once, no probe at the cost of another, nothing excused that was there."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.tls import Acceptance, TlsVersion
from smtp_audit.lab.authority import Authority
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes import inspection as inspection_module
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation import open_ports
from smtp_audit.probes.conversation.table import BY_KIND, Conversation
from smtp_audit.probes.inspection import DERIVED_KINDS, Inspection, kinds_of
from smtp_audit.probes.tls.survey import SURVEY_KINDS
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.safety import Safety
from tests.hostile.acts import hang, inside_tls, leave, say, then, usual, when
from tests.hostile.dialogue import Dialogue
from tests.hostile.markers import PASSWORD

from .stage import Stage, server_context, serving, talking
from .tls.test_trust import TRUSTED

Found = dict[str, Facts | PeerError]

BARE = say(b"250-mail\r\n250 AUTH PLAIN\r\n")


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    context = server_context(authority.issue("inspection", TRUSTED["sound"]))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.fixture
def inspect(authority: Authority, monkeypatch: pytest.MonkeyPatch):
    """Everything but conversations that can be found out about an endpoint without sslyze, each kind exactly once."""
    monkeypatch.setattr(inspection_module, "find_sslyze", lambda: None)

    async def inspect(
        stage: Stage, role: Role = Role.SUBMISSION, *, allow: Safety | None = None, conversing: bool = False, **more
    ) -> Found:
        approach: Approach = stage.approach(role, ca=authority.anchors, password=PASSWORD, **more)
        if allow is not None:
            config = approach.config.model_copy(update={"allow": approach.config.allow | {allow}})
            approach = replace(approach, config=config)
        found: Found = {}

        def emit(kind, what, transcript, began) -> None:
            assert kind not in found
            found[kind] = what

        probed = [kind for kind in kinds_of(approach.endpoint) if kind not in DERIVED_KINDS]
        wanted = tuple(kind for kind in probed if conversing or kind not in BY_KIND)
        await asyncio.wait_for(Inspection(approach, wanted, emit, lambda _: None).run(), 15)
        assert found.keys() == set(wanted)
        return found

    return inspect


def absences(found: Found) -> dict[str, Absence]:
    return {kind: what.absence for kind, what in found.items() if isinstance(what, PeerError)}


class TestSound:
    @pytest.mark.parametrize("role", Role)
    async def test_every_kind_has_facts(self, context, inspect, role):
        async with serving(talking(role, context)) as stage:
            found = await inspect(stage, role)
        assert absences(found) == {
            "tls_flaws": Absence.NOT_ALLOWED,
            "revocation": Absence.NOT_ALLOWED,
        }
        assert found["tls"].seen == (TlsVersion.TLS12, TlsVersion.TLS13)

    async def test_a_submission_server_in_full(self, context, inspect):
        """With one connection at a time, which everything has to share."""
        async with serving(talking(Role.SUBMISSION, context)) as stage:
            found = await inspect(stage, budget=BudgetLimits(connections=1, per_second=1000))
        # The peer knows the password of its own user, whoever the user is.
        assert found["login"].accepted
        assert found["unauthenticated_mail"].transactions[0].mail.reply.code == "530"

    async def test_where_tls_is_not_offered_there_is_none_to_survey(self, inspect):
        async with serving(talking(Role.SUBMISSION, capabilities=BARE)) as stage:
            found = await inspect(stage, allow=Safety.SLOW)
        assert absences(found) == {}
        for kind in ("tls", "tls_flaws", "certificate", "starttls", "login"):
            assert not found[kind].offered
        assert not found["unauthenticated_mail"].inside_tls

    async def test_without_sslyze_it_is_said(self, context, inspect):
        async with serving(talking(Role.SUBMISSION, context)) as stage:
            found = await inspect(stage, allow=Safety.SLOW)
        assert absences(found) == {
            "tls_flaws": Absence.NOT_AVAILABLE,
            "revocation": Absence.NOT_ALLOWED,
        }


class TestUnreached:
    async def test_a_closed_port_is_the_only_thing_that_excuses(self, inspect):
        async with serving(talking(Role.SUBMISSION)) as stage:
            stage.close()
            found = await inspect(stage, allow=Safety.SLOW)
        assert not found.pop("port").open
        assert set(absences(found).values()) == {Absence.CLOSED}
        assert len(absences(found)) == len(found)

    async def test_a_closed_port_excuses_nothing_about_its_host(self, inspect, monkeypatch):
        monkeypatch.setattr(open_ports, "PORTS", ())
        async with serving(talking(Role.MX)) as stage:
            stage.close()
            found = await inspect(stage, Role.MX, allow=Safety.INTRUSIVE, conversing=True)
        assert found["open_ports"].scanned == (stage.port,)
        assert found["open_ports"].open == ()
        assert absences(found)["parallel_connections"] is Absence.CLOSED

    async def test_a_port_that_closes_after_the_first_look_excuses_nothing(self, context, inspect):
        stages: list[Stage] = []

        async def close_the_port(dialogue: Dialogue) -> None:
            stages[0].close()
            await usual("accept")(dialogue)

        async with serving(talking(Role.SUBMISSION, context, accept=close_the_port)) as stage:
            stages.append(stage)
            found = await inspect(stage, allow=Safety.SLOW)
        assert found["port"].open
        assert found["certificate"].trust.trusted
        assert Absence.CLOSED not in absences(found).values()
        assert absences(found).keys() >= {"unauthenticated_mail", "login"}
        assert found["tls"].seen == (TlsVersion.TLS13,)  # the first look's own handshake
        others = [o.acceptance for o in found["tls"].versions if o.version is not TlsVersion.TLS13]
        assert set(others) == {Acceptance.UNKNOWN}

    @pytest.mark.parametrize(
        ("act", "absence"),
        [
            (hang, Absence.TIMEOUT),
            (leave, Absence.DROPPED),
            (then(say(b"554 no\r\n"), leave), Absence.REFUSED_SERVICE),
            (then(say(b"what?\r\n"), hang), Absence.MALFORMED),
        ],
        ids=["hangs", "drops", "refuses", "nonsense"],
    )
    async def test_without_a_greeting_nothing_is_known(self, inspect, act, absence):
        async with serving(talking(Role.SUBMISSION, greeting=act)) as stage:
            found = await inspect(stage, allow=Safety.SLOW)
        assert found.pop("port").open
        if absence is Absence.MALFORMED:
            assert found.pop("greeting").fault
        assert set(absences(found).values()) == {absence}
        assert len(absences(found)) == len(found)

    async def test_starttls_that_is_refused_leaves_the_versions_unknown(self, context, inspect):
        async with serving(talking(Role.MX, context, starttls=then(say(b"554 no\r\n"), leave))) as stage:
            found = await inspect(stage, Role.MX)
        assert absences(found)["tls"] is Absence.REFUSED_SERVICE
        assert absences(found)["certificate"] is Absence.REFUSED_SERVICE


class TestLater:
    """What only later connections do."""

    async def test_starttls_that_is_gone_excuses_neither_login_nor_mail(self, context, inspect):
        once = when(lambda dialogue: dialogue.number == 1 or dialogue.wire.inside_tls, usual("capabilities"), BARE)
        async with serving(talking(Role.SUBMISSION, context, capabilities=once)) as stage:
            found = await inspect(stage)
        assert absences(found) == {
            "login": Absence.REFUSED_SERVICE,
            # It offers logins in clear now, and did not before.
            "unauthenticated_mail": Absence.MALFORMED,
            "starttls_boundary": Absence.REFUSED_SERVICE,
            "tls_flaws": Absence.NOT_ALLOWED,
            "revocation": Absence.NOT_ALLOWED,
        }
        assert found["tls"].seen == (TlsVersion.TLS13,)

    async def test_auth_that_is_gone_does_not_excuse_the_login(self, context, inspect):
        gone = when(
            lambda dialogue: inside_tls(dialogue) and dialogue.number > 1, say(b"250 mail\r\n"), usual("capabilities")
        )
        async with serving(talking(Role.SUBMISSION, context, capabilities=gone)) as stage:
            found = await inspect(stage)
        assert absences(found)["login"] is Absence.REFUSED_SERVICE

    @pytest.mark.parametrize(
        "name", ["try_login", "try_without_auth", "Survey", "find_flaws", "cross_the_border", "check_revocation"]
    )
    async def test_a_defect_of_one_probe_costs_no_other(self, context, inspect, monkeypatch, name):
        def broken(*_arguments: object) -> None:
            raise ZeroDivisionError("<b>\x1b")

        kinds = {
            "try_login": ("login",),
            "try_without_auth": ("unauthenticated_mail",),
            "Survey": SURVEY_KINDS,
            "find_flaws": ("tls_flaws",),
            "cross_the_border": ("starttls_boundary",),
            "check_revocation": ("revocation",),
        }
        monkeypatch.setattr(inspection_module, name, broken)
        async with serving(talking(Role.SUBMISSION, context)) as stage:
            found = await inspect(stage, allow=Safety.SLOW)
        usual_absences = {"tls_flaws": Absence.NOT_AVAILABLE, "revocation": Absence.NOT_ALLOWED}
        assert absences(found) == usual_absences | dict.fromkeys(kinds[name], Absence.BROKEN)
        assert all(found[kind].reason.isprintable() for kind in kinds[name])


class TestCutShort:
    async def test_what_is_known_by_then_is_told(self, context, authority):
        """The end of the time, or of the run, in the middle of the survey of versions."""
        slow = when(lambda dialogue: dialogue.number > 3, hang, usual("accept"))
        async with serving(talking(Role.IMAPS, context, accept=slow)) as stage:
            approach = stage.approach(Role.IMAPS, ca=authority.anchors)
            emitted: list[str] = []
            probed = [kind for kind in kinds_of(approach.endpoint) if kind not in DERIVED_KINDS]
            wanted = tuple(kind for kind in probed if kind not in BY_KIND)
            work = Inspection(approach, wanted, lambda kind, *_: emitted.append(kind), lambda _: None)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(work.run(), 0.3)
            rest = {kind: what for kind, what, _ in work.rest(PeerError(Absence.BUDGET, "the time was over"))}
        assert "certificate" in emitted
        assert "tls" not in emitted
        assert rest["tls"].seen
        unknown = [o for o in rest["tls"].versions if o.acceptance is Acceptance.UNKNOWN]
        assert any(o.detail == "the time was over" for o in unknown)

    async def test_before_anything_is_known_the_reason_stands_for_all(self, authority):
        async with serving(talking(Role.MX, greeting=hang)) as stage:
            approach = stage.approach(Role.MX, ca=authority.anchors)
            work = Inspection(approach, kinds_of(approach.endpoint), lambda *_: None, lambda _: None)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(work.run(), 0.1)
            rest = {kind: what for kind, what, _ in work.rest(PeerError(Absence.BUDGET, "the time was over"))}
        assert rest.pop("port").open
        assert {what.absence for what in rest.values()} == {Absence.BUDGET}
        assert rest.keys() == set(kinds_of(approach.endpoint)) - {"port"}


class TestConversations:
    """What is said in them is tested in conversation/; here, that none is forgotten and none comes unasked."""

    @pytest.mark.parametrize("act", [hang, leave])
    @pytest.mark.parametrize("role", Role)
    async def test_each_has_its_reason_where_nothing_is_said(self, context, inspect, role, act):
        async with serving(talking(role, context, greeting=act)) as stage:
            found = await inspect(stage, role, conversing=True)
        talks = {kind for kind, talk in BY_KIND.items() if role in talk.roles}
        assert talks <= set(found)
        for kind in talks:
            forbidden = BY_KIND[kind].safety in (Safety.INTRUSIVE, Safety.SLOW)
            assert (found[kind].absence is Absence.NOT_ALLOWED) is forbidden, kind

    async def test_what_is_alone_comes_behind_everything_else(self, context, inspect, monkeypatch):
        order: list[str] = []

        def noted(talk: Conversation) -> Conversation:
            async def hold(_approach: Approach, _transcript: Transcript) -> Facts:
                order.append("alone" if talk.alone else "beside")
                await asyncio.sleep(0.01)
                order.append("alone" if talk.alone else "beside")
                raise PeerError(Absence.NOT_AVAILABLE, "only noted")

            return replace(talk, hold=hold, safety=Safety.PASSIVE)

        monkeypatch.setattr(inspection_module, "BY_KIND", {kind: noted(talk) for kind, talk in BY_KIND.items()})
        async with serving(talking(Role.SUBMISSION, context)) as stage:
            await inspect(stage, Role.SUBMISSION, conversing=True)
        assert "alone" in order
        first = order.index("alone")
        assert set(order[:first]) == {"beside"}
        assert set(order[first:]) == {"alone"}
