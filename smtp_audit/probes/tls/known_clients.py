"""What well-known senders and mail programs would be answered: their recorded hellos, sent with our random and name."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from smtp_audit.facts.handshake import ClientHandshake, TlsClientFacts
from smtp_audit.facts.tls import Acceptance, TlsVersion
from smtp_audit.probes.tls.ask import SILENCE, TRIES, WORDLESS, Prober
from smtp_audit.probes.tls.clients import ClientProfile, client_profiles
from smtp_audit.probes.tls.hello import suite_name
from smtp_audit.probes.tls.parameters import group_name
from smtp_audit.probes.tls.reply import Reply, understand


async def be_known_clients(prober: Prober) -> TlsClientFacts:
    """Send the recorded hellos; of programs whose hellos offer the same, one. Never raises for what the peer does."""
    # No more than may connect at once: those in the queue would not hear that there is no sense in asking on.
    turns = asyncio.Semaphore(prober.approach.budget.allowed)
    alike: dict[Hashable, list[ClientProfile]] = {}
    for profile in client_profiles():
        alike.setdefault(_offer(profile), []).append(profile)

    async def be(profiles: list[ClientProfile]) -> dict[str, ClientHandshake]:
        async with turns:
            seen = await _be(prober, profiles[0])
        return {each.name: seen.model_copy(update={"client": each.name, "sort": each.kind}) for each in profiles}

    found = await asyncio.gather(*(be(profiles) for profiles in alike.values()))
    clients = {name: seen for group in found for name, seen in group.items()}
    return TlsClientFacts(offered=True, clients=tuple(clients[profile.name] for profile in client_profiles()))


def _offer(profile: ClientProfile) -> Hashable:
    """What a server chooses by; other extensions have no part in that."""
    return profile.versions, profile.suites, profile.groups, profile.signatures, profile.sends_name


async def _be(prober: Prober, profile: ClientProfile) -> ClientHandshake:
    newest = max((version for version in TlsVersion if version.code in profile.versions), default=TlsVersion.TLS12)
    reply = Reply(Acceptance.UNKNOWN, "not tried")
    for _ in range(TRIES):
        before = reply.detail
        hello = profile.hello(prober.approach.endpoint.server_name)
        raw = await prober.raw(newest, hello, patient=False, shown=f"of {profile.name}")
        reply = _understand(profile, newest, raw)
        if not reply.unknown or prober.known.over:
            break
        if reply.detail.startswith(SILENCE) and not prober.known.waits_again:
            break
        says_no = reply.detail in WORDLESS and await prober.learn_whether_it_says_no_by(reply.detail)
        if reply.detail == before and says_no and await prober.known_is_taken():
            # Twice, and the known hello taken after: this server's word for no (see `Prober`).
            reply = Reply(Acceptance.REFUSED, reply.detail)
            break
    answer = reply.flight.answer if reply.flight is not None else None
    version = next((v for v in TlsVersion if answer is not None and v.code == answer.version), None)
    group = reply.flight.group if reply.flight is not None else ""
    if answer is not None and answer.group is not None:
        group = group_name(answer.group)
    return ClientHandshake(
        client=profile.name,
        sort=profile.kind,
        accepted=None if reply.unknown else reply.accepted,
        version=str(version) if reply.accepted and version is not None else "",
        suite=suite_name(reply.suite) if reply.accepted else "",
        group=group if reply.accepted else "",
        detail=reply.detail,
    )


def _understand(profile: ClientProfile, newest: TlsVersion, raw: Reply) -> Reply:
    if raw.flight is None:
        return raw
    understood = understand(newest, profile.suites, raw.flight.answer)
    accepted = understood.acceptance
    if understood.lower is not None:
        # A program takes every version that it offers: without the extension, any from SSL 3 up to the one it names.
        oldest = min(profile.versions)
        listed = len(profile.versions) > 1 or oldest >= TlsVersion.TLS13.code
        takes = understood.lower.code in profile.versions if listed else understood.lower >= TlsVersion.TLS10
        accepted = Acceptance.ACCEPTED if takes else Acceptance.UNKNOWN
    detail = "" if accepted is Acceptance.ACCEPTED else understood.detail
    return Reply(accepted, detail, understood.suite, flight=raw.flight)
