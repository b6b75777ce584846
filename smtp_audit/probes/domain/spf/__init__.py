"""SPF: `check_host.py` evaluates as receivers do, `tree.py` walks all includes, `family.py` makes facts of both."""
