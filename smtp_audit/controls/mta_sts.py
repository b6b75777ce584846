"""MTA-STS: the record, the policy behind it, and whether it covers who takes the domain's mail (RFC 8461)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Domain
from smtp_audit.facts.mta_sts import POLICY_HOST, FetchOutcome, MtaStsFacts, PolicyFetch
from smtp_audit.facts.mx_hosts import NO_MAIL
from smtp_audit.published.mta_sts import StsPolicy, parse_record

_NO_RECORD = "no record says that there is a policy; mta-sts-record judges that"
_NO_POLICY = "there is no policy that can be read; mta-sts-policy judges that"

_POLICY_REMEDY = {
    "any": "serve https://mta-sts.example.com/.well-known/mta-sts.txt with a certificate for mta-sts.example.com, "
    "status 200 and Content-Type: text/plain, without a redirect; four kinds of lines: version: STSv1, mode: enforce, "
    "mx: mail.example.com (one for each MX host), max_age: 604800",
    "dns": "mta-sts.example.com. IN CNAME the web server's name, or its addresses",
}
_CHANGE = "edit mta-sts.txt, then give the record a new id, so that senders fetch the policy again"


@control(
    "mta-sts-record",
    title="The domain publishes a valid MTA-STS record",
    expects="_mta-sts.DOMAIN has exactly one TXT record that begins with v=STSv1; and it has an id",
    subject=Domain,
    needs=MtaStsFacts,
    spec=("RFC 8461 section 3.1",),
    remedy={
        "dns": '_mta-sts.example.com. IN TXT "v=STSv1; id=20260101000000"',
        "any": "publish the record when the policy is served; the id is 1 to 32 letters and digits, and changes with "
        "the policy",
    },
    medium=Medium.DNS,
)
def record(facts: MtaStsFacts, rule: Rule) -> Verdict:
    """Without MTA-STS or DANE anybody on the way can take TLS out of a delivery, or send it to a server of his own.

    Senders that find no record, more than one, or one that they cannot read, act as if there were none.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    answer = facts.record.require()
    name = f"_mta-sts.{facts.domain}"
    publish = f'publish: {name}. IN TXT "v=STSv1; id={rule.time:%Y%m%d%H%M%S}"'
    if not facts.candidates:
        if facts.discarded:
            return fail(f"the record at {name} does not begin with v=STSv1;", evidence=(str(answer), publish))
        facts.mx.answer.require()
        return fail(f"no MTA-STS record at {name}", evidence=(str(answer), publish))
    if len(facts.candidates) > 1:
        many = f"{len(facts.candidates)} MTA-STS records at {name}: senders take that for none"
        return fail(many, evidence=(str(answer),))
    read = parse_record(facts.candidates[0])
    if read.problems:
        return fail(f"the record at {name} {read.problems[0]}", evidence=(str(answer), *read.problems, publish))
    return passed(f"one record, id {read.id}", evidence=(str(answer),))


@control(
    "mta-sts-policy",
    title="The MTA-STS policy can be fetched and is valid",
    expects="https://mta-sts.DOMAIN/.well-known/mta-sts.txt has a certificate of that name, status 200, type "
    "text/plain, and a policy without mistakes",
    subject=Domain,
    needs=MtaStsFacts,
    spec=("RFC 8461 section 3.2", "RFC 8461 section 3.3"),
    remedy=_POLICY_REMEDY,
    medium=Medium.DNS,
)
def policy(facts: MtaStsFacts, rule: Rule) -> Verdict:
    """A record alone protects nothing: senders that cannot fetch a valid policy deliver as if there were none.

    They follow no redirect and accept no certificate that they cannot check, since the policy is all that they trust.
    An alias (CNAME) of the policy host is fine, as long as the certificate has the host's own name.
    """
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    if not facts.published:
        return not_applicable(_NO_RECORD)
    fetch = facts.fetch
    if fetch is None:
        return _no_host(facts)
    fault = _fetch_fault(fetch)
    if fault:
        return fail(fault, evidence=(str(fetch),))
    if not fetch.conclusive:
        raise Undetermined(f"the policy could not be fetched: {fetch}")
    read = facts.policy
    if read is None:
        return fail(f"{fetch.url}: status {fetch.status}, not 200", evidence=(str(fetch),))
    problems = [*_type_problem(fetch), *read.problems]
    if problems:
        return fail(f"the policy {problems[0]}", evidence=(str(fetch), *problems))
    return passed(f"a valid policy: {read}", evidence=(str(fetch),))


def _no_host(facts: MtaStsFacts) -> Verdict:
    host = f"{POLICY_HOST}.{facts.domain}"
    if facts.without_policy:
        evidence = (*map(str, facts.addresses), f"publish: {host}. IN A and AAAA, the addresses of the web server")
        return fail(f"{host} has no address: there is no policy to fetch", evidence=evidence)
    for answer in facts.addresses:
        answer.require()
    raise Undetermined(f"the policy was not fetched: {facts.unfetched or 'no reason given'}")


def _fetch_fault(fetch: PolicyFetch) -> str:
    """What was seen to be wrong before there was an answer to judge."""
    if fetch.outcome is FetchOutcome.CERTIFICATE:
        return f"the certificate of the policy host is not accepted: {fetch.detail}"
    if fetch.outcome is FetchOutcome.NAME_REFUSED:
        return "the web server has nothing for the name of the policy host (TLS alert unrecognized_name)"
    if fetch.outcome is FetchOutcome.MALFORMED:
        return f"the answer of the policy host is not HTTP as it has to be: {fetch.detail}"
    if fetch.outcome is FetchOutcome.TOO_LARGE:
        return f"the policy is too large for senders: {fetch.detail}"
    if fetch.status is not None and 300 <= fetch.status < 400:
        return f"{fetch.url}: status {fetch.status}: senders follow no redirect" + (
            f" (to {fetch.location})" if fetch.location else ""
        )
    return ""


def _type_problem(fetch: PolicyFetch) -> tuple[str, ...]:
    """RFC 8461 section 3.2: text/plain; parameters do not count."""
    kind = (fetch.content_type or "").partition(";")[0].strip().lower()
    if kind == "text/plain":
        return ()
    return (f"comes as {fetch.content_type}, not text/plain" if kind else "comes without Content-Type: text/plain",)


def _valid_policy(facts: MtaStsFacts) -> StsPolicy | Verdict:
    """The policy that senders act on, or why there is nothing to judge. Raises Undetermined when it is not known."""
    if facts.mx.none:
        return not_applicable(NO_MAIL)
    if not facts.published:
        return not_applicable(_NO_RECORD)
    if facts.without_policy:
        return not_applicable(_NO_POLICY)
    return facts.require_policy()


@control(
    "mta-sts-mode",
    title="The MTA-STS policy is enforced",
    expects="the mode of the policy is one of: {accepted_modes}",
    subject=Domain,
    needs=MtaStsFacts,
    parameters={"accepted_modes": list[str]},
    spec=("RFC 8461 section 5",),
    remedy={"any": f"mode: enforce, once TLS reports show no failures; {_CHANGE}"},
    medium=Medium.DNS,
)
def mode(facts: MtaStsFacts, rule: Rule) -> Verdict:
    """In testing mode senders report what fails, and deliver all the same: an attacker is not kept out.

    Mode none tells them to forget the policy, which is for taking MTA-STS down.
    """
    found = _valid_policy(facts)
    if isinstance(found, Verdict):
        return found
    if not found.mode:
        return not_applicable("the policy has no mode that can be read; mta-sts-policy judges that")
    if found.mode in rule["accepted_modes"]:
        return passed(f"mode {found.mode}")
    return fail(f"mode {found.mode}", evidence=(str(found), "publish: mode: enforce, and a new id in the record"))


@control(
    "mta-sts-max-age",
    title="Senders remember the MTA-STS policy for long enough",
    expects="max_age is at least {minimum_seconds} seconds",
    subject=Domain,
    needs=MtaStsFacts,
    parameters={"minimum_seconds": Annotated[int, Field(ge=0)]},
    spec=("RFC 8461 section 3.2", "RFC 8461 section 10.2"),
    remedy={"any": f"max_age: 604800 (a week) or more; {_CHANGE}"},
    medium=Medium.DNS,
)
def max_age(facts: MtaStsFacts, rule: Rule) -> Verdict:
    """What a sender remembers protects it when an attacker hides the record: a short memory leaves gaps.

    RFC 8461 wants it to be weeks or more. A policy of seconds is forgotten between two messages.
    """
    found = _valid_policy(facts)
    if isinstance(found, Verdict):
        return found
    if found.mode == "none":
        return not_applicable("the mode is none: there is nothing to remember; mta-sts-mode judges that")
    if found.max_age is None:
        return not_applicable("the policy has no max_age that can be read; mta-sts-policy judges that")
    if found.max_age >= rule["minimum_seconds"]:
        return passed(f"max_age {found.max_age} seconds")
    return fail(f"max_age {found.max_age} seconds, less than {rule['minimum_seconds']}", evidence=(str(found),))


@control(
    "mta-sts-covers-mx",
    title="The MTA-STS policy names every MX host",
    expects="each MX host matches an mx line of the policy",
    subject=Domain,
    needs=MtaStsFacts,
    spec=("RFC 8461 section 4.1",),
    remedy={"any": f"one line mx: HOST for each MX host, or mx: *.example.com for hosts one label below; {_CHANGE}"},
    medium=Medium.DNS,
)
def covers_mx(facts: MtaStsFacts, rule: Rule) -> Verdict:
    """Senders that enforce the policy do not deliver to an MX host that it does not name: mail is delayed, then lost.

    A wildcard stands for one label: *.example.com is neither example.com nor a.b.example.com.
    """
    found = _valid_policy(facts)
    if isinstance(found, Verdict):
        return found
    if found.mode == "none":
        return not_applicable("the mode is none: no sender compares; mta-sts-mode judges that")
    hosts = facts.mx.require()
    missing = [host for host in hosts if found.pattern_for(host) is None]
    if missing:
        publish = "publish: " + ", ".join(f"mx: {host}" for host in missing) + " in the policy, and a new id"
        return fail(f"the policy does not name {', '.join(missing)}", evidence=(str(found), publish))
    told = [f"{host}: mx: {found.pattern_for(host)}" for host in hosts]
    return passed(f"names {'the MX host' if len(hosts) == 1 else f'all {len(hosts)} MX hosts'}", evidence=told)
