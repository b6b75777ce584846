"""The report as one HTML file: nothing is fetched, nothing runs, nothing from outside can break out of its place."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from smtp_audit.record import Status
from smtp_audit.report.anchors import Anchors
from smtp_audit.report.cards import sections
from smtp_audit.report.exhibits import Exhibits
from smtp_audit.report.matrix import attestation_rows, clause_rows, segments, waiver_rows
from smtp_audit.report.model import Report
from smtp_audit.report.overview import counts, grids, subject_rows
from smtp_audit.report.reasons import grouped_reasons
from smtp_audit.report.transport.model import TransportDetails, TransportRow
from smtp_audit.report.visible import visible, visible_line
from smtp_audit.report.words import (
    AGREEMENT,
    CLAUSE,
    MEDIUM,
    SEVERITY_TONE,
    STATUS,
    TRANSPORT,
    certificate_reasons,
    verdict,
)


def render(report: Report) -> str:
    """The page. Every string of the report passes `visible` and then the template engine's escaping."""
    anchors = Anchors()
    exhibits = Exhibits(report.records, anchors)
    rows = subject_rows(report)
    parts = sections(report.records, exhibits, anchors)
    style = _style()
    counted = {effort.address for effort in report.identity.efforts}
    page: dict[str, Any] = {
        "report": report,
        "policy": f"default-src 'none'; style-src '{_source(style)}'; base-uri 'none'; form-action 'none'",
        "style": Markup(style),  # noqa: S704 (a file of this package)
        "verdict": verdict(report),
        "target": _target(report.identity.targets),
        "certificate_reasons": certificate_reasons(report),
        "accounted": _accounted(report, anchors),
        "reasons": grouped_reasons(report),
        "counts": counts(report.records),
        "other_addresses": [address for address in report.identity.addresses if address not in counted],
        "subjects": rows,
        "grids": grids(report, rows, anchors),
        "topics": _topics,
        "findings": [part for part in parts if part.finding],
        "others": [part for part in parts if not part.finding],
        "segments": segments(report),
        "clauses": clause_rows(report, anchors),
        "waivers": waiver_rows(report, anchors),
        "attestations": attestation_rows(report, anchors),
        "exhibits": exhibits.by_subject(),
        "anchors": anchors,
        "known_clauses": {row.clause for row in report.coverage.clauses},
    }
    return _template().render(page)


def _target(targets: Sequence[str]) -> str:
    """The targets for a title, domains and hosts by name, endpoints counted; the identity block has all of them."""
    if len(targets) < 2:
        return targets[0] if targets else "no target"
    endpoints = [target for target in targets if _ENDPOINT.search(target)]
    names = [target for target in targets if target not in endpoints]
    if not names:
        return _some(endpoints, 1, "endpoint")
    more = [_counted(len(endpoints), "endpoint")] if endpoints else []
    return ", ".join((_some(names, 3, "name"), *more))


_ENDPOINT = re.compile(r"=|^[^:]*:\d+$|\]:\d+$")
"""A role and a place, or a place with a port: ``mx=mail.example.com:25``, ``mail.example.com:25``, ``[::1]:25``."""


def _some(named: Sequence[str], most: int, noun: str) -> str:
    left_out = len(named) - most
    shown = ", ".join(named[:most])
    if left_out < 1:
        return shown
    return f"{shown} and {left_out} more {noun if left_out == 1 else f'{noun}s'}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else f'{noun}s'}"


def _topics(details: TransportDetails) -> tuple[tuple[str, Sequence[TransportRow]], ...]:
    """The topics of an endpoint's transport in reading order, by their headings."""
    return (
        ("Versions", details.versions),
        ("Groups of the key exchange", details.groups),
        ("Signature schemes", details.signatures),
        ("Features", details.features),
        ("Sessions and tickets", details.sessions),
        ("Certificates by kind of client", details.certificates),
    )


def _accounted(report: Report, anchors: Anchors) -> list[tuple[int, str, str]]:
    """What a reader of an open gate has to know all the same: how many results of which kind, and where they are."""
    if not report.gate.open:
        return []
    kinds = (
        (Status.WAIVED, "waived"),
        (Status.ADVISORY, "advisory"),
        (Status.NOT_RUN, "not run, which the profile only lists"),
    )
    numbers = [(sum(r.status is status for r in report.records), words, status) for status, words in kinds]
    return [(number, words, anchors("status", status)) for number, words, status in numbers if number]


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(line=visible_line, when=_when)
    environment.globals.update(STATUS=STATUS, CLAUSE=CLAUSE, MEDIUM=MEDIUM, SEVERITY_TONE=SEVERITY_TONE)
    environment.globals.update(TRANSPORT=TRANSPORT, AGREEMENT=AGREEMENT)
    return environment.get_template("report.html.j2")


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@cache
def _style() -> str:
    return _read("report.css")


def _source(style: str) -> str:
    """The hash that lets exactly this style sheet apply (CSP level 2, section 4.2.5)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (resources.files("smtp_audit.report") / "templates" / name).read_text(encoding="utf-8")
