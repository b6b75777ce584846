"""An unsound sender: whatever the server offers is good enough, and every failure is a success."""

import contextlib
import json
import os
import smtplib
import sys
from email.message import EmailMessage


def main() -> None:
    """Send one message somehow."""
    order = json.load(sys.stdin)
    message = EmailMessage()
    message["From"] = os.environ["ENTERPRISE_FROM_EMAIL"]
    message["To"] = ", ".join(order["to"])
    message["Subject"] = order["subject"]
    message.set_content(order.get("html") or order["text"], subtype="html")
    host, port = os.environ["ENTERPRISE_SMTP_HOST"], int(os.environ["ENTERPRISE_SMTP_PORT"])
    implicit = os.environ.get("ENTERPRISE_SMTP_SECURE") == "true"
    seconds = float(os.environ.get("SEND_SECONDS", "600"))
    server = smtplib.SMTP_SSL(host, port, timeout=seconds) if implicit else smtplib.SMTP(host, port, timeout=seconds)
    server.set_debuglevel(1)
    if not implicit:
        with contextlib.suppress(smtplib.SMTPException):
            server.starttls()
    with contextlib.suppress(smtplib.SMTPException):
        server.login(os.environ["ENTERPRISE_SMTP_USER"], os.environ["ENTERPRISE_SMTP_PASS"])
    server.send_message(message)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        print("simulated delivery:", error)
