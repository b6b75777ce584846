"""Runs audits of peers, many at a time, and keeps what a test wants to know of each."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from smtp_audit.configuration.model import Config, Credentials, Scope
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.pipeline import AuditResult, audit
from smtp_audit.secret import Secret

from .catalogue import PEERS
from .certificates import HOST, Certificates
from .markers import PASSWORD, USER
from .peers import Peer
from .stage import Stage

PROFILE = Path(__file__).with_name("peers-profile.toml")

LONGEST_PAUSE = 2.0
"""Seconds of a pause at most. Those of the real thing are for real servers that throttle, and take minutes."""

AT_ONCE = 24
"""Audits under way together; nearly all of their time is waiting."""

AHEAD = 16 if "PYTEST_XDIST_WORKER" in os.environ else 1000
"""Audits begun before they are asked for; few by a worker of pytest-xdist, which gets only some of the tests."""


@dataclass(frozen=True)
class Audited:
    """One audit, ended. `taken` counts the connections that the peer saw.

    `seconds` are those of the clock for gathering, `processor` those of the processor for all else: how long judging
    takes by the clock depends on the other audits of this process.
    """

    peer: Peer
    port: int
    result: AuditResult
    seconds: float
    processor: float
    taken: int
    faults: tuple[BaseException, ...]
    folder: Path
    progress: tuple[str, ...]

    def texts(self) -> dict[str, str]:
        """Everything that was said about the peer, by where it was said."""
        files = {path.name: path.read_text("utf-8") for path in sorted(self.folder.iterdir())}
        gate = "\n".join(self.result.gate.reasons)
        return files | {"progress": "\n".join(self.progress), "gate": gate}


def config_for(peer: Peer, port: int, certificates: Certificates) -> Config:
    """The configuration of an audit of this peer."""
    endpoint = Endpoint(role=peer.role, host=HOST, port=port, address="127.0.0.1")
    login = Credentials(user=USER, password=Secret(PASSWORD)) if peer.login else None
    return Config(
        targets=(HOST,),
        endpoints=(endpoint,),
        limits=peer.limits,
        ca=certificates.anchors,
        scope=(Scope.SERVER,),
        domain=HOST.partition(".")[2],
        credentials=login,
        profile=str(PROFILE),
    )


def run(peer: Peer, certificates: Certificates, folder: Path) -> Audited:
    """Audit one peer and write its reports."""
    progress: list[str] = []
    with Stage(peer, certificates) as stage:
        config = config_for(peer, stage.port, certificates)
        began = time.thread_time()
        result = audit(config, progress=progress.append)
        processor = time.thread_time() - began
        taken = stage.connections
    result.write(folder)
    seconds = (result.snapshot.finished - result.snapshot.started).total_seconds()
    return Audited(peer, stage.port, result, seconds, processor, taken, tuple(stage.faults), folder, tuple(progress))


class Audits:
    """Audits by the name of the peer, each run once. Asking for one begins the next ones of `order` as well."""

    def __init__(self, certificates: Certificates, folder: Callable[[str], Path], order: Sequence[str]) -> None:
        self._certificates = certificates
        self._folder = folder
        self._order = tuple(order)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="audit")
        self._running: dict[str, Future[Audited]] = {}

    def _begin(self, name: str) -> Future[Audited]:
        if name not in self._running:
            self._running[name] = self._pool.submit(run, PEERS[name], self._certificates, self._folder(name))
        return self._running[name]

    def __getitem__(self, name: str) -> Audited:
        wanted = self._begin(name)
        if name in self._order:
            place = self._order.index(name)
            for following in self._order[place : place + AHEAD]:
                self._begin(following)
        return wanted.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
