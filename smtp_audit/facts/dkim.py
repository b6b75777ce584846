"""Facts about the DKIM keys of a domain: what stands at its selectors (RFC 6376 section 3.6.2)."""

from typing import ClassVar

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.published.dkim import DkimRecord, PublishedKey
from smtp_audit.wiretext import escape_text


class DkimSelector(Frozen):
    """What stands at one selector.

    `configured`: the user says that the domain signs with it; else it is one of those that many domains have. `records`
    are its TXT records as keys, in the order of the answer. `provider` is the mail service that it is an alias (CNAME)
    to, `alias` the end of the chain.
    """

    selector: str
    configured: bool
    answer: Answer
    records: tuple[DkimRecord, ...] = ()
    provider: str = ""

    @property
    def alias(self) -> str:
        """Where the chain of CNAMEs ends, safe to show; empty without one."""
        return escape_text(self.answer.aliases[-1], 255) if self.answer.aliases else ""

    @property
    def keys(self) -> tuple[PublishedKey, ...]:
        """The keys that could be read."""
        return tuple(record.key for record in self.records if record.key is not None)

    @property
    def usable(self) -> bool:
        """Verifiers get exactly one record here, and can use it."""
        return len(self.records) == 1 and self.records[0].usable

    def publication(self, record: DkimRecord) -> str:
        """The line of a zone file that publishes the key of a record as it ought to be; empty without a key."""
        value = "".join((record.tags.get("p") or "").split())
        if record.key is None:
            return ""
        text = f"v=DKIM1; k={record.key.type}; {'t=s; ' if record.strict else ''}p={value}"
        strings = " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))
        return f"publish: {self.answer.name}. IN TXT {strings}"


class DkimFacts(Facts):
    """The selectors looked at, those of the configuration first, and what a selector that nobody has is answered with.

    There are none of these facts when no selector is configured and no common one has a key: that proves nothing.
    """

    kind: ClassVar[str] = "dkim"

    domain: str
    selectors: tuple[DkimSelector, ...]
    wildcard: Answer
    """TXT at a made-up selector: found, a wildcard answers for all that do not exist."""

    @property
    def configured(self) -> tuple[DkimSelector, ...]:
        """Those that the user says the domain signs with."""
        return tuple(each for each in self.selectors if each.configured)

    @property
    def published(self) -> tuple[DkimSelector, ...]:
        """Those that have something: the configured ones, and others that have a key of their own."""
        return tuple(each for each in self.selectors if each.answer.found and (each.configured or self.is_key(each)))

    def is_key(self, selector: DkimSelector) -> bool:
        """Whether a key is meant at a selector, and not some text of a wildcard."""
        if self.from_wildcard(selector):
            return False
        return any(record.looks_like_key for record in selector.records)

    def from_wildcard(self, selector: DkimSelector) -> bool:
        """Whether a selector that nobody has is answered with the same."""
        return self.wildcard.found and self.wildcard.records == selector.answer.records

    def require_known(self) -> None:
        """Raises Undetermined when a configured selector was not answered."""
        for each in self.configured:
            each.answer.require()

    @property
    def names(self) -> str:
        """The selectors that have something, in words."""
        return ", ".join(each.selector + ("" if each.configured else " (a guess)") for each in self.published)

    def told(self) -> tuple[str, ...]:
        """Lines of evidence: the answers of configured and of found selectors."""
        published = self.published
        shown = [each for each in self.selectors if each.configured or each in published]
        lines = [str(each.answer) for each in shown]
        return (*lines, f"a made-up selector: {self.wildcard}") if self.wildcard.found else tuple(lines)
