"""Words that only a peer says, so that a report can be searched for them."""

TAG = "x-hostile"
"""An element that no report has of its own."""

MARKUP = f'<{TAG} onload="alert(1)">'
"""What a report must show as text and never as an element. Short enough for a common name (64 characters)."""

MARKUP_IN_LINE = f'"></pre></td>{MARKUP}<script>alert(1)</script><img src=x onerror=alert(1)>'

ESCAPES = b"\x1b[2J\x1b]0;owned\x07\x08\x08\x9b31m\x00\x7f"
"""Clears a terminal, changes its title, moves back, colours (C1), NUL, DEL."""

NOT_UTF8 = b"\xff\xfe\xc0\xaf\xed\xa0\x80"

NOISE = MARKUP_IN_LINE.encode() + ESCAPES + NOT_UTF8 + "\u202e\u2066\u2028\u0085".encode()

USER = "alice@hostile.example"
PASSWORD = "Pa\\ss<w\u00f6rd>&\"42' x"
"""Has in it what escaping for a transcript, JSON or HTML would change, so that redaction after escaping shows."""
