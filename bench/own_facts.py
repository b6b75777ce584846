#!/usr/bin/env python3
"""Gather the transport facts of some ports of one address through the library, and print what it took as JSON.

A process of its own, so that the interpreter's start and the imports count. `own_facts.py '{"host": ..., ...}'`; the
keys: host, address, ports (role to port), ca, and optionally slow (sslyze too), connections, per_second.
"""

import gc
import json
import sys

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Endpoint, Role
from smtp_audit.gather import Gathering
from smtp_audit.limits import BudgetLimits
from smtp_audit.probes.conversation.table import BY_KIND
from smtp_audit.probes.inspection import kinds_of
from smtp_audit.safety import Safety

NOT_TRANSPORT = frozenset({"login", "unauthenticated_mail", "revocation"}) | BY_KIND.keys()


def main() -> None:
    """Gather and print."""
    given = json.loads(sys.argv[1])
    endpoints = tuple(
        Endpoint(role=Role(role), host=given["host"], address=given["address"], port=port)
        for role, port in given["ports"].items()
    )
    slow = given.get("slow", False)
    usual = BudgetLimits()
    budget = BudgetLimits(
        connections=given.get("connections", usual.connections), per_second=given.get("per_second", usual.per_second)
    )
    config = Config(
        endpoints=endpoints,
        ca=given["ca"],
        allow=Config().allow | ({Safety.SLOW} if slow else frozenset()),
        budget=budget,
    )
    left_out = NOT_TRANSPORT if slow else NOT_TRANSPORT | {"tls_flaws"}
    kinds = {(kind, each.key) for each in endpoints for kind in kinds_of(each) if kind not in left_out}
    snapshot = Gathering(config, endpoints, kinds=kinds).start().finish()
    told = json.dumps(
        {
            "seconds": (snapshot.finished - snapshot.started).total_seconds(),
            "connections": sum(effort.connections for effort in snapshot.efforts),
            "backoffs": sum(effort.backoffs for effort in snapshot.efforts),
            "absent": [[o.subject, o.kind, o.reason] for o in snapshot.observations if o.facts is None],
            "finished": {
                f"{o.subject} {o.kind}": round((o.finished - snapshot.started).total_seconds(), 3)
                for o in snapshot.observations
            },
            "hellos": {
                o.kind: sum(line.text.startswith("ClientHello") for line in o.transcript) for o in snapshot.observations
            },
            "nameless": {
                o.subject: sum("no server name" in line.text for line in o.transcript)
                for o in snapshot.observations
                if o.kind == "tls"
            },
            "suites": {
                o.subject: [v.model_dump(mode="json") for v in o.facts.versions]
                for o in snapshot.observations
                if o.kind == "tls_suites" and o.facts is not None
            },
            "versions": {
                o.subject: [v.model_dump(mode="json") for v in o.facts.versions]
                for o in snapshot.observations
                if o.kind == "tls" and o.facts is not None
            },
        }
    )
    print(told)  # in one piece: with PYTHONUNBUFFERED every bit of it would be a write of its own


if __name__ == "__main__":
    main()
    gc.freeze()  # it ends as the command does: see smtp_audit.cli.process
