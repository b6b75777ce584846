"""sslyze for known flaws of TLS implementations, as a process of its own with a deadline.

sslyze can hang on a hostile peer and its licence is the AGPL: it is never imported. Its errors are "could not tell".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from typing import Any

from smtp_audit.facts.endpoint import Protocol, TlsStart
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.tls import FlawOutcome, TlsFlaw, TlsFlawFacts
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.process import signal_group, start
from smtp_audit.probes.relay import ADDRESS, relaying
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.wiretext import escape_text

DEADLINE = 90.0
"""Seconds that one sslyze process may take."""

KILL_SECONDS = 5.0
"""Seconds that a killed process gets to end."""

MAX_OUTPUT = 8 * 1024 * 1024

_STARTTLS = {Protocol.SMTP: "smtp", Protocol.IMAP: "imap", Protocol.POP3: "pop3"}

_COMMANDS = {
    TlsFlaw.HEARTBLEED: ("--heartbleed", "heartbleed", "is_vulnerable_to_heartbleed"),
    TlsFlaw.CCS_INJECTION: ("--openssl_ccs", "openssl_ccs_injection", "is_vulnerable_to_ccs_injection"),
    TlsFlaw.ROBOT: ("--robot", "robot", "robot_result"),
    TlsFlaw.CLIENT_RENEGOTIATION: (
        "--reneg",
        "session_renegotiation",
        "is_vulnerable_to_client_renegotiation_dos",
    ),
}
_ROBOT = {
    "VULNERABLE_WEAK_ORACLE": True,
    "VULNERABLE_STRONG_ORACLE": True,
    "NOT_VULNERABLE_NO_ORACLE": False,
    "NOT_VULNERABLE_RSA_NOT_SUPPORTED": False,
}


async def find_flaws(approach: Approach, transcript: Transcript, argv: Sequence[str] | None) -> TlsFlawFacts:
    """Run sslyze on one endpoint.

    Args:
        approach: the endpoint; sslyze's connections come out of its budget, through a relay.
        transcript: where the command and its outcome are recorded.
        argv: how to run sslyze; None when it is not installed.

    Raises:
        PeerError: it is not installed, cannot speak the protocol, or gave no usable answer.
    """
    if argv is None:
        raise PeerError(Absence.NOT_AVAILABLE, "sslyze is not installed: run `smtp-audit tools install`")
    endpoint = approach.endpoint
    command = [*argv, "--json_out=-", *(option for option, _, _ in _COMMANDS.values())]
    if endpoint.tls_start is TlsStart.STARTTLS:
        if endpoint.protocol not in _STARTTLS:
            raise PeerError(Absence.NOT_AVAILABLE, f"sslyze does not speak {endpoint.protocol} with STARTTLS")
        command.append(f"--starttls={_STARTTLS[endpoint.protocol]}")
    if endpoint.server_name:
        command.append(f"--sni={endpoint.server_name}")
    async with relaying(approach) as relay:
        command.append(f"{ADDRESS}:{relay.port}")
        transcript.note(f"sslyze {' '.join(command[len(argv) :])}, a relay to {approach.address} port {endpoint.port}")
        began = time.monotonic()
        try:
            output = await _run(command, min(DEADLINE, approach.config.limits.endpoint_seconds))
        finally:
            seconds = time.monotonic() - began
            transcript.note(f"{relay.connections} connections in {seconds:.1f} s" + _why(relay.refused))
    return _read(output, seconds, relay.connections, transcript)


def _why(refused: str) -> str:
    return f"; one could not be had: {refused}" if refused else ""


async def _run(command: Sequence[str], seconds: float) -> bytes:
    try:
        process = await start(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise PeerError(Absence.NOT_AVAILABLE, f"sslyze cannot be started: {error.strerror or error}") from None
    ended = False
    try:
        async with asyncio.timeout(seconds) as bound:
            output = bytearray()
            while process.stdout is not None and (data := await process.stdout.read(65536)):
                output += data
                if len(output) > MAX_OUTPUT:
                    raise PeerError(Absence.MALFORMED, f"sslyze wrote more than {MAX_OUTPUT} octets")
            await process.wait()
            ended = True
    except TimeoutError:
        if not bound.expired():
            raise
        raise PeerError(Absence.TIMEOUT, f"sslyze did not end within {seconds:g} s") from None
    finally:
        if not ended:
            # The whole group, also when its leader has ended: somebody holds the output open.
            signal_group(process)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILL_SECONDS):
                    # To its end: a pipe with something in it is never closed.
                    while process.stdout is not None and await process.stdout.read(65536):
                        pass
                    await process.wait()
    return bytes(output)


def _read(output: bytes, seconds: float, connections: int, transcript: Transcript) -> TlsFlawFacts:
    try:
        document = json.loads(output)
        results = document["server_scan_results"]
        result = results[0]
        if result["scan_status"] != "COMPLETED":
            trace = result.get("connectivity_error_trace") or result["scan_status"]
            raise PeerError(Absence.UNREACHABLE, f"sslyze could not connect: {escape_text(str(trace)[-200:])}")
        scan = result["scan_result"]
        outcomes = tuple(_outcome(flaw, scan) for flaw in TlsFlaw)
        version = str(document.get("sslyze_version", ""))
    except PeerError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise PeerError(Absence.BROKEN, f"sslyze gave no usable result ({type(error).__name__})") from None
    for outcome in outcomes:
        transcript.note(f"{outcome.flaw}: {'vulnerable' if outcome.vulnerable else outcome.detail or 'not vulnerable'}")
    return TlsFlawFacts(
        offered=True,
        outcomes=outcomes,
        sslyze_version=escape_text(version),
        seconds=round(seconds, 3),
        connections=connections,
    )


def _outcome(flaw: TlsFlaw, scan: Any) -> FlawOutcome:
    _, section, field = _COMMANDS[flaw]
    attempt = scan[section]
    if attempt["status"] != "COMPLETED":
        reason = attempt.get("error_reason") or attempt["status"]
        return FlawOutcome(flaw=flaw, vulnerable=None, detail=escape_text(str(reason)))
    value = attempt["result"][field]
    if flaw is TlsFlaw.ROBOT:
        return FlawOutcome(flaw=flaw, vulnerable=_ROBOT.get(value), detail=escape_text(str(value)))
    return FlawOutcome(flaw=flaw, vulnerable=value if isinstance(value, bool) else None)
