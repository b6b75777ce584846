"""The data about services of others: complete, without doubles, and matched on the border of labels."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.published.senders import external_sender, known_senders


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ("inbound-smtp.eu-west-1.amazonaws.com", "Amazon SES and WorkMail"),
        ("amazonses.com", "Amazon SES and WorkMail"),
        ("abc123.dkim.amazonses.com.", "Amazon SES and WorkMail"),
        ("mx.sendgrid.net", "Twilio SendGrid"),
        ("S1.DOMAINKEY.u1.wl1.SendGrid.NET", "Twilio SendGrid"),
        ("mxa.eu.mailgun.org", "Mailgun"),
        ("spf.mtasv.net", "Postmark"),
        ("sparkpostmail.com", "SparkPost (Bird)"),
        ("spf.mailjet.com", "Mailjet"),
        ("b1.example-com.dkim.brevo.com", "Brevo (Sendinblue)"),
        ("spf.mandrillapp.com", "Mailchimp and Mandrill"),
        ("_spf.elasticemail.com", "Elastic Email"),
        ("dkim.smtp2go.net", "SMTP2GO"),
        ("dkim._domainkey.email-od.com", "SocketLabs"),
        ("sf1.abc.custdkim.salesforce.com", "Salesforce"),
        ("example-com.hs01a.dkim.hubspotemail.net", "HubSpot"),
        ("alt1.aspmx.l.google.com", "Google Workspace"),
        ("_spf.google.com", "Google Workspace"),
        ("example-com.mail.protection.outlook.com", "Microsoft 365"),
        ("example-com.a-v1.mx.microsoft", "Microsoft 365"),
        ("selector1-example-com._domainkey.example.onmicrosoft.com", "Microsoft 365"),
        ("selector1-example-com._domainkey.example.w-v1.dkim.mail.microsoft", "Microsoft 365"),
        ("mx2.zoho.eu", "Zoho"),
        ("in1-smtp.messagingengine.com", "Fastmail"),
        ("fm1.example.com.dkim.fmhosted.com", "Fastmail"),
        ("mailsec.protonmail.ch", "Proton Mail"),
        ("mx.yandex.net", "Yandex"),
        ("mx0a-001b2d01.pphosted.com", "Proofpoint"),
        ("eu-smtp-inbound-1.mimecast.com", "Mimecast"),
        ("mx00.ionos.de", "IONOS Mail"),
    ],
)
def test_names_that_belong_to_a_service(name: str, sender: str) -> None:
    found = external_sender(name)
    assert found is not None
    assert found.name == sender


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "com",
        "mail.example.com",
        "notsendgrid.net",
        "sendgrid.net.example.com",
        "net",
        "ec2-203-0-113-7.eu-west-1.compute.amazonaws.com",
        "vm.westeurope.cloudapp.azure.com",
        "inbound-smtp.amazonaws.com",
        "inbound-smtp.a.b.amazonaws.com",
        "static.7.113.0.203.clients.your-server.de",
        "google.com.example",
        "%{d}.spf.example.com",
    ],
)
def test_names_that_belong_to_nobody(name: str) -> None:
    assert external_sender(name) is None


def test_every_service_shows_somewhere_and_has_a_source() -> None:
    for sender in known_senders().sender:
        assert sender.mx or sender.spf or sender.dkim, sender.name
        assert all(source.startswith("https://") for source in sender.sources), sender.name
    assert known_senders().dated >= date(2026, 11, 25)


def test_no_service_and_no_name_is_there_twice() -> None:
    senders = known_senders().sender
    assert [name for name, times in Counter(each.name for each in senders).items() if times > 1] == []
    owners: dict[str, set[str]] = {}
    for each in senders:
        for suffix in (*each.mx, *each.spf, *each.dkim):
            owners.setdefault(suffix, set()).add(each.name)
    assert {suffix: names for suffix, names in owners.items() if len(names) > 1} == {}


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    external_sender(text)
