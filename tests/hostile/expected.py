"""What may be said of a peer that got so far and no further, for the role `mx` unless the name says otherwise.

A control that is not named has to be indeterminate.
"""

from collections.abc import Mapping

from smtp_audit.control import load_builtin
from smtp_audit.facts.endpoint import Role
from smtp_audit.safety import Safety

from .conversed import CLEAR, LOGGED_IN, TALK, TALK_OF_SUBMISSION

# Nobody asks for the slow ones here, and there are no credentials but where a peer has a login. Where the endpoint
# could not be reached at all, that is as good a reason.
_UNASKED = "not_run|indeterminate"
SLOW = dict.fromkeys(
    (
        "tls-heartbleed",
        "tls-ccs-injection",
        "tls-robot",
        "tls-client-renegotiation",
        "certificate-revocation",
    ),
    _UNASKED,
)
NO_LOGIN = {"auth-works": _UNASKED}

NOTHING: dict[str, str] = {}
"""No connection, and no refusal of one either."""

CONNECTED = {"port-open": "pass"}

GREETED = CONNECTED | {"service-greeting": "pass"}

BROKEN_CAPABILITIES = GREETED
"""A reply beyond the caps says nothing: what is offered further down it is not known."""

OFFERED = GREETED | CLEAR | {"starttls-offered": "pass", "auth-only-after-tls": "pass"}
"""The capabilities before TLS were seen, and TLS was not."""

NO_HANDSHAKE = OFFERED | {"starttls-works": "fail|indeterminate"}
"""The server answered the hello, with what is no handshake."""

# Where STARTTLS is offered and refused there is no TLS to judge; whether that is "not applicable" or "not known" is a
# matter of taste, since starttls-works closes the gate.
_NO_TLS = "indeterminate|not_applicable"
REFUSED = OFFERED | {
    "tls-obsolete-version": _NO_TLS,
    "tls-current-version": _NO_TLS,
    "certificate-trusted": _NO_TLS,
    "certificate-name": _NO_TLS,
    "certificate-in-date": _NO_TLS,
    "certificate-days-left": _NO_TLS,
}

CERTIFICATE = {
    "certificate-trusted": "pass",
    "certificate-name": "pass",
    "certificate-in-date": "pass",
    "certificate-days-left": "pass",
    "certificate-chain-order": "pass",
    "certificate-key-strength": "pass",
    "certificate-signature": "pass",
    "certificate-purpose": "pass",
    "certificate-not-an-authority": "pass",
    "certificate-lifetime": "pass",
    "certificate-issuer": "pass",
    "certificate-staple": "not_applicable",
    "certificate-transparency": "not_applicable",
}
"""Judged by the first look's certificate."""

SUITES = dict.fromkeys(("tls-weak-suite", "tls-cbc-suite", "tls-forward-secrecy"), "pass")
SUITES |= {"tls-allowed-suites": "pass|advisory", "tls-server-preference": "pass"}
GROUPS = {"tls-key-exchange-strength": "pass", "tls-dh-prime": "not_applicable", "tls-allowed-groups": "pass"}
OF_ALL_VERSIONS = dict.fromkeys(
    ("tls-extended-master-secret", "tls-secure-renegotiation", "tls-compression", "tls-heartbeat"), "pass"
)
SURVEYED = (
    SUITES
    | GROUPS
    | OF_ALL_VERSIONS
    | dict.fromkeys(
        (
            "tls-signature-hash",
            "tls-fallback-scsv",
            "tls-early-data",
            "tls-ticket-lifetime",
            "tls-hello-tolerance",
            "client-certificate-request",
            "certificate-every-client",
            "starttls-injection",
        ),
        "pass",
    )
    | {"certificate-same-on-ports": "not_applicable"}
)
"""Judged by the survey and the other probes behind the first look."""


def open_or(expected: Mapping[str, str]) -> dict[str, str]:
    """The same, and as good: not known."""
    return {control: f"{statuses}|indeterminate" for control, statuses in expected.items()}


AUTHENTICATION = {"auth-only-after-tls": "pass", "auth-mechanisms": "pass", "auth-absent-on-mx": "pass"}

EVERYTHING = (
    OFFERED
    | {"starttls-works": "pass", "tls-obsolete-version": "pass", "tls-current-version": "pass"}
    | CERTIFICATE
    | SURVEYED
    | AUTHENTICATION
    | TALK
)

VERSION_UNKNOWN = EVERYTHING | dict.fromkeys(
    ("tls-obsolete-version", *SUITES, *GROUPS, *OF_ALL_VERSIONS), "indeterminate"
)
"""One old version could not be told: what has to hold for every version is not known."""

LATER_UNKNOWN = EVERYTHING | dict.fromkeys((*SUITES, *GROUPS, "tls-signature-hash"), "indeterminate")
LATER_UNKNOWN |= dict.fromkeys(("tls-server-preference", "certificate-every-client"), "pass|indeterminate")
"""The lists of suites have no end."""

SUBMISSION = {
    control: statuses
    for control, statuses in EVERYTHING.items()
    if control not in ("auth-absent-on-mx", "reverse-name-agrees", "reverse-name-confirmed", *TALK)
}
SUBMISSION |= TALK_OF_SUBMISSION | {"auth-offered": "pass", "submission-requires-auth": "pass"}

LOGIN_FAILED = SUBMISSION | dict.fromkeys(LOGGED_IN, "indeterminate")
"""There are credentials, and what they are for was not seen."""

NO_TALK = dict.fromkeys(TALK, "indeterminate") | {"greeting-name-in-certificate": "pass"}
"""TLS, and no conversation in it."""

ABSENT = dict.fromkeys((*EVERYTHING, "port-closed", "certificate-revocation"), "not_applicable") | {"port-open": "fail"}
"""The port is closed, which is a fact."""

FORBIDDEN_ROLES = frozenset({Role.IMAP, Role.POP3, Role.SIEVE})
"""The enterprise profile wants these ports closed; an open one is a finding, whatever else it does."""


# Of these only what is passive is asked without credentials.
_CONVERSATIONS = {
    control.id: control.safety
    for control in load_builtin()
    if not any(need.kind.startswith("tls") for need in control.needs)
}


def allowed(expected: Mapping[str, str], control: str, role: Role, *, login: bool) -> frozenset[str]:
    """The statuses that this control may have."""
    table = {**SLOW, **expected} if login else {**SLOW, **NO_LOGIN, **expected}
    if _CONVERSATIONS.get(control, Safety.PASSIVE) is not Safety.PASSIVE and not (login and control in LOGGED_IN):
        table.setdefault(control, f"{_UNASKED}|not_applicable")
    if expected.get("port-open") == "pass":
        table["port-closed"] = "fail" if role in FORBIDDEN_ROLES else "not_applicable"
    if expected.get("port-open") == "fail":
        table.setdefault(control, "not_applicable")
    return frozenset(table.get(control, "indeterminate").split("|"))
