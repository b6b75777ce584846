"""The judgements: one module a family of controls."""
