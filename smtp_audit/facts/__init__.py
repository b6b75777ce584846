"""What probes return: frozen records of what was seen, without judgement."""
