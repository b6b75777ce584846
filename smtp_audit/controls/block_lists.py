"""Whether the addresses that mail leaves from are on lists of those with a bad name (RFC 5782)."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.block_lists import BlockListFacts, refused
from smtp_audit.facts.endpoint import Domain


@control(
    "sending-not-listed",
    title="No address that mail leaves from is on a block list",
    expects="the lists of the configuration work, and have none of the addresses in [sending]",
    subject=Domain,
    needs=BlockListFacts,
    spec=("RFC 5782 section 2", "RFC 5782 section 5"),
    remedy={"any": "find out what was sent from the address, end it, then ask the list to remove the entry"},
    medium=Medium.DNS,
)
def not_listed(facts: BlockListFacts, rule: Rule) -> Verdict:
    """Receivers that ask the list refuse mail from the address, or take it for spam.

    A list that has its test entry missing, that lists everything, or that refuses to answer says nothing either way.
    """
    listed = []
    unknown: list[str] = []
    covered: set[str] = set()
    for each in facts.lists:
        for listing in each.listings:
            trouble = each.test(listing.address).trouble or listing.answer.trouble or refused(listing.answer)
            if ":" in listing.address and each.without_ipv6:
                continue  # it has nothing to say about such addresses
            if trouble:
                unknown.append(f"{each.name}: {trouble}")
            elif listing.listed:
                reason = (
                    f": {' '.join(listing.reason.records)[:200]}" if listing.reason and listing.reason.found else ""
                )
                listed.append(f"{listing.address} is on {each.name} ({', '.join(listing.answer.records)}){reason}")
            else:
                covered.add(listing.address)
    evidence = [str(listing.answer) for each in facts.lists for listing in each.listings]
    if listed:
        return fail("; ".join(listed), evidence=evidence)
    if unknown:
        raise Undetermined("; ".join(dict.fromkeys(unknown)))
    uncovered = [address for address in facts.addresses if address not in covered]
    if uncovered:
        raise Undetermined(f"none of the lists knows IPv6 addresses: {', '.join(uncovered)}")
    names = ", ".join(each.name for each in facts.lists)
    return passed(f"{', '.join(facts.addresses)}: not on {names}", evidence=evidence)
