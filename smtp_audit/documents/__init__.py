"""HTML documents and plain text as a template made them: what a value changed in them, without a judgement."""
