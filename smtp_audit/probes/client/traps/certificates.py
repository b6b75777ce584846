"""The certificates of the traps, made at run time."""

from __future__ import annotations

from pathlib import Path


class Certificates:
    """A root that programs are told to trust, and leaves of every kind, sound and broken. Files go to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def authority(self) -> Path:
        """The PEM file of the root that programs are told to trust."""
        return self._folder / "authority.pem"
