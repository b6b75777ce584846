"""Servers that misbehave on purpose, and what an audit of each of them may and may not say."""
