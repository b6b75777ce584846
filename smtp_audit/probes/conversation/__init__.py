"""Conversations in SMTP: questions put to a server, one probe a family of facts."""
