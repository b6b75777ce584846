"""The errors of smtp_audit: a small tree, each with one line that a user can act on."""

from __future__ import annotations


class SmtpAuditError(Exception):
    """Base of all errors of this package; ``str()`` is one line: what happened, where, what to do."""


class ConfigurationError(SmtpAuditError):
    """The user's input is wrong: an option, a file, a key or a value. Nothing was probed; exit status 4."""


class SnapshotError(ConfigurationError):
    """A snapshot file cannot be read, or is not one."""


class Undetermined(SmtpAuditError):
    """A fact that a judgement needs could not be determined; the verdict becomes `indeterminate`.

    Raised by facts when an unknown part of them is asked for. A control lets it pass through: "could not tell" is
    neither pass nor fail.
    """
