"""Clear text where TLS should be: Exim 4.96 says its last word outside of TLS, and hangs up."""

from __future__ import annotations

import re

from smtp_audit.limits import MAX_LINE

_KINDS = range(20, 25)
"""The first octet of a record (RFC 8446 section 5.1; 24 is RFC 6520's)."""
_HEADER = 5

_REFUSALS = re.compile(rb"(?:[45][0-9]{2}(?:[ -][^\r\n]*)?\r?\n)+")
_BEGINS_AS_ONE = re.compile(rb"[45][0-9]{2}[ \r\n-]")


class ClearText:
    """Follows the records of a stream, and keeps what comes where one should begin and is none."""

    def __init__(self) -> None:
        self._left = 0
        """Octets of the record that are still to come."""
        self._header = bytearray()
        self.found = bytearray()

    def follow(self, data: bytes) -> None:
        """The next octets of the stream. No more than a line is kept, and an octet."""
        at = 0
        while at < len(data):
            if self.found or not (self._left or self._header or data[at] in _KINDS):
                self.found += data[at : at + MAX_LINE + 1 - len(self.found)]
                return
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(_HEADER - len(self._header), len(data) - at)
                self._header += data[at : at + step]
                if len(self._header) == _HEADER:
                    self._left = int.from_bytes(self._header[3:])
                    self._header.clear()
            at += step

    @property
    def may_refuse(self) -> bool:
        """Whether it begins as a refusal of SMTP does, and is short enough to be one."""
        return len(self.found) <= MAX_LINE and _BEGINS_AS_ONE.match(self.found) is not None

    @property
    def refuses(self) -> bool:
        """Whether it is refusals (RFC 5321 section 4.2.1: 4yz, 5yz) and nothing else."""
        return self.may_refuse and _REFUSALS.fullmatch(self.found) is not None
