"""What a program that sends mail gives away: to servers without TLS, with wrong certificates, with old TLS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from smtp_audit.control import Medium, Rule, Verdict, control, fail, passed
from smtp_audit.errors import Undetermined
from smtp_audit.facts.client import Channel, Claim, Duty, ScenarioRun, TrapFacts
from smtp_audit.facts.subject import ClientProgram

_NODEMAILER = "createTransport({ host, port: 587, secure: false, requireTLS: true, tls: { minVersion: 'TLSv1.2' } })"


SHOWN_OUTPUT: Final = 400
"""Characters of each kind of output that evidence shows."""


def sending(traps: TrapFacts) -> tuple[ScenarioRun, ...]:
    """The runs of the controls that delivered. A program that cannot send at all looks safe everywhere.

    Raises:
        Undetermined: it delivered to none of them.
    """
    controls = [run for run in traps.runs if run.group == "controls"]
    delivered = tuple(run for run in controls if run.acknowledged)
    if delivered:
        return delivered
    told = "; ".join(told_run(run) for run in controls) or "no control was played"
    raise Undetermined(f"inconclusive: it delivers nothing to a sound server ({told})")


def told_run(run: ScenarioRun) -> str:
    """A run in a line of evidence."""
    words = [f"{run.scenario} ({run.told}): {run.execution.claim}"]
    if run.exposed is not None:
        words.append(f"gave a {'password or message' if run.acknowledged else 'password'} over {run.exposed}")
    if run.acknowledged:
        words.append("the message was taken")
    if run.execution.detail:
        words.append(run.execution.detail)
    if not run.visits and run.played:
        words.append("it connected to nothing")
    return ", ".join(words)


def _told_output(run: ScenarioRun) -> str:
    """How a run ended, in the program's own words: the end of what it wrote."""
    status = "no exit status" if run.execution.status is None else f"exit status {run.execution.status}"
    wrote = " | ".join(text[-SHOWN_OUTPUT:] for text in run.execution.output) or "nothing"
    return f"{run.scenario}: {status}, it wrote: {wrote}"


def played(traps: TrapFacts, runs: Iterable[ScenarioRun]) -> tuple[ScenarioRun, ...]:
    """The runs of the program; they count only where it sends at all.

    Raises:
        Undetermined: it does not, or none of these scenarios could be played.
    """
    sending(traps)
    counted = tuple(run for run in runs if run.played)
    if not counted:
        raise Undetermined("none of the scenarios for this was played")
    return counted


def require_seen(runs: Iterable[ScenarioRun], *, visited: bool = True) -> None:
    """To be asked before a pass: what was not played, or (`visited`) was not connected to, shows nothing.

    Raises:
        Undetermined: there is such a scenario; it is named.
    """
    unseen = [run for run in runs if not run.played or (visited and not run.visits)]
    if unseen:
        names = ", ".join(run.scenario for run in unseen[:8]) + (" ..." if len(unseen) > 8 else "")
        raise Undetermined(f"not seen: {names}: {told_run(unseen[0])}")


def _without_implicit(traps: TrapFacts) -> str:
    """What to say of a pass in which implicit TLS was not looked at, since the program never came to its port."""
    left_out = len(traps.runs) - len(traps.asked)
    return f"; it comes to no port for implicit TLS, where {left_out} scenarios waited" if left_out else ""


def _refusing(
    traps: TrapFacts, runs: Sequence[ScenarioRun], worst: tuple[Channel, ...], fault: str, merit: str
) -> Verdict:
    counted = played(traps, runs)
    fallen = [run for run in counted if run.exposed in worst]
    if fallen:
        names = ", ".join(run.scenario for run in fallen)
        return fail(f"{fault}: {names}", evidence=[told_run(run) for run in fallen])
    require_seen(runs)
    told = f"{merit} ({len(counted)} scenarios){_without_implicit(traps)}"
    return passed(told, evidence=[told_run(run) for run in counted])


@control(
    "client-sends",
    title="The program delivers to a sound server",
    expects="a message arrives at a sound server of each kind, and the program reports success",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 6409 section 3", "RFC 3207"),
    remedy={"any": "run it by hand with the variables of the contract; the end of its output is in the evidence"},
)
def sends(traps: TrapFacts, rule: Rule) -> Verdict:
    """A program that cannot send at all looks safe everywhere: without a delivery no other verdict counts.

    A sound server here has TLS 1.3 or 1.2, an ECDSA or RSA certificate of a trusted authority, and AUTH inside TLS.
    """
    controls = [run for run in traps.runs if run.group == "controls"]
    try:
        delivered = sending(traps)
    except Undetermined as reason:
        raise Undetermined("; ".join([str(reason), *map(_told_output, controls[:1])])) from None
    failing = [run for run in controls if run not in delivered or run.execution.claim is not Claim.SENT]
    if failing:
        names = ", ".join(run.scenario for run in failing)
        evidence = [*(told_run(run) for run in controls), *(_told_output(run) for run in failing)]
        return fail(f"does not deliver, or does not say so: {names}", evidence=evidence)
    return passed(f"delivers to {len(controls)} sound servers", evidence=[told_run(run) for run in controls])


@control(
    "client-starttls-required",
    title="Nothing is given to a server without TLS",
    expects="where STARTTLS is missing, refused or broken, neither a password nor a message is sent in clear text",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 8314 section 4.1", "RFC 3207 section 6"),
    remedy={
        "nodemailer": _NODEMAILER,
        "python": "server.starttls(context=ssl.create_default_context()) without a way around its failure",
        "phpmailer": "$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS; $mail->SMTPAutoTLS is not enough",
        "any": "demand TLS; never go on in clear text when STARTTLS is not offered or fails",
    },
)
def starttls_required(traps: TrapFacts, rule: Rule) -> Verdict:
    """Whoever is on the line can take STARTTLS out of the answer: a program that goes on gives them everything.

    That takes one changed word in one packet; many networks' own firewalls do it.
    """
    runs = [run for run in traps.runs if run.group == "negotiation" or run.scenario == "auth-cram-in-clear"]
    return _refusing(traps, runs, (Channel.CLEAR,), "goes on in clear text", "gives nothing to servers without TLS")


@control(
    "client-starttls-injection",
    title="Replies that came in clear text do not count inside TLS",
    expects="what follows the answer to STARTTLS in clear text is thrown away, or ends the connection",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 3207 section 4.2", "CVE-2011-0411", "CVE-2021-23993"),
    remedy={"any": "update the library: what is buffered before the handshake has to be dropped"},
)
def starttls_injection(traps: TrapFacts, rule: Rule) -> Verdict:
    """Replies that somebody put behind the server's answer to STARTTLS would be taken for the server's own, inside TLS.

    An attacker on the line can so choose the login mechanism, or have an error taken for a success.
    """
    asked = [run for run in traps.runs if run.group == "injection"]
    runs = played(traps, asked)
    acted = [run for run in runs if any(visit.acted_on_injection for visit in run.visits)]
    if acted:
        names = ", ".join(run.scenario for run in acted)
        return fail(f"takes injected replies for the server's: {names}", evidence=[told_run(run) for run in acted])
    require_seen(asked)
    return passed(f"takes no injected reply ({len(runs)} scenarios)", evidence=[told_run(run) for run in runs])


@control(
    "client-certificate-verified",
    title="The server's certificate and name are verified",
    expects="a wrong certificate ends the connection before a password or a message is sent",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 8314 section 5.4", "RFC 9525 section 6", "RFC 5280 section 6"),
    remedy={
        "nodemailer": "no rejectUnauthorized: false and no checkServerIdentity of your own; add an authority by tls.ca",
        "python": "server.starttls(context=ssl.create_default_context()): without a context nothing is verified",
        "phpmailer": "no SMTPOptions with verify_peer or verify_peer_name set to false",
        "go": "smtp.SendMail verifies; no tls.Config with InsecureSkipVerify",
        "any": "verify the chain, the dates and the host name; never switch it off for one server",
    },
)
def certificate_verified(traps: TrapFacts, rule: Rule) -> Verdict:
    """TLS with anybody is TLS with the attacker: without verification the password goes to whoever answers.

    Expired, not yet valid, self-signed, unknown issuers, wrong names and wrong purposes are each tried.
    """
    runs = [run for run in traps.asked if "certificate-" in run.scenario and run.duty is Duty.REFUSE and not run.warns]
    return _refusing(
        traps,
        runs,
        (Channel.BAD_TLS, Channel.CLEAR),
        "takes wrong certificates",
        "refuses every wrong certificate",
    )


@control(
    "client-certificate-strict",
    title="Certificates that stricter rules refuse are refused",
    expects="names in the common name alone, partial wildcards, keys of 1024 bits and missing staples are refused",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 9525 section 2", "RFC 7633 section 4.2.2", "RFC 9325 section 4.1"),
    remedy={
        "any": "mostly the runtime's: OpenSSL's security level 2 refuses short keys; names in the common name go with "
        "X509_CHECK_FLAG_NEVER_CHECK_SUBJECT"
    },
)
def certificate_strict(traps: TrapFacts, rule: Rule) -> Verdict:
    """What was usual once is refused by today's rules; most libraries still take some of it.

    No public authority issues such certificates any more; an attacker needs a private authority's to gain by it.
    """
    runs = [run for run in traps.asked if "certificate-" in run.scenario and run.warns]
    return _refusing(traps, runs, (Channel.BAD_TLS, Channel.CLEAR), "takes", "refuses what stricter rules refuse")


@control(
    "client-tls-version",
    title="Old TLS is refused, and TLS 1.3 is not shut out",
    expects="servers with TLS 1.0 or 1.1 alone, without encryption or forward secrecy get nothing; TLS 1.3 is offered",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 8996", "RFC 9325 sections 3.1 and 4.1"),
    remedy={
        "nodemailer": "tls: { minVersion: 'TLSv1.2' }, and no secureProtocol: 'TLSv1_2_method' pins TLS 1.2",
        "python": "context.minimum_version = ssl.TLSVersion.TLSv1_2",
        "any": "a lowest version, and no highest",
    },
)
def tls_version(traps: TrapFacts, rule: Rule) -> Verdict:
    """TLS 1.0 and 1.1 rest on MD5 and SHA-1; without forward secrecy one stolen key opens all recorded mail.

    Offering an old version is no acceptance: what counts is what is given to a server that has nothing else.
    """
    asked = [run for run in traps.asked if "tls-" in run.scenario and run.duty is Duty.REFUSE]
    runs = played(traps, asked)
    weak = [run for run in runs if run.group in ("tls", "implicit") and run.exposed in (Channel.BAD_TLS, Channel.CLEAR)]
    offers = [visit.offer for run in sending(traps) for visit in run.visits if visit.offer is not None]
    if weak:
        names = ", ".join(run.scenario for run in weak)
        return fail(f"gives secrets over {names}", evidence=[told_run(run) for run in weak])
    if offers and not any("TLSv1.3" in offer.versions for offer in offers):
        return fail("shuts TLS 1.3 out", evidence=[f"offers {', '.join(offers[0].versions)}"])
    if not offers:
        raise Undetermined("no hello of the program was seen whole")
    require_seen(asked)
    return passed(
        f"refuses old and weak TLS ({len(runs)} scenarios), offers TLS 1.3{_without_implicit(traps)}",
        evidence=[told_run(run) for run in runs],
    )


@control(
    "client-server-name",
    title="The server's name is sent in the handshake",
    expects="server_name in the ClientHello is the host that was configured",
    subject=ClientProgram,
    needs=TrapFacts,
    medium=Medium.CLIENT,
    spec=("RFC 6066 section 3", "RFC 8314 section 4.5"),
    remedy={"any": "connect by the name; for an address, give the name for TLS (nodemailer: tls.servername)"},
)
def server_name(traps: TrapFacts, rule: Rule) -> Verdict:
    """Servers with several names choose the certificate by it; without it the wrong one comes, and checks go.

    Providers of many domains on one address depend on it.
    """
    offers = [visit.offer for run in sending(traps) for visit in run.visits if visit.offer is not None]
    if not offers:
        raise Undetermined("no hello of the program was seen whole")
    names = sorted({offer.server_name or "none" for offer in offers})
    if any(offer.server_name is None or not offer.server_name.startswith("mail-") for offer in offers):
        return fail(f"sends another name or none: {', '.join(names)}")
    return passed(f"sends the name of the host ({names[0]})", evidence=names)
