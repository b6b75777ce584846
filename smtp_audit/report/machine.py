"""The report as JSON: the source of truth for programs, with a published JSON Schema (docs/report.schema.json).

`python -m smtp_audit.report.machine` prints the schema.
"""

from __future__ import annotations

import json
from typing import Any, Final

from smtp_audit.report.model import REPORT_VERSION, Report

SCHEMA_ID: Final = f"urn:smtp-audit:report:{REPORT_VERSION}"
"""The `$id` of the schema; its number changes when a reader of the old form would misread the new one."""


def dump(report: Report) -> str:
    """The report as JSON text, all ASCII; the same report gives the same text.

    A lone surrogate, which no other program could read, becomes U+FFFD.
    """
    content = _readable(report.model_dump(mode="json"))
    return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `dump`. Unknown keys are allowed: later versions of the tool may add some."""
    found = Report.model_json_schema(mode="serialization")
    definitions = found.pop("$defs")
    for name, definition in (("Report", found), *definitions.items()):
        _polish(name, definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "smtp_audit report",
        "description": "What one run of smtp_audit found on a mail server, and whether its gate is open. A deployment "
        "may go ahead only when gate.open is true in a report that the same run wrote.",
        **{key: value for key, value in found.items() if key not in ("title", "description")},
        "$defs": definitions,
    }


def _polish(name: str, definition: dict[str, Any]) -> None:
    definition.pop("additionalProperties", None)
    if "properties" not in definition:
        return
    definition["required"] = list(definition["properties"])  # every key is written, those with a default too
    texts = _DESCRIPTIONS.get(name, {})
    for key, value in definition["properties"].items():
        value.pop("title", None)
        value.pop("default", None)
        if key in texts:
            value["description"] = texts[key]


_DESCRIPTIONS: Final[dict[str, dict[str, str]]] = {
    "Report": {
        "format": "Always smtp-audit-report.",
        "version": "The version of this form.",
        "finished": "False in the closed report that stands while a run is under way, and after it was killed.",
        "complete": "Every control of the profile within the scope was judged or is accounted for.",
        "gate": "Open or closed, with reasons.",
        "certificate": "full only when every clause of the profile is met or attested, in the scope that it demands.",
        "identity": "What was audited, when, from where and with what.",
        "profile": "Which profile judged, against which standard.",
        "controls": "Every control of the profile, in its order; one that applied to no subject has no record.",
        "records": "One for each control and subject.",
        "coverage": "The clause matrix.",
        "waivers": "All waivers of the configuration.",
        "unused_waivers": "Those of them that met no record.",
        "attestations": "All attestations of the configuration, valid or not.",
        "notes": "Remarks on the run as a whole.",
        "transport": "What was seen of the transport of each endpoint at each address, in words for a reader; the "
        "snapshot has the facts, the records the verdicts.",
        "domains": "The MX hosts of each mail domain beside what is published of them, in words for a reader.",
        "counts": "How many records have each status.",
        "clause_counts": "How many clauses have each status.",
    },
    "Gate": {
        "open": "True only when there is no reason to keep it closed.",
        "reasons": "Why it is closed; empty when it is open.",
        "threshold": "The lowest severity that blocks.",
    },
    "Record": {
        "control": "The id of the control, never renamed.",
        "title": "The requirement, as a statement that is true when the control passes.",
        "subject": "What was judged: host:port of an endpoint (an IPv6 address in brackets), or a mail domain.",
        "group": "What the subject belongs to: the host.",
        "label": "What tells the subject from others of its group: the port.",
        "role": "The role of an endpoint; empty for other subjects.",
        "status": "What became of the control on the subject.",
        "severity": "How bad a failure is, by the profile.",
        "summary": "One line: what was observed.",
        "expected": "What a passing subject does.",
        "rationale": "Why it matters.",
        "clauses": "The clauses of the profile's standard that it helps to show.",
        "spec": "The sources of the requirement.",
        "medium": "The way the requirement was shown.",
        "safety": "What the control's probe does to the server: passive, active, intrusive or slow.",
        "when_not_run": "Whether the gate closes when the control was not run, or it is only listed.",
        "evidence": "The lines that show it, escaped, redacted and capped.",
        "software": "What the server's own words say it is; empty when they do not.",
        "remedy": "What to do, by software.",
        "waiver": "The waiver that the record met, if any.",
    },
    "Evidence": {
        "kind": "observed: the lines that the verdict rests on; transcript: the conversation around them.",
        "title": "What the lines are, and from which address.",
        "lines": "Printable ASCII; other octets as \\xNN, the backslash doubled.",
    },
    "EndpointTransport": {
        "subject": "The endpoint, as in the records.",
        "role": "Its role, and how TLS starts.",
        "address": "The address talked to; empty when it is not known.",
        "nothing": "Why there is nothing to tell; null when there is something.",
        "glance": "The endpoint in one line, topic by topic; null when there is nothing to tell.",
        "details": "Everything that was seen, topic by topic; null when there is nothing to tell.",
    },
    "TransportDetails": {
        "clients": "What the server negotiated with each well-known client.",
        "clients_unknown": "Why there are no clients; null when there are.",
    },
    "TransportCell": {
        "words": "What was seen, or that it is not known.",
        "note": "More of it, or the reason why it is not known.",
        "tone": "plain; weak: a suite of a weak kind, a version below TLS 1.2, a certificate out of its time; unknown: "
        "not known, or not all of it; nothing: seen not to be there.",
        "marks": "Traits in a word or two.",
    },
    "ClientRow": {
        "client": "The client whose recorded hello was sent.",
        "sort": "What sort of program it is.",
        "accepted": "Whether there was a handshake; null when that is not known.",
        "detail": "How it was refused, or why it is not known.",
    },
    "DomainMatrix": {
        "domain": "The mail domain, as in the records.",
        "policy": "Its MTA-STS policy in a line; empty when there is none, or it is not known.",
        "nothing": "Why there are no MX hosts to show; null when there are.",
        "lines": "One for each MX host.",
    },
    "MatrixCell": {
        "words": "What came of comparing.",
        "note": "More of it, or the reason why it is not known.",
        "agreement": "agrees, differs, unknown: it could not be seen or compared; nothing: there is nothing "
        "to compare.",
    },
    "Coverage": {
        "standard": "The id of the standard.",
        "clauses": "One entry for every clause, in the standard's order.",
    },
    "ClauseCoverage": {
        "clause": "The id of the clause.",
        "note": "Where the standard contradicts itself, which side the profiles take.",
        "ways": "Every way of showing the clause, with what this run says of it.",
        "attestation": "The valid attestation that was counted, if any.",
    },
    "Identity": {
        "subjects": "What was looked at.",
        "scope": "The chapters that this run was about; the gate judges within them.",
        "started": "When gathering began (UTC); null when it has not.",
        "finished": "When gathering ended (UTC).",
        "judged": "When the facts were judged (UTC).",
        "efforts": "What each address was asked to bear.",
        "snapshot_sha256": "The hash of snapshot.json; empty when there is none.",
        "recorded": "The facts were read from a snapshot file, not gathered in this run.",
    },
}


def schema_text() -> str:
    """The schema as the file `docs/report.schema.json` has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(schema_text())
