"""SPF: one record, well formed, that ends in a refusal and leads to records that are as well."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.zone_line import publish
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.spf import SpfFacts, SpfResult
from smtp_audit.facts.spf_tree import SpfTree
from smtp_audit.published.spf import SpfRecord
from smtp_audit.published.spf_macro import macro_problem
from smtp_audit.wiretext import escape_text

NO_RECORD = "the domain has no SPF record, or several; spf-record judges that"
BROKEN_RECORD = "the record has errors, and counts for nobody; spf-syntax judges that"


def sound(spf: SpfFacts) -> SpfRecord | Verdict:
    """The record of the domain; or the verdict, when it has none that receivers take.

    Raises:
        Undetermined: it is not known.
    """
    record = spf.record
    if record is None:
        return not_applicable(NO_RECORD)
    if record.problems:
        return not_applicable(BROKEN_RECORD)
    return record


def shown(answer: Answer | None) -> list[str]:
    """An answer as evidence."""
    return [] if answer is None else [str(answer)]


@control(
    "spf-record",
    title="The domain has one SPF record",
    expects="exactly one TXT record of the domain begins with v=spf1 and a space; required: {required}",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    parameters={"required": bool},
    spec=("RFC 7208 section 3.2", "RFC 7208 section 4.5"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 mx -all", where the MX hosts send the mail; else ip4: and ip6: in place of '
        'mx; "v=spf1 -all" for a domain that sends none',
        "any": "publish one TXT record that begins with v=spf1, and take all others away",
    },
)
def spf_record(spf: SpfFacts, rule: Rule) -> Verdict:
    """Without the record anyone can send in the domain's name; with two of them no receiver knows which is meant.

    Two records are a permerror for every receiver (RFC 7208 section 4.5), also when they are the same but for a letter.
    Where a profile requires none, as the RFC does, only that is judged.
    """
    answer = spf.root.answer
    if answer is None:
        raise Undetermined(f"{spf.root.name}: {spf.root.note or 'not asked'}")
    answer.require()
    texts = spf.root.texts
    if len(texts) == 1:
        return passed(f"one record: {escape_text(texts[0], 200)}", evidence=shown(answer))
    if texts:
        return fail(f"{len(texts)} SPF records: a permerror for every receiver", evidence=shown(answer))
    if not rule["required"]:
        return not_applicable("no SPF record, and none is required", evidence=shown(answer))
    takes_none = spf.mx.absent or spf.mx.records == ("0 .",)  # RFC 7505: a null MX
    line = publish(spf.domain, "v=spf1 -all" if takes_none else "v=spf1 mx -all")
    if spf.root.near:
        meant = escape_text(spf.root.near[0], 200)
        return fail(f"no SPF record: this is none, because of how it begins: {meant}", evidence=[*shown(answer), line])
    return fail("no SPF record", evidence=[*shown(answer), line])


@control(
    "spf-syntax",
    title="The SPF record is well formed",
    expects="every term of the domain's record follows the grammar; unknown modifiers are allowed",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 4.6", "RFC 7208 section 6", "RFC 7208 section 12"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 mx include:_spf.example.net -all": terms '
        "parted by spaces, addresses with ip4: and ip6:, names with a:",
        "any": "correct the terms that the evidence names: one error makes the whole record void",
    },
)
def spf_syntax(spf: SpfFacts, rule: Rule) -> Verdict:
    """One error anywhere in the record is a permerror, even behind the term that would have matched.

    Section 4.6 of RFC 7208: "Syntax errors anywhere in the record MUST be detected". Address and name mixed up
    (a:192.0.2.1) and a second redirect are such errors.
    """
    record = spf.record
    if record is None:
        return not_applicable(NO_RECORD)
    evidence = shown(spf.root.answer)
    if record.problems:
        more = f", and {len(record.problems) - 1} more" if len(record.problems) > 1 else ""
        return fail(f"{record.problems[0]}{more}", evidence=[*record.problems[:20], *evidence])
    return passed(f"{len(record.mechanisms) + len(record.modifiers)} terms, all well formed", evidence=evidence)


@control(
    "spf-includes",
    title="Every include and redirect of SPF leads to one valid record",
    expects="each name that include and redirect lead to, in the whole tree, has exactly one SPF record without errors",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 5.2", "RFC 7208 section 6.1"),
    remedy={
        "dns": 'take the include away, or publish what it leads to: _spf.example.com. IN TXT "v=spf1 ip4:192.0.2.0/28 '
        '-all"',
        "any": "remove includes of names that have no record any more, and tell others about errors in theirs",
    },
)
def spf_includes(spf: SpfFacts, rule: Rule) -> Verdict:
    """An include of a name without a record is a permerror for the domain that includes it, and not "nothing".

    It happens to who leaves a provider, or whose provider makes a mistake; nobody tells the domain.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree = SpfTree(spf.nodes)
    leading = spf.nodes[1:]
    if not leading:
        return passed("the record includes nothing and does not redirect", evidence=shown(spf.root.answer))
    faults, unknown = [], None
    for node in leading:
        try:
            if node.fault:
                faults.append(f"{escape_text(node.via, 100)}: {node.fault}")
        except Undetermined as reason:
            unknown = unknown or reason
    if faults:
        return fail(faults[0], evidence=[*faults[:20], *shown(spf.root.answer)])
    errors = [each for each in (*spf.foreign, *spf.evaluations) if each.result is SpfResult.PERMERROR]
    for via in tree.dynamic():
        for each in errors:
            if each.reason.startswith(via):
                return fail(f"for {each.address}: {each.reason}", evidence=[str(each), *shown(spf.root.answer)])
    if unknown is not None:
        raise unknown
    note = [f"not the same for every message: {escape_text(via, 100)}" for via in tree.dynamic()]
    return passed(f"{len(leading) - len(note)} names, each with one valid record", evidence=[*note, *tree.costs()[:40]])


@control(
    "spf-all",
    title="The SPF record ends in a refusal",
    expects="what no other term matches meets one of: {accepted} (of the record itself, or of the one it redirects to)",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    parameters={"accepted": list[str]},
    spec=("RFC 7208 section 4.7", "RFC 7208 section 5.1", "RFC 7208 section 8.2"),
    remedy={
        "dns": 'example.com. IN TXT "v=spf1 mx -all": -all as the last term; ~all while DMARC reports are still being '
        "read",
        "any": "end the record in -all",
    },
)
def spf_all(spf: SpfFacts, rule: Rule) -> Verdict:
    """A record that does not end in a refusal says nothing about strangers, and one with +all vouches for them.

    Without all and redirect the result is neutral, as with ?all: receivers treat the mail as if there were no record.
    """
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    tree = SpfTree(spf.nodes)
    evidence = shown(spf.root.answer)
    for here, term in tree.permitting():
        if term.name == "all":
            better = [publish(spf.domain, _refusing(record))] if here == 0 else shown(spf.nodes[here].answer)
            return fail(f"{tree.told(here, term)} lets everyone pass", evidence=[*evidence, *better])
    here = 0
    while record.all is None and record.redirect is not None:
        there = tree.below(here, record.redirect)
        node = spf.nodes[there] if there is not None else None
        if there is None or node is None or node.dynamic:
            raise Undetermined(f"where {record.redirect.text} leads depends on the message")
        if node.loop or node.fault or node.record is None:
            return not_applicable("the redirect leads to no valid record; spf-includes and spf-lookups judge that")
        here, record = there, node.record
        evidence += shown(node.answer)
    line = publish(spf.nodes[here].name, _refusing(record))
    if record.all is None:
        return fail("no all and no redirect: who is not named is neutral", evidence=[*evidence, line])
    told = f"{record.all.qualifier}all"
    where = "" if here == 0 else f" of {spf.nodes[here].name}"
    if told not in rule["accepted"]:
        return fail(f"ends in {told}{where}", evidence=[*evidence, line])
    return passed(f"ends in {told}{where}", evidence=evidence)


def _refusing(record: SpfRecord) -> str:
    """The record with -all at its end, and without the redirect that it then has no use for."""
    kept = [term.text for term in record.mechanisms if term.name != "all"]
    modifiers = [term.text for term in record.modifiers if term.name != "redirect"]
    return " ".join(["v=spf1", *kept, "-all", *modifiers])


@control(
    "spf-explanation",
    title="The explanation of SPF can be read",
    expects="the name in exp= has exactly one TXT record, of ASCII and with valid macros",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 6.2",),
    remedy={
        "dns": 'explain.example.com. IN TXT "%{i} does not send mail for %{d}", and exp=explain.example.com in '
        "the record",
        "any": "publish the text at the name that exp= gives, or take exp= away",
    },
)
def spf_explanation(spf: SpfFacts, rule: Rule) -> Verdict:
    """The text is what a refused sender reads; with any error in it receivers leave it out without a word."""
    record = sound(spf)
    if isinstance(record, Verdict):
        return record
    modifier = record.explanation
    if modifier is None:
        return passed("the record has no exp=", evidence=shown(spf.root.answer))
    if spf.explanation is None:
        return not_applicable(f"where {escape_text(modifier.text, 100)} leads depends on the message, or it is no name")
    answer = spf.explanation.require()
    if len(answer.records) != 1:
        return fail(f"{answer.name} has {len(answer.records)} TXT records instead of one", evidence=shown(answer))
    problem = macro_problem(answer.records[0], spaces=True)
    if problem:
        return fail(f"the text cannot be used: {problem}", evidence=shown(answer))
    return passed(f"one text: {escape_text(answer.records[0], 200)}", evidence=shown(answer))


@control(
    "spf-type-99",
    title="There is no record of the old type SPF",
    expects="the domain has no record of type 99",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    spec=("RFC 7208 section 3.1", "RFC 7208 section 14.1"),
    remedy={
        "dns": 'take "example.com. IN SPF ..." (type 99) out of the zone and keep the TXT record',
        "any": "delete the record of type SPF",
    },
)
def spf_type_99(spf: SpfFacts, rule: Rule) -> Verdict:
    """Records of type 99 are obsolete since 2014: who still asks for them may read what nobody keeps current."""
    old = spf.old.require()
    if old.found:
        return fail(f"{len(old.records)} of type SPF (99)", evidence=[str(old), *shown(spf.root.answer)])
    return passed("none of type SPF (99)")


@control(
    "spf-answer-size",
    title="The TXT records of the domain fit into a small answer",
    expects="the name and the texts of all its TXT records are at most {max_octets} octets together",
    subject=Domain,
    needs=SpfFacts,
    medium=Medium.DNS,
    parameters={"max_octets": int},
    spec=("RFC 7208 section 3.4",),
    remedy={
        "dns": "take away TXT records that nobody reads any more (verifications of services), and move long lists of "
        "networks behind an include: every TXT record of the name is in every answer",
        "any": "publish fewer and shorter TXT records at the domain itself",
    },
)
def spf_answer_size(spf: SpfFacts, rule: Rule) -> Verdict:
    """An answer over 512 octets needs EDNS or TCP, which some firewalls still keep from receivers.

    The rule of thumb of RFC 7208 counts 450 octets of name and texts, which leaves room for what else an answer has.
    """
    answer = spf.root.answer
    if answer is None:
        raise Undetermined(f"{spf.root.name}: {spf.root.note or 'not asked'}")
    answer.require()
    if not spf.root.texts:
        return not_applicable("the domain has no SPF record; spf-record judges that")
    octets = len(answer.name) + sum(len(record) for record in answer.records)
    told = f"{octets} octets in {len(answer.records)} TXT records and their name"
    return (fail if octets > rule["max_octets"] else passed)(told, evidence=shown(answer))
