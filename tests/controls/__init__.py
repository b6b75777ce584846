"""The built-in controls: every one judged on facts made by hand."""
