"""A mail server to try the audit on: two of them on loopback, one well configured and one badly.

It needs the extra `lab` (`pip install "smtp-audit[lab]"`) and nothing of the machine: no root, no packages, no files
but a temporary folder. It is a demonstration and a stage for scripted faults, not a reference of what a good mail
server is.
"""

from __future__ import annotations

from smtp_audit.lab.running import Lab as Lab
from smtp_audit.lab.sites import Site as Site

__all__ = ["Lab", "Site"]
