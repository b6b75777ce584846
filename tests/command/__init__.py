"""The words of the smtp-audit command."""
