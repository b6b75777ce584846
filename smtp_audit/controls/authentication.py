"""Who may log in and how, and that nobody sends mail without it."""

from __future__ import annotations

import re

from smtp_audit.control import Rule, Safety, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.authentication import (
    AuthFacts,
    EnvelopeStep,
    LoginFacts,
    Transaction,
    UnauthenticatedMailFacts,
    asks_for_login,
)
from smtp_audit.facts.endpoint import ALL_ROLES, STARTTLS_ROLES, SUBMISSION_ROLES, Endpoint, Role, TlsStart
from smtp_audit.facts.service import Reply

_BEFORE = "the mechanisms offered before TLS are not known"
_INSIDE = "the mechanisms offered inside TLS are not known"


@control(
    "auth-only-after-tls",
    title="No login is offered before TLS",
    expects="before TLS no AUTH mechanism, no IMAP LOGIN (LOGINDISABLED) and no POP3 USER is offered",
    subject=Endpoint,
    needs=AuthFacts,
    roles=STARTTLS_ROLES,
    spec=(
        "RFC 4954 section 4",
        "RFC 9051 section 6.2.3",
        "RFC 2595 section 4",
        "RFC 5804 section 2.1",
        "RFC 8314 section 4.1",
    ),
    remedy={
        "postfix": "smtpd_tls_auth_only = yes",
        "dovecot": "ssl = required, and auth_allow_cleartext = no (2.4) or disable_plaintext_auth = yes (2.3)",
        "exim": "auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}",
        "sendmail": "define(`confAUTH_OPTIONS', `A p y')dnl with define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl",
        "opensmtpd": "tls-require in place of tls on the listen line with auth",
        "docker-mailserver": "set SSL_TYPE: without it logins in clear text are allowed",
        "any": "require TLS before any login, or close the port and use implicit TLS (465, 993, 995)",
    },
)
def auth_only_after_tls(auth: AuthFacts, rule: Rule) -> Verdict:
    """A login offered in clear text will be used by some client, and whoever listens on the way has the password.

    An attacker who hides STARTTLS (STRIPTLS) gets it from clients that would have used TLS. Challenge-response
    mechanisms do not help: what is seen can be guessed against off line, and the session that follows can be taken
    over.
    """
    if auth.before_tls is None:
        raise Undetermined(_BEFORE)
    if auth.before_tls:
        return fail(f"offers {', '.join(auth.before_tls)} before TLS")
    return passed("offers no login before TLS")


@control(
    "auth-mechanisms",
    title="No weak or forbidden mechanism is offered",
    expects="none of these mechanisms is offered, before or inside TLS: {forbidden}",
    subject=Endpoint,
    needs=AuthFacts,
    parameters={"forbidden": list[str]},
    spec=("RFC 6331 section 1", "RFC 4505 section 5", "RFC 4954 section 4", "RFC 7677 section 4"),
    remedy={
        "postfix": "smtpd_sasl_security_options = noanonymous and smtpd_sasl_tls_security_options = noanonymous; "
        "Postfix 3.6 and later: smtpd_sasl_mechanism_filter = plain, login, scram-sha-256; Cyrus SASL: mech_list: "
        "PLAIN LOGIN in sasl/smtpd.conf",
        "dovecot": "auth_mechanisms = plain login (2.3 and 2.4; add scram-sha-256 where passwords are stored for it)",
        "exim": "remove the authenticators with driver = cram_md5 and driver = spa",
        "sendmail": "define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl, TRUST_AUTH_MECH(`PLAIN LOGIN')dnl and "
        "define(`confAUTH_OPTIONS', `A p y')dnl",
        "opensmtpd": "it offers PLAIN and LOGIN only: what answers here is another server or a proxy",
        "docker-mailserver": "auth_mechanisms = plain login in dovecot.cf of the configuration volume",
        "any": "offer PLAIN (and LOGIN for old clients) inside TLS, or SCRAM-SHA-256",
    },
)
def auth_mechanisms(auth: AuthFacts, rule: Rule) -> Verdict:
    """ANONYMOUS lets anyone in; NTLM can be relayed to other servers and names the internal domain to strangers.

    CRAM-MD5, DIGEST-MD5 (Historic since RFC 6331) and APOP rest on MD5, let a listener guess passwords off line, and
    make the server store them in a form that can be read back or used as it is. PLAIN inside TLS has none of these
    faults.
    """
    forbidden = {name.upper() for name in rule["forbidden"]}
    offered = _all_offered(auth)
    bad = [name for name in offered if name.upper() in forbidden]
    if bad:
        return fail(f"offers {', '.join(bad)}", evidence=_both(auth))
    if auth.before_tls is None and not auth.tls_offered and auth.role.tls_start is TlsStart.IMPLICIT:
        return not_applicable("there is no TLS on this endpoint; implicit-tls judges that")
    _require_all_known(auth)
    return passed(f"offers {', '.join(offered) or 'no mechanism'}", evidence=_both(auth))


@control(
    "auth-offered",
    title="Users can log in inside TLS",
    expects="at least one login mechanism is offered inside TLS",
    subject=Endpoint,
    needs=AuthFacts,
    roles=ALL_ROLES - {Role.MX},
    spec=(
        "RFC 6409 section 4.3",
        "RFC 4954 section 3",
        "RFC 9051 section 6.2.2",
        "RFC 1939 section 7",
        "RFC 5804 section 1.7",
    ),
    remedy={
        "postfix": "smtpd_sasl_auth_enable = yes for submission and submissions in master.cf; with Dovecot: "
        "smtpd_sasl_type = dovecot, smtpd_sasl_path = private/auth; smtpd_discard_ehlo_keywords must not name auth",
        "dovecot": "auth_mechanisms = plain login and a passdb; for Postfix: service auth { unix_listener "
        "/var/spool/postfix/private/auth { mode = 0660; user = postfix; group = postfix } }, one setting a line",
        "exim": "an authenticator with public_name = PLAIN (driver = plaintext or driver = dovecot), and "
        "auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}",
        "sendmail": "TRUST_AUTH_MECH(`PLAIN LOGIN')dnl, define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl, and saslauthd "
        "running",
        "opensmtpd": "auth on the listen line of submission and smtps",
        "docker-mailserver": "an account must exist (setup email add ADDRESS); check the log of the container",
        "any": "enable authentication on this service, and check that its password service runs",
    },
)
def auth_offered(auth: AuthFacts, rule: Rule) -> Verdict:
    """Where users have to log in, no mechanism means that no user can send or read mail.

    Often the password service behind the server is down or its socket is out of reach; users then move to another, less
    guarded port.
    """
    if not auth.tls_offered:
        return not_applicable(NO_TLS)
    if auth.after_tls is None:
        raise Undetermined(_INSIDE)
    if not auth.after_tls:
        return fail("offers no login inside TLS")
    return passed(f"offers {', '.join(auth.after_tls)} inside TLS")


@control(
    "auth-absent-on-mx",
    title="Port 25 offers no login",
    expects="AUTH is offered neither before nor inside TLS",
    subject=Endpoint,
    needs=AuthFacts,
    roles=(Role.MX,),
    spec=("RFC 6409 section 3.1", "RFC 5068 section 3.1", "RFC 8314 section 3.3"),
    remedy={
        "postfix": "smtpd_sasl_auth_enable = no in main.cf, and -o smtpd_sasl_auth_enable=yes for submission and "
        "submissions alone in master.cf",
        "exim": "auth_advertise_hosts = ${if or{{eq{$received_port}{25}}{eq{$tls_in_cipher}{}}}{}{*}}",
        "sendmail": "DAEMON_OPTIONS(`Port=smtp, Name=MTA, M=A')dnl",
        "opensmtpd": "no auth and no auth-optional on the listen line of port 25",
        "docker-mailserver": "the default; take smtpd_sasl_auth_enable out of postfix-main.cf of the configuration "
        "volume",
        "any": "turn authentication off on port 25; users log in on 465 or 587",
    },
)
def auth_absent_on_mx(auth: AuthFacts, rule: Rule) -> Verdict:
    """Port 25 is open to every mail server of the world, so a login there is one more door to guess passwords at.

    It is tried without pause, and often without the limits that guard the submission ports.
    """
    offered = _all_offered(auth)
    if offered:
        return fail(f"offers {', '.join(offered)}", evidence=_both(auth))
    _require_all_known(auth)
    return passed("offers no login")


@control(
    "submission-requires-auth",
    title="Submission refuses mail from clients that have not logged in",
    expects="MAIL, or RCPT for a local and a foreign address, is refused with 5xx before AUTH, whoever the sender is",
    subject=Endpoint,
    needs=UnauthenticatedMailFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 6409 section 4.3", "RFC 4954 section 6", "RFC 5068 section 3.1"),
    remedy={
        "postfix": "-o smtpd_relay_restrictions=permit_sasl_authenticated,reject and -o smtpd_recipient_restrictions="
        "permit_sasl_authenticated,reject for submission and submissions in master.cf: without permit_mynetworks",
        "exim": "in the ACL of acl_smtp_rcpt, before any accept: deny condition = ${if "
        "inlist{$received_port}{465:587}} and !authenticated = * and message = authentication required, one a line",
        "sendmail": "DAEMON_OPTIONS(`Port=submission, Name=MSA, M=Ea')dnl: a requires authentication",
        "opensmtpd": "auth in place of auth-optional on the listen lines of submission and smtps",
        "docker-mailserver": "PERMIT_DOCKER=none, and no mynetworks in postfix-main.cf of the configuration volume",
        "any": "require authentication on the submission ports for every recipient, also local ones, and for every "
        "network",
    },
)
def submission_requires_auth(mail: UnauthenticatedMailFacts, rule: Rule) -> Verdict:
    """A submission port that takes mail from strangers is an open relay, or a way to forge mail inside the own domain.

    Spammers find an open relay within hours and the server ends on every block list. Mail to local recipients counts as
    well: submission skips the checks that mail from outside passes on port 25.
    """
    steps = tuple(step for transaction in mail.transactions for step in transaction.steps)
    said = tuple(f"{step.command}: {step.reply}" for step in steps)
    for transaction in mail.transactions:
        for step in transaction.recipients:
            if step.reply.code.startswith("2"):
                summary = f"takes mail without a login: {step.command} is answered with {step.reply}"
                return fail(f"{summary}, after {transaction.mail.command}", evidence=said)
    senders = [transaction.mail for transaction in mail.transactions]
    if not any(step.reply.code.startswith("2") for step in senders):
        # Not the first: a server may want a login for its own domain's addresses and for no others.
        for step in senders[1:]:
            if asks_for_login(step.reply) and not _doubt(step.reply, inside_tls=mail.inside_tls):
                return passed(f"{step.command} is refused: {step.reply}", evidence=said)
    step = _refused_for_all(mail)
    return passed(f"{step.command} is refused: {step.reply}; so is every other sender", evidence=said)


_SENDERS = 3
"""An own one, a foreign one, the null sender: a refusal that names no reason may be about any one of them."""

_RECIPIENTS = 2


def _refused_for_all(mail: UnauthenticatedMailFacts) -> EnvelopeStep:
    """The refusal to show, when every sender is refused for want of a login or for no reason of its own.

    Raises:
        Undetermined: some sender was not tried, or refused for now, or for another reason.
    """
    why = f" ({mail.ended})" if mail.ended else ""
    decisive = [_decisive(transaction, why) for transaction in mail.transactions]
    for step in (step for steps in decisive for step in steps):
        if doubt := _unrefused(step.reply):
            raise Undetermined(f"{doubt}: {step.command}: {step.reply}")
    complete = len(decisive) >= _SENDERS
    # What keeps out the own sender alone is of no account once the others are refused for good.
    for step in (step for steps in (decisive[1:] if complete else decisive) for step in steps):
        if doubt := _doubt(step.reply, inside_tls=mail.inside_tls):
            raise Undetermined(f"{doubt}: {step.command}: {step.reply}")
    if not complete:
        raise Undetermined(
            f"{len(decisive)} of {_SENDERS} senders tried{why}, and others may be taken"
            + "".join(f": {steps[-1].command}: {steps[-1].reply}" for steps in decisive[-1:])
        )
    own = decisive[0][0]
    return decisive[1][0] if _doubt(own.reply, inside_tls=mail.inside_tls) else own


def _decisive(transaction: Transaction, why: str) -> tuple[EnvelopeStep, ...]:
    """The steps that mail hangs on: MAIL, or where that is accepted all recipients.

    Raises:
        Undetermined: MAIL is accepted, and not all recipients were tried.
    """
    if not transaction.mail.reply.code.startswith("2"):
        return (transaction.mail,)
    if len(transaction.recipients) < _RECIPIENTS:
        tried = "not every" if transaction.recipients else "no"
        sender = transaction.mail.command
        raise Undetermined(f"{sender} is accepted without a login, and {tried} recipient was tried{why}")
    return transaction.recipients


# Enhanced status codes (RFC 3463) that refuse an address, a mailbox, or the command's form: they come after, or beside,
# the question whether this client may send at all.
_ABOUT_ADDRESS = re.compile(r"5\.[12]\.\d+\b")
_ABOUT_FORM = re.compile(r"5\.5\.[24]\b")
_FORM_CODES = frozenset({"500", "501", "502", "503", "504", "555"})

# SPF, DKIM, DMARC and reverse DNS have enhanced codes of their own (RFC 7372 section 3).
_ABOUT_ORIGIN = re.compile(r"5\.7\.2[0-9]\b")
# What a server says about this client or this sender: another client, or another sender, may be taken.
_ORIGIN_WORDS = re.compile(
    r"\b(?:spf|dkim|dmarc|dns-?bl|rbl|ptr|rdns|helo|ehlo|banned|dynamic|listed|your ip)\b"
    r"|(?:black|block|deny|gr[ae]y|dnsbl|rbl)[- ]?list|\bblocked\b|reputation|\bspam|spoof|forge|\bverif"
    r"|reverse|host ?name|too many|rate limit|not logged in|not owned|login mismatch"
    r"|(?:sender|from)\b.{0,30}\bdomain|\bdomain of\b.{0,20}\bsender",
    re.IGNORECASE,
)
# "authorized" and "authority" ask for nothing.
_LOGIN_WORDS = re.compile(r"auth(?!or)|\blog(?:ged)?[- ]?in\b|\blog[- ]?on\b|\bsasl\b", re.IGNORECASE)
# Addresses that are repeated, and what stands in angle brackets: their letters say nothing.
_REPEATED = re.compile(r"<[^<>\s]*>|\S+@\S+")


def _unrefused(reply: Reply) -> str:
    """Why a reply is no refusal for good; empty when it is one."""
    if re.fullmatch(r"5[0-9][0-9]", reply.code):
        return ""
    return "temporary refusal" if reply.code.startswith("4") else "unexpected answer"


def _doubt(reply: Reply, *, inside_tls: bool) -> str:
    """Why a refusal does not show that a login is wanted; empty when it does, or when it names no reason at all."""
    if doubt := _unrefused(reply):
        return doubt
    text = _REPEATED.sub(" ", " ".join(reply.lines))
    login = bool(_LOGIN_WORDS.search(text))
    if "STARTTLS" in text.upper() and not (inside_tls and login):
        return "TLS is wanted first" if inside_tls else "TLS is wanted first, and could not be had"
    if _ABOUT_ORIGIN.match(text) or _ORIGIN_WORDS.search(text):
        return "refused for this client or sender, not for want of a login"
    if login or asks_for_login(reply):
        return ""
    if _ABOUT_ADDRESS.match(text):
        return "refused for the address, not for want of a login"
    if reply.code in _FORM_CODES or _ABOUT_FORM.match(text):
        return "refused for the form or order of the command, not for want of a login"
    return ""


@control(
    "auth-works",
    title="The given credentials work",
    expects="a login with the given credentials inside TLS is accepted",
    subject=Endpoint,
    needs=LoginFacts,
    roles=SUBMISSION_ROLES,
    spec=("RFC 4954 section 4", "RFC 4954 section 6", "RFC 6409 section 4.3"),
    remedy={
        "postfix": "the log names the reason (SASL ... authentication failed); smtpd_sasl_path = private/auth must be "
        "a socket that the user postfix can open",
        "dovecot": "doveadm auth test USER checks the password without SMTP; auth_debug = yes (2.3) or log_debug = "
        "category=auth (2.4) logs why",
        "exim": "server_condition of the authenticator; exim -d+auth -bh ADDRESS shows it at work",
        "sendmail": "testsaslauthd -u USER -p PASSWORD -s smtp checks the password without SMTP",
        "opensmtpd": "the table of auth <TABLE>: passwords as smtpctl encrypt writes them",
        "docker-mailserver": "setup email update ADDRESS sets a new password",
        "any": "check user name (often the whole address), password, and the environment variable it is read from",
    },
    safety=Safety.ACTIVE,
)
def auth_works(login: LoginFacts, rule: Rule) -> Verdict:
    """That a mechanism is offered does not show that a login works: the password service behind it may fail every one.

    A successful login is the only proof that users can send.
    """
    if not login.offered:
        return not_applicable("there is no TLS or no mechanism to try it with; auth-offered judges that")
    with_mechanism = f" with {login.mechanism}" if login.mechanism else ""
    if login.accepted:
        return passed(f"login{with_mechanism} accepted")
    if login.reply is None:
        raise Undetermined("the login got no answer")
    if not login.reply.code.startswith("5"):
        raise Undetermined(f"the login was neither accepted nor refused for good: {login.reply}")
    return fail(f"login{with_mechanism} refused: {login.reply}")


def _all_offered(auth: AuthFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(auth.before_tls or ()), *(auth.after_tls or ()))))


def _require_all_known(auth: AuthFacts) -> None:
    """A state that does not exist is known: before TLS on a port for implicit TLS, inside TLS where none is offered.

    Raises:
        Undetermined: one that exists was not reached.
    """
    if auth.before_tls is None and auth.role.tls_start is TlsStart.STARTTLS:
        raise Undetermined(_BEFORE)
    if auth.after_tls is None and auth.tls_offered:
        raise Undetermined(_INSIDE)


def _both(auth: AuthFacts) -> tuple[str, ...]:
    states = (("before TLS", auth.before_tls), ("inside TLS", auth.after_tls))
    return tuple(f"{name}: {', '.join(seen) or 'none'}" for name, seen in states if seen is not None)
