"""The transport section of the page."""

from __future__ import annotations

import pytest

from smtp_audit.facts.observation import Facts
from smtp_audit.report.html import render
from smtp_audit.report.model import Report
from smtp_audit.report.terminal import summary_lines
from smtp_audit.report.transport.entries import transport_of
from smtp_audit.report.transport.model import Tone
from smtp_audit.report.words import TRANSPORT
from tests import facts_factories as make
from tests.factories import make_report, make_unfinished_report
from tests.report.page import Element, Page, assert_sound
from tests.report.samples import poor_snapshot, sample_report, sound_snapshot
from tests.report.transport_samples import full_transport

DASH = TRANSPORT[Tone.NOTHING].symbol


def page_of(report: Report) -> Page:
    page = Page(render(report))
    assert_sound(page)
    return page


def page_with(*facts: Facts) -> Page:
    return page_of(make_report(transport=transport_of(make.snapshot(*(make.seen(each) for each in facts)))))


def rows_of(page: Page, table: str) -> list[list[Element]]:
    """The rows of the body of a table, as lists of cells."""
    start = next(n for n, element in enumerate(page.elements) if table in element.attributes.get("class", "").split())
    rows: list[list[Element]] = []
    for element in page.elements[start + 1 :]:
        if len(element.path) <= len(page.elements[start].path):
            break
        if element.tag == "tr" and "tbody" in element.path:
            rows.append([])
        elif element.tag in ("th", "td") and "tbody" in element.path:
            rows[-1].append(element)
    return rows


def test_every_tone_has_words() -> None:
    assert set(TRANSPORT) == set(Tone)
    styles = [word.tone for word in TRANSPORT.values()]
    assert len(set(styles)) == len(styles)
    # Colour is never all that tells a tone from a plain one.
    assert all(word.symbol for tone, word in TRANSPORT.items() if tone is not Tone.PLAIN)


@pytest.mark.parametrize("snapshot", [sound_snapshot, poor_snapshot])
def test_a_row_for_each_endpoint(snapshot) -> None:
    report = sample_report(snapshot())
    page = page_of(report)
    rows = rows_of(page, "transport")
    assert [row[0].text.split()[0][: len(e.subject)] for row, e in zip(rows, report.transport, strict=True)] == [
        entry.subject for entry in report.transport
    ]
    for row, entry in zip(rows, report.transport, strict=True):
        assert row[0].attributes["scope"] == "row"
        assert len(row) == (2 if entry.nothing else 7)
        assert all(cell.text for cell in row)
    assert len(page.all("details", class_="transport-of")) == sum(
        entry.details is not None for entry in report.transport
    )


def test_what_a_row_says() -> None:
    page = page_of(make_report(transport=full_transport()))
    whole, closed, tls_alone = rows_of(page, "transport")
    assert whole[1].text.startswith("TLSv1.3TLSv1.2▼weak: TLSv1.1▼weak: TLSv1.0")
    assert "TLS_DH_anon_WITH_AES_256_CBC_SHA anonymous CBC the weakest seen" in whole[2].text
    assert "not always" in whole[4].text
    assert closed[1].attributes["colspan"] == "6"
    assert closed[1].text == f"{DASH}closed the port refuses connections"
    assert all(cell.text == "?not known not asked in this run" for cell in tls_alone[2:])


def test_tables_have_captions_heads_and_scroll_in_their_region() -> None:
    page = page_of(make_report(transport=full_transport()))
    for name in ("transport", "clients"):
        table = page.one("table", class_=name)
        place = page.elements.index(table)
        region = page.elements[place - 1]
        assert (region.attributes["role"], region.attributes["tabindex"]) == ("region", "0")
        assert region.attributes["aria-label"]
        assert page.elements[place + 1].tag == "caption"
        assert page.elements[place + 1].text


def test_rows_lead_to_their_details() -> None:
    page = page_of(make_report(transport=full_transport()))
    details = [each.attributes["id"] for each in page.all("details", class_="transport-of")]
    links = [each.attributes["href"] for each in page.all("a") if each.attributes["href"].startswith("#transport-")]
    assert links == [f"#{name}" for name in details]
    assert len(details) == 2


def test_what_clients_negotiate() -> None:
    page = page_with(
        make.tls(),
        make.clients(
            make.client(group="X25519MLKEM768"),
            make.client("Windows 7", version="TLSv1.0", suite="TLS_RSA_WITH_3DES_EDE_CBC_SHA", group=""),
            make.client("Postfix 2.6", False),
            make.client("Exim 4.80", None),
        ),
    )
    assert [[cell.text for cell in row] for row in rows_of(page, "clients")] == [
        ["Gmail", "sender", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768", "agreed post-quantum"],
        [
            "Windows 7",
            "sender",
            "TLSv1.0",
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            DASH,
            "▼weak: agreed 3DES no forward secrecy CBC",
        ],
        ["Postfix 2.6", "sender", DASH, DASH, DASH, f"{DASH}refused alert 70 (protocol_version)"],
        ["Exim 4.80", "sender", DASH, DASH, DASH, "?not known no answer"],
    ]


def test_suites_are_listed_in_order() -> None:
    page = page_with(make.suites())
    listed = [item.text for item in page.all("li") if item.path[-1] == "ol" and "details" in item.path]
    assert listed[:5] == [*make.TLS13_SUITES, *make.TLS12_SUITES]


def test_without_facts_it_says_so() -> None:
    assert "No endpoint was looked at." in page_of(make_report()).by_id("transport").text
    assert "Nothing yet: the audit has not finished." in page_of(make_unfinished_report()).by_id("transport").text


def test_the_terminal_says_nothing_of_it() -> None:
    report = make_report()
    with_transport = make_report(transport=full_transport())
    assert list(summary_lines(report)) == list(summary_lines(with_transport))
