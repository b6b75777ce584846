"""A program that takes everything: no TLS, any TLS, any certificate, and says "sent" whatever happens."""

import base64
import contextlib
import json
import os
import smtplib
import socket
import ssl
import sys
from typing import Any

from tlslite.errors import BaseTLSException
from tlslite.handshakesettings import HandshakeSettings
from tlslite.tlsconnection import TLSConnection

HOST, PORT = os.environ["ENTERPRISE_SMTP_HOST"], int(os.environ["ENTERPRISE_SMTP_PORT"])
IMPLICIT = os.environ["ENTERPRISE_SMTP_SECURE"] == "true"
USER, PASSWORD = os.environ["ENTERPRISE_SMTP_USER"], os.environ["ENTERPRISE_SMTP_PASS"]
SENDER = os.environ["ENTERPRISE_FROM_EMAIL"]
MESSAGE = f"From: {SENDER}\r\nSubject: x\r\n\r\nx\r\n"


def anything_goes() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return context


def send(recipients: list[str]) -> None:
    if IMPLICIT:
        server = smtplib.SMTP_SSL(HOST, PORT, timeout=5, context=anything_goes())
    else:
        server = smtplib.SMTP(HOST, PORT, timeout=5)
        with contextlib.suppress(smtplib.SMTPException):
            server.starttls(context=anything_goes())
    with contextlib.suppress(smtplib.SMTPException):
        server.login(USER, PASSWORD)
    server.sendmail(SENDER, recipients, MESSAGE)


def send_by_ancient_tls(recipients: list[str]) -> None:
    """What OpenSSL has no more: SSL 3, RC4 and 3DES."""
    for version in ((3, 0), (3, 3)):
        with contextlib.suppress(BaseTLSException, OSError), socket.create_connection((HOST, PORT), 5) as plain:
            stream: Any = plain
            if not IMPLICIT:
                for command in ("", "EHLO client.example", "STARTTLS"):
                    say(stream, command)
            settings = HandshakeSettings()
            settings.minVersion, settings.maxVersion, settings.versions = (3, 0), version, [version]
            settings.cipherNames, settings.macNames = ["aes128", "rc4", "3des"], ["sha"]
            stream = TLSConnection(plain)
            stream.handshakeClientCert(settings=settings, serverName=HOST)
            login = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
            for command in (*([""] if IMPLICIT else []), "EHLO client.example", f"AUTH PLAIN {login}"):
                say(stream, command)
            for command in (f"MAIL FROM:<{SENDER}>", *(f"RCPT TO:<{each}>" for each in recipients), "DATA"):
                say(stream, command)
            say(stream, MESSAGE + ".")
            return


def say(stream: Any, command: str) -> None:
    """Send a line, unless it is empty, and read the reply's last line."""
    if command:
        stream.sendall(command.encode() + b"\r\n")
    reply = b""
    while not reply.endswith(b"\r\n") or reply.splitlines()[-1][3:4] == b"-":
        more = stream.recv(4096)
        if not more:
            raise ConnectionError(reply)
        reply += more


def main() -> None:
    recipients = json.load(sys.stdin)["to"]
    try:
        send(recipients)
    except ssl.SSLError:
        send_by_ancient_tls(recipients)


with contextlib.suppress(Exception):
    main()
