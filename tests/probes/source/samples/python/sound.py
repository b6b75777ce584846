import html
import os
import re
import smtplib
import ssl

import aiosmtplib
import jinja2
import requests

# near: python-external-sdk -- import sendgrid
import resend_own  # near: python-external-sdk

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # near: python-simulation python-external-backend
MAIL_SUPPRESS_SEND = False  # near: python-suppressed
EMAIL_HOST = os.environ["EMAIL_HOST"]  # near: python-default-setting
EMAIL_USE_TLS = True  # near: python-settings-without-tls
EMAIL_HOST_PASSWORD = os.environ["EMAIL_HOST_PASSWORD"]  # near: python-login-password
API_KEY = "your-api-key"  # near: python-named-secret
PASSWORD_RESET_TIMEOUT = "60 minutes"  # near: python-named-secret
HOST = "smtp.office365.com.example.org"  # near: external-host
CAUGHT = "mailhog-like"  # near: simulation-host
URL = "smtp://%s:%s@mail.example.org"  # near: password-in-address
KEY = "AKIA-short"  # near: key-of-a-provider
MARK = "-----BEGIN PRIVATE KEY-----"  # near: private-key


def demanded(host, user, password):
    server = smtplib.SMTP(host, 587)
    server.set_debuglevel(0)  # near: python-debuglevel
    server.starttls(context=ssl.create_default_context())  # near: python-starttls-without-context python-smtp-without-starttls
    server.login(user, password)  # near: python-login-before-starttls


def helper(host, secure):
    server = smtplib.SMTP(host, 587)  # near: python-smtp-without-starttls
    secure(server)
    server.login("app", os.environ["SMTP_PASS"])


def local(message):
    with smtplib.SMTP("127.0.0.1") as server:  # near: python-smtp-without-starttls
        server.send_message(message)


def failing(host, context):
    server = smtplib.SMTP(host, 587)
    try:  # near: python-starttls-failure-ignored
        server.starttls(context=context)
    except smtplib.SMTPException:
        server.close()
        raise
    return server


class Kept:
    def open(self, host, context):
        self.server = smtplib.SMTP(host, 587)  # near: python-smtp-without-starttls
        self.server.starttls(context=context)

    def send(self, user, password):
        self.server.login(user, password)


def implicit(host):
    return smtplib.SMTP_SSL(host, 465, context=ssl.create_default_context())  # near: python-smtps-without-context python-smtps-on-starttls-port


def verified(context):
    if context.verify_mode == ssl.CERT_NONE:  # near: python-cert-none
        raise ValueError("no verification")
    context.check_hostname = True  # near: python-no-host-check
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # near: python-old-version
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED  # near: python-newest-version
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # near: python-context-without-verification python-version-pinned
    name = "_create_unverified_context"  # near: python-unverified-context
    return own, name


async def demanding(message, host, context):
    await aiosmtplib.send(message, hostname=host, start_tls=True, validate_certs=True)  # near: python-aiosmtplib-opportunistic python-validate-certs


def fetch(url, token, jwt):
    return requests.get(url, verify="ca.pem"), jwt.decode(token, verify=False)  # near: python-requests-unverified


def page(name):
    body = f"<p>Hello {html.escape(name)}, {len(name)} letters</p>"  # near: python-html-unescaped
    other = "<p>Hello %s</p>" % html.escape(name)  # near: python-html-formatted
    log = f"{name} is done"  # near: python-html-unescaped
    found = re.search(r"<script", name)  # near: python-html-by-pattern
    template = jinja2.Environment(autoescape=True)  # near: python-autoescape-off
    return body, other, log, found, template


def told(message, subject, sender):
    message["Subject"] = subject  # near: python-header-text
    print(f"From: {sender}")  # near: python-header-text
