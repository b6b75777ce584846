"""Where a message ends: CRLF.CRLF, and nothing else."""

from __future__ import annotations

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.end_of_data import EndOfDataFacts, Letter
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint
from smtp_audit.facts.forwarding import Forwarded, ForwardingFacts

_NEWLINE = (
    "smtpd_forbid_bare_newline = normalize, or reject (3.5.24, 3.6.14, 3.7.10, 3.8.5 and 3.9 have it; the default is "
    "normalize since 3.9 and no before)"
)


@control(
    "end-of-data-exact",
    title="Only CRLF.CRLF ends a message",
    expects="none of 13 ends that are none, such as LF.LF and LF.CRLF, ends a message: it is taken whole, or refused",
    subject=Endpoint,
    needs=EndOfDataFacts,
    roles=SMTP_ROLES,
    safety=Safety.ACTIVE,
    spec=("RFC 5321 section 4.1.1.4", "RFC 5321 section 2.3.8", "RFC 5321 section 4.5.2"),
    remedy={
        "postfix": f"{_NEWLINE}; versions before: smtpd_data_restrictions = reject_unauth_pipelining and "
        "smtpd_discard_ehlo_keywords = chunking, silent-discard",
        "exim": "4.97.1 or later (CVE-2023-51766)",
        "sendmail": "8.18 or later (CVE-2023-51765), with the defaults of srv_features",
        "opensmtpd": "keep it current",
        "docker-mailserver": "smtpd_forbid_bare_newline = normalize in postfix-main.cf of the configuration volume",
        "any": "update, and take CR LF . CR LF alone for the end of a message, also in filters and proxies in front",
    },
)
def end_of_data_exact(data: EndOfDataFacts, rule: Rule) -> Verdict:
    """Whoever can send one message through another server smuggles a second, with any sender he likes (CVE-2023-51764).

    The sending server passes on what looks like text to it. This server takes it for the end of the message and the
    text behind for new commands, from an address that SPF allows to send for everybody on that other server.
    """
    letters = data.letters
    told = tuple(str(letter) for letter in (data.ordinary, *letters))
    split = [letter for letter in letters if letter.split]
    if split:
        names = ", ".join(letter.name for letter in split)
        return fail(f"reads commands behind {names}: {split[0].reply}, then {split[0].behind[0]}", evidence=told)
    _require_ordinary(data.ordinary)
    if not letters:
        raise Undetermined("no end that is none was tried")
    for letter in letters:
        if not (letter.whole or letter.refused):
            raise Undetermined(f"neither taken whole nor refused: {letter}")
    refused = sum(letter.refused for letter in letters)
    return passed(
        f"of {len(letters)} messages {len(letters) - refused} are taken whole, {refused} refused", evidence=told
    )


@control(
    "forwarded-line-ends",
    title="Messages are passed on without bare CR and LF",
    expects="what the server forwards holds no CR or LF that stands alone, and every message arrives whole",
    subject=Endpoint,
    needs=ForwardingFacts,
    roles=SMTP_ROLES,
    safety=Safety.ACTIVE,
    spec=("RFC 5321 section 2.3.8", "RFC 5321 section 4.1.1.4", "RFC 5321 section 4.5.2"),
    remedy={
        "postfix": f"cleanup_replace_stray_cr_lf = yes (the default where it is known), and {_NEWLINE}",
        "exim": "4.97.1 or later",
        "sendmail": "8.18 or later, with the defaults of srv_features",
        "opensmtpd": "keep it current",
        "docker-mailserver": "smtpd_forbid_bare_newline = normalize, and no cleanup_replace_stray_cr_lf, in "
        "postfix-main.cf of the configuration volume",
        "any": "refuse messages with bare CR or LF, or make them CR LF or spaces before they are passed on",
    },
)
def forwarded_line_ends(forwarding: ForwardingFacts, rule: Rule) -> Verdict:
    """A server that passes on LF.CRLF as it came lets its users smuggle mail into servers that take it for an end.

    The smuggled message carries any sender of any domain this server may send for, and passes SPF there. This was the
    sending half of SMTP smuggling at several large providers in 2023.
    """
    if forwarding.refused_recipient:
        return not_applicable(f"does not forward to the sink: {forwarding.refused_recipient}")
    messages = forwarding.messages
    told = tuple(_told(each) for each in (*filter(None, (forwarding.ordinary,)), *messages))
    for message in messages:
        for arrival in message.arrivals:
            if arrival.bare:
                return fail(f"passes on {message.letter.name} as {arrival.bare}", evidence=told)
            if not arrival.whole:
                return fail(f"passes on a part of the message with {message.letter.name} as a whole", evidence=told)
        if len(message.arrivals) > message.sent:
            count = f"{len(message.arrivals)} messages of {message.sent}"
            return fail(f"makes {count} with {message.letter.name}", evidence=told)
    ordinary = forwarding.ordinary
    if ordinary is None:
        raise Undetermined("no message was sent")
    _require_ordinary(ordinary.letter)
    if not ordinary.arrivals:
        raise Undetermined(f"nothing arrived at the sink within {forwarding.waited:.0f} s")
    if not ordinary.arrivals[0].whole:
        raise Undetermined("not even an ordinary message arrives as it was sent")
    if not messages:
        raise Undetermined("no message with an end that is none was sent")
    for message in messages:
        if not (message.arrivals or message.letter.refused):
            raise Undetermined(f"it was neither refused nor did it arrive: {message.letter}")
    refused = sum(message.letter.refused for message in messages)
    arrived = sum(bool(message.arrivals) for message in messages)
    return passed(
        f"of {len(messages)} messages {arrived} arrive without bare CR or LF, {refused} are refused", evidence=told
    )


def _require_ordinary(letter: Letter) -> None:
    """Raises Undetermined where even a message like any other is not taken: refusals then say nothing."""
    if not letter.whole:
        raise Undetermined(f"an ordinary message is not taken either: {letter}")


def _told(message: Forwarded) -> str:
    arrived = ", ".join(
        (f"arrived with {arrival.bare}" if arrival.bare else "arrived") + ("" if arrival.whole else ", not whole")
        for arrival in message.arrivals
    )
    return f"{message.letter}; {arrived or 'nothing arrived'}"
