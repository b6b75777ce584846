"""A sound sender: smtplib with STARTTLS demanded, certificates checked, and failures reported."""

import json
import os
import smtplib
import ssl
import sys
from email.message import EmailMessage
from html import escape
from html.parser import HTMLParser

SECONDS = float(os.environ.get("SEND_SECONDS", "15"))
"""How long a server may be silent; the standard allows 15 s for a greeting and 30 s for the rest."""

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


def main() -> int:
    """Send one message; the exit status says whether the server took it."""
    order = json.load(sys.stdin)
    message = EmailMessage()
    message["From"] = os.environ["ENTERPRISE_FROM_EMAIL"]
    message["To"] = ", ".join(order["to"])
    message["Subject"] = order["subject"]
    message.set_content(order["text"])
    if order.get("html"):
        message.add_alternative(cleaned(order["html"]), subtype="html")
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
