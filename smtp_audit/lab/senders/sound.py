"""A sound sender: smtplib with STARTTLS demanded, certificates checked, and failures reported."""

import json
import os
import smtplib
import ssl
import sys
from email.message import EmailMessage

SECONDS = float(os.environ.get("SEND_SECONDS", "15"))
"""How long a server may be silent; the standard allows 15 s for a greeting and 30 s for the rest."""


def main() -> int:
    """Send one message; the exit status says whether the server took it."""
    order = json.load(sys.stdin)
    message = EmailMessage()
    message["From"] = os.environ["ENTERPRISE_FROM_EMAIL"]
    message["To"] = ", ".join(order["to"])
    message["Subject"] = order["subject"]
    message.set_content(order["text"])
    if order.get("html"):
        message.add_alternative(order["html"], subtype="html")
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    host, port = os.environ["ENTERPRISE_SMTP_HOST"], int(os.environ["ENTERPRISE_SMTP_PORT"])
    implicit = os.environ.get("ENTERPRISE_SMTP_SECURE") == "true"
    server = (
        smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        if implicit
        else smtplib.SMTP(host, port, timeout=SECONDS)
    )
    with server:
        if not implicit:
            server.starttls(context=context)
        server.login(os.environ["ENTERPRISE_SMTP_USER"], os.environ["ENTERPRISE_SMTP_PASS"])
        refused = server.send_message(message)
    return 1 if refused else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, smtplib.SMTPException, ValueError, KeyError) as error:
        print(f"not sent: {type(error).__name__}", file=sys.stderr)
        sys.exit(1)
