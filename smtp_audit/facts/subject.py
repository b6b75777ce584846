"""What a verdict can be about: endpoints and mail domains, and what of a team's own sends mail or writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.frozen import Frozen


class _Own(Frozen):
    """Something of the user's own, known by a name within its kind."""

    kind: str
    name: str

    @property
    def key(self) -> str:
        """The name of this subject in records."""
        return f"{self.kind}:{self.name}"

    @property
    def group(self) -> str:
        """What the subject belongs to in trees and node ids: itself."""
        return self.key

    @property
    def label(self) -> str:
        """It needs no label within its group."""
        return ""


class ClientProgram(_Own):
    """A program that sends mail."""

    kind: Literal["client"] = "client"


class TemplateFile(_Own):
    """A template that messages are made of; the name is its path as the user wrote it."""

    kind: Literal["template"] = "template"


class SourceTree(_Own):
    """A folder or file of source text; the name is its path as the user wrote it."""

    kind: Literal["source"] = "source"


AnySubject = Endpoint | Domain | ClientProgram | TemplateFile | SourceTree
"""Any of them."""

Subject = Annotated[AnySubject, Field(discriminator="kind")]
"""The same, told apart by `kind` when read back."""
