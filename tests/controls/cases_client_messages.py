"""Programs and their messages: what became of hostile values, and of what has to be refused."""

from __future__ import annotations

from typing import Any

from smtp_audit.facts.client import Claim, LogEvent
from smtp_audit.facts.client_messages import Arrival, SentMessage, Sort
from tests.client_factories import execution
from tests.message_factories import (
    HTML,
    LINK,
    PAGE,
    RECIPIENT,
    STOLEN,
    TEXT,
    USER,
    alternative,
    arrival,
    content,
    control,
    messages,
    sent,
)

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE
_MUTE = "inconclusive: a harmless message does not arrive"
_NOTHING = messages(arrives=False)
_HUNG = execution(Claim.HUNG)


def subject(name: str, value: str, **more: Any) -> SentMessage:
    """A hostile subject that came through as `value`."""
    return sent(f"subject-{name}", "subject", Sort.HOSTILE, arrival(content(Subject=value)), value=value, **more)


def to(sort: Sort, value: str, *recipients: str, **more: Any) -> SentMessage:
    """An address under test, and who was written to because of it."""
    came = (arrival(content(To=", ".join(recipients)), to=recipients),) if recipients else ()
    return sent(f"to-{value[:20]}", "to", sort, *came, value=value, **more)


_BLOCKED = LogEvent(time="2026-01-31T12:00:00Z", text='{"time":"2026-01-31T12:00:00Z","event":"blocked"}')


def blocked(*events: LogEvent) -> SentMessage:
    """A recipient that was refused, and what was written then."""
    refused = execution(Claim.NOT_SENT, events=events)
    return to(Sort.DISPOSABLE, "a@tempmail.com").model_copy(update={"execution": refused})


def body(name: str, arrived: Arrival) -> SentMessage:
    return sent(name, "html", Sort.TEXT, arrived)


def _header(says: str, value: str) -> Case:
    return Case("client-header-injection", messages(subject("x", value)), FAIL, says)


_REFUSED = sent("subject-crlf", "subject", Sort.HOSTILE)
_BITS = {"minimum_bits": 64}


def identified(*ids: str | None) -> tuple[SentMessage, ...]:
    return tuple(control(f"f{n}", arrival(content(Message_ID=each))) for n, each in enumerate(ids))


_RANDOM = tuple(
    f"<{(n + 3) * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128:032x}@client-test.example>" for n in range(40)
)
_CLOCK = tuple(f"<17000000{n:05}.{n % 10}@client-test.example>" for n in range(40))

INJECTION = (
    Case("client-header-injection", messages(_REFUSED), PASS, "1 values in subject"),
    Case("client-header-injection", messages(subject("x", "FiguresBcc: x")), PASS, "every value stays"),
    Case("client-header-injection", messages(subject("x", "Figures\r\n Bcc: x")), PASS, "every value stays"),
    Case(
        "client-header-injection",
        messages(_REFUSED, sent("control-cc", "cc", Sort.CONTROL, arrival())),
        PASS,
        "not judged: cc",
    ),
    _header("values become header fields: subject-x", "Figures\r\nBcc: x@y.example"),
    _header("subject-x", "Figures\nBcc: x@y.example"),
    _header("subject-x", "Figures\rBcc: x@y.example"),
    _header("subject-x", "Figures\r\n\r\nInjected"),
    _header("subject-x", "Figures\n\nInjected"),
    _header("subject-x", "Figures\r\nSubject: another"),
    _header("subject-x", "Figures\x00"),
    _header("subject-x", "Figures\n.\nMAIL FROM:<x@y.example>"),
    Case(
        "client-header-injection",
        messages(
            sent(
                "name",
                "options.fromName",
                Sort.HOSTILE,
                arrival(content(From=f'"A" <{STOLEN}>, <s@client-test.example>')),
            )
        ),
        FAIL,
        "name",
    ),
    Case(
        "client-header-injection",
        messages(
            control("reply_to", arrival(content(Reply_To=USER))),
            sent("answers", "reply_to", Sort.HOSTILE, arrival(content(Reply_To=f"{USER}, {STOLEN}"))),
        ),
        FAIL,
        "answers",
    ),
    Case(
        "client-header-injection",
        messages(
            control("reply_to", arrival(content(Reply_To=USER))),
            sent("answers", "reply_to", Sort.HOSTILE, arrival()),  # the field was left out: no fault
        ),
        PASS,
        "every value stays",
    ),
    Case(
        "client-header-injection",
        messages(
            control("options.headers", arrival(content(X_Campaign="a"))),
            sent("h", "options.headers", Sort.HOSTILE, arrival(content(X_A_Bcc="a"))),
        ),
        PASS,
        "every value stays",
    ),
    Case(
        "client-header-injection",
        messages(
            control("options.headers", arrival(content(X_Campaign="a"))),
            sent("h", "options.headers", Sort.HOSTILE, arrival(content(X_Campaign="a", Bcc=STOLEN))),
        ),
        FAIL,
        "h",
    ),
    Case(
        "client-header-injection",
        messages(
            control("options.unsubscribeUrl", arrival(content(List_Unsubscribe="<https://a.example>"))),
            sent(
                "u",
                "options.unsubscribeUrl",
                Sort.HOSTILE,
                arrival(content(List_Unsubscribe=f"<https://a>, <mailto:{STOLEN}>")),
            ),
        ),
        FAIL,
        "u",
    ),
    Case(
        "client-header-injection",
        messages(_REFUSED, sent("late", "subject", Sort.HOSTILE, run=_HUNG)),
        INDETERMINATE,
        "could not be tried: late (hung)",
    ),
    Case(
        "client-header-injection",
        messages(subject("x", "a\r\nBcc: x"), sent("late", "subject", Sort.HOSTILE, run=_HUNG)),
        FAIL,
        "subject-x",
    ),
    Case(
        "client-header-injection",
        messages(_REFUSED, sent("control-cc", "cc", Sort.CONTROL, run=_HUNG)),
        INDETERMINATE,
        "could not be tried: control-cc (hung)",
    ),
    Case("client-header-injection", messages(), INDETERMINATE, "no message for this was tried"),
    Case("client-header-injection", messages(subject("x", "a\r\nBcc: x"), arrives=False), INDETERMINATE, _MUTE),
    #
    Case("client-envelope-injection", messages(_REFUSED), PASS, "no value changes the envelope"),
    Case(
        "client-envelope-injection",
        messages(to(Sort.MALFORMED, f"{USER}, {STOLEN}", USER, STOLEN, acceptable=(USER,))),
        FAIL,
        "values change the envelope",
    ),
    Case(
        "client-envelope-injection",
        messages(to(Sort.MALFORMED, f"{USER}, {STOLEN}", USER, acceptable=(USER,))),
        PASS,
        "no value changes",
    ),
    Case("client-envelope-injection", messages(to(Sort.MALFORMED, f"{USER}\r\n", STOLEN)), FAIL, "change the envelope"),
    # What is no address and goes on as it is, is the business of client-recipient-syntax.
    Case("client-envelope-injection", messages(to(Sort.MALFORMED, "user", "user")), PASS, "no value changes"),
    Case("client-envelope-injection", messages(to(Sort.MALFORMED, ".u@x.example", ".u@x.example")), PASS, "no value"),
    Case(
        "client-envelope-injection",
        messages(
            to(
                Sort.EITHER,
                f'"r@recipient.example x"@{STOLEN[7:]}',
                "r@recipient.example",
                acceptable=(f'"r@recipient.example x"@{STOLEN[7:]}',),
            )
        ),
        FAIL,
        "values change the envelope",
    ),
    Case(
        "client-envelope-injection",
        messages(to(Sort.EITHER, '"user"@RECIPIENT.example', USER, acceptable=('"user"@RECIPIENT.example',))),
        PASS,
        "no value changes",
    ),
    Case(
        "client-envelope-injection",
        messages(sent("s", "subject", Sort.HOSTILE, arrival(), arrival(to=(STOLEN,)), value="x")),
        FAIL,
        "s",
    ),
    Case(
        "client-envelope-injection",
        messages(sent("s", "subject", Sort.HOSTILE, arrival(), arrival(), value="x")),
        FAIL,
        "s",
    ),
    Case(
        "client-envelope-injection",
        messages(sent("s", "subject", Sort.HOSTILE, arrival(sender=STOLEN), value="x")),
        FAIL,
        "s",
    ),
    Case(
        "client-envelope-injection",
        messages(sent("s", "subject", Sort.HOSTILE, recipients_tried=(RECIPIENT, STOLEN), value="x")),
        FAIL,
        "s",
    ),
    Case(
        "client-envelope-injection",
        messages(
            control("cc", arrival(to=(RECIPIENT, "copy@recipient.example"))),
            sent("c", "cc", Sort.HOSTILE, arrival(to=(RECIPIENT, USER)), value=f"{USER}\r\n", acceptable=(USER,)),
        ),
        PASS,
        "no value changes",
    ),
    Case("client-envelope-injection", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case("client-recipient-syntax", messages(to(Sort.MALFORMED, "a@b@c.example")), PASS, "(1 addresses)"),
    Case("client-recipient-syntax", messages(to(Sort.VALID, USER, USER, acceptable=(USER,))), PASS, "(1 addresses)"),
    Case("client-recipient-syntax", messages(to(Sort.EITHER, USER, acceptable=(USER,))), PASS, "(1 addresses)"),
    Case("client-recipient-syntax", messages(to(Sort.VALID, USER, acceptable=(USER,))), FAIL, "to-user@"),
    Case("client-recipient-syntax", messages(to(Sort.VALID, USER, "x@y.example", acceptable=(USER,))), FAIL, "to-user"),
    Case("client-recipient-syntax", messages(to(Sort.MALFORMED, "user", "user")), FAIL, "not checked: to-user"),
    Case("client-recipient-syntax", messages(to(Sort.MALFORMED, "a@b@c", recipients_tried=("",))), FAIL, "to-a@b@c"),
    Case(
        "client-recipient-syntax", messages(to(Sort.MALFORMED, "user", claim=Claim.SENT)), FAIL, "not checked: to-user"
    ),
    Case("client-recipient-syntax", messages(to(Sort.MALFORMED, "user", run=_HUNG)), INDETERMINATE, "hung"),
    Case("client-recipient-syntax", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case(
        "client-disposable-recipients",
        messages(to(Sort.DISPOSABLE, "a@tempmail.com"), to(Sort.LOOK_ALIKE, USER, USER)),
        PASS,
        "refuses 1 addresses",
    ),
    Case(
        "client-disposable-recipients",
        messages(to(Sort.DISPOSABLE, "a@tempmail.com", "a@tempmail.com"), to(Sort.LOOK_ALIKE, USER, USER)),
        FAIL,
        "takes a@tempmail.com",
    ),
    Case(
        "client-disposable-recipients",
        messages(to(Sort.DISPOSABLE, "a@tempmail.com"), to(Sort.LOOK_ALIKE, USER)),
        FAIL,
        f"refuses the look-alikes {USER}",
    ),
    Case("client-disposable-recipients", messages(), INDETERMINATE, "no such addresses"),
    Case("client-disposable-recipients", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case("client-block-logged", messages(blocked(_BLOCKED)), PASS, "logs 1 recipients that it blocks"),
    Case(
        "client-block-logged", messages(blocked(_BLOCKED), blocked()), FAIL, "logs nothing of blocked recipients: a@t"
    ),
    Case(
        "client-block-logged",
        messages(blocked(_BLOCKED.model_copy(update={"time": ""}))),
        FAIL,
        "the event of a@tempmail.com has no time",
    ),
    Case("client-block-logged", messages(blocked()), INDETERMINATE, "no JSON that was seen"),
    Case(
        "client-block-logged",
        messages(blocked(_BLOCKED), to(Sort.DISPOSABLE, "b@tempmail.com", run=_HUNG)),
        INDETERMINATE,
        "to-b@tempmail.com",
    ),
    Case(
        "client-block-logged",
        messages(to(Sort.DISPOSABLE, "a@tempmail.com", "a@tempmail.com", claim=Claim.SENT)),
        INDETERMINATE,
        "no such recipient was seen refused",
    ),
    Case("client-block-logged", _NOTHING, INDETERMINATE, _MUTE),
)

CONTENT = (
    Case("client-subject-required", messages(sent("subject-empty", "subject", Sort.SUBJECT)), PASS, "(1 messages)"),
    Case("client-subject-required", messages(sent("s", "subject", Sort.SUBJECT, arrival())), FAIL, "that are none: s"),
    Case(
        "client-subject-required", messages(sent("s", "subject", Sort.SUBJECT, claim=Claim.SENT)), FAIL, "are none: s"
    ),
    Case("client-subject-required", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case("client-content-required", messages(sent("c", "html", Sort.CONTENT)), PASS, "(1 messages)"),
    Case("client-content-required", messages(sent("c", "html", Sort.CONTENT, arrival())), FAIL, "without content: c"),
    Case("client-content-required", messages(sent("c", "html", Sort.CONTENT, run=_HUNG)), INDETERMINATE, "hung"),
    #
    Case("client-line-length", messages(sent("l", "html", Sort.LONG, arrival())), PASS, "1 long values arrived, 0"),
    Case(
        "client-line-length",
        messages(sent("l", "html", Sort.LONG, arrival(content("x" * 998 + "\r\n")))),
        PASS,
        "no line above 998",
    ),
    Case(
        "client-line-length",
        messages(sent("l", "html", Sort.LONG, arrival(content("x" * 999 + "\r\n")))),
        FAIL,
        "lines of up to 999 octets: l",
    ),
    Case("client-line-length", messages(sent("l", "html", Sort.LONG)), INDETERMINATE, "no message that tempts"),
    Case("client-line-length", messages(), INDETERMINATE, "no message for this"),
    #
    Case("client-line-ends", messages(), PASS, "all lines end in CR LF (1 messages)"),
    Case("client-line-ends", messages(base=arrival(content("a\nb\r\n"))), FAIL, "up to 1 CR or LF stand alone"),
    Case("client-line-ends", messages(base=arrival(content().replace("\r\n", "\n"))), FAIL, "stand alone"),
    Case("client-line-ends", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case(
        "client-text-alternative",
        messages(body("both", alternative(TEXT.format(text=LINK), HTML.format(html=PAGE)))),
        PASS,
        "(1 messages)",
    ),
    Case(
        "client-text-alternative",
        messages(body("both", arrival(content(PAGE, Content_Type="text/html")))),
        FAIL,
        "both: HTML without text",
    ),
    Case(
        "client-text-alternative",
        messages(body("both", alternative(HTML.format(html=PAGE), TEXT.format(text=LINK)))),
        FAIL,
        "the text comes behind",
    ),
    Case(
        "client-text-alternative",
        messages(body("both", alternative(TEXT.format(text=" "), HTML.format(html="<p>x</p>")))),
        FAIL,
        "the text is empty",
    ),
    Case(
        "client-text-alternative",
        messages(body("both", alternative(TEXT.format(text="confirm"), HTML.format(html=PAGE)))),
        FAIL,
        "1 of 1 links",
    ),
    Case(
        "client-text-alternative",
        messages(
            body(
                "both",
                arrival(
                    content(
                        TEXT.format(text=LINK) + HTML.format(html=PAGE) + "--b--\r\n",
                        Content_Type="multipart/mixed; boundary=b",
                    )
                ),
            )
        ),
        FAIL,
        "not alternatives",
    ),
    Case("client-text-alternative", messages(body("both", arrival())), NOT_APPLICABLE, "sends no HTML"),
    Case("client-text-alternative", messages(sent("x", "html", Sort.TEXT)), INDETERMINATE, "no message with HTML"),
    #
    Case("client-addresses-masked", messages(sent("r", "text", Sort.REFUSED)), PASS, "(1 messages)"),
    Case(
        "client-addresses-masked",
        messages(sent("r", "text", Sort.REFUSED, run=execution(leaks=("recipient",), output=("to <secret>",)))),
        FAIL,
        "prints the recipient: r",
    ),
    Case(
        "client-addresses-masked",
        messages(
            sent(
                "r",
                "text",
                Sort.REFUSED,
                run=execution(
                    leaks=("recipient",),
                    reply='{"success": true, "accepted": ["<secret>"]}',
                    output=('{"success": true, "accepted": ["<secret>"]}\\x0a',),
                ),
            )
        ),
        PASS,
        "(1 messages)",
    ),
    Case(
        "client-addresses-masked",
        messages(
            sent(
                "r",
                "text",
                Sort.REFUSED,
                run=execution(leaks=("token",), reply='{"msg": "<secret>"}', output=('{"msg": "<secret>"}',)),
            )
        ),
        FAIL,
        "prints the token: r",
    ),
    Case(
        "client-addresses-masked",
        messages(sent("r", "text", Sort.REFUSED, run=execution(leaks=("password",), output=("<secret>",)))),
        PASS,
        "(1 messages)",
    ),
    Case("client-addresses-masked", messages(), INDETERMINATE, "no message for this"),
    #
    Case("client-settings-required", messages(sent("w", "host", Sort.SETTING)), PASS, "without host, user or"),
    Case(
        "client-settings-required",
        messages(sent("w", "host", Sort.SETTING, claim=Claim.SENT)),
        FAIL,
        "without host it claims success",
    ),
    Case(
        "client-settings-required",
        messages(sent("w", "user", Sort.SETTING, connections=1)),
        FAIL,
        "without user it connects",
    ),
    Case(
        "client-settings-required",
        messages(sent("w", "host", Sort.SETTING, strays=("connected to ::1 port 587",))),
        FAIL,
        "without host it connects",
    ),
    Case("client-settings-required", messages(sent("w", "host", Sort.SETTING, run=_HUNG)), INDETERMINATE, "hung"),
    #
    Case("client-local-files", messages(sent("f", "html", Sort.REFERENCE, arrival())), PASS, "none of 1"),
    Case("client-local-files", messages(sent("f", "html", Sort.REFERENCE, resolved=("x",))), FAIL, "names: f"),
    Case("client-local-files", _NOTHING, INDETERMINATE, _MUTE),
)

_UNSUBSCRIBE = "options.unsubscribeUrl"
_URL = "https://a.example/u"


def unsubscribe(value: str | None, post: str | None = "List-Unsubscribe=One-Click") -> SentMessage:
    came = arrival(content(List_Unsubscribe=value, List_Unsubscribe_Post=post))
    return control(_UNSUBSCRIBE, came, value=_URL)


def priority(name: str, value: str) -> SentMessage:
    return control("options.priority", arrival(content(**{name: value})))


HEADERS = (
    Case("client-message-id", messages(*identified(*_RANDOM)), PASS, "41 Message-IDs", _BITS),
    Case("client-message-id", messages(*identified(*_CLOCK)), FAIL, "bits vary", _BITS),
    Case("client-message-id", messages(*identified(_RANDOM[0], _RANDOM[0])), FAIL, "comes twice", _BITS),
    Case("client-message-id", messages(*identified(None)), FAIL, "1 of 2 messages have no Message-ID", _BITS),
    Case("client-message-id", messages(*identified("no brackets@client-test.example")), FAIL, "not of the form", _BITS),
    Case("client-message-id", messages(*identified("<1@localhost>")), FAIL, "is not client-test.example", _BITS),
    Case("client-message-id", messages(*identified(*_RANDOM[:5])), INDETERMINATE, "only 6 Message-IDs", _BITS),
    #
    Case("client-headers", messages(), PASS, "are right"),
    Case("client-headers", messages(base=arrival(content(Date=None))), FAIL, "Date stands there 0 times"),
    Case("client-headers", messages(base=arrival(content(Date="today"), skew=None)), FAIL, "Date cannot be read"),
    Case("client-headers", messages(base=arrival(skew=-90000.0)), FAIL, "Date is -90000 s from the arrival"),
    Case("client-headers", messages(base=arrival(content(MIME_Version=None))), FAIL, "MIME-Version stands there 0"),
    Case("client-headers", messages(base=arrival(content(MIME_Version="2.0"))), FAIL, "MIME-Version is not 1.0"),
    Case("client-headers", messages(base=arrival(content(From="a@other.example"))), FAIL, "From is a@other.example"),
    Case(
        "client-headers",
        messages(base=arrival(content(From="a@other.example"), sender="a@other.example")),
        FAIL,
        "was configured",
    ),
    Case("client-headers", messages(priority("X_Priority", "1 (Highest)")), PASS, "are right"),
    Case("client-headers", messages(priority("X_Priority", "high")), FAIL, "x-priority is high"),
    Case("client-headers", messages(priority("X_Priority", "high"), priority("X_Priority", "1")), PASS, "are right"),
    Case("client-headers", messages(base=arrival(content(Importance="very"))), FAIL, "importance is very"),
    Case("client-headers", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case("client-mailer-version", messages(base=arrival(content(X_Mailer="Mailer"))), PASS, "tells no version"),
    Case("client-mailer-version", messages(base=arrival(content(X_Mailer="Mailer (1.2.3)"))), FAIL, "Mailer (1.2.3)"),
    Case("client-mailer-version", messages(), NOT_APPLICABLE, "names neither"),
    Case("client-mailer-version", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case("client-list-unsubscribe", messages(unsubscribe(f"<{_URL}>")), PASS, "is right"),
    Case(
        "client-list-unsubscribe",
        messages(unsubscribe(f"<{_URL}>, <mailto:a@b.example>")),
        PASS,
        "is right",
    ),
    Case("client-list-unsubscribe", messages(unsubscribe(_URL)), FAIL, "without angle brackets"),
    Case("client-list-unsubscribe", messages(unsubscribe(f"<{_URL}>", None)), FAIL, "One-Click is missing"),
    Case("client-list-unsubscribe", messages(unsubscribe("<http://a.example/u>")), FAIL, "names http:"),
    Case("client-list-unsubscribe", messages(unsubscribe("<https://b.example>")), FAIL, "is not there"),
    Case(
        "client-list-unsubscribe",
        messages(base=arrival(content(List_Unsubscribe="<mailto:a@b.example>"))),
        PASS,
        "mailto:a@b.example",
    ),
    Case(
        "client-list-unsubscribe",
        messages(
            unsubscribe(f"<{_URL}>"),
            sent("js", _UNSUBSCRIBE, Sort.HOSTILE, arrival(content(List_Unsubscribe="<javascript:alert(1)>"))),
        ),
        FAIL,
        "is taken",
    ),
    Case("client-list-unsubscribe", messages(), NOT_APPLICABLE, "sends no List-Unsubscribe"),
    Case("client-list-unsubscribe", _NOTHING, INDETERMINATE, _MUTE),
    #
    Case("client-alert", messages(control("data.alertType")), PASS, "the alert arrives"),
    Case(
        "client-alert", messages(sent("a", "data.alertType", Sort.CONTROL, claim=Claim.SENT)), FAIL, "nothing arrived"
    ),
    Case("client-alert", messages(sent("a", "data.alertType", Sort.CONTROL)), NOT_APPLICABLE, "takes no template"),
    Case("client-alert", messages(control("data.alertType", shows=False)), NOT_APPLICABLE, "takes no notice"),
    Case("client-alert", messages(), INDETERMINATE, "was not tried"),
)

CASES = (*INJECTION, *CONTENT, *HEADERS)
