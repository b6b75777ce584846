"""The form of replies and the length of lines (RFC 5321 sections 4.1.1.1, 4.2, 4.3.1 and 4.5.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtp_audit.control import Outcome, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.answers import enhanced_code, has_to_be_answered, has_to_be_taken
from smtp_audit.errors import Undetermined
from smtp_audit.facts.conversation import Dialogue, offered
from smtp_audit.facts.endpoint import SMTP_ROLES, SUBMISSION_ROLES, Endpoint
from smtp_audit.facts.sequence import SequenceFacts, WireReply
from smtp_audit.facts.service import Reply
from smtp_audit.facts.transaction import TransactionFacts

# Facts have every octet but printable ASCII as \\xNN, and the backslash doubled.
_LINE = re.compile(r"([2-5][0-5][0-9])(?:([ -])(?:[ -\[\]-~]|\\\\|\\x09)*)?\\x0d\\x0a")
_ESCAPED = re.compile(r"\\(?:\\|x[0-9a-f]{2})")
_CR_LF = "\\x0d\\x0a"
_LONGEST = 512
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
_LITERAL = re.compile(r"\[[0-9A-Za-z.:]+\]")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?: [!-~]+)*")


@control(
    "smtp-reply-form",
    title="Replies have the form that RFC 5321 asks for",
    expects="each line has three digits, the same in all lines of a reply, printable ASCII, and CR LF at its end",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.2", "RFC 5321 section 4.2.1", "RFC 5321 section 4.5.3.1.5", "RFC 5321 section 2.3.8"),
    remedy={"any": "look for a proxy or a script in front; the text of greeting and refusals is ASCII in one line"},
)
def reply_form(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Two programs that part lines differently see different replies: what one takes for text, the other obeys.

    Bare line feeds and codes that change within one reply are read as two replies, and everything behind them is
    answered by the wrong one.
    """
    replies = (sequence.greeting, sequence.early_mail, sequence.hello)
    for reply in replies:
        wrong = _wrong_form(reply)
        if wrong:
            return fail(f"{wrong} in the {_about(reply)}", evidence=reply.told())
    for reply in replies:
        if reply is sequence.early_mail and reply.hung_up and not reply.lines:
            continue  # smtp-mail-before-hello judges that
        if reply.ended or not reply.lines:
            raise Undetermined(f"the {_about(reply)} is not known: {reply.ended or 'it was not asked'}")
    return passed("all are well-formed", evidence=[line for reply in replies for line in reply.told()])


@control(
    "smtp-greeting-name",
    title="The greeting and the reply to EHLO begin with the server's name",
    expects="a domain name of two or more labels, or an address literal, behind 220 and behind 250",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.3.1", "RFC 5321 section 4.1.1.1", "RFC 5321 section 2.3.5"),
    remedy={
        "postfix": "smtpd_banner = $myhostname ESMTP, and the full name in myhostname",
        "exim": "primary_hostname is the full name, and smtp_banner begins with it",
        "sendmail": "define(`confSMTP_LOGIN_MSG', `$j')dnl, and define(`confDOMAIN_NAME', `the.full.name')dnl",
        "opensmtpd": "hostname with the full name on the listen line",
        "docker-mailserver": "--hostname with the full name",
        "any": "begin both with the full name of the server",
    },
)
def greeting_name(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Clients tell by the name whether they talk to themselves, and write it into their logs and trace lines.

    A greeting without it is the mark of a server that nobody has set up.
    """
    for reply in (sequence.greeting, sequence.hello):
        if not reply.lines:
            raise Undetermined(f"the {_about(reply)} is not known: {reply.ended or 'it was not asked'}")
        text = reply.lines[0].removesuffix("\\x0a").removesuffix("\\x0d")
        if reply is sequence.hello and not text.startswith("2"):
            raise Undetermined(f"EHLO was answered {text}")
        word = text[4:].partition(" ")[0]
        if not _NAME.fullmatch(word) and not _LITERAL.fullmatch(word):
            return fail(f"the {_about(reply)} does not begin with a full name: {text[4:84] or 'nothing'}")
    return passed("both begin with a name", evidence=(sequence.greeting.lines[0], sequence.hello.lines[0]))


@control(
    "smtp-keywords-form",
    title="The keywords of the EHLO reply are well-formed",
    expects="letters, digits and hyphens, and parameters behind one space each",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.1.1.1", "RFC 5321 section 2.2.2"),
    remedy={"any": "look for a proxy that rewrites the reply to EHLO (Cisco's fixup smtp writes XXXXXXXA), and end it"},
)
def keywords_form(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """A keyword that nobody can read is an extension that nobody uses: STARTTLS among them.

    Boxes that overwrite keywords to strip encryption leave such lines behind. AUTH= with an equals sign, for clients
    from before RFC 2554, is let pass.
    """
    hello = sequence.hello
    if not hello.lines or hello.ended:
        raise Undetermined(f"the reply to EHLO is not known: {hello.ended or 'it was not asked'}")
    if not hello.lines[0].startswith("2"):
        return not_applicable("EHLO is refused: there are no keywords")
    texts = [line.removesuffix("\\x0a").removesuffix("\\x0d")[4:] for line in hello.lines[1:]]
    for text in (*texts, *sequence.capabilities[1:]):
        if not _KEYWORD.fullmatch(text) and not text.upper().startswith("AUTH="):
            return fail(f"no keyword of an extension: {text[:80] or 'an empty line'}", evidence=hello.told())
    return passed("all are well-formed", evidence=hello.told())


@control(
    "smtp-enhanced-codes",
    title="Enhanced status codes are given when they are announced",
    expects="with ENHANCEDSTATUSCODES, every 2yz, 4yz and 5yz reply but those to EHLO and HELO begins with its code",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 2034 section 4", "RFC 3463 section 2"),
    remedy={
        "postfix": "smtpd_discard_ehlo_keywords = enhancedstatuscodes, where a proxy or filter answers without them",
        "sendmail": "a milter's replies need their extended code, too",
        "any": "give the codes, or do not announce them",
    },
)
def enhanced_codes(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Senders decide by these codes whether a mailbox is full, gone, or protected, and what they tell their users.

    Where they are announced and missing, the first word of the text is taken for one.
    """
    if not sequence.capabilities:
        raise Undetermined("the reply to EHLO is not known")
    if offered(sequence.capabilities, "ENHANCEDSTATUSCODES") is None:
        return not_applicable("ENHANCEDSTATUSCODES is not announced")
    seen = 0
    for dialogue in _with_codes(sequence):
        for exchange in dialogue.exchanges:
            for reply in exchange.replies:
                if reply.code.startswith("3"):
                    continue
                seen += 1
                if enhanced_code(reply)[:1] != reply.code[0]:
                    return fail(f"no code of its class in: {reply}", evidence=dialogue.told())
    if seen < 2:
        raise Undetermined("there were no replies to look at")
    return passed(f"in all {seen} replies")


@control(
    "smtp-command-length",
    title="A command line of 512 octets is taken",
    expects="NOOP in a line of 512 octets, its end included, is answered like NOOP",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.5.3.1.4",),
    remedy={
        "postfix": "line_length_limit = 2048, the default",
        "any": "take lines of 512 octets at least, and more with extensions (RFC 5321 section 4.5.3.1.4)",
    },
)
def command_length(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """Addresses and parameters may fill a line of 512 octets: variable envelope senders of lists come near it.

    Where less is taken, their mail is refused or, worse, cut.
    """
    usual = sequence.noop_with_text
    refused = not sequence.long_command.unknown and sequence.long_command.last.refused
    if refused and not usual.unknown and usual.exchanges and usual.last.refused:
        raise Undetermined("a text behind NOOP is refused at any length; smtp-noop judges that")
    return has_to_be_taken(sequence.long_command, "refuses a line of 512 octets")


@control(
    "smtp-overlong-command",
    title="A far too long command line is answered",
    expects="a line of 64 KiB is refused with 500, or taken, or answered with 421; it does not end the connection",
    subject=Endpoint,
    needs=SequenceFacts,
    roles=SMTP_ROLES,
    spec=("RFC 5321 section 4.5.3.1.9", "RFC 5321 section 3.8"),
    remedy={
        "any": "update the server: one that dies of a long line may be made to do more; if a filter hangs up, let it "
        "answer 500",
    },
)
def overlong_command(sequence: SequenceFacts, rule: Rule) -> Verdict:
    """From outside a server that hangs up looks like one that has crashed, and long lines are how servers were broken.

    A reply shows that the line was read to its end or thrown away on purpose.
    """
    dialogue = sequence.overlong_command
    if not dialogue.unknown and dialogue.exchanges:
        last = dialogue.last
        if last.reply is not None and last.reply.code == "421":
            return passed(f"answered: {last.reply}", evidence=dialogue.told())
    return has_to_be_answered(dialogue)


@control(
    "smtp-address-length",
    title="Local parts of 64 octets and paths of 256 octets are no syntax errors",
    expects="both are taken, or refused for another reason than their form",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.5.3.1.1", "RFC 5321 section 4.5.3.1.2", "RFC 5321 section 4.5.3.1.3"),
    remedy={
        "postfix": "look for a limit in check_recipient_access tables (regexp:, pcre:)",
        "any": "take local parts of 64 octets, domains of 255 and paths of 256",
    },
)
def address_length(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Addresses that programs make, for lists, plus-addresses and reports, are long.

    Mail to and from them is lost where the limits are drawn closer than RFC 5321 draws them.
    """
    told: list[str] = []
    for dialogue, what in (
        (transaction.long_local_part, "a local part of 64 octets"),
        (transaction.long_path, "a path of 256 octets"),
    ):
        last = dialogue.last
        if last.refused and last.reply is not None and _about_form(last.reply):
            return fail(f"refuses {what} for its form: {last.reply}", evidence=dialogue.told())
        if not last.accepted and not last.refused and not _denied_relay(last.reply):
            raise Undetermined(f"neither taken nor refused: {last}")  # a hang-up may be about relaying
        told += dialogue.told()
    if not _serves(transaction):
        # A client that is blocked at RCPT hears of no form.
        raise Undetermined(f"no recipient at all is taken: {transaction.long_path.last}")
    return passed("neither is refused for its form", evidence=told)


@control(
    "smtp-address-forms",
    title="Address literals and source routes are answered",
    expects="RCPT with [address] in the place of the domain, and with a source route, are taken or refused",
    subject=Endpoint,
    needs=TransactionFacts,
    roles=SMTP_ROLES,
    needs_given=SUBMISSION_ROLES,
    spec=("RFC 5321 section 4.1.3", "RFC 5321 section 4.1.1.3", "RFC 5321 appendix C"),
    remedy={"any": "refuse them with 5yz or take them; do not hang up"},
)
def address_forms(transaction: TransactionFacts, rule: Rule) -> Verdict:
    """Both are old, legal, and rarely tested: where parsers break.

    A server may refuse them. One that hangs up may have crashed.
    """
    for dialogue in (transaction.address_literal, transaction.source_route):
        if not dialogue.unknown and dialogue.exchanges and _denied_relay(dialogue.last.reply):
            continue
        verdict = has_to_be_answered(dialogue)
        if verdict.outcome is not Outcome.PASS:
            return verdict
    told = (*transaction.address_literal.told(), *transaction.source_route.told())
    return passed("both are answered", evidence=told)


def _serves(transaction: TransactionFacts) -> bool:
    """Whether a recipient of any transaction was taken."""
    asked = (
        *(transaction.postmaster, transaction.postmaster_of_domain, transaction.abuse, transaction.null_sender),
        *(transaction.postmaster_from_other, transaction.postmaster_of_domain_from_other),
        *(transaction.abuse_from_other, transaction.null_sender_from_other, transaction.small_letters),
        *(transaction.many_recipients, transaction.source_route, transaction.address_literal),
        *(transaction.long_local_part, transaction.long_path),
    )
    return any(exchange.accepted for dialogue in asked for exchange in dialogue.exchanges[1:])


def _wrong_form(reply: WireReply) -> str:
    """What is wrong with it, or nothing. Lines that never came are not looked at."""
    codes = set()
    for number, line in enumerate(reply.lines):
        found = _LINE.fullmatch(line)
        if not line.endswith(_CR_LF):
            return "a line without CR LF at its end"
        if found is None:
            return "a line that is none of a reply"
        if len(_ESCAPED.sub(".", line)) > _LONGEST:
            return f"a line of more than {_LONGEST} octets"
        codes.add(found[1])
        if len(codes) > 1:
            return "a code that changes between the lines"
        last = number == len(reply.lines) - 1 and not reply.ended
        if last and found[2] == "-":
            return "a last line that promises another"
    return ""


def _about(reply: WireReply) -> str:
    return f"reply to {reply.sent.split(' ')[0]}" if reply.sent else "greeting"


def _with_codes(sequence: SequenceFacts) -> Iterator[Dialogue]:
    yield sequence.noop
    yield sequence.noop_with_text
    yield sequence.recipient_first
    yield sequence.data_first
    yield sequence.unknown_command
    yield sequence.mail_without_path
    yield sequence.vrfy
    yield sequence.long_command
    yield sequence.overlong_command
    yield sequence.quit


def _about_form(reply: Reply) -> bool:
    """A syntax error, by the basic or the enhanced code (RFC 5321 section 4.2.3, RFC 3463 sections 3.2 and 3.6).

    553 alone is none: qmail says so of every domain that is not its own.
    """
    enhanced = enhanced_code(reply)
    if enhanced:
        return enhanced in ("5.1.3", "5.1.7", "5.5.2", "5.5.4")
    return reply.code in ("500", "501")


def _denied_relay(reply: Reply | None) -> bool:
    """Postfix's "Relay access denied" for now: an answer about relaying, and not about the form."""
    return reply is not None and reply.code == "454" and enhanced_code(reply) == "4.7.1"
