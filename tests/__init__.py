"""Tests of smtp_audit; the folders mirror the package."""
