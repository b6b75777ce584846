"""The guard of the CI run: a live test that did not run is a failure."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "every_live_test_ran.py"

PASSED = '<testcase classname="tests.live.test_mutants" name="test_a"/>'
SKIPPED = (
    '<testcase classname="tests.live.test_mutants" name="test_b"><skipped type="pytest.skip" message="no"/></testcase>'
)
MODULE = '<testcase classname="" name="tests.live.test_mutants"><skipped type="pytest.skip" message="no"/></testcase>'
XFAILED = (
    '<testcase classname="tests.live.test_x" name="test_c"><skipped type="pytest.xfail" message="known"/></testcase>'
)
ELSEWHERE = '<testcase classname="tests.test_x" name="test_d"><skipped type="pytest.skip" message="root"/></testcase>'


def run(tmp_path: Path, *cases: str) -> subprocess.CompletedProcess[str]:
    junit = tmp_path / "junit.xml"
    junit.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return subprocess.run([sys.executable, SCRIPT, junit], capture_output=True, text=True)


@pytest.mark.parametrize("cases", [[PASSED], [PASSED, ELSEWHERE], [PASSED, XFAILED]])
def test_all_ran(tmp_path, cases):
    assert run(tmp_path, *cases).returncode == 0


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([PASSED, SKIPPED], "skipped: tests.live.test_mutants::test_b: no"),
        ([PASSED, MODULE], "tests.live.test_mutants: no"),
        ([ELSEWHERE], "no live test was run"),
        ([], "no live test was run"),
    ],
)
def test_something_did_not_run(tmp_path, cases, said):
    done = run(tmp_path, *cases)
    assert done.returncode == 1
    assert said in done.stderr


def test_what_pytest_writes_is_what_it_reads(pytester):
    folder = pytester.mkpydir("tests")
    live = folder / "live"
    live.mkdir()
    (live / "__init__.py").touch()
    (live / "test_it.py").write_text("import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no server')\n")
    junit = pytester.path / "junit.xml"
    pytester.runpytest_subprocess(f"--junitxml={junit}", "-p", "no:smtp_audit")
    assert runpy.run_path(str(SCRIPT))["faults"](junit) == ["skipped: tests.live.test_it::test_b: no server"]
