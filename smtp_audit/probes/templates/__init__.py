"""Templates rendered with harmless and hostile values: Jinja2 in a process of its own, other engines by a command."""
