"""What a control's verdict becomes in pytest, and what the exit status says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pytest

EXIT_STATUS: Final[Mapping[int, str]] = {
    0: "the gate is open and every test passed",
    1: "the gate is closed, or a test failed",
    2: "the run was interrupted, or tests could not be collected",
    3: "pytest or a plugin crashed",
    4: "an option, a file or the target is unusable: nothing was probed",
}
"""What pytest's exit status means in a run with an audit."""


if TYPE_CHECKING:

    class _Failed(Exception):
        def __init__(self, msg: str, pytrace: bool) -> None: ...

else:
    _Failed = pytest.fail.Exception


class ControlFailed(_Failed):
    """The subject breaks the control. `str()` is what a reader needs: what was seen, expected, and how to mend it."""

    # As pytest's own outcomes do: the short test summary says "ControlFailed", not the module's path.
    __module__ = "builtins"

    def __init__(self, message: str) -> None:
        super().__init__(message, pytrace=False)


class SmtpAuditWarning(pytest.PytestWarning):
    """A control fails at a severity below the gate's: listed, and it lets the gate open."""

    __module__ = "smtp_audit.plugin"
