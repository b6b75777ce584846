"""Reading source text: files found, rules applied, in a process of its own."""
