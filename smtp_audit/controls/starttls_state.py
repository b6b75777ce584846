"""What a server remembers across STARTTLS, and how it takes the command (RFC 3207)."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import SMTP_ROLES, STARTTLS_ROLES, Endpoint
from smtp_audit.facts.service import CapabilityFacts
from smtp_audit.facts.starttls_state import StarttlsStateFacts

_ROLES = SMTP_ROLES & STARTTLS_ROLES

_UPDATE = {
    "postfix": "update the package; a Postfix of its own does it right, so look at smtpd_proxy_filter and at proxies "
    "(HAProxy, nginx, stunnel) in front",
    "exim": "update the package, and look for a proxy in front that ends TLS by itself",
    "sendmail": "update the package, and look for a proxy in front that ends TLS by itself",
    "opensmtpd": "update the package, and look for a proxy in front that ends TLS by itself",
    "docker-mailserver": "pull a current image, and look for a proxy in front that ends TLS by itself",
    "any": "update the server or the proxy that ends TLS in front of it: inside TLS a session begins anew",
}

_WANTS_TLS = re.compile(r"STARTTLS|TLS|encrypt|authenticat", re.IGNORECASE)
"""What a refusal of MAIL before TLS speaks of: TLS itself, or the login that has to come before it."""


@control(
    "starttls-state-discarded",
    title="What was said before STARTTLS is forgotten inside TLS",
    expects="RCPT as the first command inside TLS is answered with 503, though MAIL was accepted in clear",
    subject=Endpoint,
    needs=StarttlsStateFacts,
    roles=_ROLES,
    spec=("RFC 3207 section 4.2", "RFC 3207 section 6"),
    remedy=_UPDATE,
)
def state_discarded(state: StarttlsStateFacts, rule: Rule) -> Verdict:
    """Whoever sits on the way can say something in clear, and it then counts as said by the client inside TLS.

    A sender, a name or a login that survives the handshake was never protected by it: the client believes that it
    begins a session of its own.
    """
    if not state.offered:
        return not_applicable(NO_TLS)
    told = (*state.mail_before.told(), *state.recipient_after.told()[1:])
    mail = state.mail_before.last
    if mail.refused:
        if mail.reply is not None and (mail.reply.code == "530" or _WANTS_TLS.search(str(mail.reply))):
            return passed(f"takes no MAIL before STARTTLS: {mail.reply}", evidence=told)
        raise Undetermined(f"no transaction can be begun in clear: {mail}")
    if not mail.accepted:
        raise Undetermined(f"no transaction can be begun in clear: {mail}")
    last = state.recipient_after.last
    if not state.recipient_after.inside_tls:
        return passed(f"takes no STARTTLS within a transaction: {last.reply}", evidence=told)
    if last.hung_up:
        return passed(f"ends the session: {last.ended}", evidence=told)
    if last.ended:
        raise Undetermined(f"no answer: {last}")
    without = None if state.recipient_without_mail.unknown else state.recipient_without_mail.last
    if last.accepted:
        if without is not None and without.accepted:
            return not_applicable(
                "takes a recipient without any sender; smtp-recipient-needs-sender judges that", evidence=told
            )
        return fail(f"takes a recipient for the sender that was named in clear: {last.reply}", evidence=told)
    code = last.reply.code if last.reply is not None else ""
    if code == "503" or (last.refused and without is not None and without.reply == last.reply):
        return passed(f"has forgotten the sender: {last.reply}", evidence=told)
    raise Undetermined(f"refused, and not as without a sender: {last}")


@control(
    "starttls-argument-refused",
    title="STARTTLS with an argument is refused",
    expects="STARTTLS with an argument is answered with 501 or another 5yz code",
    subject=Endpoint,
    needs=StarttlsStateFacts,
    roles=_ROLES,
    spec=("RFC 3207 section 4",),
    remedy=_UPDATE,
)
def argument_refused(state: StarttlsStateFacts, rule: Rule) -> Verdict:
    """A server that begins TLS at a malformed command parses the border of its encryption carelessly.

    The command line is the last thing that is read in clear; what a server overlooks there is where injections start.
    """
    if not state.offered:
        return not_applicable(NO_TLS)
    return _refusal(state.argument, "begins TLS at a malformed command")


@control(
    "starttls-once",
    title="STARTTLS inside TLS is refused",
    expects="STARTTLS inside TLS is answered with a 5yz code",
    subject=Endpoint,
    needs=StarttlsStateFacts,
    roles=_ROLES,
    spec=("RFC 3207 section 4.2",),
    remedy=_UPDATE,
)
def starttls_once(state: StarttlsStateFacts, rule: Rule) -> Verdict:
    """A server that says yes does not know that its session is encrypted already.

    It shows that the part which answers and the part which encrypts are two, and that checks such as "no login before
    TLS" may be made by the one that does not know.
    """
    if not state.offered:
        return not_applicable(NO_TLS)
    last = state.again.last
    if last.reply is not None and last.reply.code == "454":
        # RFC 3207 section 4: TLS is not available. Sendmail says so of a second time.
        return passed(f"refused: {last.reply}", evidence=state.again.told())
    return _refusal(state.again, "begins TLS inside TLS")


def _refusal(dialogue: Dialogue, fault: str) -> Verdict:
    last = dialogue.last
    if last.hung_up:
        return passed(f"ends the session: {last.ended}", evidence=dialogue.told())
    if last.refused:
        return passed(f"refused: {last.reply}", evidence=dialogue.told())
    if last.accepted:
        return fail(f"{fault}: {last.reply}", evidence=dialogue.told())
    raise Undetermined(f"neither taken nor refused: {last}")


@control(
    "starttls-not-offered-inside",
    title="STARTTLS is not announced inside TLS",
    expects="the reply to EHLO inside TLS does not list STARTTLS",
    subject=Endpoint,
    needs=CapabilityFacts,
    roles=SMTP_ROLES,
    spec=("RFC 3207 section 4.2",),
    remedy=_UPDATE,
)
def not_offered_inside(capability: CapabilityFacts, rule: Rule) -> Verdict:
    """RFC 3207 forbids it: a client that takes the offer breaks off, and mail to it is delayed.

    The offer also shows that the server, or a proxy in front of it, does not know that the session is encrypted.
    """
    if capability.after_tls is None:
        before = capability.before_tls or ()
        if any(line.upper().split()[:1] == ["STARTTLS"] for line in before[1:]):
            raise Undetermined("what is announced inside TLS was not seen")
        return not_applicable(NO_TLS)
    if any(line.upper().split()[:1] == ["STARTTLS"] for line in capability.after_tls[1:]):
        return fail("announces STARTTLS inside TLS", evidence=capability.after_tls)
    return passed("announces no STARTTLS inside TLS", evidence=capability.after_tls)
