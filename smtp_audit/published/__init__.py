"""What mail domains publish, read without a network: one module a kind of record, text in, typed model out."""
