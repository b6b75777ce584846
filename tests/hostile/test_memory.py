"""The greedy peers against an audit in a process of its own, whose peak memory the kernel tells."""

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from .audits import config_for
from .catalogue import PEERS
from .certificates import Certificates
from .markers import PASSWORD
from .stage import Stage

PEAK_MEGABYTES = 150
BEYOND_SOUND_MEGABYTES = 24
"""What a greedy peer may cost more than a sound one. The caps add up to about 1 MB for a connection."""

GREEDY = (
    "long-greeting",
    "long-ehlo",
    "huge-ehlo",
    "endless-greeting",
    "endless-alerts",
    "endless-certificate",
    "vast-chain",
    "auth-floods",
    "auth-long-line",
    "sieve-huge-literal",
    "prime-of-65535-octets",
    "huge-staple",
    "floods-inside",
    "huge-line-after-starttls",
    "talk-many-lines",
    "talk-endless-line",
)

# VmHWM and not ru_maxrss: the latter begins with the peak of the process that forked.
_AUDIT = """
import json, sys
from smtp_audit.configuration.model import Config
from smtp_audit.pipeline import audit
config, password = json.load(sys.stdin)
if config["credentials"]:  # a configuration shows a mask for the password
    config["credentials"]["password"] = password
result = audit(Config.model_validate(config))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"peak": int(status["VmHWM"].split()[0]) / 1024, "open": result.gate.open}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_greedy_peers_cost_bounded_memory(certificates: Certificates) -> None:
    peaks: dict[str, float] = {}
    with ExitStack() as stack:
        children = {}
        for name in ("sound", *GREEDY):
            peer = PEERS[name]
            stage = stack.enter_context(Stage(peer, certificates))
            child = subprocess.Popen(
                [sys.executable, "-c", _AUDIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.callback(child.kill)
            assert child.stdin is not None
            json.dump((config_for(peer, stage.port, certificates).model_dump(mode="json"), PASSWORD), child.stdin)
            child.stdin.close()
            child.stdin = None
            children[name] = child
        for name, child in children.items():
            said, _ = child.communicate(timeout=60)
            told = json.loads(said)
            assert told["open"] is (name == "sound"), name
            peaks[name] = told["peak"]
    bound = min(PEAK_MEGABYTES, peaks["sound"] + BEYOND_SOUND_MEGABYTES)
    assert all(peak <= bound for peak in peaks.values()), peaks
