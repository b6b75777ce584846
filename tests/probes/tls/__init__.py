"""Tests of the probes: parsers over any octets, and every probe against scripted servers on loopback."""
