"""The matrix of a mail domain in words: each MX host beside what is published of it. Judges nothing."""
