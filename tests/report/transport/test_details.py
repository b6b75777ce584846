"""The topics of an endpoint: all that was seen, and the reasons for the rest."""

from __future__ import annotations

from smtp_audit.facts.certificate import ClientKind
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.handshake import AcceptedSuite, Feature
from smtp_audit.facts.observation import Absence, Facts
from smtp_audit.facts.suites import WeakKind
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.report.transport.details import CLIENT_KIND_WORDS, FEATURE_WORDS
from smtp_audit.report.transport.entries import transport_of
from smtp_audit.report.transport.model import Tone, TransportCell, TransportDetails, TransportRow
from smtp_audit.report.transport.traits import KIND_WORDS, is_post_quantum, suite_marks
from tests import facts_factories as make

TLS12, TLS13 = TlsVersion.TLS12, TlsVersion.TLS13


def details(*facts: Facts, role: Role = Role.MX) -> TransportDetails:
    endpoint = make.endpoint(role)
    observations = [make.seen(each, endpoint.key) for each in facts]
    [entry] = transport_of(make.snapshot(*observations, subjects=(endpoint,)))
    assert entry.details is not None
    return entry.details


def said(rows: tuple[TransportRow, ...]) -> dict[str, list[tuple[str, str, Tone]]]:
    return {row.title: [(cell.words, cell.note, cell.tone) for cell in row.cells] for row in rows}


def test_everything_has_words() -> None:
    assert set(KIND_WORDS) == set(WeakKind)
    assert set(FEATURE_WORDS) == set(Feature)
    assert set(CLIENT_KIND_WORDS) == set(ClientKind)


def test_traits() -> None:
    assert [
        name for name in ("X25519MLKEM768", "X25519Kyber768Draft00", "x25519", "MLKEM1024") if is_post_quantum(name)
    ] == [
        "X25519MLKEM768",
        "X25519Kyber768Draft00",
        "MLKEM1024",
    ]
    assert suite_marks("TLS_AES_128_GCM_SHA256") == ()
    assert [mark.words for mark in suite_marks("0xc0ff")] == ["not registered"]
    assert [mark.words for mark in suite_marks("SSL_CK_RC4_128_WITH_MD5")] == ["RC4", "MD5", "no forward secrecy"]


class TestSuites:
    def test_in_the_servers_order_with_what_was_shown(self) -> None:
        one = AcceptedSuite(name="TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", group="x25519", signature="rsa_pkcs1_sha1")
        found = details(make.suites({TLS12: (one, "TLS_RSA_WITH_RC4_128_SHA")})).suites
        assert said(found) == {
            "TLSv1.2": [
                (one.name, "x25519, rsa_pkcs1_sha1", Tone.PLAIN),
                ("TLS_RSA_WITH_RC4_128_SHA", "", Tone.WEAK),
            ]
        }
        assert found[0].note == "in the server's order, which it insists on; the rest: alert 40 (handshake_failure)"

    def test_without_an_end(self) -> None:
        found = said(
            details(make.suites({TLS12: ("TLS_RSA_WITH_RC4_128_SHA",), TLS13: ()}, complete=False, detail="x")).suites
        )
        assert found["TLSv1.2"][-1] == ("not complete", "x", Tone.UNKNOWN)
        assert found["TLSv1.3"] == [("not known", "x", Tone.UNKNOWN)]


def test_groups_and_finite_fields() -> None:
    field = make.dh_group(1024, name="Apache", suites=("a", "b"))
    found = said(details(make.groups({TLS13: ("X25519MLKEM768",), TLS12: ()}, field)).groups)
    assert found["TLSv1.3"] == [("X25519MLKEM768", "", Tone.PLAIN)]
    assert found["TLSv1.2"] == [("none", "", Tone.NOTHING)]
    [(words, note, _)] = found["Finite fields"]
    assert words.startswith("1024 bits, Apache, SHA-256 ")
    assert note == "generator 2, with 2 suites"
    assert said(details(make.groups(finite_fields_detail="reset")).groups)["Finite fields"] == [
        ("not known", "reset", Tone.UNKNOWN)
    ]


def test_signatures() -> None:
    found = said(details(make.signatures({TLS13: ("ed25519",), TLS12: ()}, complete=False, detail="reset")).signatures)
    assert found == {
        "TLSv1.3": [("ed25519", "", Tone.PLAIN), ("not complete", "reset", Tone.UNKNOWN)],
        "TLSv1.2": [("not known", "reset", Tone.UNKNOWN)],
    }


class TestFeatures:
    def test_yes_no_not_known_and_no_object_differ(self) -> None:
        without = make.feature(Feature.COMPRESSION, None, applies=False, detail="TLS 1.3 alone")
        found = said(details(make.features(without, heartbeat=True, fallback_scsv=None)).features)
        assert found["Compression"] == [("no object", "TLS 1.3 alone", Tone.NOTHING)]
        assert found["Heartbeat"] == [("yes", "", Tone.PLAIN)]
        assert found["Asks for a client certificate"] == [("no", "", Tone.PLAIN)]
        assert found["Protection against fallback (SCSV)"] == [("not known", "closed without an alert", Tone.UNKNOWN)]

    def test_one_that_was_not_asked(self) -> None:
        facts = make.features()
        fewer = facts.model_copy(update={"features": facts.features[1:]})
        assert said(details(fewer).features)["Extended master secret"] == [("not known", "not asked", Tone.UNKNOWN)]

    def test_the_boundary_of_starttls(self) -> None:
        title = "A command sent together with STARTTLS"
        assert said(details(make.boundary()).features)[title] == [("dropped", "NOOP", Tone.PLAIN)]
        answered = make.boundary(answered_inside="250 Ok", clear_text="250 Fine")
        assert said(details(answered).features)[title] == [
            ("answered inside TLS", "250 Ok", Tone.PLAIN),
            ("answered in clear text", "250 Fine", Tone.PLAIN),
        ]
        refused = make.boundary(refused="554 no")
        assert said(details(refused).features)[title] == [("STARTTLS refused", "554 no", Tone.PLAIN)]
        assert said(details(make.tls()).features)[title] == [("not known", "not asked in this run", Tone.UNKNOWN)]
        assert title not in said(details(make.tls(), role=Role.IMAPS).features)


def test_sessions() -> None:
    found = details(
        make.sessions(
            make.session(TLS13, early_data=16384, lifetime=300),
            make.session(TLS12, None, detail="reset"),
            make.session(TlsVersion.TLS11, False),
        )
    ).sessions
    assert {row.title: [cell.words for cell in row.cells] for row in found} == {
        "TLSv1.3": ["resumed by ticket", "ticket for 300 seconds", "early data up to 16384 octets"],
        "TLSv1.2": ["not known"],
        "TLSv1.1": ["not resumed"],
    }
    untold = details(make.sessions(make.session(TLS13, early_data=None))).sessions
    assert untold[0].cells[-1].words == "early data not known"
    assert untold[0].cells[-1].tone is Tone.UNKNOWN


class TestCertificates:
    def test_each_kind_of_client(self) -> None:
        facts = make.shown(
            make.presentation(),
            make.presentation(ClientKind.RSA_ONLY, chain=(), trust=None, refused="alert 40"),
            make.presentation(
                ClientKind.ECDSA_ONLY, chain=(), trust=None, trust_unknown="no chain", unreadable="not DER"
            ),
            unknown={ClientKind.NAMELESS: "no answer in time"},
        )
        found = said(details(facts).certificates)
        leaf, ca, trust, staple = found["Gives the name, takes every key"]
        assert leaf[0] == "CN=mail.example.com"
        assert "names mail.example.com" in leaf[1]
        assert ca[0] == "CN=Example CA"
        assert trust == ("trusted", "the system's trust anchors", Tone.PLAIN)
        assert staple[0] == "no OCSP response stapled"
        assert found["Takes RSA only"] == [("refused", "alert 40", Tone.NOTHING)]
        assert [words for words, _, _ in found["Takes ECDSA only"]][:2] == ["unreadable", "trust not known"]
        assert found["Gives no name"] == [("not known", "no answer in time", Tone.UNKNOWN)]
        assert found["Gives an unknown name"] == [("not known", "not tried", Tone.UNKNOWN)]

    def test_the_plain_look_stands_in_for_the_default_client_alone(self) -> None:
        found = said(details(make.certificates()).certificates)
        assert found["Gives the name, takes every key"][0][0] == "CN=mail.example.com"
        assert found["Takes RSA only"] == [("not known", "not asked in this run", Tone.UNKNOWN)]

    def test_not_trusted(self) -> None:
        trust = make.TRUSTED.model_copy(update={"trusted": False, "code": 18, "error": "self-signed certificate"})
        *_, last = details(make.certificates(trust=trust)).certificates[0].cells
        assert last == TransportCell(words="not trusted", note="self-signed certificate; the system's trust anchors")


class TestClients:
    def test_agreed_refused_and_not_known(self) -> None:
        agreed, old, refused, silent = details(
            make.clients(
                make.client(group="X25519MLKEM768"),
                make.client("Windows 7", version="TLSv1.0", suite="TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
                make.client("Postfix 2.6", False),
                make.client("Exim 4.80", None),
            )
        ).clients
        assert (agreed.accepted, agreed.version, agreed.tone) == (True, "TLSv1.3", Tone.PLAIN)
        assert [mark.words for mark in agreed.marks] == ["post-quantum"]
        assert old.tone is Tone.WEAK
        assert [mark.words for mark in old.marks] == ["3DES", "no forward secrecy", "CBC"]
        assert (refused.accepted, refused.detail, refused.tone) == (False, "alert 70 (protocol_version)", Tone.NOTHING)
        assert (silent.accepted, silent.detail, silent.tone) == (None, "no answer", Tone.UNKNOWN)

    def test_an_old_version_stands_out_with_any_suite(self) -> None:
        [row] = details(make.clients(make.client(version="TLSv1.1", suite="TLS_AES_128_GCM_SHA256"))).clients
        assert row.tone is Tone.WEAK

    def test_not_tried(self) -> None:
        snapshot = make.snapshot(make.seen(make.tls()), make.absent("tls_clients", Absence.BUDGET, "300 connections"))
        [entry] = transport_of(snapshot)
        assert entry.details is not None
        assert entry.details.clients == ()
        assert entry.details.clients_unknown == TransportCell(
            words="not known", note="300 connections", tone=Tone.UNKNOWN
        )
