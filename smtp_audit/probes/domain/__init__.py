"""What a mail domain publishes in the DNS: `lookups.py` asks, `table.py` lists the families of facts."""
