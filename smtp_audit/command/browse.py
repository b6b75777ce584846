"""`smtp-audit list` and `smtp-audit explain`: the controls and what the profiles say about them."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from smtp_audit.command.exit_status import ExitStatus
from smtp_audit.control import Control, load_builtin
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import ALL_ROLES, Domain, Role
from smtp_audit.facts.subject import AnySubject, ClientProgram, SourceTree, TemplateFile
from smtp_audit.message import quoted
from smtp_audit.profile import ControlRule, Profile, load_profile, shipped_profiles
from smtp_audit.safety import Safety
from smtp_audit.suggestion import did_you_mean

_WIDTH = 100
_LABEL = 10


def run_list(arguments: argparse.Namespace) -> ExitStatus:
    """Print one line for each control of a profile, in the profile's order."""
    registry = load_builtin()
    profile = load_profile(arguments.profile, registry)
    width = max(len(control_id) for control_id in profile.controls)
    for control_id, rule in profile.controls.items():
        print(f"{control_id:{width}}  {rule.severity:8}  {registry[control_id].title}")
    print(
        f"\n{len(profile.controls)} controls in profile {profile.name}; findings of severity {profile.gate} and above "
        "close the gate.\nsmtp-audit explain CONTROL says more about one."
    )
    return ExitStatus.OK


def run_explain(arguments: argparse.Namespace) -> ExitStatus:
    """Print everything about one control."""
    registry = load_builtin()
    if arguments.control not in registry:
        hint = did_you_mean(arguments.control, registry.ids())
        raise ConfigurationError(f"no control {quoted(arguments.control)}{hint}; smtp-audit list names all")
    control = registry[arguments.control]
    profiles = [load_profile(name, registry) for name in _profile_names(arguments.profile)]
    print("\n".join(explanation(control, profiles)))
    return ExitStatus.OK


def explanation(control: Control, profiles: Iterable[Profile]) -> Iterator[str]:
    """The lines that explain a control, with what each of `profiles` makes of it."""
    chosen = tuple(profiles)
    lines = {profile.name: profile.controls.get(control.id) for profile in chosen}
    spoken = next((rule for rule in lines.values() if rule is not None), None)
    yield f"{control.id}: {control.title}"
    yield ""
    if spoken is not None:
        yield from _entry("Expected", control.expectation(spoken.parameters))
    yield from _entry("Why", control.rationale)
    yield from _entry("About", about_text(control))
    yield from _entry("Facts", ", ".join(need.kind for need in control.needs))
    yield from _entry("Safety", control.safety)
    if control.needs_given:
        yield from _entry("Needs", f"credentials on {roles_text(control.needs_given)}; not run there without")
    if control.needs_words:
        yield from _entry("Needs", f"{control.needs_words}; not run without")
    yield from _entry("Sources", "; ".join(control.spec))
    for name, rule in lines.items():
        yield from _entry(f"Profile {name}", _rule_text(control, rule))
    for software, remedy in control.remedy.items():
        yield from _entry(f"Remedy, {software}" if software != "any" else "Remedy", remedy)


_EACH: Mapping[type[AnySubject], str] = {
    Domain: "every mail domain",
    ClientProgram: "every program that sends mail",
    TemplateFile: "every template",
    SourceTree: "every tree of source text",
}


def about_text(control: Control) -> str:
    """What one verdict of the control is about, in words."""
    return _EACH.get(control.subject) or roles_text(control.roles)


def roles_text(roles: Iterable[Role]) -> str:
    """The roles in words, in the order of the standard ports' list."""
    wanted = frozenset(roles)
    return "every endpoint" if wanted == ALL_ROLES else ", ".join(role for role in Role if role in wanted)


def parameters_text(rule: ControlRule) -> str:
    """The parameters of a profile's line as `name = value`."""
    return ", ".join(f"{name} = {_value_text(value)}" for name, value in rule.parameters.items())


def when_not_run_text(control: Control, rule: ControlRule) -> str:
    """What a profile says of a control that was not run, with the roles that it is said of where it is not all."""
    some = rule.when_not_run == "list" and control.safety is Safety.PASSIVE and not control.needs_words
    return f"{rule.when_not_run} on {roles_text(control.needs_given)}" if some else rule.when_not_run


def _value_text(value: object) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(map(str, value)) if isinstance(value, set | frozenset) else [str(item) for item in value]
        return f"[{', '.join(items)}]"
    return str(value)


def _rule_text(control: Control, rule: ControlRule | None) -> str:
    if rule is None:
        return "left out"
    parts = [str(rule.severity), parameters_text(rule), f"clauses {', '.join(rule.clauses)}" if rule.clauses else ""]
    if rule.when_not_run == "list":
        where = f" on {roles_text(control.needs_given)}" if control.needs_given else ""
        parts.append(f"when not run{where}: listed, does not close the gate")
    return "; ".join(part for part in parts if part)


def _profile_names(chosen: str | None) -> tuple[str, ...]:
    return (chosen,) if chosen else shipped_profiles()


def _entry(label: str, text: str) -> Iterator[str]:
    """A labelled paragraph; long labels get a line of their own."""
    if not text:
        return
    indent = " " * _LABEL
    begins = f"{label:{_LABEL}}" if len(label) < _LABEL else indent
    if begins is indent:
        yield label
    # A remedy is copied from here: no break where there is no space.
    yield textwrap.fill(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=begins,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
