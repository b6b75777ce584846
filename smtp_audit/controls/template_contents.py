"""What is in the document that a template makes: what it loads, where its links lead, language, tokens, expiry."""

from __future__ import annotations

import re

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.template_values import parts_of
from smtp_audit.errors import Undetermined
from smtp_audit.facts.subject import TemplateFile
from smtp_audit.facts.template import Link, Rendering, TemplateFacts

_WEB = ("http", "https", "ftp")
_TOKEN = re.compile(
    r"token|secret|nonce|signature|magic|(?:reset|verif\w*|activation|confirm\w*)_?(?:code|key|id)", re.I
)
_EXPIRES = re.compile(
    r"\bexpir|\bvalid (?:for|until)|\bwithin (?:the next )?\w+ (?:hour|minute|day)"
    r"|\bg(?:ü|\\u\{fc\})ltig|\bl(?:ä|\\u\{e4\})uft"
    r"|\b(?:\d+|one|an|two|twenty-four|sixty|eine|einer|einen) ?-?"
    r"(?:h|hours?|minutes?|min|days?|Stunden?|Minuten|Tagen?)\b",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"\b(?:24|twenty-four|vierundzwanzig)[ -]?(?:h\b|hours?|Stunden)|\b(?:one|1|a|einen?) (?:day|Tag)\b", re.IGNORECASE
)
_HOUR = re.compile(
    r"\b(?:60|sixty|sechzig)[ -]?min|\b(?:1|one|an|einer?|1-)[ -]?(?:h\b|hour\b|Stunde\b)", re.IGNORECASE
)
_EXPIRY_NAME = re.compile(r"expir|valid|lifetime|ttl|hours|minutes|g(?:ue|ü)ltig|deadline", re.IGNORECASE)
_VERIFICATION = re.compile(r"verif|confirm|activat|opt.?in|bestaetig", re.IGNORECASE)
_RESET = re.compile(r"reset|forgot|recover|passwor[dt]", re.IGNORECASE)
_ALERT = re.compile(r"alert|notice|notif|changed|security|warn|new.?(?:login|device|sign)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def _told(link: Link) -> str:
    return f"{link.address[:100]} in {link.where}"


def _html(facts: TemplateFacts) -> Verdict | None:
    return not_applicable("the template makes plain text") if facts.rendering.plain else None


@control(
    "template-external-content",
    title="Nothing is loaded from elsewhere when the message is shown",
    expects="images and style sheets come with the message (cid:), and nothing is fetched from the web",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("RFC 2392",),
    remedy={"any": "attach images and refer to them by cid:; no counting pixels; no web fonts"},
)
def external_content(facts: TemplateFacts, rule: Rule) -> Verdict:
    """What is loaded tells the sender, and whoever runs the other host, when and where a message was read.

    Many programs block it, so that the message looks broken as well.
    """
    nothing = _html(facts)
    if nothing:
        return nothing
    loads = [link for link in facts.rendering.links if link.loads]
    external = [link for link in loads if link.host and link.scheme in ("", *_WEB)]
    if external:
        tiny = sum(link.tiny for link in external)
        pixels = f", {tiny} of them too small to be seen" if tiny else ""
        return fail(f"loads {len(external)} things from the web{pixels}", evidence=map(_told, external[:20]))
    open_ones = [link for link in loads if link.variables and not link.scheme]
    if open_ones:
        raise Undetermined(f"what {_told(open_ones[0])} loads is its giver's: give it a usual value under 'variables'")
    return passed(f"loads nothing from elsewhere ({len(loads)} things come with the message)")


@control(
    "template-plain-http-links",
    title="No link is plain http",
    expects="every link to the web is https",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("RFC 9110 section 4.2.2",),
    remedy={"any": "write https:// into the template"},
)
def plain_http_links(facts: TemplateFacts, rule: Rule) -> Verdict:
    """A link without TLS can be read and changed on its way, with the token in it and the page that it leads to."""
    links = [link for part in parts_of(facts) for link in part.links]
    plain = [link for link in links if link.scheme == "http"]
    if plain:
        return fail(f"has {len(plain)} plain http links", evidence=map(_told, plain[:20]))
    web = [link for link in links if link.scheme in _WEB]
    open_ones = [link for link in links if link.variables and not link.scheme and not link.host and _is_whole(link)]
    if open_ones:
        raise Undetermined(f"whether {_told(open_ones[0])} is https is its giver's: give it a value under 'variables'")
    if not web:
        return not_applicable("the template has no links to the web")
    return passed(f"all {len(web)} links to the web are https")


def _is_whole(link: Link) -> bool:
    """Whether an address begins with a value, and so has the value's scheme."""
    return not link.address.startswith(("/", "#", "?", ".")) and "cid:" not in link.address


@control(
    "template-language",
    title="The document says its language",
    expects='the html element has a lang attribute with a language tag (lang="en")',
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("WCAG 2.2 section 3.1.1", "RFC 5646 section 2.1"),
    remedy={"any": '<html lang="en">'},
)
def language(facts: TemplateFacts, rule: Rule) -> Verdict:
    """Screen readers choose the voice by it, and programs offer to translate by it; without it they have to guess."""
    nothing = _html(facts)
    if nothing:
        return nothing
    if not facts.rendering.whole:
        return not_applicable("the template makes a part of a document, without an html element")
    named = facts.rendering.language
    if not named:
        return fail("the html element has no lang attribute")
    if not _LANGUAGE.fullmatch(named):
        return fail(f'lang="{named}" is no language tag')
    return passed(f'says lang="{named}"')


@control(
    "template-token-leak",
    title="A token is in its link and nowhere else",
    expects="tokens are in https links to one host, and neither in images, nor in other text",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("OWASP ASVS 6.5.1",),
    remedy={"any": "put the token into the one link that needs it; never into an image's address or a subject"},
)
def token_leak(facts: TemplateFacts, rule: Rule) -> Verdict:
    """A token is a key for some hours. In an image's address, a second host or a plain http link others get it too.

    Variables are taken for tokens by their names. Text may repeat the link for copying.
    """
    leaks: list[str] = []
    seen = 0
    for part in parts_of(facts):
        for variable in part.variables:
            if _TOKEN.search(variable.name.rpartition(".")[2]):
                seen += 1
                leaks += _leaks(part, variable.name, variable.word)
    if not seen:
        return not_applicable("no variable is a token by its name")
    if leaks:
        return fail(f"a token is given away: {leaks[0]}", evidence=leaks)
    return passed(f"{seen} tokens are in their links only")


def _leaks(part: Rendering, name: str, word: str) -> list[str]:
    links = [link for link in part.links if name in link.variables]
    found = [f"{name} is loaded with {_told(link)}" for link in links if link.loads]
    found += [f"{name} goes over plain http: {_told(link)}" for link in links if link.scheme == "http"]
    hosts = sorted({link.host for link in links if link.host})
    if len(hosts) > 1:
        found.append(f"{name} goes to {len(hosts)} hosts: {', '.join(hosts)}")
    rest = part.text
    for link in sorted(links, key=lambda each: -len(each.address)):
        rest = rest.replace(link.address, "")
    if word and word in rest:
        found.append(f"{name} is in the text outside of a link")
    if word and word in part.title:
        found.append(f"{name} is in the title")
    return found


@control(
    "template-expiry-text",
    title="Verification and reset messages say when their link ends",
    expects="a verification says 24 hours, a password reset 1 hour, or a variable says it",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("OWASP Forgot Password Cheat Sheet",),
    remedy={"any": "say it beside the link: This link is valid for 1 hour."},
)
def expiry_text(facts: TemplateFacts, rule: Rule) -> Verdict:
    """Who does not know that a link ends takes a dead one for a fault, and a fresh one for harmless.

    What a template is for is taken from its file's name; words are looked for in English and German.
    """
    name = facts.rendering.name.replace("\\", "/").rpartition("/")[2]
    if _ALERT.search(name) or not (_VERIFICATION.search(name) or _RESET.search(name)):
        return not_applicable("by its name it is neither a verification nor a password reset")
    kind, duration, wanted = ("a password reset", _HOUR, "1 hour")
    if not _RESET.search(name):
        kind, duration, wanted = ("a verification", _DAY, "24 hours")
    text = " ".join(part.text for part in parts_of(facts))
    named = [each.name for part in parts_of(facts) for each in part.variables if _EXPIRY_NAME.search(each.name)]
    if duration.search(text):
        return passed(f"{kind} that says it is valid for {wanted}")
    if named and any(each.word in text for each in facts.rendering.variables if each.name in named):
        return passed(f"{kind} that says when it ends: {{{{ {named[0]} }}}}")
    found = _EXPIRES.search(text)
    if found:
        return fail(f"{kind} that says {found[0]!r} where the standard has {wanted}")
    language = (facts.rendering.language or "en").lower()[:2]
    if language not in ("en", "de"):
        raise Undetermined(f"the words for when a link ends are not known in the language {language}")
    return fail(f"{kind} that does not say when its link ends ({wanted})")


@control(
    "template-text-alternative",
    title="The plain text beside HTML says the same",
    expects="the text template beside it has words, every link of the HTML, and no markup",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("RFC 2046 section 5.1.4",),
    remedy={"any": "write every link out in the text template, and let nothing be escaped for HTML there"},
)
def text_alternative(facts: TemplateFacts, rule: Rule) -> Verdict:
    """Who reads plain text must be able to do the same: a message without its link is of no use."""
    nothing = _html(facts)
    if nothing:
        return nothing
    beside = facts.beside
    if beside is None:
        if facts.beside_why.startswith("there is no"):
            return not_applicable(f"{facts.beside_why}; whether messages have a text part is seen on a message")
        raise Undetermined(f"the plain text template beside it: {facts.beside_why}")
    if not beside.text.strip():
        return fail("the text template is empty")
    if re.search(r"</?(?:p|a|div|br|td|span|b|strong|h[1-6])\b[^>]*>|&(?:amp|lt|gt|quot|#3\d);", beside.text, re.I):
        return fail("the text template has markup in it")
    there = {link.address for link in beside.links}
    links = [link for link in facts.rendering.links if link.scheme in _WEB and not link.loads]
    missing = [link for link in links if link.address not in there and link.address not in beside.text]
    if missing:
        return fail(f"the text lacks {len(missing)} links of the HTML", evidence=map(_told, missing[:20]))
    return passed(f"the text has words and all {len(links)} links of the HTML")
