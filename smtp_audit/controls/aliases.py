"""Whether names of the domain lead to what others can take over (dangling CNAMEs)."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.facts.aliases import AliasFacts, WatchedName
from smtp_audit.facts.endpoint import Domain

_REMEDY = {"any": "remove the alias, or set up again what it leads to; look at who could have had it meanwhile"}


def _shown(watched: list[WatchedName]) -> str:
    return "; ".join(f"{each.name} is an alias of {each.alias}, which does not exist" for each in watched)


def _rest(facts: AliasFacts) -> Verdict | None:
    """Not applicable where nothing is an alias.

    Raises:
        Undetermined: that is not known, or where one leads is not.
    """
    for each in facts.names:
        if each.alias or not each.cname.absent:
            each.content.require()
    if not any(each.alias for each in facts.names):
        return not_applicable("none of the names is an alias", evidence=(str(each.content) for each in facts.names))
    return None


@control(
    "alias-dangling",
    title="Every alias leads to a name that exists",
    expects="the targets of mta-sts, autoconfig, autodiscover, mail, and of policies and keys that are aliases, exist",
    subject=Domain,
    needs=AliasFacts,
    spec=("RFC 1034 section 3.6.2", "RFC 8461 section 8.2"),
    remedy=_REMEDY,
    medium=Medium.DNS,
)
def dangling(facts: AliasFacts, rule: Rule) -> Verdict:
    """Whoever gets the name that is gone speaks for the domain: with its mail policy, its settings or its signing key.

    It happens when a contract ends and the record stays: the next customer of the provider may choose that name.
    """
    gone = [each for each in facts.names if each.dangling]
    if gone:
        return fail(
            _shown(gone),
            evidence=(
                *(line for each in gone for line in each.told()),
                *(f"remove: {each.name}. CNAME" for each in gone),
            ),
        )
    return _rest(facts) or passed(
        ", ".join(f"{each.name} -> {each.alias}" for each in facts.names if each.alias),
        evidence=(str(each.content) for each in facts.names if each.alias),
    )


@control(
    "alias-registrable",
    title="No alias leads to a domain that is free to be registered",
    expects="the domain of each alias's target exists",
    subject=Domain,
    needs=AliasFacts,
    spec=("RFC 1034 section 3.6.2",),
    remedy=_REMEDY,
    medium=Medium.DNS,
)
def registrable(facts: AliasFacts, rule: Rule) -> Verdict:
    """A few euros and some minutes are enough to sign mail for the domain, or to tell the world how to reach it.

    No provider stands in between, who might refuse a name that was another customer's.
    """
    free = [each for each in facts.names if each.open_to_all]
    if free:
        return fail(
            "; ".join(
                f"{each.name} is an alias of {each.alias}, and {each.registered.name} is not registered"
                for each in free
                if each.registered is not None
            ),
            evidence=(line for each in free for line in each.told()),
        )
    for each in facts.names:
        if each.registered is not None:
            each.registered.require()
    return _rest(facts) or passed(
        ", ".join(f"{each.name} -> {each.alias}" for each in facts.names if each.alias),
        evidence=(str(each.content) for each in facts.names if each.alias),
    )
