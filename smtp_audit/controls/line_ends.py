"""Where a command ends, and what it may not hold."""

from __future__ import annotations

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.answers import gist
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint
from smtp_audit.facts.line_ends import LineEndFacts
from smtp_audit.facts.refusals import denies_relaying


@control(
    "smtp-command-bare-lf",
    title="LF alone does not end a command",
    expects="a command that is ended with LF alone is refused, or LF is part of it",
    subject=Endpoint,
    needs=LineEndFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 2.3.8", "RFC 5321 section 4.1.1"),
    remedy={
        "postfix": "smtpd_forbid_bare_newline = reject (3.5.24, 3.6.14, 3.7.10, 3.8.5, 3.9 and later), with clients "
        "that cannot do better in smtpd_forbid_bare_newline_exclusions; normalize guards messages alone",
        "exim": "no setting for commands; 4.97.1 and later guard messages",
        "sendmail": "no setting for commands; 8.18 and later guard messages",
        "docker-mailserver": "smtpd_forbid_bare_newline = reject in postfix-main.cf of the configuration volume",
        "any": "take CR LF alone as the end of a line",
    },
)
def command_bare_lf(ends: LineEndFacts, rule: Rule) -> Verdict:
    """What is one line to the filter in front and two to the server behind is a command that nobody has checked.

    Smuggled commands begin with such a difference. Many servers take LF for the sake of hand-made clients, so this
    alone is no hole: end-of-data-exact says whether messages are split.
    """
    return _judged(ends.bare_lf, "LF")


@control(
    "smtp-command-bare-cr",
    title="CR alone does not end a command",
    expects="a command that is ended with CR alone is refused, or CR is part of it",
    subject=Endpoint,
    needs=LineEndFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 2.3.8", "RFC 5321 section 4.1.1"),
    remedy={
        "any": "no known server takes CR for a line end: look for a proxy or filter in front, and take CR LF alone"
    },
)
def command_bare_cr(ends: LineEndFacts, rule: Rule) -> Verdict:
    """Hardly anything else reads CR alone as the end of a line, so whatever stands in front sees another conversation.

    An address or a header field that an attacker writes, with a CR in it, becomes commands of his choice.
    """
    return _judged(ends.bare_cr, "CR")


def _judged(dialogue: Dialogue, octet: str) -> Verdict:
    last = dialogue.last
    told = dialogue.told()
    first = dialogue.exchanges[0]
    if first.refused:
        return passed(f"refused: {first.reply}", evidence=told)
    if first.hung_up:
        return passed("hangs up", evidence=told)
    if not first.accepted:
        raise Undetermined(f"neither taken nor refused: {first}")
    # The first command had one reply. What comes before the reply to QUIT is the second command's.
    if not last.replies or last.replies[-1].code != "221":
        raise Undetermined(f"how many commands it saw is not known: {last}")
    if len(last.replies) > 1:
        replies = (*first.replies, *last.replies[:-1])
        said = ", then ".join(str(reply) for reply in replies)
        return fail(f"takes {octet} alone for the end of a command: {said}", evidence=told)
    return passed(f"{octet} alone ends no command: one reply to both lines, {first.reply}", evidence=told)


@control(
    "smtp-recipient-nul",
    title="A recipient with a NUL is refused",
    expects="RCPT with a NUL in local part or domain is answered with a 5yz code, or the server hangs up",
    subject=Endpoint,
    needs=LineEndFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.2", "RFC 5321 section 2.4"),
    remedy={
        "any": "no known server takes it: look for a proxy or filter in front, and refuse octets below 32 in addresses"
    },
)
def recipient_nul(ends: LineEndFacts, rule: Rule) -> Verdict:
    """An address that ends for one program where it goes on for another is checked as one and used as the other.

    A relay check that sees the whole name lets pass what the program behind it delivers elsewhere.
    """
    if not ends.nul_recipients:
        return not_applicable("recipients of strangers are not looked at here; submission-requires-auth judges that")
    told = tuple(line for dialogue in ends.nul_recipients for line in dialogue.told())
    for dialogue in ends.nul_recipients:
        if not dialogue.unknown and dialogue.exchanges and dialogue.last.accepted:
            return fail(f"takes a recipient with a NUL: {dialogue.last}", evidence=told)
    for dialogue in ends.nul_recipients:
        last = dialogue.last
        denied = last.reply is not None and denies_relaying(last.reply)
        if last.sent.startswith("MAIL") or not (last.refused or last.hung_up or denied):
            raise Undetermined(f"neither taken nor refused: {dialogue.last}")
    plain = ends.plain_recipient
    if plain is None or plain.unknown or not plain.exchanges:
        why = plain.unknown if plain is not None else ""
        raise Undetermined(f"what is answered to a recipient without a NUL is not known: {why or 'it was not asked'}")
    if not plain.last.accepted and any(gist(plain.last) == gist(dialogue.last) for dialogue in ends.nul_recipients):
        raise Undetermined(f"one without a NUL is refused just so: {plain.last}")
    return passed(f"refused: {ends.nul_recipients[0].last.reply or 'hangs up'}", evidence=told)
