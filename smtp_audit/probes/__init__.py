"""The only code that touches the network or a process. Probes record what they see; they never judge."""
