"""The version of the tool, as reports name it."""

__version__ = "0.1.0"
