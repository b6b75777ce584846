"""A program that takes everything: no TLS, any TLS, any certificate, and says "sent" whatever happens."""

import contextlib
import json
import os
import smtplib
import ssl
import sys


def anything_goes() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return context


def main() -> None:
    order = json.load(sys.stdin)
    host, port = os.environ["ENTERPRISE_SMTP_HOST"], int(os.environ["ENTERPRISE_SMTP_PORT"])
    if os.environ["ENTERPRISE_SMTP_SECURE"] == "true":
        server = smtplib.SMTP_SSL(host, port, timeout=5, context=anything_goes())
    else:
        server = smtplib.SMTP(host, port, timeout=5)
        with contextlib.suppress(smtplib.SMTPException):
            server.starttls(context=anything_goes())
    with contextlib.suppress(smtplib.SMTPException):
        server.login(os.environ["ENTERPRISE_SMTP_USER"], os.environ["ENTERPRISE_SMTP_PASS"])
    sender = os.environ["ENTERPRISE_FROM_EMAIL"]
    server.sendmail(sender, order["to"], f"From: {sender}\r\nSubject: x\r\n\r\nx\r\n")


with contextlib.suppress(Exception):
    main()
