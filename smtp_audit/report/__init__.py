"""Reports: one model, worded as HTML and JSON."""
