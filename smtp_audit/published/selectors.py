"""Selectors that many domains use. Nothing in the DNS lists the selectors of a domain: these are only guesses."""

from __future__ import annotations

from typing import Final

COMMON_SELECTORS: Final = (
    # what software for one's own server proposes: OpenDKIM, docker-mailserver and iRedMail, Rspamd and Mailcow, Plesk
    "default", "mail", "dkim", "dkim1", "dkim2", "key1", "key2", "smtp", "email", "mta", "mx", "main",
    # what services tell their customers to publish: SendGrid and many others, Microsoft 365, Google, Mailchimp,
    # Fastmail, Proton, Zoho, Apple
    "s1", "s2", "selector1", "selector2", "google", "k1", "k2", "k3", "mandrill", "fm1", "fm2", "fm3", "protonmail",
    "protonmail2", "protonmail3", "zoho", "zmail", "mailjet", "pm", "sig1",
)  # fmt: skip
