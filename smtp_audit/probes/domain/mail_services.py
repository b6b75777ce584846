"""Where programs of mail users are sent to."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.mail_services import SERVICES, MailServicesFacts, ServiceRecords
from smtp_audit.limits import MAX_HOSTS
from smtp_audit.probes.domain.approach import DomainApproach
from smtp_audit.probes.domain.host_names import host_answers
from smtp_audit.probes.wire import Transcript
from smtp_audit.published.service import parse_srv

CONFIGURATION_HOSTS = ("autoconfig", "autodiscover")
"""The names that Thunderbird and Outlook derive from a mail domain to ask for settings."""


async def look_for_mail_services(approach: DomainApproach, transcript: Transcript) -> MailServicesFacts:
    """The SRV records of all services, their hosts, and the hosts of automatic configuration."""
    answers, configuration = await asyncio.gather(
        asyncio.gather(*(approach.ask(f"{name}._tcp.{approach.domain}", "SRV", transcript) for name in SERVICES)),
        asyncio.gather(
            *(host_answers(approach, f"{label}.{approach.domain}", transcript) for label in CONFIGURATION_HOSTS)
        ),
    )
    services = tuple(
        ServiceRecords(
            service=name,
            answer=answer,
            records=tuple(sorted(map(parse_srv, answer.records), key=lambda each: (each.priority, each.target))),
        )
        for name, answer in zip(SERVICES, answers, strict=True)
    )
    names = list(dict.fromkeys(record.target for each in services for record in each.offered))
    targets = await asyncio.gather(*(host_answers(approach, name, transcript) for name in names[:MAX_HOSTS]))
    return MailServicesFacts(
        domain=approach.domain,
        services=services,
        targets=tuple(targets),
        configuration=tuple(configuration),
        audited=approach.endpoints,
        left_out=max(0, len(names) - MAX_HOSTS),
    )
