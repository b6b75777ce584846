"""Programs that send mail, played with: traps in a private network, and what the programs do there."""
