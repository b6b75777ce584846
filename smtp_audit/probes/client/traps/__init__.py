"""The traps: servers that behave in one wrong way each, and the few that behave rightly. `scenarios.py` lists them."""
