"""Facts about source text: what was read, what was not, and what was found there. Never any of the text."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class Language(StrEnum):
    """What source text is written in."""

    JAVASCRIPT = "JavaScript"
    TYPESCRIPT = "TypeScript"
    PYTHON = "Python"
    PHP = "PHP"
    RUBY = "Ruby"
    GO = "Go"
    JAVA = "Java"


class Topic(StrEnum):
    """What a finding is about; every topic has its control."""

    CERTIFICATE = "certificate"
    STARTTLS = "starttls"
    VERSION = "version"
    PASSWORD = "password"  # noqa: S105 (no password)
    """A password or key that is one for certain: given to a login, or of a form that only keys have."""
    SECRET = "secret"  # noqa: S105 (no password)
    """A text that is a secret by its name and its looks."""
    DEBUG = "debug"
    SIMULATION = "simulation"
    EXTERNAL = "external"
    HTML = "html"
    HEADER = "header"
    SETTINGS = "settings"
    BROKEN = "broken"
    """Calls and options that cannot work."""


class SourceFinding(Frozen):
    """One place. `path` is relative to the tree and escaped; `line` counts from 1; the rest is the rule's own text."""

    rule: str
    topic: Topic
    language: Language
    path: str
    line: int
    told: str
    why: str
    fix: str
    clause: str

    @property
    def place(self) -> str:
        """File and line, as editors understand it."""
        return f"{self.path}:{self.line}"


class LeftOut(Frozen):
    """A file or folder that was not read, or not in full, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class SourceFacts(Facts):
    """What reading a tree of source text gave.

    `read`: files of each language that were read. `unread`: files of a known language that ought to have been, or were
    understood only in part. `skipped`: what is not the user's own or not meant to be read (dependencies, minified text,
    links), left out on purpose. `tests`: files of tests, where only keys are looked for. `others`: files of no known
    language. `libraries`: where a mail library is used, by name. `covered`: the languages that there are rules for.
    The counts `more_unread` and `more_skipped` are what the lists have no room for.
    """

    kind: ClassVar[str] = "source_findings"

    read: dict[Language, int] = Field(default_factory=dict)
    tests: int = 0
    others: int = 0
    unread: tuple[LeftOut, ...] = ()
    more_unread: int = 0
    skipped: tuple[LeftOut, ...] = ()
    more_skipped: int = 0
    libraries: tuple[str, ...] = ()
    covered: dict[Topic, tuple[Language, ...]] = Field(default_factory=dict)
    findings: tuple[SourceFinding, ...] = ()
    more_findings: dict[Topic, int] = Field(default_factory=dict)

    def of(self, topic: Topic) -> tuple[SourceFinding, ...]:
        """The findings about one thing."""
        return tuple(finding for finding in self.findings if finding.topic is topic)
