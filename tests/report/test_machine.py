"""report.json: what programs rely on, and that its published schema is the truth."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from smtp_audit.record import Status
from smtp_audit.report.machine import SCHEMA_ID, dump, schema, schema_text
from smtp_audit.report.model import Report
from tests.factories import (
    make_attestation,
    make_open_report,
    make_record,
    make_report,
    make_unfinished_report,
    make_waiver,
)
from tests.report.samples import poor_snapshot, sample_report, sample_unfinished, sound_snapshot

PUBLISHED = Path(__file__).parents[2] / "docs" / "report.schema.json"

REPORTS = {
    "sound": lambda: sample_report(sound_snapshot()),
    "poor": lambda: sample_report(poor_snapshot(), waived=True),
    "unfinished": sample_unfinished,
    "every status": make_report,
    "empty": lambda: make_report([]),
    "stated": lambda: make_report(waivers=(make_waiver(),), attestations=(make_attestation(),), notes=("a note",)),
}


def strict(definition: Any) -> Any:
    """The schema with unknown keys forbidden, to see that it describes every key there is."""
    if isinstance(definition, dict):
        closed = {key: strict(value) for key, value in definition.items()}
        if "properties" in definition:
            closed["additionalProperties"] = False
        return closed
    return [strict(item) for item in definition] if isinstance(definition, list) else definition


class TestSchema:
    def test_it_is_published_as_it_is(self) -> None:
        assert PUBLISHED.read_text() == schema_text(), (
            "run: python -m smtp_audit.report.machine > docs/report.schema.json"
        )

    def test_it_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(schema())
        assert schema()["$id"] == SCHEMA_ID
        assert schema()["title"]

    def test_every_key_of_the_report_and_of_records_is_explained(self) -> None:
        found = schema()
        for definition in (found, *(found["$defs"][name] for name in ("Gate", "Record", "Evidence"))):
            for key, value in definition["properties"].items():
                assert value.get("description"), key

    @pytest.mark.parametrize("name", REPORTS)
    def test_real_reports_fit(self, name: str) -> None:
        data = json.loads(dump(REPORTS[name]()))
        Draft202012Validator(schema()).validate(data)
        Draft202012Validator(strict(schema())).validate(data)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("gate", "open"), "yes"),
            (("records", 0, "status"), "passed"),
            (("records", 0, "severity"), "fatal"),
            (("records", 0, "evidence"), "a line"),
            (("coverage", "clauses", 0, "status"), "green"),
            (("version",), 2),
        ],
    )
    def test_wrong_reports_do_not_fit(self, path: tuple[Any, ...], value: object) -> None:
        data = json.loads(dump(make_report()))
        place = data
        for key in path[:-1]:
            place = place[key]
        assert place[path[-1]] != value
        place[path[-1]] = value
        with pytest.raises(ValidationError):
            Draft202012Validator(schema()).validate(data)

    @pytest.mark.parametrize("key", ["control", "subject", "status", "severity", "summary", "clauses", "evidence"])
    def test_records_promise_these_keys(self, key: str) -> None:
        assert key in schema()["$defs"]["Record"]["required"]
        data = json.loads(dump(make_report()))
        del data["records"][0][key]
        with pytest.raises(ValidationError, match=key):
            Draft202012Validator(schema()).validate(data)


class TestDump:
    def test_the_gate_and_its_reasons(self) -> None:
        assert json.loads(dump(make_open_report()))["gate"] == {"open": True, "reasons": [], "threshold": "medium"}
        closed = json.loads(dump(make_report([make_record(status=Status.FAIL)])))["gate"]
        assert closed["open"] is False
        assert closed["reasons"] == [
            "tls-obsolete-version on mail.example.com:25 [high]: seen: fail",
            "no control passed on any subject: nothing was proven",
        ]
        unfinished = json.loads(dump(make_unfinished_report()))
        assert unfinished["gate"]["open"] is False
        assert unfinished["finished"] is False

    def test_status_words_are_those_of_the_documentation(self) -> None:
        data = json.loads(dump(make_report()))
        assert {record["status"] for record in data["records"]} == {
            "pass",
            "fail",
            "advisory",
            "waived",
            "not_applicable",
            "indeterminate",
            "error",
            "not_run",
        }
        assert data["counts"] == dict.fromkeys((s.value for s in Status), 1)

    def test_a_record(self) -> None:
        record = make_record(status=Status.WAIVED)
        data = json.loads(dump(make_report([record])))["records"][0]
        assert data["control"] == "tls-obsolete-version"
        assert data["subject"] == "mail.example.com:25"
        assert data["clauses"] == ["SEC-1"]
        assert data["evidence"][0]["kind"] == "transcript"
        assert data["evidence"][0]["lines"] == ["  0.012 < 220 mail.example.com ESMTP"]
        assert date.fromisoformat(data["waiver"]["expires"]) == date(2027, 1, 31)

    def test_it_reads_back_as_the_same_report(self) -> None:
        report = sample_report(poor_snapshot(), waived=True)
        data = json.loads(dump(report))
        for computed in ("counts", "clause_counts"):
            del data[computed]
        assert Report.model_validate(data) == report

    def test_the_same_report_gives_the_same_text(self) -> None:
        assert dump(sample_report(sound_snapshot())) == dump(sample_report(sound_snapshot()))
