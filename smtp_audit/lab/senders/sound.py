"""A sound sender: smtplib with STARTTLS demanded, certificates and values checked, and failures reported."""

import json
import os
import re
import smtplib
import ssl
import sys
import unicodedata
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from html import escape
from html.parser import HTMLParser
from typing import Any

SECONDS = float(os.environ.get("SEND_SECONDS", "15"))
"""How long a server may be silent; the standard allows 15 s for a greeting and 30 s for the rest."""

WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){WORD}(?:\.{WORD})*@(?:{LABEL}\.)+(?![0-9]+$){LABEL}")
THROWAWAY = ("tempmail.com", "10minutemail.com", "guerrillamail.com")
PRIORITIES = {"high": "1", "normal": "3", "low": "5"}


class Blocked(ValueError):
    """What policy forbids, other than a caller's mistake."""


def log(event: str, **more: str) -> None:
    """One line of JSON on standard error; no full address, no token and no text of a server is in it."""
    print(json.dumps({"time": datetime.now(UTC).isoformat(), "event": event, **more}), file=sys.stderr)


def plain(name: str, value: object, longest: int = 998) -> str:
    """A text for the header: no control characters, and nothing that is decoded to some (CVE-2024-6923)."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest or "=?" in value:
        raise ValueError(name)
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in value):
        raise ValueError(name)
    return value


def address(value: object) -> str:
    """An address that is one, and not of a service for throw-away mailboxes."""
    if not isinstance(value, str) or not ADDRESS.fullmatch(value) or "=?" in value:
        raise ValueError("address")
    domain = "." + value.rpartition("@")[2].lower()
    if domain.endswith(tuple("." + name for name in THROWAWAY)):
        raise Blocked("throw-away mailbox")
    return value


def letter(order: dict[str, Any], sender: str) -> EmailMessage:
    """The message, every value of it checked."""
    options = order.get("options") or {}
    message = EmailMessage()
    name = plain("name", options["fromName"], 100) if options.get("fromName") else ""
    message["From"] = Address(name, addr_spec=address(sender))
    message["To"] = [Address(addr_spec=address(each)) for each in order["to"]]
    if not order["to"]:
        raise ValueError("no recipient")
    if order.get("cc"):
        message["Cc"] = [Address(addr_spec=address(each)) for each in order["cc"]]
    if order.get("reply_to"):
        message["Reply-To"] = Address(addr_spec=address(order["reply_to"]))
    message["Subject"] = plain("subject", order.get("subject"))
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    if options.get("priority"):
        message["X-Priority"] = PRIORITIES[options["priority"]]
    if options.get("unsubscribeUrl"):
        url = plain("address", options["unsubscribeUrl"], 900)
        if not re.fullmatch(r"https://[!-;=?-~]+", url):
            raise ValueError("address")
        message["List-Unsubscribe"] = f"<{url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for kind in ("text", "html"):
        if not isinstance(order.get(kind), str) or not order[kind].strip():
            raise ValueError(f"no {kind}")
    message.set_content(order["text"])
    message.add_alternative(cleaned(order["html"]), subtype="html")
    return message


SHOWN = frozenset({"p", "br", "b", "i", "em", "strong", "ul", "ol", "li", "h1", "h2", "a"})
"""Elements that may be in a message; all others are left out."""


class Cleaner(HTMLParser):
    """Writes HTML anew: elements of the list, links that are https or mailto, and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element of the list, with nothing but its link."""
        self._hidden += tag in ("script", "style", "title")
        if tag in SHOWN:
            href = dict(attrs).get("href") or ""
            link = f' href="{escape(href)}"' if tag == "a" and href.startswith(("https://", "mailto:")) else ""
            self.written.append(f"<{tag}{link}>")

    def handle_endtag(self, tag: str) -> None:
        """End an element of the list."""
        self._hidden = max(0, self._hidden - (tag in ("script", "style", "title")))
        if tag in SHOWN:
            self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Write text as text."""
        if not self._hidden:
            self.written.append(escape(data))


def cleaned(html: str) -> str:
    """HTML without what is dangerous."""
    cleaner = Cleaner()
    cleaner.feed(html)
    cleaner.close()
    return "".join(cleaner.written)


def connected() -> smtplib.SMTP:
    """A connection to the configured server: encrypted, its certificate checked, and logged in."""
    names = ("HOST", "PORT", "USER", "PASS")
    host, port, user, password = (os.environ[f"ENTERPRISE_SMTP_{name}"] for name in names)
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    implicit = os.environ.get("ENTERPRISE_SMTP_SECURE") == "true"
    server = (
        smtplib.SMTP_SSL(host, int(port), timeout=SECONDS, context=context)
        if implicit
        else smtplib.SMTP(host, int(port), timeout=SECONDS)
    )
    try:
        if not implicit:
            server.starttls(context=context)
        server.login(user, password)
    except smtplib.SMTPAuthenticationError as error:
        log("login refused", host=host, outcome=str(error.smtp_code))
        server.close()
        raise
    except BaseException:
        server.close()
        raise
    return server


def main() -> int:
    """Send one message, or with "health" none; the exit status says whether the server took it, or would."""
    if sys.argv[1:] == ["health"]:
        with connected() as server:
            return 0 if server.noop()[0] == 250 else 1
    message = letter(json.load(sys.stdin), os.environ["ENTERPRISE_FROM_EMAIL"])
    with connected() as server:
        refused = server.send_message(message)
    return 1 if refused else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, smtplib.SMTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, Blocked):
            log("message blocked", outcome=str(error))
        print(f"not sent: {type(error).__name__}", file=sys.stderr)
        sys.exit(1)
