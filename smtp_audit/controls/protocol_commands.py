"""The commands that every server has, and those that none has (RFC 5321 sections 2.4, 4.1.1, 4.2.4 and 4.5.1)."""

from __future__ import annotations

from smtp_audit.control import Outcome, Rule, Verdict, control, fail, passed
from smtp_audit.controls.answers import (
    NO_REMEDY,
    enhanced_code,
    has_to_be_answered,
    has_to_be_refused,
    has_to_be_taken,
    needs_login,
    require_plain_mail,
    unanswered,
)
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.facts.sequence import SequenceFacts
from smtp_audit.facts.transaction import TransactionFacts


@control(
    "smtp-unknown-command",
    title="An unknown command is refused, and the session goes on",
    expects="a verb that does not exist is answered with 500, 502 or another 5yz code; the connection stays open",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.2.4", "RFC 5321 section 3.8"),
    remedy={
        "postfix": "smtpd_noop_commands and smtpd_forbidden_commands must not name it",
        "any": "answer 500 and wait for the next command; hang up after several only",
    },
)
def unknown_command(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """New extensions are tried out by asking: a server that says yes to everything is believed to have them.

    One that hangs up at the first unknown word cannot be asked at all, and RFC 5321 forbids that expressly.
    """
    return has_to_be_refused(sequence.unknown_command, "says yes to a command that does not exist")


@control(
    "smtp-noop",
    title="NOOP is answered with 250, with and without a text behind it",
    expects="NOOP and NOOP with an argument are both answered with 250",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.9", "RFC 5321 section 4.5.1"),
    remedy={"any": NO_REMEDY},
)
def noop(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Clients and monitors ask with NOOP whether a connection is still alive.

    A server that does not know it is thought dead, and its connections are opened anew for each message.
    """
    for dialogue in (sequence.noop, sequence.noop_with_text):
        verdict = has_to_be_taken(dialogue, f"refuses {dialogue.last.sent}")
        if verdict.outcome is not Outcome.PASS:
            return verdict
    return passed("answered with 250", evidence=(*sequence.noop.told(), *sequence.noop_with_text.told()))


@control(
    "smtp-helo",
    title="HELO is still understood",
    expects="HELO is answered with 250",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.5.1", "RFC 5321 section 2.2.1"),
    remedy={
        "postfix": "smtpd_forbidden_commands must not name HELO",
        "any": "take HELO as well as EHLO",
    },
)
def helo(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """HELO belongs to the commands that every server must have: printers, devices and old software know no other.

    They get a refusal, and their users never learn why their mail does not arrive.
    """
    dialogue = sequence.helo
    if not dialogue.exchanges:
        raise Undetermined(dialogue.unknown or "it was not asked")
    first = dialogue.exchanges[0]
    if first.accepted:
        return passed(f"taken: {first.reply}", evidence=dialogue.told())
    if first.refused:
        return fail(f"refuses HELO: {first.reply}", evidence=dialogue.told())
    return unanswered(dialogue, first)


@control(
    "smtp-hello-needs-name",
    title="EHLO and HELO without a name are refused",
    expects="EHLO and HELO without an argument are both answered with 501 or another 5yz code",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.1",),
    remedy={
        "postfix": "take the line for clients with a broken HELO out of smtpd_command_filter",
        "any": "answer 501 to EHLO and HELO without a name",
    },
)
def hello_needs_name(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """The name is what logs, traces and checks of the client go by; only bulk senders leave it out.

    A server that takes an empty one writes trace lines that name nobody.
    """
    for dialogue in (sequence.ehlo_without_name, sequence.helo_without_name):
        verdict = has_to_be_refused(dialogue, f"takes {dialogue.last.sent} without a name")
        if verdict.outcome is not Outcome.PASS:
            return verdict
    told = (*sequence.ehlo_without_name.told(), *sequence.helo_without_name.told())
    return passed("both are refused", evidence=told)


@control(
    "smtp-command-case",
    title="Commands are understood in capital and small letters",
    expects="nOoP, rset and eHlO are answered like NOOP, RSET and EHLO",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 2.4",),
    remedy={"any": NO_REMEDY},
)
def command_case(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Some clients write their commands in small letters, which RFC 5321 allows them to.

    Their mail is refused by a server that compares octet for octet.
    """
    dialogue = sequence.other_case
    if dialogue.unknown or not dialogue.exchanges:
        raise Undetermined(dialogue.unknown or "it was not asked")
    usual = sequence.noop.exchanges[-1] if sequence.noop.exchanges else None
    for exchange in dialogue.exchanges:
        if exchange.accepted:
            continue
        if exchange is dialogue.exchanges[0] and usual is not None and not usual.accepted:
            raise Undetermined(f"NOOP is not taken in capitals either; smtp-noop judges that: {usual}")
        if exchange.refused:
            return fail(f"refuses {exchange.sent}: {exchange.reply}", evidence=dialogue.told())
        return unanswered(dialogue, exchange)
    return passed("understands them all", evidence=dialogue.told())


@control(
    "smtp-path-case",
    title="MAIL FROM and RCPT TO are understood in small letters",
    expects="mail from:<...> and rcpt to:<...> are taken",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 2.4", "RFC 5321 section 4.1.1.2"),
    remedy={"any": NO_REMEDY},
)
def path_case(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """The words FROM and TO are parts of commands: no letter of them is to be told from its small sister.

    A filter that looks for capitals alone lets small ones through unlooked at, or refuses good mail.
    """
    missing = needs_login(transaction)
    if missing:
        return missing
    dialogue = transaction.small_letters
    last = dialogue.last
    for exchange in dialogue.exchanges:
        about_syntax = exchange.reply is not None and exchange.reply.code in ("500", "501", "502", "555")
        if exchange.refused and about_syntax:
            require_plain_mail(transaction)
            return fail(f"does not understand {exchange.sent}: {exchange.reply}", evidence=dialogue.told())
    if dialogue.exchanges[0].accepted and (last.accepted or last.refused):
        return passed("understands both", evidence=dialogue.told())
    return unanswered(dialogue, last)


@control(
    "smtp-vrfy",
    title="VRFY is answered, whatever the answer",
    expects="VRFY is answered with 250, 251, 252, 502 or a refusal, and not as an unknown command",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 3.5.3", "RFC 5321 section 4.5.1", "RFC 5321 section 7.3"),
    remedy={
        "postfix": "disable_vrfy_command = yes answers 502; smtpd_command_filter must not take VRFY away",
        "exim": "without acl_smtp_vrfy it answers 252",
        "sendmail": "define(`confPRIVACY_FLAGS', `goaway')dnl answers 252",
        "any": "answer 252 (or 502) to every VRFY",
    },
)
def vrfy(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """VRFY is one of the commands that must be there; that it tells nobody who exists is another matter.

    252 says nothing about the mailbox, and is the answer for strangers. 500 says that the server is no SMTP server.
    """
    dialogue = sequence.vrfy
    last = dialogue.last
    unknown = last.reply is not None and (
        last.reply.code == "500" or (last.reply.code == "502" and enhanced_code(last.reply) == "5.5.2")
    )
    if unknown:
        return fail(f"does not know VRFY: {last.reply}", evidence=dialogue.told())
    return has_to_be_answered(dialogue)


@control(
    "smtp-help",
    title="HELP is answered, with help or without",
    expects="HELP is answered with 211 or 214, or with a refusal such as 502; the connection stays open",
    subject=Endpoint,
    needs=IdentityFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.8", "RFC 5321 section 4.3.2", "RFC 5321 section 3.8"),
    remedy={
        "postfix": "it has no HELP and answers 502; smtpd_forbidden_commands must not name HELP",
        "any": "answer 214, or 502 where there is no help to be had",
    },
)
def help_answered(identity: IdentityFacts, rule: Rule) -> Verdict:
    """HELP should be there, and need not be: 502 is among its replies. Whoever asks must not lose the connection.

    A filter in front that hangs up on what it does not know does so on extensions as well.
    """
    last = identity.help.last
    if last.reply is not None and last.reply.code == "221":
        return fail(f"closes the connection: {last.reply}", evidence=identity.help.told())
    return has_to_be_answered(identity.help)


@control(
    "smtp-quit",
    title="QUIT is answered with 221, and the connection is closed",
    expects="221, and then the end of the connection within 3 s",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.10", "RFC 5321 section 3.8"),
    remedy={"any": NO_REMEDY},
)
def quit_(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """A client that is not told goodbye does not know whether its last message was lost with the connection.

    One that stays connected takes the place of another.
    """
    dialogue = sequence.quit
    first = dialogue.exchanges[0] if dialogue.exchanges else None
    if first is not None and first.hung_up and not first.replies:
        return fail("closes the connection without a reply to QUIT", evidence=dialogue.told())
    if first is None or first.reply is None or first.reply.code == "421":
        raise Undetermined(dialogue.unknown or f"{first}")
    if first.reply.code != "221":
        return fail(f"answers QUIT with {first.reply}", evidence=dialogue.told())
    last = dialogue.last
    if last is first:
        raise Undetermined("what came behind 221 is not known")
    if last.hung_up and not last.replies:
        return passed(f"{first.reply}, and the connection is closed", evidence=dialogue.told())
    if last.replies:
        return fail(f"goes on behind its goodbye: {last.reply}", evidence=dialogue.told())
    return fail("the connection stays open behind 221", evidence=dialogue.told())


@control(
    "smtp-mail-needs-path",
    title="MAIL without an address is refused",
    expects="MAIL and nothing behind it is answered with 501 or another 5yz code",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.2", "RFC 5321 section 4.3.2"),
    remedy={"any": NO_REMEDY},
)
def mail_needs_path(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """What is no command must not begin a transaction.

    A server that makes a sender up from nothing sends its own reports on the message to nobody.
    """
    return has_to_be_refused(sequence.mail_without_path, "begins a transaction for no sender")


@control(
    "smtp-recipient-needs-path",
    title="RCPT without an address is refused",
    expects="RCPT and nothing behind it is answered with 501 or another 5yz code",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.3", "RFC 5321 section 4.3.2"),
    remedy={"any": NO_REMEDY},
)
def recipient_needs_path(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """A recipient that was made up is one that the client never asked for.

    The message then goes to nobody, or to somebody whom no check has looked at.
    """
    return needs_login(transaction) or has_to_be_refused(
        transaction.recipient_without_path, "takes no recipient for one"
    )


@control(
    "smtp-unknown-parameter",
    title="A parameter of MAIL that nobody knows is refused",
    expects="MAIL with an unknown parameter is answered with 555 or another 5yz code",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.11", "RFC 5321 section 2.2.1"),
    remedy={"any": "answer 555; a proxy in front must pass parameters on, and offer no extension it does not have"},
)
def unknown_parameter(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Parameters carry demands, such as to send on inside TLS only (RFC 8689) or to tell of the delivery.

    A server that takes what it does not understand promises what it will not do.
    """
    missing = needs_login(transaction)
    if missing:
        return missing
    verdict = has_to_be_refused(transaction.unknown_parameter, "takes a parameter that does not exist")
    if verdict.outcome is Outcome.PASS:
        require_plain_mail(transaction)
    return verdict
