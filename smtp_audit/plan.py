"""What a run is going to do: profile, subjects, and every (control, subject) that has to be judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

from smtp_audit.configuration.model import Config, Scope
from smtp_audit.configuration.target import merge_endpoints
from smtp_audit.control import Medium, Registry, load_builtin
from smtp_audit.errors import ConfigurationError
from smtp_audit.facts.dns import Found
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.observation import Observation
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.facts.subject import AnySubject, ClientProgram, SourceTree, TemplateFile
from smtp_audit.judge import Bench, Pair, pairs
from smtp_audit.message import problem, quoted, shown_path
from smtp_audit.profile import Profile, load_profile, load_standard, shipped_standards
from smtp_audit.suggestion import did_you_mean
from smtp_audit.waiver import Attestation
from smtp_audit.wiretext import printable


class FactSource(Protocol):
    """Where facts come from: a gathering under way, or a snapshot."""

    @property
    def time(self) -> datetime:
        """The time that facts are judged at (UTC): when gathering began. The snapshot of the same facts has the
        same."""

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject; blocks until they are there."""

    def finish(self) -> Snapshot:
        """All facts; blocks until gathering has ended."""

    def stop(self) -> Snapshot:
        """What there is so far; ends the gathering."""


class Recorded:
    """A snapshot as a source of facts."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @property
    def time(self) -> datetime:
        """When the facts were gathered (UTC)."""
        return self.snapshot.time

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The recorded observations."""
        return self.snapshot.about(kind, subject)

    def finish(self) -> Snapshot:
        """The snapshot itself."""
        return self.snapshot

    stop = finish


@dataclass(frozen=True)
class Plan:
    """What a run is going to do: the profile, the subjects, and every (control, subject) that has to be judged."""

    config: Config
    profile: Profile
    registry: Registry
    subjects: tuple[AnySubject, ...]
    scope: tuple[Scope, ...]
    pairs: tuple[Pair, ...]
    recorded: Snapshot | None = None
    found: Found = field(default_factory=Found)
    """What the look-up of bare names gave; its observations become part of the snapshot."""

    @cached_property
    def expected(self) -> tuple[tuple[str, str], ...]:
        """The keys of the records that a complete run has."""
        return tuple((control.id, subject.key) for control, subject in self.pairs)

    def bench(self, snapshot_time: datetime, now: datetime) -> Bench:
        """What judging needs; `snapshot_time` is when gathering began."""
        return Bench(self.profile, snapshot_time, now.date(), self.config.waivers)

    def source(
        self, progress: Callable[[str], None] | None = None, wanted: frozenset[tuple[str, str]] | None = None
    ) -> FactSource:
        """The recorded snapshot, or a new gathering, started; `wanted` limits it to some (kind, subject) of
        `kinds()`."""
        if self.recorded is not None:
            return Recorded(self.recorded)
        from smtp_audit.gather import Gathering

        return Gathering(
            self.config,
            self.subjects,
            kinds=wanted if wanted is not None else self.kinds(),
            scope=tuple(s.value for s in self.scope),
            found=self.found.observations,
            progress=progress,
        ).start()

    def kinds(self) -> frozenset[tuple[str, str]]:
        """The (kind of facts, subject) that the controls of this plan need."""
        return frozenset((need.kind, subject.key) for control, subject in self.pairs for need in control.needs)


def prepare(
    config: Config,
    registry: Registry | None = None,
    *,
    found: Found | None = None,
    recorded: Snapshot | None = None,
) -> Plan:
    """Load the profile, find the subjects, list what has to be judged. The only network use: an MX look-up of a bare
    name.

    Args:
        config: what to audit.
        registry: the controls; default: all that are registered.
        found: what another process has looked up already; given, nothing is looked up.
        recorded: facts that another process has gathered already; default: those of `config.snapshot`, if any.

    Raises:
        ConfigurationError: the profile, the snapshot or the target is unusable.
    """
    registry = registry or load_builtin()
    profile = load_profile(config.profile, registry, config.source.parent if config.source else None)
    if config.gate is not None:
        profile = profile.model_copy(update={"gate": config.gate})
    for waiver in config.waivers:
        if waiver.control not in registry:
            where = shown_path(config.source) if config.source else "waiver"
            hint = did_you_mean(waiver.control, registry.ids())
            raise problem(where, f"a waiver names the control {quoted(waiver.control)}{hint}")
    for attestation in config.attestations:
        _check_attestation(attestation, profile, config.source)
    if recorded is None and config.snapshot is not None:
        recorded = Snapshot.load(config.snapshot)
    if recorded is not None:
        subjects: tuple[AnySubject, ...] = recorded.subjects
    else:
        if found is None:
            found = _look_up(config)
        # What the user declared comes first: a look-up that finds the same endpoint adds nothing to it.
        domains = tuple(s for s in found.subjects if isinstance(s, Domain))
        looked_up = tuple(s for s in found.subjects if isinstance(s, Endpoint))
        subjects = (*domains, *merge_endpoints((*config.endpoints, *looked_up)))
        if config.domain is None and not config.endpoints and len(config.names) == len(domains) == 1:
            # A mail domain and nothing else was asked for: its MX hosts take its mail.
            config = config.model_copy(update={"domain": domains[0].name})
    if recorded is None:
        subjects = (*_domain_named(config, subjects), *subjects, *_programs(config))
    if not subjects:
        raise ConfigurationError("no target: name one with --smtp-target, --smtp-endpoint or in the configuration")
    scope = config.scope or (_recorded_scope(recorded) if recorded else _scope_of(subjects))
    if recorded is None and Scope.DNS in scope and not any(isinstance(subject, Domain) for subject in subjects):
        raise ConfigurationError("scope: dns is about a mail domain, and none is known: name it with --smtp-domain")
    return Plan(
        config=config,
        profile=profile,
        registry=registry,
        subjects=subjects,
        scope=scope,
        pairs=pairs(profile, registry, subjects, scope),
        recorded=recorded,
        found=found or Found(),
    )


def _domain_named(config: Config, subjects: Sequence[AnySubject]) -> tuple[Domain, ...]:
    """The mail domain of the configuration, where the run is to be about its DNS and it is no subject yet."""
    if config.domain is None or (config.scope and Scope.DNS not in config.scope):
        return ()
    named = Domain(name=config.domain)
    return () if named in subjects else (named,)


def _programs(config: Config) -> tuple[AnySubject, ...]:
    """What of the user's own the run is about."""
    return (
        *(ClientProgram(name=each.name) for each in config.clients),
        *(TemplateFile(name=each.name) for each in config.templates),
        *(SourceTree(name=each.name) for each in config.source_trees),
    )


def _scope_of(subjects: Sequence[AnySubject]) -> tuple[Scope, ...]:
    """What a run is about when nobody says so: what its subjects allow."""
    kinds = (
        (Scope.SERVER, (Endpoint,)),
        (Scope.DNS, (Domain,)),
        (Scope.CLIENT, (ClientProgram, SourceTree)),
        (Scope.TEMPLATE, (TemplateFile,)),
    )
    return tuple(scope for scope, classes in kinds if any(isinstance(subject, classes) for subject in subjects))


def _recorded_scope(snapshot: Snapshot) -> tuple[Scope, ...]:
    for name in snapshot.scope:
        if name not in list(Scope):
            raise ConfigurationError(f"snapshot: no scope {printable(name)!r}{did_you_mean(name, Scope)}")
    return tuple(Scope(name) for name in snapshot.scope)


def _check_attestation(attestation: Attestation, profile: Profile, source: Path | None) -> None:
    """Raises ConfigurationError for a clause that the standard lacks, or that no person can attest."""
    where = shown_path(source) if source else "attestation"
    clause = next((c for c in profile.standard.clause if c.id == attestation.clause), None)
    others = (load_standard(name, where)[0] for name in shipped_standards() if name != profile.standard.id)
    if clause is None and any(attestation.clause in other for other in others):
        return  # of another standard than this run's: it says nothing here, as the report's list shows
    if clause is None:
        hint = did_you_mean(attestation.clause, (c.id for c in profile.standard.clause))
        raise problem(
            where, f"an attestation names the clause {quoted(attestation.clause)} of {profile.standard.id}{hint}"
        )
    if Medium.ATTEST not in clause.by:
        ways = ", ".join(clause.by)
        raise problem(where, f"the clause {clause.id} cannot be attested: it has to be shown by {ways}")


def _look_up(config: Config) -> Found:
    if not config.names:
        return Found()
    from smtp_audit.probes.dns import find_subjects

    return find_subjects(config)
