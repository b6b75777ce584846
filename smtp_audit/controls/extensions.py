"""Extensions of SMTP that strangers must not be offered."""

from __future__ import annotations

from collections.abc import Collection

from smtp_audit.control import Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import SMTP_ROLES, Endpoint
from smtp_audit.facts.identity import IdentityFacts
from smtp_audit.facts.service import CapabilityFacts


def _offered(capability: CapabilityFacts, forbidden: Collection[str], what: str) -> Verdict:
    """Whether one of these keywords is announced, before TLS or inside it."""
    unwanted = {name.upper() for name in forbidden}
    seen = {
        line
        for state in (capability.before_tls, capability.after_tls)
        for line in (state or ())[1:]
        if line.upper().replace("=", " ").split()[:1] and line.upper().replace("=", " ").split()[0] in unwanted
    }
    if seen:
        return fail(f"offers {', '.join(sorted(seen))}", evidence=sorted(seen))
    before = (capability.before_tls or ())[1:]
    if capability.after_tls is None and any(line.upper().split()[:1] == ["STARTTLS"] for line in before):
        raise Undetermined("what is announced inside TLS was not seen")
    return passed(f"offers no {what}")


@control(
    "extension-impersonation",
    title="Strangers may not say that they are somebody else",
    expects="none of these extensions is announced: {forbidden}",
    subject=Endpoint,
    needs=CapabilityFacts,
    roles=SMTP_ROLES,
    parameters={"forbidden": list[str]},
    spec=("RFC 5321 section 2.2.1", "RFC 5321 section 7"),
    remedy={
        "postfix": "smtpd_authorized_xclient_hosts and smtpd_authorized_xforward_hosts in main.cf and master.cf: only "
        "the proxies and filters of your own, or empty (the default)",
        "docker-mailserver": "take smtpd_authorized_xclient_hosts and smtpd_authorized_xforward_hosts out of "
        "postfix-main.cf and postfix-master.cf, except for the filter on 127.0.0.1",
        "exim": "such keywords are not Exim's (it has proxy_protocol hosts_proxy for that): look for a filter in front",
        "any": "allow these extensions to the addresses of your own proxies and filters only",
    },
)
def impersonation(capability: CapabilityFacts, rule: Rule) -> Verdict:
    """With XCLIENT a client says which address, name and login the server shall take it for.

    A stranger who may do that is any trusted network, passes every block list, and relays as any user. XFORWARD does
    the same to logs and to the filters behind.
    """
    return _offered(capability, rule["forbidden"], "extension to speak for others")


@control(
    "extension-private",
    title="No obsolete or private extension is announced to strangers",
    expects="none of these extensions is announced: {forbidden}",
    subject=Endpoint,
    needs=CapabilityFacts,
    roles=SMTP_ROLES,
    parameters={"forbidden": list[str]},
    spec=("RFC 5321 section 2.2.2", "RFC 5321 section 7.1"),
    remedy={
        "postfix": "smtpd_discard_ehlo_keywords hides a keyword; Postfix has none of these, so look for the proxy or "
        "filter that does",
        "sendmail": "define(`confPRIVACY_FLAGS', `authwarnings,noexpn,novrfy,noetrn,noverb')dnl in sendmail.mc",
        "exim": "Exim has none of these: look for the proxy or filter in front that does",
        "any": "switch the extension off, or offer it to authenticated partners only; on Exchange, remove "
        "ExchangeServer from the authentication of the connector that faces the Internet",
    },
)
def private_extension(capability: CapabilityFacts, rule: Rule) -> Verdict:
    """Debugging verbs and the private extensions of one product were the way into servers more than once.

    Strangers have no use for them: they tell the product, and each is code that everybody on the Internet can reach.
    """
    return _offered(capability, rule["forbidden"], "obsolete or private extension")


@control(
    "extension-turn",
    title="The direction of mail cannot be turned around by strangers",
    expects="none of these extensions is announced: {forbidden}",
    subject=Endpoint,
    needs=CapabilityFacts,
    roles=SMTP_ROLES,
    parameters={"forbidden": list[str]},
    spec=("RFC 5321 appendix F.1", "RFC 2645 section 5"),
    remedy={
        "any": "switch TURN off; offer ATRN on port 366 and after the login only (RFC 2645)",
        "postfix": "Postfix has neither TURN nor ATRN: look for the proxy or filter in front that does",
        "exim": "Exim has neither TURN nor ATRN: look for the proxy or filter in front that does",
    },
)
def turn(capability: CapabilityFacts, rule: Rule) -> Verdict:
    """With TURN the client becomes the server, and is given the mail that waits for whoever it says it is.

    A name in HELO proves nothing, so that anybody can fetch the mail of others. RFC 5321 advises against it for that.
    """
    return _offered(capability, rule["forbidden"], "extension that hands mail over")


@control(
    "etrn-restricted",
    title="ETRN is refused to strangers",
    expects="ETRN for a domain that nobody has is answered with 459 or a 5yz code",
    subject=Endpoint,
    needs=IdentityFacts,
    roles=SMTP_ROLES,
    spec=("RFC 1985 section 5.2", "RFC 1985 section 7"),
    remedy={
        "postfix": "smtpd_etrn_restrictions = permit_mynetworks, reject; keep fast_flush_domains at $relay_domains; "
        "smtpd_discard_ehlo_keywords = etrn hides the keyword",
        "exim": "acl_smtp_etrn = with an ACL that accepts only your own relay clients, or unset (the default refuses)",
        "sendmail": "noetrn in define(`confPRIVACY_FLAGS', `authwarnings,noetrn')dnl, or the modifier E: "
        "DAEMON_OPTIONS(`Port=smtp, Name=MTA, M=E')dnl",
        "any": "accept ETRN from the hosts that mail is kept for, or not at all",
    },
)
def etrn_restricted(identity: IdentityFacts, rule: Rule) -> Verdict:
    """ETRN starts a run of the queue, and whoever may start one without limit keeps the server busy.

    Its answers also tell a stranger which domains mail is waiting for.
    """
    last = identity.etrn.last
    evidence = identity.etrn.told()
    if last.hung_up:
        return passed(f"ends the session: {last.ended}", evidence=evidence)
    if last.accepted:
        return fail(f"starts a run of the queue for a stranger: {last.reply}", evidence=evidence)
    # 459 refuses for good, although 4yz (RFC 1985 section 5.3). 458 is for other troubles, too: Exim prohibits with it.
    prohibits = last.reply is not None and (
        last.reply.code == "459" or (last.reply.code == "458" and "prohibit" in str(last.reply))
    )
    if last.refused or prohibits:
        return passed(f"refused: {last.reply}", evidence=evidence)
    raise Undetermined(f"neither taken nor refused: {last}")
