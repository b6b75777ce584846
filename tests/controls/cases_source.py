"""Source text: a finding fails, what was not read is no pass, and what is not there has no verdict."""

from __future__ import annotations

from smtp_audit.facts.source import Language, Topic
from tests.source_factories import finding, left_out, source

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

ABOUT = {
    "source-certificate-verified": Topic.CERTIFICATE,
    "source-starttls-required": Topic.STARTTLS,
    "source-tls-version": Topic.VERSION,
    "source-no-passwords": Topic.PASSWORD,
    "source-no-secrets": Topic.SECRET,
    "source-no-debug": Topic.DEBUG,
    "source-no-simulation": Topic.SIMULATION,
    "source-no-external-service": Topic.EXTERNAL,
    "source-html-escaped": Topic.HTML,
    "source-headers-encoded": Topic.HEADER,
    "source-settings-required": Topic.SETTINGS,
    "source-calls-work": Topic.BROKEN,
}
NEEDS_A_LIBRARY = (Topic.CERTIFICATE, Topic.STARTTLS, Topic.VERSION, Topic.DEBUG, Topic.BROKEN)


def _cases(name: str, topic: Topic) -> tuple[Case, ...]:
    other = next(each for each in Topic if each is not topic)
    unread = left_out()
    nothing = {"read": {}, "libraries": ()}
    return (
        Case(name, source(), PASS, "nothing found (3 of Python read)"),
        Case(name, source(finding(other)), PASS, "nothing found"),
        Case(name, source(skipped=(left_out("node_modules/", "dependencies"),)), PASS, "nothing found"),
        Case(name, source(finding(topic)), FAIL, "app/mail.py:7 (1 in all)"),
        Case(name, source(finding(topic), more_findings={topic: 8}), FAIL, "(9 in all)"),
        Case(name, source(finding(topic), unread=(unread,)), FAIL, "app/mail.py:7"),
        Case(name, source(finding(topic), libraries=()), FAIL, "app/mail.py:7"),
        Case(name, source(unread=(unread,), more_unread=2), INDETERMINATE, "3 files or folders were not read"),
        Case(name, source(**nothing, unread=(unread,)), INDETERMINATE, "big.py: larger than"),
        Case(name, source(**nothing, skipped=(left_out("vendor/", "dependencies"),)), INDETERMINATE, "vendor/"),
        Case(name, source(**nothing, others=5), NOT_APPLICABLE, "no file of a language that is read"),
        Case(name, source(**nothing, tests=5), NOT_APPLICABLE, "5 files of tests and no others"),
        Case(name, source(read={Language.JAVA: 2}), NOT_APPLICABLE, "no rules about it for Java"),
        Case(name, source(read={Language.JAVA: 2, Language.PYTHON: 1}), PASS, "2 of Java, 1 of Python"),
        *(
            [Case(name, source(libraries=()), NOT_APPLICABLE, "no use of a known mail library")]
            if topic in NEEDS_A_LIBRARY
            else [Case(name, source(libraries=()), PASS, "nothing found")]
        ),
    )


CASES = tuple(case for name, topic in ABOUT.items() for case in _cases(name, topic))
