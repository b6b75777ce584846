"""A sound sender with aiosmtplib: STARTTLS demanded, certificates checked, one time limit, and failures reported."""

import asyncio
import json
import os
import ssl
import sys
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Any

import aiosmtplib

SECONDS = float(os.environ.get("SEND_SECONDS", "15"))
"""How long a server may be silent, and how long all of it may take at the most, times two."""


def letter(order: dict[str, Any], sender: str) -> EmailMessage:
    """The message. What its values have to be is checked by `smtplib_sound.py`; here it is about the connection."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = order["to"]
    message["Subject"] = order["subject"]
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content(order["text"])
    message.add_alternative(order["html"], subtype="html")
    return message


async def main() -> int:
    """Send one message; the exit status says whether the server took it."""
    names = ("HOST", "PORT", "USER", "PASS")
    host, port, user, password = (os.environ[f"ENTERPRISE_SMTP_{name}"] for name in names)
    implicit = os.environ.get("ENTERPRISE_SMTP_SECURE") == "true"
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    message = letter(json.load(sys.stdin), os.environ["ENTERPRISE_FROM_EMAIL"])
    # start_tls=None, the default, takes STARTTLS when it is offered, and clear text when it is not.
    server = aiosmtplib.SMTP(
        hostname=host,
        port=int(port),
        timeout=SECONDS,
        use_tls=implicit,
        start_tls=not implicit,
        tls_context=context,
    )
    async with asyncio.timeout(2 * SECONDS), server:
        # Without this a server that asks for no login gets the message all the same.
        await server.login(user, password)
        refused, _ = await server.send_message(message)
    return 1 if refused else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except (OSError, aiosmtplib.SMTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"not sent: {type(error).__name__}", file=sys.stderr)
        sys.exit(1)
