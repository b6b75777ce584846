"""The base of everything that is written down once: facts, records, settings."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A model whose fields cannot be changed, and that refuses unknown ones.

    One run uses some of the many models only: each is built when it is first used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
