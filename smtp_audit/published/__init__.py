"""What a domain publishes about its mail: pure parsers of the text, and the data to read it with."""
