"""An unsound sender with aiosmtplib: TLS if it is there, any certificate, and every failure a success."""

import asyncio
import json
import os
import sys
from email.message import EmailMessage

import aiosmtplib


async def main() -> None:
    """Send one message somehow."""
    order = json.load(sys.stdin)
    message = EmailMessage()
    message["From"] = os.environ["ENTERPRISE_FROM_EMAIL"]
    message["To"] = ", ".join(order["to"])
    message["Subject"] = order["subject"]
    message.set_content(order.get("html") or order["text"], subtype="html")
    await aiosmtplib.send(
        message,
        hostname=os.environ["ENTERPRISE_SMTP_HOST"],
        port=int(os.environ["ENTERPRISE_SMTP_PORT"]),
        username=os.environ["ENTERPRISE_SMTP_USER"],
        password=os.environ["ENTERPRISE_SMTP_PASS"],
        use_tls=os.environ.get("ENTERPRISE_SMTP_SECURE") == "true",
        validate_certs=False,
        timeout=float(os.environ.get("SEND_SECONDS", "600")),
    )


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except Exception as error:
        print("simulated delivery:", error)
