"""Tests of the report: what it says, that nothing breaks out of it, and that it is written whole or not at all."""
