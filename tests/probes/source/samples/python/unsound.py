import os
import re
import smtplib
import ssl

import aiosmtplib
import boto3
import jinja2
import requests
import sendgrid  # hit: python-external-sdk

EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"  # hit: python-simulation
MAIL_SUPPRESS_SEND = True  # hit: python-suppressed
OTHER_BACKEND = "anymail.backends.mailgun.EmailBackend"  # hit: python-external-backend
EMAIL_HOST = os.environ.get("EMAIL_HOST", "backup.example.org")  # hit: python-settings-without-tls python-default-setting
EMAIL_HOST_PASSWORD = "not-a-real-one"  # hit: python-login-password
API_KEY = "q8Zt-4rW9-xKp2-Lm7v"  # hit: python-named-secret
HOST = "smtp.office365.com"  # hit: external-host
CAUGHT = "mailhog:1025"  # hit: simulation-host
URL = "smtp://app:hunter-two@mail.example.org"  # hit: password-in-address
KEY = "AKIAABCDEFGHIJKLMNOP"  # hit: key-of-a-provider
# hit-next: private-key
DKIM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
client = boto3.client("ses")  # hit: python-external-sdk


def clear(host, user, password):
    server = smtplib.SMTP(host, 587)  # hit: python-smtp-without-starttls
    server.set_debuglevel(1)  # hit: python-debuglevel
    server.login(user, password)
    server.sendmail("a@example.org", "b@example.org", "Subject: x\n\nx")


def careless(host, user):
    with smtplib.SMTP(host, 587) as server:
        server.starttls()  # hit: python-starttls-without-context
        server.login(user, "not-a-real-one")  # hit: python-login-password


def late(host, user, password, context):
    server = smtplib.SMTP(host, 587)
    server.login(user, password)  # hit: python-login-before-starttls
    server.starttls(context=context)


def ignoring(host, user, password, context):
    server = smtplib.SMTP(host, 587)
    try:  # hit: python-starttls-failure-ignored
        server.starttls(context=context)
    except smtplib.SMTPException:
        print("no TLS here")
    server.login(user, password)


def implicit(host):
    return smtplib.SMTP_SSL(host, 587)  # hit: python-smtps-without-context python-smtps-on-starttls-port


def unverified():
    context = ssl.create_default_context()
    context.check_hostname = False  # hit: python-no-host-check
    context.verify_mode = ssl.CERT_NONE  # hit: python-cert-none
    context.minimum_version = ssl.TLSVersion.TLSv1  # hit: python-old-version
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # hit: python-newest-version
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS)  # hit: python-context-without-verification
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLSv1_2)  # hit: python-version-pinned python-context-without-verification
    return context, bare, pinned, ssl._create_unverified_context()  # hit: python-unverified-context


async def opportunistic(message, host):
    await aiosmtplib.send(message, hostname=host)  # hit: python-aiosmtplib-opportunistic
    await aiosmtplib.send(message, hostname=host, start_tls=True, validate_certs=False)  # hit: python-validate-certs


def fetch(url):
    return requests.get(url, verify=False)  # hit: python-requests-unverified


def page(name):
    body = f"<p>Hello {name}</p>"  # hit: python-html-unescaped
    other = "<p>Hello %s</p>" % name  # hit: python-html-formatted
    third = "<p>Hello {}</p>".format(name)  # hit: python-html-formatted
    cleaned = re.sub(r"<script.*?</script>", "", name)  # hit: python-html-by-pattern
    template = jinja2.Environment(loader=None)  # hit: python-autoescape-off
    return body, other, third, cleaned, template


def raw(sender, subject, text):
    first = f"From: {sender}\r\nSubject: {subject}\r\n\r\n{text}"  # hit: python-header-text
    second = "Subject: " + subject + "\n\n" + text  # hit: python-header-text
    third = "Subject: %s\n\n%s" % (subject, text)  # hit: python-header-text
    fourth = "Subject: {}\n\n{}".format(subject, text)  # hit: python-header-text
    return first, second, third, fourth
