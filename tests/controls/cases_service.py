"""Cases of smtp_audit.controls.service."""

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.service import FirstWords
from tests.facts_factories import greeting, port, reply

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_REQUIRED = {"required_roles": ["mx", "submissions"]}
_NONE = {"required_roles": []}
_FORBIDDEN = {"forbidden_roles": ["imap", "pop3", "sieve"]}

_SIEVE = ('"IMPLEMENTATION" "Example"', '"SIEVE" "fileinto"', "ready.")

CASES = (
    Case("port-open", port(Role.MX), PASS, "takes connections", _REQUIRED),
    Case("port-open", port(Role.MX, declared=False), PASS, "takes connections", _REQUIRED),
    Case("port-open", port(Role.IMAP), PASS, "takes connections", _NONE),
    Case("port-open", port(Role.MX, is_open=False, declared=False), FAIL, "role mx is required", _REQUIRED),
    Case("port-open", port(Role.IMAP, is_open=False), FAIL, "role imap was declared", _NONE),
    Case("port-open", port(Role.IMAP, is_open=False, declared=False), NOT_APPLICABLE, "not declared", _REQUIRED),
    Case("port-open", port(Role.IMAP, is_open=True, declared=False), NOT_APPLICABLE, "not declared", _REQUIRED),
    Case("port-closed", port(Role.IMAP, is_open=False, declared=False), PASS, "refuses connections", _FORBIDDEN),
    Case("port-closed", port(Role.IMAP, declared=False), FAIL, "role imap must not be offered", _FORBIDDEN),
    Case("port-closed", port(Role.SIEVE), FAIL, "role sieve", _FORBIDDEN),
    Case("port-closed", port(Role.IMAPS), NOT_APPLICABLE, "role imaps may be open", _FORBIDDEN),
    Case(
        "service-greeting", greeting(Role.MX, reply("220", "mail.example.com ESMTP")), PASS, "SMTP greeting: 220 mail"
    ),
    Case("service-greeting", greeting(Role.SUBMISSIONS, reply("220", "hello")), PASS, "SMTP greeting"),
    Case("service-greeting", greeting(Role.IMAP, reply("OK", "ready")), PASS, "IMAP greeting: OK ready"),
    Case("service-greeting", greeting(Role.IMAP, reply("ok", "ready")), PASS, "IMAP greeting"),
    Case("service-greeting", greeting(Role.POP3S, reply("+OK", "ready")), PASS, "POP3 greeting"),
    Case("service-greeting", greeting(Role.SIEVE, reply("OK", *_SIEVE)), PASS, "ManageSieve greeting"),
    Case("service-greeting", greeting(Role.SIEVE, reply("OK", "ready.")), FAIL, "without capabilities"),
    Case("service-greeting", greeting(Role.SUBMISSION, first=FirstWords.TLS), FAIL, "speaks TLS at once: wrapper mode"),
    Case("service-greeting", greeting(Role.MX, first=FirstWords.TLS, fault="no clear greeting"), FAIL, "wrapper mode"),
    Case("service-greeting", greeting(Role.MX, first=FirstWords.OTHER), FAIL, "is no greeting of SMTP"),
    Case("service-greeting", greeting(Role.IMAPS, first=FirstWords.OTHER), FAIL, "is no greeting of IMAP"),
    Case(
        "service-greeting",
        greeting(Role.MX, reply("220", r"\xff"), fault="octets outside ASCII"),
        FAIL,
        "malformed SMTP",
    ),
    Case("service-greeting", greeting(Role.MX, reply("250", "hello")), FAIL, "250 is no greeting of SMTP"),
    Case("service-greeting", greeting(Role.MX, reply("2200", "hello")), FAIL, "2200 is no greeting of SMTP"),
    Case("service-greeting", greeting(Role.MX, reply("+OK", "POP3 ready")), FAIL, "+OK is no greeting of SMTP"),
    Case("service-greeting", greeting(Role.POP3, reply("OK", "IMAP ready")), FAIL, "OK is no greeting of POP3"),
    Case("service-greeting", greeting(Role.IMAP, reply("220", "SMTP")), FAIL, "220 is no greeting of IMAP"),
    Case("service-greeting", greeting(Role.IMAP, reply("PREAUTH", "hi")), FAIL, "PREAUTH in clear text"),
    Case("service-greeting", greeting(Role.IMAPS, reply("PREAUTH", "hi")), FAIL, "PREAUTH inside TLS"),
    Case(
        "service-greeting",
        greeting(Role.IMAPS, reply("OK", "ready"), first=FirstWords.CLEAR_GREETING),
        NOT_APPLICABLE,
        "implicit-tls judges that",
    ),
    Case("service-greeting", greeting(Role.MX, reply("554", "go away")), INDETERMINATE, "turned this client away: 554"),
    Case("service-greeting", greeting(Role.MX, reply("421", "later")), INDETERMINATE, "turned this client away: 421"),
    Case(
        "service-greeting", greeting(Role.IMAPS, reply("BYE", "later")), INDETERMINATE, "turned this client away: BYE"
    ),
    Case(
        "service-greeting", greeting(Role.POP3, reply("-ERR", "later")), INDETERMINATE, "turned this client away: -ERR"
    ),
    Case(
        "service-greeting", greeting(Role.SIEVE, reply("BYE", "later")), INDETERMINATE, "turned this client away: BYE"
    ),
    Case("service-greeting", greeting(Role.IMAPS), INDETERMINATE, "no IMAP greeting was had"),
    Case("service-greeting", greeting(Role.MX), INDETERMINATE, "no SMTP greeting was had"),
)
