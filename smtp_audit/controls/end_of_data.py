"""Where a message ends: CRLF.CRLF, and nothing else."""

from __future__ import annotations

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue
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
    expects="none of 15 ends that are none, such as LF.LF, LF.CRLF and NUL, ends a message: it is taken "
    "whole, or refused",
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
    "smtp-text-line",
    title="A line of text of 1000 octets is taken",
    expects="a message to an own mailbox with a line of 1000 octets, CR LF included, is taken as one message",
    subject=Endpoint,
    needs=EndOfDataFacts,
    roles=SMTP_ROLES,
    safety=Safety.ACTIVE,
    spec=("RFC 5321 section 4.5.3.1.6",),
    remedy={
        "postfix": "line_length_limit = 2048 (the default), and no header or body check that looks for long lines",
        "exim": "message_linelength_limit = 998 (the default, without CR LF) on every transport, and no lower "
        "$max_received_linelength in acl_smtp_data",
        "any": "no limit below 1000 octets a line, CR LF included, in the server and in filters in front",
    },
)
def text_line(data: EndOfDataFacts, rule: Rule) -> Verdict:
    """Mail whose lines are as long as every server has to take them bounces here, or is torn apart.

    Programs that write mail of their own, and mail with HTML in it, come close to the limit.
    """
    long = data.long_line
    _require_ordinary(data.ordinary)
    if long is None or long.unknown:
        raise Undetermined(long.unknown if long is not None else "it was not sent")
    told = (str(data.ordinary), str(long))
    if long.split:
        return fail(f"takes a part of the line for a command: {long.reply}, then {long.behind[0]}", evidence=told)
    if long.whole:
        return passed(f"taken: {long.reply}", evidence=told)
    if long.reply is None and long.hung_up:
        return fail("closes the connection without a reply", evidence=told)
    if long.reply is not None and long.reply.code.startswith("5"):
        return fail(f"refuses a line that every server has to take: {long.reply}", evidence=told)
    raise Undetermined(f"neither taken nor refused: {long}")


@control(
    "smtp-message-pipelining",
    title="What comes before the reply to DATA is turned away",
    expects="NOOP in one segment with DATA is answered with 503 or 554, or a closed connection; so is NOOP in one "
    "segment with a message, where PIPELINING is not announced",
    subject=Endpoint,
    needs=EndOfDataFacts,
    roles=SMTP_ROLES,
    safety=Safety.ACTIVE,
    spec=("RFC 2920 section 3.1", "RFC 5321 section 4.1.1"),
    remedy={
        "postfix": "smtpd_forbid_unauth_pipelining = yes (the default since 3.9; 3.8.1, 3.7.6, 3.6.10 and 3.5.20 have "
        "it as well), or smtpd_data_restrictions = reject_unauth_pipelining",
        "exim": "no setting: smtp_enforce_sync does not look behind DATA",
        "docker-mailserver": "smtpd_forbid_unauth_pipelining = yes in postfix-main.cf of the configuration volume",
        "any": "refuse DATA when something is there before its reply was sent",
    },
)
def message_pipelining(data: EndOfDataFacts, rule: Rule) -> Verdict:
    """Only programs that do not read the replies talk on here: spam tools, and what was smuggled into another message.

    No RFC makes it a duty of servers. Where PIPELINING is announced a message may be the first of a group, so that the
    reply to its end need not be waited for.
    """
    _require_ordinary(data.ordinary)
    if data.behind_data is None:
        raise Undetermined("it was not asked")
    told = (*data.behind_data.told(), *(data.behind_dot.told() if data.behind_dot is not None else ()))
    hasty = data.behind_data.exchanges[-1:]
    if not data.behind_data.unknown and hasty and hasty[0].reply is not None and hasty[0].reply.code == "354":
        return fail(f"goes on behind DATA that did not wait: {hasty[0].reply}", evidence=told)
    if data.behind_dot is not None and _heard(data.behind_dot):
        return fail(f"takes a command that came with a message: {data.behind_dot.last.reply}", evidence=told)
    last = data.behind_data.last
    if not (last.sent.startswith("DATA") and (last.refused or last.hung_up)):
        raise Undetermined(f"neither taken nor refused: {last}")
    return passed(f"refused: {last.reply}" if last.refused else "hangs up", evidence=told)


def _heard(behind_dot: Dialogue) -> bool:
    """Whether NOOP has a reply of its own behind that to the message, before the one to QUIT.

    Raises:
        Undetermined: that cannot be told.
    """
    last = behind_dot.last
    if last.refused or last.hung_up:
        return False
    codes = [reply.code for reply in last.replies]
    if last.sent.startswith("QUIT") and codes in (["221"], ["250", "221"]):
        return len(codes) > 1
    raise Undetermined(f"neither taken nor refused: {last}")


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
    _require_arrival(forwarding)
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


@control(
    "forwarded-nul",
    title="A NUL in a message takes nothing away",
    expects="a message with a NUL in header or text is refused, or what stands behind the NUL arrives, with it "
    "or without",
    subject=Endpoint,
    needs=ForwardingFacts,
    roles=SMTP_ROLES,
    safety=Safety.ACTIVE,
    spec=("RFC 5321 section 4.5.2", "RFC 5322 section 4"),
    remedy={
        "postfix": "message_reject_characters = \\0, or message_strip_characters = \\0",
        "exim": "in acl_smtp_data: deny condition = ${if >{$body_zerocount}{0}} (for the text)",
        "docker-mailserver": "message_reject_characters = \\0 in postfix-main.cf of the configuration volume",
        "any": "refuse messages with a NUL, or remove it",
    },
)
def forwarded_nul(forwarding: ForwardingFacts, rule: Rule) -> Verdict:
    """What one program reads as a whole line ends for another at the NUL, so that a filter sees what nobody gets.

    A field of the header that is checked, signed or shown is then not the one that is delivered.
    """
    if forwarding.refused_recipient:
        return not_applicable(f"does not forward to the sink: {forwarding.refused_recipient}")
    nuls = forwarding.nuls
    told = tuple(_told(each) for each in (*filter(None, (forwarding.ordinary,)), *nuls))
    for message in nuls:
        for arrival in message.arrivals:
            if arrival.cut or not arrival.whole:
                what = "the rest of its line" if arrival.whole else "the rest of the message"
                return fail(f"takes the {message.letter.name} for an end: {what} is lost", evidence=told)
    _require_arrival(forwarding)
    if not nuls:
        raise Undetermined("no message with a NUL was sent")
    for message in nuls:
        if not (message.arrivals or message.letter.refused):
            raise Undetermined(f"it was neither refused nor did it arrive: {message.letter}")
    arrived = sum(bool(message.arrivals) for message in nuls)
    return passed(
        f"of {len(nuls)} messages with a NUL {arrived} arrive whole, {len(nuls) - arrived} are refused", evidence=told
    )


@control(
    "dropped-message-forgotten",
    title="A message that was never ended is not passed on",
    expects="nothing arrives of a message whose connection was closed before CRLF.CRLF",
    subject=Endpoint,
    needs=ForwardingFacts,
    roles=SMTP_ROLES,
    safety=Safety.ACTIVE,
    spec=("RFC 5321 section 4.1.1.10", "RFC 5321 section 4.1.1.4"),
    remedy={
        "any": "no known server does this: look for a proxy or filter in front that ends messages on its own",
    },
)
def dropped_message_forgotten(forwarding: ForwardingFacts, rule: Rule) -> Verdict:
    """Whoever can cut a connection decides where a message ends: the part without its end is delivered as the whole.

    The sender was never told that it was taken, and sends it again, so that the recipient gets both.
    """
    if forwarding.refused_recipient:
        return not_applicable(f"does not forward to the sink: {forwarding.refused_recipient}")
    dropped = forwarding.dropped
    told = tuple(_told(each) for each in (forwarding.ordinary, *dropped, forwarding.later) if each is not None)
    for message in dropped:
        if message.arrivals:
            return fail(f"passes on a message without its end: {message.letter.name}", evidence=told)
    _require_arrival(forwarding)
    if not dropped:
        raise Undetermined("no message was begun and dropped")
    for message in dropped:
        if message.letter.unknown:
            raise Undetermined(f"it could not be begun: {message.letter}")
    if forwarding.later is None or not forwarding.later.arrivals:
        raise Undetermined("the message that was sent behind them has not arrived, so they may still come")
    return passed(f"of {len(dropped)} messages without an end none arrives, and a later one does", evidence=told)


def _require_arrival(forwarding: ForwardingFacts) -> None:
    """Raises Undetermined where not even a message like any other arrives: what does not arrive then says nothing."""
    ordinary = forwarding.ordinary
    if ordinary is None:
        raise Undetermined("no message was sent")
    _require_ordinary(ordinary.letter)
    if not ordinary.arrivals:
        raise Undetermined(f"nothing arrived at the sink within {forwarding.waited:.0f} s")
    if not ordinary.arrivals[0].whole:
        raise Undetermined("not even an ordinary message arrives as it was sent")


def _require_ordinary(letter: Letter) -> None:
    """Raises Undetermined where even a message like any other is not taken: refusals then say nothing."""
    if not letter.whole:
        raise Undetermined(f"an ordinary message is not taken either: {letter}")


def _told(message: Forwarded) -> str:
    arrived = ", ".join(
        (f"arrived with {arrival.bare}" if arrival.bare else "arrived")
        + (", cut at the NUL" if arrival.cut else "" if arrival.whole else ", not whole")
        for arrival in message.arrivals
    )
    return f"{message.letter}; {arrived or 'nothing arrived'}"
