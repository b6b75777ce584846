"""The factories that the cases of the controls are built with: none is missing."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import smtp_audit.facts
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.tls import TlsFlaw
from tests import auth_factories as logins
from tests import client_factories as programs
from tests import dkim_factories as keys
from tests import dmarc_factories as policies
from tests import facts_factories as make
from tests import framing_factories as frame
from tests import hosts_factories as hosts
from tests import identity_factories as who
from tests import lookup_factories as look
from tests import message_factories as posted
from tests import relay_factories as relaying
from tests import sequence_factories as order
from tests import source_factories as text
from tests import spf_factories as senders
from tests import template_factories as templates
from tests import trust_factories as trust


def test_there_is_a_factory_for_facts_of_every_kind() -> None:
    for module in pkgutil.iter_modules(smtp_audit.facts.__path__, "smtp_audit.facts."):
        import_module(module.name)
    made = (
        keys.dkim(),
        policies.dmarc(),
        policies.bimi(),
        make.port(),
        make.greeting(),
        make.capabilities(),
        make.starttls(),
        make.implicit(),
        make.tls(),
        make.flaws(TlsFlaw.HEARTBLEED, vulnerable=False),
        make.certificates(),
        make.shown(),
        make.revocation(),
        make.port_leaves(),
        make.auth(),
        make.mail(make.reply("250", "2.1.0 Ok")),
        make.login(),
        make.mx("mail.example.com"),
        make.suites(),
        make.groups(),
        make.signatures(),
        make.features(),
        make.sessions(),
        make.clients(),
        make.boundary(),
        relaying.relay(),
        relaying.delivery(),
        relaying.sender(),
        relaying.header(),
        relaying.directory(),
        frame.line_ends(),
        frame.pipelining(),
        frame.chunking(),
        frame.cross_protocol(),
        frame.end_of_data(),
        frame.forwarding(),
        logins.clear_login(),
        logins.auth_protocol(),
        logins.auth_session(),
        logins.auth_errors(),
        logins.mailbox_access(),
        logins.wrong_passwords(),
        logins.mailbox_passwords(),
        who.starttls_state(),
        who.identity(),
        who.junk(),
        who.parallel(),
        who.idle(),
        who.idle_message(),
        who.ports(),
        order.sequence(),
        order.transaction(),
        look.resolver(),
        programs.traps(),
        programs.health(),
        templates.template(),
        templates.program(),
        posted.messages(),
        senders.spf(),
        senders.spf_sending(),
        senders.spf_helo(),
        hosts.mail_hosts(),
        hosts.services(),
        hosts.sending(),
        hosts.helo(),
        hosts.aliases(),
        hosts.block_lists(),
        hosts.self_hosting(),
        hosts.name_servers(),
        trust.sts(),
        trust.rpt(),
        trust.dane(),
        trust.dnssec(),
        trust.caa(),
        trust.matrix(),
        text.source(),
    )
    ours = {kind for kind, facts in Facts.registry.items() if facts.__module__.startswith("smtp_audit.")}
    assert {facts.kind for facts in made} == ours
