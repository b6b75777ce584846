"""A control: one requirement as a pure function of facts and a rule. How to write one: CONTRIBUTING.md.

A control sees no network, no clock, no file and no pytest. The time it may judge at is the snapshot's, in `rule.time`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.endpoint import ALL_ROLES, Endpoint, Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.subject import AnySubject
from smtp_audit.frozen import Frozen
from smtp_audit.safety import Safety as Safety  # read from here by everything that knows controls


class Outcome(StrEnum):
    """What a control can say. `indeterminate` and `error` are the runner's alone."""

    PASS = "pass"  # noqa: S105 (no password)
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


class Medium(StrEnum):
    """The way a requirement is shown; the words of a clause's `by` list."""

    PROBE = "probe"
    DNS = "dns"
    ROUNDTRIP = "roundtrip"
    CLIENT = "client"
    SOURCE = "source"
    DEPLOY = "deploy"
    HOST = "host"
    METRICS = "metrics"
    ATTEST = "attest"


class Verdict(Frozen):
    """A control's judgement: outcome, one line of what was observed, and lines of evidence."""

    outcome: Outcome
    summary: str
    evidence: tuple[str, ...] = ()


def passed(summary: str, *, evidence: Iterable[str] = ()) -> Verdict:
    """The requirement is met."""
    return Verdict(outcome=Outcome.PASS, summary=summary, evidence=tuple(evidence))


def fail(summary: str, *, evidence: Iterable[str] = ()) -> Verdict:
    """The requirement is broken; `summary` says what was seen."""
    return Verdict(outcome=Outcome.FAIL, summary=summary, evidence=tuple(evidence))


def not_applicable(summary: str, *, evidence: Iterable[str] = ()) -> Verdict:
    """The requirement has no object here; `summary` says why and, where there is one, which control judges that."""
    return Verdict(outcome=Outcome.NOT_APPLICABLE, summary=summary, evidence=tuple(evidence))


@dataclass(frozen=True)
class Rule:
    """What a profile says about a control: its parameters, and the time that facts are judged at (UTC)."""

    parameters: Mapping[str, Any]
    time: datetime

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


Judge = Callable[..., Verdict]
J = TypeVar("J", bound=Judge)


@dataclass(frozen=True)
class Control:
    """A registered control. Built by the decorator; `judge(*facts, rule)` is the function itself."""

    id: str
    title: str
    expects: str
    """What a passing subject does, for the report; may name parameters in braces."""
    rationale: str
    subject: type[AnySubject]
    roles: frozenset[Role]
    needs: tuple[type[Facts], ...]
    parameters: Mapping[str, Any]
    spec: tuple[str, ...]
    remedy: Mapping[str, str]
    safety: Safety
    medium: Medium
    judge: Judge = field(repr=False, compare=False)
    origin: str = ""
    needs_given: frozenset[Role] = frozenset()
    """The roles in which its probe, though passive, needs credentials: where none but users may send."""
    needs_words: str = ""
    """What of the configuration its probe, though passive, needs, where that is no login: `[sending] addresses`."""

    def applies_to(self, subject: AnySubject) -> bool:
        """Whether the subject is of the kind and role that this control is about."""
        if not isinstance(subject, self.subject):
            return False
        return not isinstance(subject, Endpoint) or subject.role in self.roles

    def may_be_listed(self, subject: AnySubject) -> bool:
        """Whether a profile may leave the gate alone where it was not run: its probe waits for the user's word."""
        if self.safety is not Safety.PASSIVE:
            return True
        return bool(self.needs_words) or (isinstance(subject, Endpoint) and subject.role in self.needs_given)

    def check_parameters(self, given: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The profile's parameters for this control, validated and converted.

        Raises:
            ConfigurationError: one is missing, unknown, or of the wrong kind.
        """
        from smtp_audit.suggestion import did_you_mean

        for name in given:
            if name not in self.parameters:
                hint = did_you_mean(name, self.parameters)
                raise ConfigurationError(f"{where}: control {self.id} has no parameter {name!r}{hint}")
        checked: dict[str, Any] = {}
        for name, kind in self.parameters.items():
            if name not in given:
                raise ConfigurationError(f"{where}: control {self.id} needs the parameter {name!r}")
            try:
                checked[name] = _adapter(kind).validate_python(given[name])
            except ValidationError as error:
                problem = error.errors()[0]["msg"]
                raise ConfigurationError(f"{where}: control {self.id}: {name} = {given[name]!r}: {problem}") from None
            if isinstance(given[name], str) and not isinstance(checked[name], str):
                raise ConfigurationError(
                    f"{where}: control {self.id}: {name} = {given[name]!r}: write it without quotes"
                )
        return checked

    def expectation(self, parameters: Mapping[str, Any]) -> str:
        """`expects` with the profile's values filled in."""
        shown = {
            name: ", ".join(str(v) for v in value) or "none"
            if isinstance(value, list | tuple | set | frozenset)
            else value
            for name, value in parameters.items()
        }
        return self.expects.format_map(shown)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """To make one takes longer than all that it is used for; a few dozen kinds serve all controls."""
    return TypeAdapter(kind)


class Registry:
    """The controls known, by id. A second control of the same id is an error, never a silent replacement."""

    def __init__(self) -> None:
        self._controls: dict[str, Control] = {}

    def add(self, control: Control) -> None:
        """Register a control.

        Raises:
            ConfigurationError: the id is taken by another function.
        """
        known = self._controls.get(control.id)
        if known is not None and known.origin != control.origin:
            raise ConfigurationError(f"control id {control.id!r} is taken by {known.origin}")
        self._controls[control.id] = control

    def __getitem__(self, control_id: str) -> Control:
        return self._controls[control_id]

    def __contains__(self, control_id: object) -> bool:
        return control_id in self._controls

    def __iter__(self) -> Any:
        return iter(self._controls.values())

    def ids(self) -> tuple[str, ...]:
        """All ids, in order of registration."""
        return tuple(self._controls)

    def discard(self, control_id: str) -> None:
        """Forget a control (for tests that register their own)."""
        self._controls.pop(control_id, None)


REGISTRY = Registry()


def control(
    control_id: str,
    *,
    title: str,
    expects: str,
    subject: type[AnySubject],
    needs: type[Facts] | tuple[type[Facts], ...],
    roles: Iterable[Role] = ALL_ROLES,
    parameters: Mapping[str, Any] | None = None,
    spec: tuple[str, ...] = (),
    remedy: Mapping[str, str] | None = None,
    safety: Safety = Safety.PASSIVE,
    medium: Medium = Medium.PROBE,
    needs_given: Iterable[Role] = (),
    needs_words: str = "",
) -> Callable[[J], J]:
    """Register the decorated function as a control.

    Args:
        control_id: lower-case words with hyphens; what users type, never renamed.
        title: the requirement as a statement that is true when the control passes.
        expects: what a passing subject does, for the report; `{name}` is filled with the profile's parameter.
        subject: what one verdict is about.
        needs: the types of facts, in the order of the function's arguments.
        roles: the roles of endpoints it is about.
        parameters: name and type of what a profile has to say.
        spec: the sources, e.g. ``"RFC 8996 section 4"``.
        remedy: what to do, by software ("postfix", "dovecot", "exim", "any").
        safety: what its probe does to the server.
        medium: the way it shows its clauses.
        needs_given: those of `roles` in which a passive probe needs credentials; it is not run without.
        needs_words: what else of the configuration a passive probe needs, as its keys are written; it is not run
            without.

    Raises:
        ConfigurationError: the id is taken, the function's signature does not fit `needs`, or `needs_given` names
            another role than `roles`.
    """
    wanted = needs if isinstance(needs, tuple) else (needs,)
    about, given = frozenset(roles), frozenset(needs_given)
    if not given <= about:
        others = ", ".join(sorted(given - about))
        raise ConfigurationError(f"control {control_id}: needs_given names what it is not about: {others}")

    def register(judge: J) -> J:
        arguments = len(inspect.signature(judge).parameters)
        if arguments != len(wanted) + 1:
            raise ConfigurationError(
                f"control {control_id}: {judge.__qualname__} takes {arguments} arguments, its needs and the rule are "
                f"{len(wanted) + 1}"
            )
        _check_expects(control_id, expects, parameters or {})
        REGISTRY.add(
            Control(
                id=control_id,
                title=title,
                expects=expects,
                rationale=inspect.getdoc(judge) or "",
                subject=subject,
                roles=about,
                needs=wanted,
                parameters=dict(parameters or {}),
                spec=spec,
                remedy=dict(remedy or {}),
                safety=safety,
                medium=medium,
                judge=judge,
                origin=f"{judge.__module__}.{judge.__qualname__}",
                needs_given=given,
                needs_words=needs_words,
            )
        )
        return judge

    return register


def _check_expects(control_id: str, expects: str, parameters: Mapping[str, Any]) -> None:
    """What is filled in for a report has to be there: found out at registration, not in the middle of a run."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(expects) if name is not None]
    except ValueError as error:
        raise ConfigurationError(f"control {control_id}: expects: {error} (a brace itself is written twice)") from None
    for name in names:
        if name not in parameters:
            raise ConfigurationError(f"control {control_id}: expects names {{{name}}}, which is no parameter of it")


def load_builtin() -> Registry:
    """Import every module of `smtp_audit.controls`; returns the registry with all of them in it."""
    from importlib import import_module
    from pkgutil import iter_modules

    from smtp_audit import controls

    for module in sorted(iter_modules(controls.__path__), key=lambda found: found.name):
        import_module(f"{controls.__name__}.{module.name}")
    return REGISTRY
