"""Templates: what values did in them, and what is in the document."""

from __future__ import annotations

from smtp_audit.documents.differences import Context, EffectKind
from tests.template_factories import effect, link, program, rendering, template, variable

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_UNKNOWN = variable(unknown="takes a payload, but no harmless word")
_IN_URL = variable("path", Context.URL)
_IN_STYLE = variable("colour", Context.STYLE)
_NONE = template(variables=())
_RESET = "mail/password_reset.html"
_LINK = link("https://app.example/r?t=wordtoken", variables=("token",))
_TOKEN = variable("token", Context.URL)

CASES = (
    Case("client-html-sanitised", program(), PASS, "nothing dangerous arrives of 90 payloads, 2 of them refused"),
    Case("client-html-sanitised", program(html_effects=(effect(EffectKind.ELEMENT),)), FAIL, "lets through in name"),
    Case(
        "client-html-sanitised",
        program(templates=(rendering(effects=(effect(EffectKind.STYLE),)),), untried=("x: y",)),
        FAIL,
        "lets through in name",
    ),
    Case("client-html-sanitised", program(delivers=False), INDETERMINATE, "it delivers nothing"),
    Case("client-html-sanitised", program(templates=(rendering(_UNKNOWN),)), INDETERMINATE, "no harmless word"),
    Case("client-html-sanitised", program(untried=("reset: differs",)), INDETERMINATE, "reset: differs"),
    Case("client-html-sanitised", program(html_used=False), NOT_APPLICABLE, "sends no HTML"),
    #
    Case("template-escaping", template(), PASS, "values stay text: 133 payloads in 1 variables"),
    Case("template-escaping", template(effects=(effect(EffectKind.ELEMENT, "makes <b>"),)), FAIL, "makes <b>"),
    Case("template-escaping", template(effects=(effect(EffectKind.ATTRIBUTE),)), FAIL, "values become markup: name"),
    Case("template-escaping", template(effects=(effect(EffectKind.SCRIPT),)), FAIL, "values become markup: name"),
    # A fault that was seen counts, whatever else is not known.
    Case("template-escaping", template(_UNKNOWN, effects=(effect(EffectKind.ELEMENT),)), FAIL, "become markup"),
    Case("template-escaping", template(effects=(effect(EffectKind.URL_SCHEME),)), PASS, "stay text"),
    Case("template-escaping", template(_UNKNOWN), INDETERMINATE, "takes a payload, but no harmless word"),
    Case("template-escaping", _NONE, NOT_APPLICABLE, "no variables"),
    Case("template-escaping", template(plain=True), NOT_APPLICABLE, "plain text"),
    #
    Case("template-url-scheme", template(_IN_URL), PASS, "no value chooses the scheme"),
    Case("template-url-scheme", template(_IN_URL, effects=(effect(EffectKind.URL_SCHEME),)), FAIL, "chooses the"),
    Case("template-url-scheme", template(_UNKNOWN), INDETERMINATE, "not every variable"),
    Case("template-url-scheme", template(), NOT_APPLICABLE, "no value comes to an address"),
    Case("template-url-scheme", _NONE, NOT_APPLICABLE, "no variables"),
    #
    Case("template-url-host", template(_IN_URL), PASS, "no value moves a link"),
    Case("template-url-host", template(_IN_URL, effects=(effect(EffectKind.URL_HOST),)), FAIL, "moves a link: name"),
    Case(
        "template-url-host",
        template(beside=rendering(plain=True, effects=(effect(EffectKind.URL_HOST),))),
        FAIL,
        "moves a link: name",
    ),
    Case("template-url-host", template(_UNKNOWN), INDETERMINATE, "not every variable"),
    Case("template-url-host", template(), NOT_APPLICABLE, "no value comes to an address"),
    Case("template-url-host", _NONE, NOT_APPLICABLE, "no variables"),
    #
    Case("template-css", template(_IN_STYLE), PASS, "no value adds style"),
    Case("template-css", template(_IN_STYLE, effects=(effect(EffectKind.STYLE),)), FAIL, "a value adds style: name"),
    Case("template-css", template(_UNKNOWN), INDETERMINATE, "not every variable"),
    Case("template-css", template(), NOT_APPLICABLE, "no value comes to a style sheet"),
    Case("template-css", _NONE, NOT_APPLICABLE, "no variables"),
    #
    Case("template-injection", template(), PASS, "no value is evaluated"),
    Case("template-injection", template(effects=(effect(EffectKind.EVALUATED),)), FAIL, "a value is evaluated: name"),
    Case(
        "template-injection",
        template(beside=rendering(plain=True, effects=(effect(EffectKind.EVALUATED),))),
        FAIL,
        "a value is evaluated: name",
    ),
    Case("template-injection", template(_UNKNOWN), INDETERMINATE, "not every variable"),
    Case("template-injection", _NONE, NOT_APPLICABLE, "no variables"),
    #
    Case("template-external-content", template(links=(link("cid:logo", loads=True),)), PASS, "1 things come with"),
    Case(
        "template-external-content",
        template(links=(link("https://x.example/i.gif", 'src="" of <img>', loads=True, tiny=True),)),
        FAIL,
        "loads 1 things from the web, 1 of them too small",
    ),
    Case("template-external-content", template(links=(link("//x.example/i.gif", loads=True),)), FAIL, "loads 1"),
    Case("template-external-content", template(links=(link("https://app.example/"),)), PASS, "loads nothing"),
    Case(
        "template-external-content",
        template(links=(link("wordlogo", loads=True, variables=("logo",)),)),
        INDETERMINATE,
        "is its giver's",
    ),
    Case("template-external-content", template(plain=True), NOT_APPLICABLE, "plain text"),
    #
    Case("template-plain-http-links", template(links=(_LINK,)), PASS, "all 1 links"),
    Case("template-plain-http-links", template(links=(_LINK, link("http://app.example/"))), FAIL, "1 plain http"),
    Case(
        "template-plain-http-links",
        template(beside=rendering(plain=True, links=(link("http://app.example/", "text"),))),
        FAIL,
        "1 plain http",
    ),
    Case("template-plain-http-links", template(links=(link("wordx", variables=("x",)),)), INDETERMINATE, "giver's"),
    Case("template-plain-http-links", template(links=(link("mailto:a@app.example"),)), NOT_APPLICABLE, "no links"),
    #
    Case("template-language", template(whole=True, language="en-GB"), PASS, 'says lang="en-GB"'),
    Case("template-language", template(whole=True), FAIL, "no lang attribute"),
    Case("template-language", template(whole=True, language=""), FAIL, "no lang attribute"),
    Case("template-language", template(whole=True, language="in English"), FAIL, "no language tag"),
    Case("template-language", template(), NOT_APPLICABLE, "part of a document"),
    #
    Case("template-token-leak", template(_TOKEN, links=(_LINK,)), PASS, "1 tokens are in their links only"),
    Case("template-token-leak", template(_TOKEN, links=(_LINK,), text=f"Go to {_LINK.address}"), PASS, "only"),
    Case("template-token-leak", template(_TOKEN, links=(_LINK,), text="It is wordtoken"), FAIL, "outside of a link"),
    Case("template-token-leak", template(_TOKEN, links=(_LINK,), title="wordtoken"), FAIL, "in the title"),
    Case(
        "template-token-leak",
        template(_TOKEN, links=(_LINK, link("https://x.example/?wordtoken", loads=True, variables=("token",)))),
        FAIL,
        "token is loaded with",
    ),
    Case(
        "template-token-leak",
        template(_TOKEN, links=(_LINK, link("https://x.example/?wordtoken", variables=("token",)))),
        FAIL,
        "token goes to 2 hosts: app.example, x.example",
    ),
    Case(
        "template-token-leak",
        template(_TOKEN, links=(link("http://app.example/?wordtoken", variables=("token",)),)),
        FAIL,
        "over plain http",
    ),
    Case("template-token-leak", template(), NOT_APPLICABLE, "no variable is a token"),
    #
    Case("template-expiry-text", template(name=_RESET, text="It is valid for 1 hour."), PASS, "valid for 1 hour"),
    Case("template-expiry-text", template(name=_RESET, text="Valid for 60 minutes."), PASS, "valid for 1 hour"),
    Case("template-expiry-text", template(name="verify.html", text="Within 24 hours"), PASS, "valid for 24 hours"),
    Case("template-expiry-text", template(name="verify.html", text="24 Stunden"), PASS, "valid for 24 hours"),
    Case(
        "template-expiry-text",
        template(variable("expires_in"), name=_RESET, text="It ends in wordexpires_in."),
        PASS,
        "says when it ends: {{ expires_in }}",
    ),
    Case("template-expiry-text", template(name=_RESET, text="Valid for 48 hours"), FAIL, "where the standard has 1"),
    Case("template-expiry-text", template(name=_RESET, text="Reset it"), FAIL, "does not say when"),
    Case("template-expiry-text", template(name=_RESET, text="Cliquez", language="fr"), INDETERMINATE, "language fr"),
    Case("template-expiry-text", template(name="password_changed_alert.html"), NOT_APPLICABLE, "neither"),
    Case("template-expiry-text", template(), NOT_APPLICABLE, "neither"),
    #
    Case(
        "template-text-alternative",
        template(links=(_LINK,), beside=rendering(plain=True, links=(_LINK,), text="Hello")),
        PASS,
        "all 1 links",
    ),
    Case("template-text-alternative", template(beside=rendering(plain=True, text=" ")), FAIL, "is empty"),
    Case("template-text-alternative", template(beside=rendering(plain=True, text="A <b>x</b>")), FAIL, "markup"),
    Case("template-text-alternative", template(links=(_LINK,), beside=rendering(plain=True)), FAIL, "lacks 1 links"),
    Case("template-text-alternative", template(beside_why="cannot be read"), INDETERMINATE, "cannot be read"),
    Case("template-text-alternative", template(), NOT_APPLICABLE, "there is no plain text template"),
)
