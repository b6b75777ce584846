"""A web browser that was led to a mail server."""

from __future__ import annotations

from smtp_audit.facts.cross_protocol import CrossProtocolFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.conversation.interview import Interview, Question, Say, Standing
from smtp_audit.probes.wire import Transcript

_HEADERS = (
    "POST / HTTP/1.1",
    "Host: {host}",
    "User-Agent: smtp-audit",
    "Accept: */*",
    "Content-Type: text/plain",
    "Content-Length: 12",
    "Connection: close",
    "",
)
"""Not more than that: some browsers send twice as many, and each is an error that a server may count."""


async def post_a_form(approach: Approach, transcript: Transcript) -> CrossProtocolFacts:
    """Send a POST request with SMTP commands in its body, as the first words inside TLS. They change nothing.

    POST and not GET: only a request with a body carries commands of the attacker's choice.

    Raises:
        PeerError: the question could not be put.
    """
    head = "\r\n".join(_HEADERS).format(host=approach.endpoint.host)
    request = Say(
        f"{head}\r\nNOOP\r\nQUIT\r\n".encode(),
        replies=len(_HEADERS) + 2,
        until="221",
        shown="POST / HTTP/1.1 with its headers, then NOOP and QUIT",
    )
    answers = await Interview(approach, transcript, Standing.ENCRYPTED).ask([Question("posted", (request,), ends=True)])
    return CrossProtocolFacts(role=approach.endpoint.role, **answers)
