"""Cases of smtp_audit.controls.authentication."""

from smtp_audit.facts.endpoint import Role
from tests.facts_factories import auth, login, mail, mails, reply

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected

_BAD = {"forbidden": ["ANONYMOUS", "NTLM", "CRAM-MD5"]}

_OFFERS = (
    Case("auth-only-after-tls", auth(), PASS, "offers no login before TLS"),
    Case("auth-only-after-tls", auth(inside=None, tls_offered=False), PASS, "offers no login before TLS"),
    Case("auth-only-after-tls", auth(before=["PLAIN", "LOGIN"]), FAIL, "offers PLAIN, LOGIN before TLS"),
    Case("auth-only-after-tls", auth(Role.IMAP, before=["LOGIN-COMMAND"]), FAIL, "offers LOGIN-COMMAND before TLS"),
    Case("auth-only-after-tls", auth(Role.POP3, before=["USER-COMMAND"], inside=None), FAIL, "offers USER-COMMAND"),
    # A mechanism that does not send the password is a login before TLS all the same.
    Case("auth-only-after-tls", auth(before=["SCRAM-SHA-256"]), FAIL, "offers SCRAM-SHA-256 before TLS"),
    Case("auth-only-after-tls", auth(before=None), INDETERMINATE, "before TLS are not known"),
    Case("auth-mechanisms", auth(), PASS, "offers PLAIN, LOGIN", _BAD),
    Case("auth-mechanisms", auth(Role.MX, inside=[]), PASS, "offers no mechanism", _BAD),
    Case("auth-mechanisms", auth(Role.IMAPS, before=None), PASS, "offers PLAIN, LOGIN", _BAD),
    Case("auth-mechanisms", auth(inside=None, tls_offered=False), PASS, "offers no mechanism", _BAD),
    Case("auth-mechanisms", auth(inside=["PLAIN", "CRAM-MD5"]), FAIL, "offers CRAM-MD5", _BAD),
    Case("auth-mechanisms", auth(inside=["plain", "cram-md5"]), FAIL, "offers cram-md5", _BAD),
    Case("auth-mechanisms", auth(inside=["NTLM"]), FAIL, "offers NTLM", {"forbidden": ["ntlm"]}),
    Case("auth-mechanisms", auth(before=["ANONYMOUS"]), FAIL, "offers ANONYMOUS", _BAD),
    # A fault that was seen wins over a state that was not reached.
    Case("auth-mechanisms", auth(before=["NTLM"], inside=None), FAIL, "offers NTLM", _BAD),
    # Only whole names count.
    Case("auth-mechanisms", auth(inside=["SCRAM-SHA-1-PLUS", "XNTLM"]), PASS, "offers SCRAM-SHA-1-PLUS, XNTLM", _BAD),
    Case("auth-mechanisms", auth(Role.IMAPS, None, None, False), NOT_APPLICABLE, "implicit-tls judges that", _BAD),
    Case("auth-mechanisms", auth(inside=None), INDETERMINATE, "inside TLS are not known", _BAD),
    Case("auth-mechanisms", auth(before=None), INDETERMINATE, "before TLS are not known", _BAD),
    Case("auth-mechanisms", auth(Role.IMAPS, None, None), INDETERMINATE, "inside TLS are not known", _BAD),
    Case("auth-offered", auth(), PASS, "offers PLAIN, LOGIN inside TLS"),
    Case("auth-offered", auth(Role.IMAPS, None, ["LOGIN-COMMAND"]), PASS, "offers LOGIN-COMMAND inside TLS"),
    Case("auth-offered", auth(inside=[]), FAIL, "offers no login inside TLS"),
    Case("auth-offered", auth(before=["PLAIN"], inside=[]), FAIL, "offers no login inside TLS"),
    Case("auth-offered", auth(inside=None, tls_offered=False), NOT_APPLICABLE, "starttls-offered"),
    Case("auth-offered", auth(inside=None), INDETERMINATE, "inside TLS are not known"),
    Case("auth-absent-on-mx", auth(Role.MX, inside=[]), PASS, "offers no login"),
    Case("auth-absent-on-mx", auth(Role.MX, inside=None, tls_offered=False), PASS, "offers no login"),
    Case("auth-absent-on-mx", auth(Role.MX, inside=["PLAIN"]), FAIL, "offers PLAIN"),
    Case("auth-absent-on-mx", auth(Role.MX, before=["LOGIN"], inside=None), FAIL, "offers LOGIN"),
    Case("auth-absent-on-mx", auth(Role.MX, inside=None), INDETERMINATE, "inside TLS are not known"),
    Case("auth-absent-on-mx", auth(Role.MX, before=None, inside=[]), INDETERMINATE, "before TLS are not known"),
)

_WANTED = reply("530", "5.7.0 Authentication required")
_OK = reply("250", "2.1.0 Ok")
_RELAY = reply("554", "5.7.1 <b@example.net>: Relay access denied")
_LATER = reply("454", "4.7.1 Relay access denied")
_TLS_FIRST = reply("530", "5.7.0 Must issue a STARTTLS command first")
_ID = "submission-requires-auth"

_DENIED = reply("554", "5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied")
_SPF = reply("550", "5.7.23 <a@example.org>: SPF validation failed")
_OWNER = reply("553", "5.7.1 <a@example.org>: Sender address rejected: not logged in")
_ASKED = reply("550", "authentication required")

_SUBMISSION = (
    # A MAIL of a foreign sender whose codes ask for a login: whoever the sender is.
    Case(_ID, mail(_WANTED), PASS, "MAIL FROM:<b@example.net> is refused: 530"),
    # Of the own sender alone it may be the rule for the own domain, and no other.
    Case(_ID, mails([_WANTED]), INDETERMINATE, "1 of 3 senders tried"),
    Case(_ID, mails([_WANTED], [_OK, _OK, _RELAY]), FAIL, "takes mail without a login"),
    Case(_ID, mail(reply("530", "Error: authentication Required")), PASS, "is refused: 530"),
    Case(_ID, mail(reply("502", "5.7.0 Please authenticate first")), PASS, "is refused: 502"),
    Case(_ID, mail(_WANTED, inside_tls=False), PASS, "is refused: 530"),
    Case(_ID, mails([_SPF], [_WANTED]), PASS, "MAIL FROM:<b@example.net> is refused: 530"),
    # It does not ask everyone when another sender got past MAIL.
    Case(_ID, mails([_WANTED], [_OK, _LATER, _LATER], [_WANTED]), INDETERMINATE, "temporary refusal"),
    # Other codes, and refusals without a reason: of every sender.
    Case(_ID, mail(_ASKED), PASS, "is refused: 550 authentication required; so is every other sender"),
    Case(_ID, mail(reply("550", "5.7.9 Mail to submission port must be authenticated")), PASS, "is refused: 550"),
    Case(_ID, mail(reply("503", "AUTH first (#5.5.1)")), PASS, "is refused: 503"),
    Case(_ID, mail(reply("503", "5.5.4 Log in first")), PASS, "is refused: 503"),
    Case(_ID, mail(reply("501", "5.1.0 SASL is required")), PASS, "is refused: 501"),
    Case(_ID, mail(reply("550", "Administrative prohibition")), PASS, "is refused: 550"),
    Case(_ID, mail(_OK, _RELAY, _RELAY), PASS, "RCPT TO:<postmaster@example.com> is refused: 554"),
    Case(_ID, mail(_OK, _DENIED, _DENIED), PASS, "RCPT TO:<postmaster@example.com> is refused: 554"),
    Case(_ID, mail(_OK, _ASKED, reply("550", "relay not permitted")), PASS, "is refused: 550"),
    Case(_ID, mails([_OK, _RELAY, _RELAY], [_DENIED], [_ASKED]), PASS, "so is every other sender"),
    Case(_ID, mails([_ASKED], [_ASKED], ended="dropped"), INDETERMINATE, "2 of 3 senders tried (dropped)"),
    Case(_ID, mails([_DENIED], ended="dropped"), INDETERMINATE, "1 of 3 senders tried (dropped)"),
    # What keeps out the own sender alone is of no account.
    Case(_ID, mails([_SPF], [_DENIED], [_DENIED]), PASS, "MAIL FROM:<b@example.net> is refused: 554"),
    Case(_ID, mails([_OWNER], [_DENIED], [_DENIED]), PASS, "MAIL FROM:<b@example.net> is refused: 554"),
    Case(_ID, mails([_DENIED], [_SPF], [_DENIED]), INDETERMINATE, "refused for this client or sender"),
    Case(_ID, mails([_DENIED], [_DENIED], [_SPF]), INDETERMINATE, "refused for this client or sender"),
    Case(_ID, mails([_SPF], [_OK, _OK, _OK]), FAIL, "250 2.1.0 Ok, after MAIL FROM:<b@example.net>"),
    Case(_ID, mails([_OWNER], [_DENIED], [_OK, _RELAY, _OK]), FAIL, "after MAIL FROM:<>"),
    *(
        Case(_ID, mail(reply(code, text)), INDETERMINATE, "refused for this client or sender")
        for code, text in (
            ("550", "5.7.23 validation failed"),
            ("550", "5.7.26 Unauthenticated mail is not accepted"),
            ("550", "5.7.0 SPF fail: authentication of the domain failed"),
            ("554", "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
            ("554", "5.7.1 your address is listed"),
            ("554", "5.7.1 on our blacklist"),
            ("554", "5.7.1 DNSBL"),
            ("554", "poor reputation"),
            ("550", "5.7.1 DMARC policy"),
            ("550", "5.7.1 no DKIM signature"),
            ("550", "5.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]"),
            ("550", "5.7.1 Client host rejected: cannot find your reverse host"),
            ("550", "no PTR record"),
            ("504", "5.5.2 <x>: Helo command rejected: need fully-qualified name"),
            ("553", "5.7.1 <a@example.org>: Sender address rejected: not logged in"),
            ("553", "5.7.1 <a@example.org>: Sender address rejected: not owned by user"),
            ("550", "5.7.1 greylisted"),
            ("550", "5.7.1 the sender has no such domain"),
            ("550", "Sender verify failed"),
        )
    ),
    # The letters of an address that is repeated say nothing.
    Case(_ID, mail(reply("554", "5.7.1 <spf@listed.example>: Relay access denied")), PASS, "is refused: 554"),
    Case(_ID, mail(reply("502", "auth@example.org")), INDETERMINATE, "refused for the form"),
    Case(_ID, mail(reply("501", "5.1.7 not an authorized address")), INDETERMINATE, "refused for the address"),
    Case(_ID, mail(_OK, _OK, _RELAY), FAIL, "takes mail without a login: RCPT TO:<postmaster@example.com>"),
    Case(_ID, mail(_OK, _RELAY, _OK), FAIL, "takes mail without a login: RCPT TO:<b@example.net>"),
    Case(_ID, mail(_OK, reply("251", "will forward"), _RELAY), FAIL, "251 will forward"),
    # A fault that was seen wins over an answer that is unclear.
    Case(_ID, mail(_OK, _LATER, _OK), FAIL, "takes mail without a login"),
    Case(_ID, mail(_OK, _OK, _LATER), FAIL, "takes mail without a login"),
    Case(_ID, mails([_OK, _OK], ended="dropped"), FAIL, "takes mail without a login"),
    Case(_ID, mail(_LATER), INDETERMINATE, "temporary refusal: MAIL"),
    Case(_ID, mails([_LATER], [_DENIED], [_DENIED]), INDETERMINATE, "temporary refusal: MAIL FROM:<a@example.org>"),
    Case(_ID, mail(_OK, _LATER, _LATER), INDETERMINATE, "temporary refusal: RCPT"),
    Case(_ID, mail(_OK, _RELAY, _LATER), INDETERMINATE, "temporary refusal: RCPT TO:<b@example.net>"),
    Case(_ID, mail(_OK, _LATER, _RELAY), INDETERMINATE, "temporary refusal: RCPT TO:<postmaster@example.com>"),
    Case(_ID, mail(_OK), INDETERMINATE, "no recipient was tried"),
    Case(_ID, mail(_OK, _RELAY), INDETERMINATE, "not every recipient was tried"),
    Case(_ID, mails([_DENIED], [_DENIED], [_OK, _RELAY], ended="dropped"), INDETERMINATE, "was tried (dropped)"),
    Case(_ID, mail(_TLS_FIRST, inside_tls=False), INDETERMINATE, "TLS is wanted first, and could not be had"),
    Case(_ID, mail(_TLS_FIRST), INDETERMINATE, "TLS is wanted first"),
    Case(_ID, mail(_OK, reply("550", "5.1.1 User unknown"), _RELAY), INDETERMINATE, "refused for the address"),
    Case(_ID, mail(reply("550", "5.1.8 No such place")), INDETERMINATE, "refused for the address"),
    Case(_ID, mail(reply("501", "Syntax error")), INDETERMINATE, "refused for the form"),
    Case(_ID, mail(reply("503", "nested MAIL command")), INDETERMINATE, "refused for the form"),
    Case(_ID, mail(reply("555", "5.5.4 Unsupported option")), INDETERMINATE, "refused for the form"),
    Case(_ID, mail(reply("354", "go on")), INDETERMINATE, "unexpected answer"),
    Case(_ID, mail(reply("", "garbage")), INDETERMINATE, "unexpected answer"),
    Case(_ID, mails(), INDETERMINATE, "0 of 3 senders tried"),
)

_LOGIN = (
    Case("auth-works", login(True, reply("235", "2.7.0 ok")), PASS, "login with PLAIN accepted"),
    Case("auth-works", login(True, mechanism=""), PASS, "login accepted"),
    Case("auth-works", login(False, reply("535", "5.7.8 no")), FAIL, "login with PLAIN refused: 535 5.7.8 no"),
    Case("auth-works", login(offered=False), NOT_APPLICABLE, "auth-offered judges that"),
    Case("auth-works", login(False, reply("454", "4.7.0 later")), INDETERMINATE, "neither accepted nor refused"),
    Case("auth-works", login(False, reply("421", "too many")), INDETERMINATE, "neither accepted nor refused"),
    Case("auth-works", login(False), INDETERMINATE, "got no answer"),
)

CASES = (*_OFFERS, *_SUBMISSION, *_LOGIN)
