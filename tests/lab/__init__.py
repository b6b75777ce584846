"""The embedded lab is what it says it is, shown without this project's own probes."""
