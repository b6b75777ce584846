"""What programs do with the HTML that they are given, and with values of their templates."""

from __future__ import annotations

from smtp_audit.control import Medium, Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.subject import ClientProgram
from smtp_audit.facts.template import ClientTemplateFacts


@control(
    "client-html-sanitised",
    title="Dangerous HTML is refused or removed",
    expects="no script, form, handler or address that runs something arrives, and values of templates stay text",
    subject=ClientProgram,
    needs=ClientTemplateFacts,
    medium=Medium.CLIENT,
    spec=("OWASP ASVS 1.3.1",),
    remedy={
        "nodemailer": "clean html with DOMPurify or sanitize-html before sendMail; escape every value of a template",
        "python": "clean html with nh3, and render templates with autoescape",
        "phpmailer": "clean the body with HTML Purifier",
        "go": "clean html with bluemonday, and render templates with html/template",
        "any": "a cleaner that parses, with a list of what is allowed; never a regular expression",
    },
)
def html_sanitised(facts: ClientTemplateFacts, rule: Rule) -> Verdict:
    """A program that passes on what it is given lets whoever writes to it send forms and scripts in the sender's name.

    Payloads are put into the HTML as a whole and into every value of the program's templates; what counts is the
    message that arrives, read as browsers do. Formatting, links and images may arrive.
    """
    if not facts.delivers:
        raise Undetermined("inconclusive: it delivers nothing, so that nothing can be said about its messages")
    effects = (*facts.html_effects, *(effect for each in facts.templates for effect in each.effects))
    if effects:
        names = dict.fromkeys(effect.variable for effect in effects)
        first = f"{effects[0].payload} {effects[0].told}"
        return fail(f"lets through in {', '.join(names)}: {first}", evidence=map(str, effects[:20]))
    unknown = (*facts.untried, *(told for each in facts.templates for told in each.unknown))
    if unknown:
        raise Undetermined(f"not every template could be tried: {'; '.join(unknown[:4])}")
    if not facts.html_used and not facts.templates:
        return not_applicable("it sends no HTML that it is given, and no templates of it are named")
    tried = facts.html_tried + sum(each.payloads for each in facts.templates)
    return passed(f"nothing dangerous arrives of {tried} payloads, {facts.html_refused} of them refused")
