"""What hostile values do in a template: elements, addresses, style sheets, expressions."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.documents.differences import Context, EffectKind
from smtp_audit.errors import Undetermined
from smtp_audit.facts.subject import TemplateFile
from smtp_audit.facts.template import Effect, Rendering, TemplateFacts

SHOWN = 20
"""Effects that are told as evidence."""


def parts_of(facts: TemplateFacts) -> tuple[Rendering, ...]:
    """The template, and the plain text one beside it."""
    return (facts.rendering,) if facts.beside is None else (facts.rendering, facts.beside)


def told(effects: tuple[Effect, ...]) -> str:
    """Effects in a line: which variables, and what the first payload did."""
    variables = ", ".join(dict.fromkeys(effect.variable for effect in effects))
    return f"{variables}: {effects[0].payload} {effects[0].told}"


def settled(rendering: Rendering) -> str:
    """How much was tried, once nothing was found.

    Raises:
        Undetermined: nothing can be said of a variable.
    """
    if rendering.unknown:
        raise Undetermined(f"not every variable could be tried: {'; '.join(rendering.unknown[:4])}")
    return f"{rendering.payloads} payloads in {len(rendering.variables)} variables"


def placed(rendering: Rendering, *contexts: Context) -> tuple[str, ...]:
    """The variables that come to places of a kind, each with where."""
    return tuple(
        f"{each.name} in {place.where}"
        for each in rendering.variables
        for place in each.places
        if place.context in contexts
    )


def _no_variables(facts: TemplateFacts) -> Verdict | None:
    return None if facts.rendering.variables else not_applicable("the template has no variables")


@control(
    "template-escaping",
    title="Values cannot become markup",
    expects="no value makes, closes or changes an element, an attribute or a script",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("WHATWG HTML section 13.1.2", "OWASP ASVS 1.2.1"),
    remedy={
        "python": "jinja2.Environment(autoescape=True); no |safe; attributes in quotes; |tojson in scripts",
        "nodemailer": "{{x}} and not {{{x}}}; <%= %> and not <%- %>; attributes in quotes",
        "phpmailer": "htmlspecialchars($x, ENT_QUOTES) for text and attributes in quotes; in Twig no |raw",
        "go": "html/template, not text/template; no template.HTML made of what somebody wrote",
        "any": "a template engine that escapes by itself; every attribute in quotes; no values in scripts",
    },
)
def escaping(facts: TemplateFacts, rule: Rule) -> Verdict:
    """A value that becomes markup lets who wrote it write the message: forms, links and images in the sender's name.

    Every payload is put into every variable, and the document is read as browsers do. What counts is a change of its
    elements and attributes beside the same document with a harmless value.
    """
    nothing = _no_variables(facts)
    if nothing:
        return nothing
    if facts.rendering.plain:
        return not_applicable("the template makes plain text; template-injection judges what is evaluated")
    found = facts.rendering.of(EffectKind.ELEMENT, EffectKind.ATTRIBUTE, EffectKind.SCRIPT)
    if found:
        return fail(f"values become markup: {told(found)}", evidence=[facts.escaping, *map(str, found[:SHOWN])])
    return passed(f"values stay text: {settled(facts.rendering)}", evidence=[facts.escaping])


@control(
    "template-url-scheme",
    title="Values cannot make an address run something",
    expects="no value turns an address into one of javascript:, data: or another scheme that runs or shows something",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("RFC 3986 section 3.1", "WHATWG URL section 4.4"),
    remedy={
        "go": "html/template does this by itself, unless the value is a template.URL",
        "any": "write scheme and host into the template, and only the rest as a value; or check for https: before",
    },
)
def url_scheme(facts: TemplateFacts, rule: Rule) -> Verdict:
    """Escaping does not help in addresses: `javascript:` has no character to escape, and most engines let it through.

    The scheme is read as browsers read it: without blanks in front, without tabs and line ends in it.
    """
    nothing = _no_variables(facts)
    if nothing:
        return nothing
    found = facts.rendering.of(EffectKind.URL_SCHEME)
    if found:
        return fail(f"a value chooses the scheme: {told(found)}", evidence=map(str, found[:SHOWN]))
    places = placed(facts.rendering, Context.URL)
    tried = settled(facts.rendering)
    if not places:
        return not_applicable("no value comes to an address")
    return passed(f"no value chooses the scheme of an address: {tried}", evidence=places)


@control(
    "template-url-host",
    title="Values cannot move a link to another host",
    expects="where the template names the host of an address, no value changes it",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("RFC 3986 section 3.2", "WHATWG URL section 4.4"),
    remedy={
        "any": "end the host with a slash in the template (https://app.example/{{ path }}), and encode what follows"
    },
)
def url_host(facts: TemplateFacts, rule: Rule) -> Verdict:
    """A link that starts with the right host and leads to another is what phishing is made of.

    `https://good.example` with the value `@evil.example/` right behind it leads to evil.example.

    An address that is a value as a whole is its giver's, and not judged here.
    """
    nothing = _no_variables(facts)
    if nothing:
        return nothing
    found = tuple(effect for part in parts_of(facts) for effect in part.of(EffectKind.URL_HOST))
    if found:
        return fail(f"a value moves a link: {told(found)}", evidence=map(str, found[:SHOWN]))
    tried = settled(facts.rendering)
    linked = any(link.variables for part in parts_of(facts) for link in part.links)
    if not linked and not placed(facts.rendering, Context.URL):
        return not_applicable("no value comes to an address")
    return passed(f"no value moves a link to another host: {tried}")


@control(
    "template-css",
    title="Values cannot add style rules",
    expects="no value adds declarations, rules or addresses to a style sheet or a style attribute",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("CSS Syntax Level 3 section 4",),
    remedy={"any": "no values in style sheets; choose between classes of the template's own"},
)
def css(facts: TemplateFacts, rule: Rule) -> Verdict:
    """Style sheets can hide what was written, cover it with something else, and load images that tell who reads.

    Escaping for HTML does not help there: `;` and `url()` need no escaping.
    """
    nothing = _no_variables(facts)
    if nothing:
        return nothing
    found = facts.rendering.of(EffectKind.STYLE)
    if found:
        return fail(f"a value adds style: {told(found)}", evidence=map(str, found[:SHOWN]))
    places = placed(facts.rendering, Context.STYLE)
    tried = settled(facts.rendering)
    if not places:
        return not_applicable("no value comes to a style sheet")
    return passed(f"no value adds style: {tried}", evidence=places)


@control(
    "template-injection",
    title="Values are never evaluated",
    expects="an expression of a template language that comes as a value is shown as it is, and not computed",
    subject=TemplateFile,
    needs=TemplateFacts,
    medium=Medium.SOURCE,
    spec=("CWE-1336",),
    remedy={"any": "never make a template out of values: render a fixed template, and give the values to it"},
)
def injection(facts: TemplateFacts, rule: Rule) -> Verdict:
    """Who can write expressions runs programs on the server: files, passwords and the network are theirs.

    Expressions of a dozen engines are tried, each with a product that nobody would write.
    """
    nothing = _no_variables(facts)
    if nothing:
        return nothing
    found = tuple(effect for part in parts_of(facts) for effect in part.of(EffectKind.EVALUATED))
    if found:
        return fail(f"a value is evaluated: {told(found)}", evidence=map(str, found[:SHOWN]))
    return passed(f"no value is evaluated: {settled(facts.rendering)}")
