"""Facts about the messages that a program was given, for the cases of their controls."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.client import Channel, Claim, Delivery, Execution
from smtp_audit.facts.client_messages import Arrival, ClientMessageFacts, SentMessage, Sort
from smtp_audit.probes.client.arrivals import arrived
from tests.client_factories import execution

SENDER = "sender@client-test.example"
RECIPIENT = "recipient@recipient.example"
USER = "user@recipient.example"
STOLEN = "stolen@attacker.example"

FIELDS = {
    "From": SENDER,
    "To": RECIPIENT,
    "Subject": "Quarterly figures",
    "Date": "Sat, 31 Jan 2026 12:00:00 +0000",
    "Message-ID": "<0123456789abcdef@client-test.example>",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain",
}
TEXT = "--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n"
HTML = "--b\r\nContent-Type: text/html\r\n\r\n{html}\r\n"
LINK = "https://client-test.example/x"
PAGE = f'<p><a href="{LINK}">x</a></p>'


def content(body: str = "x\r\n", **fields: str | None) -> str:
    """A message; fields by name with `_` for `-`, None to leave one out. A value may break out of its field."""
    named = {**FIELDS, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return "".join(f"{name}: {value}\r\n" for name, value in named.items() if value is not None) + "\r\n" + body


def arrival(
    text: str | None = None, *, to: tuple[str, ...] = (RECIPIENT,), sender: str = SENDER, **more: Any
) -> Arrival:
    """What came of a message that arrived; `more` are facts of the arrival that are to be other ones."""
    delivery = Delivery(
        sender=sender, recipients=to, content=text or content(), channel=Channel.GOOD_TLS, acknowledged=True
    )
    return arrived(delivery).model_copy(update={"skew": 0.5, **more})


def alternative(*parts: str) -> Arrival:
    """A message with text and HTML, in the order of the parts."""
    return arrival(content("".join(parts) + "--b--\r\n", Content_Type="multipart/alternative; boundary=b"))


def sent(
    name: str,
    field: str,
    sort: Sort,
    *arrivals: Arrival,
    claim: Claim | None = None,
    run: Execution | None = None,
    **more: Any,
) -> SentMessage:
    """A message that was tried: with arrivals it was sent, without them it was refused."""
    told: dict[str, Any] = {
        "recipients_tried": tuple(each for arrival in arrivals for each in arrival.recipients),
        "senders_tried": tuple(arrival.sender for arrival in arrivals),
        "connections": len(arrivals),
        "execution": run or execution(claim or (Claim.SENT if arrivals else Claim.NOT_SENT)),
    }
    return SentMessage(name=name, field=field, sort=sort, arrivals=arrivals, **{**told, **more})


def control(field: str = "", *arrivals: Arrival, **more: Any) -> SentMessage:
    """A control whose value showed."""
    return sent(f"control-{field}", field, Sort.CONTROL, *(arrivals or (arrival(),)), **{"shows": True, **more})


def messages(*tried: SentMessage, arrives: bool = True, base: Arrival | None = None) -> ClientMessageFacts:
    """What was tried, after a harmless message that arrived, or not."""
    first = control("", base or arrival()) if arrives else sent("control", "", Sort.CONTROL)
    return ClientMessageFacts(sender=SENDER, messages=(first, *tried))
