"""aiosmtplib as it comes: STARTTLS when it is offered."""

import asyncio
import json
import os
import sys
from email.message import EmailMessage

import aiosmtplib

order = json.load(sys.stdin)
message = EmailMessage()
message["From"] = os.environ["ENTERPRISE_FROM_EMAIL"]
message["To"] = ", ".join(order["to"])
message["Subject"] = order["subject"]
message.set_content(order["text"])
asyncio.run(
    aiosmtplib.send(
        message,
        hostname=os.environ["ENTERPRISE_SMTP_HOST"],
        port=int(os.environ["ENTERPRISE_SMTP_PORT"]),
        username=os.environ["ENTERPRISE_SMTP_USER"],
        password=os.environ["ENTERPRISE_SMTP_PASS"],
        use_tls=os.environ["ENTERPRISE_SMTP_SECURE"] == "true",
        timeout=10,
    )
)
