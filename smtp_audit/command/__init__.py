"""The `smtp-audit` command: one module for each of its words. To audit, the pytest plugin is the main way."""
