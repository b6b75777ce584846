"""The transport part of a report."""
