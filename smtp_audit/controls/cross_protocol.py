"""Clients that speak another protocol."""

from __future__ import annotations

from smtp_audit.control import Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.cross_protocol import CrossProtocolFacts
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint


@control(
    "smtp-cross-protocol",
    title="A web browser's request gets no further than its first lines",
    expects="behind POST / HTTP/1.1 and its headers no SMTP command is taken: the server hangs up",
    subject=Endpoint,
    needs=CrossProtocolFacts,
    roles=SMTP_ROLES,
    spec=("RFC 9325 section 3.8", "RFC 5321 section 7.8"),
    remedy={
        "postfix": "smtpd_forbidden_commands = CONNECT GET POST (the default; 3.7 and later also regexp:{{/^[^A-Z]/ "
        "Bogus}})",
        "exim": "smtp_max_unknown_commands = 3 and smtp_max_synprot_errors = 3 (the defaults)",
        "sendmail": "the default: it hangs up on GET, POST, CONNECT and USER (rejecting open proxy)",
        "docker-mailserver": "the default; take smtpd_forbidden_commands out of postfix-main.cf of the configuration "
        "volume",
        "any": "hang up on GET, POST and CONNECT and after few errors; ALPN, checked strictly, closes it in TLS itself",
    },
)
def cross_protocol(cross: CrossProtocolFacts, rule: Rule) -> Verdict:
    """A web page can make its visitors' browsers send mail commands from inside their network, with their addresses.

    With TLS it works the other way round, too: whoever leads a browser's connection to the mail server, whose
    certificate is good for the web site as well, has the server's replies read as the site's pages (ALPACA).
    """
    last = cross.posted.last
    told = cross.posted.told()
    for reply in last.replies:
        if reply.code.startswith("2") and reply.code != "221":
            return fail(f"takes a command out of a web browser's request: {reply}", evidence=told)
    codes = {reply.code for reply in last.replies}
    if last.hung_up or codes & {"421", "221"}:
        refusals = len(last.replies)
        return passed(f"hangs up after {refusals} {'reply' if refusals == 1 else 'replies'}", evidence=told)
    raise Undetermined(f"neither hung up nor took a command: {last}")
