"""Facts about what in a domain's DNS may belong to a mail service of others: SPF and the aliases of keys."""

from typing import ClassVar

from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen


class SpfNames(Frozen):
    """The names in one SPF record, whatever the mechanism. `open` are those of them that others' records come in by and
    that depend on the message (macros, RFC 7208 section 7): what they bring was not looked at."""

    answer: Answer
    names: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


class KeyAlias(Frozen):
    """The place of a DKIM key: whether it is an alias, and where that leads; `content` where it is one."""

    cname: Answer
    content: Answer | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The names that it leads to, without the last dot."""
        followed = self.content.aliases if self.content is not None else ()
        return tuple(dict.fromkeys((*(record.rstrip(".") for record in self.cname.records), *followed)))


class SelfHostingFacts(Facts):
    """The SPF record of the domain and those that it includes, to any depth (`left_out`: more than are followed), and
    the places of keys: of the selectors in the configuration, and of those that known services let publish."""

    kind: ClassVar[str] = "self_hosting"

    domain: str
    spf: tuple[SpfNames, ...]
    left_out: int = 0
    keys: tuple[KeyAlias, ...] = ()
