"""An endpoint in one line: what is known is said shortly, and "yes" and "no" only of what was seen to its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smtp_audit.facts.handshake import Chooser, TlsGroupFacts, TlsSuiteFacts
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.report.transport.entries import transport_of
from smtp_audit.report.transport.model import Tone, TransportCell, TransportGlance
from tests import facts_factories as make

TLS10, TLS12, TLS13 = TlsVersion.TLS10, TlsVersion.TLS12, TlsVersion.TLS13
GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
CBC = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
STATIC = "TLS_RSA_WITH_AES_256_GCM_SHA384"


def glance(*facts: Facts) -> TransportGlance:
    [entry] = transport_of(make.snapshot(*(make.seen(each) for each in facts)))
    assert entry.glance is not None
    return entry.glance


def words(cells: tuple[TransportCell, ...]) -> list[str]:
    return [cell.words for cell in cells]


class TestVersions:
    def test_accepted_ones_by_name_and_the_rest_in_a_word(self) -> None:
        assert words(glance(make.tls(TLS12, TLS13)).versions) == ["TLSv1.3", "TLSv1.2", "all others refused"]
        assert words(glance(make.tls(*TlsVersion)).versions) == [str(version) for version in reversed(TlsVersion)]

    def test_the_newest_is_missed_by_name(self) -> None:
        assert words(glance(make.tls(TLS12)).versions) == ["TLSv1.3 refused", "TLSv1.2", "all others refused"]

    def test_old_ones_stand_out(self) -> None:
        weak = {cell.words for cell in glance(make.tls(*TlsVersion)).versions if cell.tone is Tone.WEAK}
        assert weak == {"TLSv1.1", "TLSv1.0", "SSLv3", "SSLv2"}


class TestSuites:
    def test_counts_and_the_weakest(self) -> None:
        suites = make.suites({TLS13: make.TLS13_SUITES, TLS12: (GCM, CBC, "TLS_RSA_WITH_3DES_EDE_CBC_SHA")})
        *counts, worst = glance(suites).suites
        assert words(tuple(counts)) == ["TLSv1.3: 3", "TLSv1.2: 3"]
        assert worst.words == "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
        assert worst.tone is Tone.WEAK
        assert [mark.words for mark in worst.marks] == ["3DES", "no forward secrecy", "CBC"]
        assert [mark.tone for mark in worst.marks] == [Tone.WEAK, Tone.PLAIN, Tone.PLAIN]

    @pytest.mark.parametrize(
        ("names", "worst"),
        [
            (("TLS_RSA_WITH_RC4_128_MD5", "TLS_RSA_WITH_NULL_SHA"), "TLS_RSA_WITH_NULL_SHA"),
            (
                ("TLS_RSA_WITH_SEED_CBC_SHA", "TLS_DH_anon_WITH_AES_128_GCM_SHA256"),
                "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
            ),
            ((GCM, CBC, STATIC), STATIC),
            ((GCM, CBC), CBC),
            ((CBC, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"), "TLS_RSA_EXPORT_WITH_RC4_40_MD5"),
        ],
    )
    def test_which_is_the_weakest(self, names: tuple[str, ...], worst: str) -> None:
        for order in (names, names[::-1]):
            assert glance(make.suites({TLS12: order})).suites[-1].words == worst

    def test_modern_ones_alone_have_no_weakest(self) -> None:
        assert words(glance(make.suites()).suites)[-1] == "no weak kind, no CBC"

    def test_without_an_end_the_count_is_a_lower_bound(self) -> None:
        count, last = glance(make.suites({TLS12: (GCM,)}, complete=False, detail="reset")).suites
        assert (count.words, count.note, count.tone) == ("TLSv1.2: 1 or more", "not complete: reset", Tone.UNKNOWN)
        assert last.words == "no weak kind, no CBC seen"

    def test_a_version_that_was_left_out_is_said(self) -> None:
        found = glance(make.tls(TLS12, unknown=[TLS10]), make.suites({TLS12: (GCM,)}))
        assert "TLSv1.0: not known" in words(found.suites)
        assert words(found.suites)[-1] == "no weak kind, no CBC seen"
        assert words(found.forward_secrecy) == ["not known"]


class TestForwardSecrecy:
    @pytest.mark.parametrize(
        ("facts", "said", "note"),
        [
            (make.suites(), "yes", "every suite"),
            (
                make.suites({TLS13: make.TLS13_SUITES, TLS12: (GCM, STATIC)}),
                "not always",
                "1 of 5 suites without, TLSv1.2",
            ),
            (make.suites({TLS12: (STATIC,)}), "no", "1 of 1 suite without, TLSv1.2"),
            (make.suites({TLS12: (STATIC,)}, complete=False), "not always", "1 of 1 suite without, TLSv1.2"),
            (make.suites(complete=False), "not known", "not all suites may have been seen"),
            (make.suites({TLS12: (GCM, "0x1301ff")}), "not known", "1 of 2 suites not registered"),
            (make.suites({TLS12: ()}), "not known", "no suite was seen"),
            (make.suites({}), "not known", "no suite was seen"),
        ],
    )
    def test_said_only_of_what_is_known(self, facts: TlsSuiteFacts, said: str, note: str) -> None:
        [cell] = glance(facts).forward_secrecy
        assert (cell.words, cell.note) == (said, note)
        assert (cell.tone is Tone.UNKNOWN) is (said == "not known")


class TestChooser:
    def test_one_for_all(self) -> None:
        [cell] = glance(make.suites()).chooser
        assert (cell.words, cell.note) == ("server", "")

    def test_different_ones_and_why_not_known(self) -> None:
        versions = (
            make.version_suites(TLS13, GCM, CBC),
            make.version_suites(TLS12, GCM, CBC, chooser=Chooser.CLIENT),
            make.version_suites(TLS10, CBC, CBC, chooser=Chooser.UNKNOWN, chooser_detail="reset"),
        )
        cells = glance(TlsSuiteFacts(offered=True, versions=versions)).chooser
        assert [(cell.words, cell.note) for cell in cells] == [
            ("server", "TLSv1.3"),
            ("client", "TLSv1.2"),
            ("not known", "TLSv1.0: reset"),
        ]

    def test_one_suite_has_no_order(self) -> None:
        assert words(glance(make.suites({TLS12: (GCM,)})).chooser) == ["one suite at most"]


class TestGroups:
    def test_post_quantum_first(self) -> None:
        first, rest = glance(make.groups()).groups
        assert first.words == "X25519MLKEM768"
        assert [mark.words for mark in first.marks] == ["post-quantum"]
        assert rest.words == "x25519, secp256r1"

    @pytest.mark.parametrize(
        ("facts", "said", "tone"),
        [
            (make.groups({TLS13: ("x25519",)}), "no post-quantum group", Tone.NOTHING),
            (make.groups({TLS12: ("x25519",)}), "no post-quantum group", Tone.NOTHING),
            (make.groups({TLS13: ("x25519",)}, complete=False), "no post-quantum group seen", Tone.UNKNOWN),
            (make.groups({}), "not known", Tone.UNKNOWN),
        ],
    )
    def test_none_only_where_the_list_has_an_end(self, facts: TlsGroupFacts, said: str, tone: Tone) -> None:
        first = glance(facts).groups[0]
        assert (first.words, first.tone) == (said, tone)

    def test_finite_fields(self) -> None:
        fields = (make.dh_group(2048), make.dh_group(1024), make.dh_group(1024, name="Apache"))
        cells = glance(make.groups(None, *fields, finite_fields_detail="TLSv1.0: reset")).groups
        assert [(cell.words, cell.note, cell.tone) for cell in cells[-2:]] == [
            ("DHE 1024, 2048 bits", "", Tone.PLAIN),
            ("not complete", "TLSv1.0: reset", Tone.UNKNOWN),
        ]
        broken = glance(make.groups(None, make.dh_group(prime=False))).groups[-1]
        assert broken.tone is Tone.WEAK


class TestCertificate:
    def test_key_issuer_days_and_names(self) -> None:
        leaf = make.certificate(issuer_organisations=("Example Trust",), dns_names=(make.HOST, "b.example.com"))
        assert words(glance(make.certificates(leaf)).certificate) == [
            "EC secp256r1 256 bits",
            "Example Trust",
            "60 days left",
            "2 names",
        ]
        plain = make.certificate(issuer_organisations=())
        assert words(glance(make.certificates(plain)).certificate)[1] == "issuer CN=Example CA"

    @pytest.mark.parametrize(
        ("ends", "said", "tone"),
        [
            (timedelta(days=1, hours=1), "1 day left", Tone.PLAIN),
            (timedelta(hours=1), "less than a day left", Tone.PLAIN),
            (timedelta(0), "less than a day left", Tone.PLAIN),
            (-timedelta(hours=1), "expired less than a day ago", Tone.WEAK),
            (-timedelta(days=3), "expired 3 days ago", Tone.WEAK),
        ],
    )
    def test_days_are_counted_from_the_facts(self, ends: timedelta, said: str, tone: Tone) -> None:
        cell = glance(make.certificates(make.certificate(not_after=make.NOW + ends))).certificate[2]
        assert (cell.words, cell.tone) == (said, tone)

    def test_not_yet(self) -> None:
        cell = glance(make.certificates(make.certificate(not_before=make.NOW + timedelta(days=1)))).certificate[2]
        assert (cell.words, cell.tone) == ("not valid yet", Tone.WEAK)

    def test_unreadable(self) -> None:
        facts = make.certificates().model_copy(update={"chain": (), "unreadable": "not DER"})
        [cell] = glance(facts).certificate
        assert (cell.words, cell.note, cell.tone) == ("not known", "not DER", Tone.UNKNOWN)
