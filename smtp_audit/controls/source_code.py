"""What reading source text shows: advice with file and line. What a program really does, the traps show."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.source import SourceFacts, SourceFinding, Topic
from smtp_audit.facts.subject import SourceTree

_NAMED = 3
"""Places that a summary names; the evidence has them all."""


def _judged(source: SourceFacts, topic: Topic, fault: str, *, mail: bool = False) -> Verdict:
    """The verdict on one topic; `mail`: it has an object only where a mail library is used.

    Raises:
        Undetermined: nothing was found, and not all was read.
    """
    found = source.of(topic)
    if found:
        count = len(found) + source.more_findings.get(topic, 0)
        named = ", ".join(finding.place for finding in found[:_NAMED]) + (", ..." if count > _NAMED else "")
        return fail(f"{fault}: {named} ({count} in all)", evidence=[_told(finding) for finding in found])
    if source.unread:
        named = "; ".join(str(each) for each in source.unread[:_NAMED])
        count = len(source.unread) + source.more_unread
        raise Undetermined(f"nothing was found, but {count} files or folders were not read in full: {named}")
    left_out = [*(str(each) for each in source.skipped), *_more(source)]
    if not source.read:
        if source.tests:
            return not_applicable(f"{source.tests} files of tests and no others", evidence=left_out)
        if source.skipped:
            raise Undetermined(f"nothing was read, all was left out: {'; '.join(left_out[:_NAMED])}")
        return not_applicable("no file of a language that is read")
    languages = ", ".join(f"{count} of {language}" for language, count in source.read.items())
    if mail and not source.libraries:
        return not_applicable(f"no use of a known mail library ({languages} read)", evidence=left_out)
    known = [language for language in source.read if language in source.covered.get(topic, ())]
    if not known:
        return not_applicable(f"there are no rules about it for {', '.join(source.read)}", evidence=left_out)
    without = [f"{language}: there are no rules about it" for language in source.read if language not in known]
    return passed(f"nothing found ({languages} read)", evidence=[*source.libraries, *without, *left_out])


def _told(finding: SourceFinding) -> str:
    return f"{finding.place}: {finding.told} ({finding.rule}, {finding.clause}): {finding.why}. Better: {finding.fix}"


def _more(source: SourceFacts) -> list[str]:
    more = [f"{source.more_skipped} more were left out"] if source.more_skipped else []
    return [*more, f"{source.tests} files of tests: only keys were looked for"] if source.tests else more


@control(
    "source-certificate-verified",
    title="No code switches the verification of certificates off",
    expects="no option, context or trust manager that accepts any certificate or any name",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("RFC 8314 section 5.4", "RFC 9525 section 6", "CWE-295"),
    remedy={"any": "leave the library's verification on; give it your own authority's certificate where there is one"},
)
def certificate_verified(source: SourceFacts, rule: Rule) -> Verdict:
    """What was switched off for a test server once stays off: then the password goes to whoever answers.

    Only what known libraries call it is found; client-certificate-verified shows what really happens.
    """
    return _judged(source, Topic.CERTIFICATE, "verification is off", mail=True)


@control(
    "source-starttls-required",
    title="The code demands TLS of the mail server",
    expects="every use of a known mail library demands STARTTLS or implicit TLS",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("RFC 8314 section 4.1", "RFC 3207 section 6", "CWE-319"),
    remedy={"any": "requireTLS (nodemailer), starttls (smtplib), start_tls=True (aiosmtplib), ENCRYPTION_STARTTLS"},
)
def starttls_required(source: SourceFacts, rule: Rule) -> Verdict:
    """Most libraries use STARTTLS only where it is offered: whoever is on the line takes it out of the answer.

    Only what known libraries call it is found; client-starttls-required shows what really happens.
    """
    return _judged(source, Topic.STARTTLS, "TLS is not demanded", mail=True)


@control(
    "source-tls-version",
    title="The code allows no old TLS and shuts TLS 1.3 not out",
    expects="no lowest version below TLS 1.2, no highest version, and no list of weak suites",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("RFC 8996", "RFC 9325 section 3.1"),
    remedy={"any": "a lowest version of TLS 1.2, and no highest"},
)
def tls_version(source: SourceFacts, rule: Rule) -> Verdict:
    """A version pinned years ago keeps the better ones out for as long as the line stands there.

    Only what known libraries call it is found; client-tls-version shows what really happens.
    """
    return _judged(source, Topic.VERSION, "versions of TLS are pinned or old", mail=True)


@control(
    "source-no-passwords",
    title="No password or key of the mail server stands in the code",
    expects="no literal is given to a login; no text has the form of a provider's key or a private key",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("CWE-798",),
    remedy={"any": "take it from the environment or a store of secrets; change it: who has the repository has it"},
)
def no_passwords(source: SourceFacts, rule: Rule) -> Verdict:
    """A password in the code is everybody's who ever had the repository, and is shared by all who run it.

    Placeholders are none. The text itself is never shown, nor kept.
    """
    return _judged(source, Topic.PASSWORD, "passwords or keys in the code")


@control(
    "source-no-secrets",
    title="Nothing in the code looks like a secret",
    expects="no text with a secret's name and the look of one",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("CWE-798",),
    remedy={"any": "take it from the environment or a store of secrets; rename what is no secret"},
)
def no_secrets(source: SourceFacts, rule: Rule) -> Verdict:
    """Names and randomness tell most secrets, and a few texts that are none: somebody has to look.

    The text itself is never shown, nor kept.
    """
    return _judged(source, Topic.SECRET, "may be secrets")


@control(
    "source-no-debug",
    title="No code writes the SMTP dialogue to a log",
    expects="debugging of the mail library is off, or depends on the environment",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("CWE-532",),
    remedy={"any": "remove it, or switch it on by a variable that production does not set"},
)
def no_debug(source: SourceFacts, rule: Rule) -> Verdict:
    """The dialogue has addresses, messages and their tokens in it, and in some libraries the password.

    Only what known libraries call it is found; client-secrets-not-logged shows what really happens.
    """
    return _judged(source, Topic.DEBUG, "debugging is on", mail=True)


@control(
    "source-no-simulation",
    title="No transport that sends nothing is in the code",
    expects="no JSON, stream, console, dummy or log transport outside of tests",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("Enterprise SMTP Standard, Core Principles",),
    remedy={"any": "move it to the tests; in production a missing setting has to be an error"},
)
def no_simulation(source: SourceFacts, rule: Rule) -> Verdict:
    """One wrong variable, and production reports success for mail that nobody gets.

    Files of tests, by their names, may have such transports.
    """
    return _judged(source, Topic.SIMULATION, "transports that send nothing")


@control(
    "source-no-external-service",
    title="No external e-mail service is in the code",
    expects="no library and no host of an external e-mail service",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("Enterprise SMTP Standard, Core Principles",),
    remedy={"any": "send by the own server"},
)
def no_external_service(source: SourceFacts, rule: Rule) -> Verdict:
    """The standard allows self-hosted mail only: what is sent by others is read by others.

    The list of services is data, as of November 2025; services that nobody knows are not on it.
    """
    return _judged(source, Topic.EXTERNAL, "external e-mail services")


@control(
    "source-html-escaped",
    title="The code escapes what it puts into HTML",
    expects="no value in a literal of HTML as it is, no template without escaping, no cleaning by regular expressions",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("CWE-79", "CWE-80"),
    remedy={"any": "a template engine that escapes by itself, or an escaping function around every value"},
)
def html_escaped(source: SourceFacts, rule: Rule) -> Verdict:
    """A name with a tag in it becomes part of the message: a stranger's link, signed by your server.

    A value may have been escaped before; that is for a person to see.
    """
    return _judged(source, Topic.HTML, "HTML is put together unescaped")


@control(
    "source-headers-encoded",
    title="The code puts no header together as text",
    expects="no value in the text of a From, To, Subject or other header",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("RFC 5322 section 2.2", "CWE-93"),
    remedy={"any": "give values to the library as fields: it encodes them or refuses line ends"},
)
def headers_encoded(source: SourceFacts, rule: Rule) -> Verdict:
    """A line end in a subject begins another header: a hidden recipient, another sender, another body.

    A value may have been checked before; that is for a person to see.
    """
    return _judged(source, Topic.HEADER, "headers are put together as text")


@control(
    "source-settings-required",
    title="No setting of the mail server has a default in the code",
    expects="host, user and password come from the environment, and nothing stands in for them",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("Enterprise SMTP Standard, Core Principles",),
    remedy={"any": "fail at the start when one is missing"},
)
def settings_required(source: SourceFacts, rule: Rule) -> Verdict:
    """When a variable is missing, mail and passwords go to another server than meant, in place of an error.

    A default is a fallback that nobody sees.
    """
    return _judged(source, Topic.SETTINGS, "settings have defaults")


@control(
    "source-calls-work",
    title="The code has no call or option that cannot work",
    expects="no function that does not exist, and no options that contradict each other",
    subject=SourceTree,
    needs=SourceFacts,
    medium=Medium.SOURCE,
    spec=("nodemailer.com/smtp", "nodejs.org/api/tls.html", "docs.python.org/3/library/smtplib.html"),
    remedy={"any": "run it once against a server"},
)
def calls_work(source: SourceFacts, rule: Rule) -> Verdict:
    """A program that cannot send looks safe everywhere: nothing of it can be attacked, and no mail arrives.

    client-sends shows whether it can.
    """
    return _judged(source, Topic.BROKEN, "cannot work", mail=True)
