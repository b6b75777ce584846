"""The facts: what goes into a snapshot comes out of it."""
