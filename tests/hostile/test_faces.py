"""What users see of the worst peers: pytest's own output, JUnit XML and the files, from a real run of the plugin."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .catalogue import PEERS
from .certificates import HOST, Certificates
from .harmless import control_characters, foreign_markup, password_leaks
from .markers import PASSWORD, USER
from .peers import Peer
from .stage import Stage

WORST = ("noise", "hostile-certificate", "echoes-password", "http-greeting")

# Colours are off, so every control character in the output is the peer's.
_COMMAND = (sys.executable, "-m", "pytest", "--color=no", "-p", "no:cacheprovider", "-rA", "-vv", "--tb=long")


def configuration(peer: Peer, port: int, certificates: Certificates) -> str:
    limits = "\n".join(f"{name} = {value}" for name, value in peer.limits.model_dump().items())
    return f"""
profile = "enterprise"
report = "reports"
ca = "{certificates.anchors}"
[target]
[[target.endpoint]]
role = "{peer.role}"
host = "{HOST}"
address = "127.0.0.1"
port = {port}
[credentials]
user = "{USER}"
password_env = "PEER_PASSWORD"
[limits]
{limits}
"""


@pytest.mark.parametrize("name", WORST)
def test_the_pytest_face_is_harmless(stage, certificates: Certificates, tmp_path: Path, name: str) -> None:
    peer = PEERS[name]
    running: Stage = stage(name)
    (tmp_path / "smtp-audit.toml").write_text(configuration(peer, running.port, certificates))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [*_COMMAND, "--smtp-config", "smtp-audit.toml", "--junitxml", "junit.xml"],
        cwd=tmp_path,
        env={**os.environ, "PEER_PASSWORD": PASSWORD},
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = (done.stdout + done.stderr).decode("utf-8")
    assert done.returncode == 1, said
    assert running.connections > 1 or name == "http-greeting"
    junit = (tmp_path / "junit.xml").read_text("utf-8")
    texts = {"terminal": said, "junit.xml": junit}
    texts |= {path.name: path.read_text("utf-8") for path in (tmp_path / "reports").iterdir()}
    for where, text in texts.items():
        assert not control_characters(text), where
        assert not password_leaks(text), where
    assert not foreign_markup(texts["report.html"])
    # pytest escapes for XML a second time what is already plain ASCII; it has to be XML all the same.
    assert len(list(ET.fromstring(junit).iter("testcase"))) > 10
    assert re.search(r"\b\d+ failed", said)
