"""What a sound server of these tests shows in conversations, by how far a client gets with it."""

CLEAR: dict[str, str] = (
    dict.fromkeys(
        (
            "auth-refused-before-tls",
            "greeting-internal-names",
            "greeting-name-agrees",
            "smtp-greeting-name",
            "smtp-keywords-form",
            "smtp-mail-before-hello",
            "smtp-reply-form",
        ),
        "pass",
    )
    | dict.fromkeys(
        ("smtp-size-announced",),
        "advisory",
    )
    | dict.fromkeys(
        (
            "reverse-name-agrees",
            "reverse-name-confirmed",
        ),
        "not_applicable",
    )
)
"""Greeting, capabilities and a few commands before TLS."""

TALK: dict[str, str] = (
    dict.fromkeys(
        (
            "etrn-restricted",
            "expn-tells-nothing",
            "extension-impersonation",
            "extension-private",
            "extension-turn",
            "greeting-name-in-certificate",
            "greeting-product",
            "greeting-system",
            "greeting-version",
            "relay-refused",
            "relay-routed-refused",
            "smtp-8bitmime",
            "smtp-abuse-mailbox",
            "smtp-address-forms",
            "smtp-address-length",
            "smtp-command-bare-cr",
            "smtp-command-case",
            "smtp-command-length",
            "smtp-cross-protocol",
            "smtp-data-needs-recipient",
            "smtp-data-needs-sender",
            "smtp-enhanced-codes",
            "smtp-hello-resets",
            "smtp-helo",
            "smtp-help",
            "smtp-hundred-recipients",
            "smtp-noop",
            "smtp-null-sender",
            "smtp-overlong-command",
            "smtp-path-case",
            "smtp-pipelining-complete",
            "smtp-postmaster",
            "smtp-quit",
            "smtp-recipient-needs-path",
            "smtp-recipient-needs-sender",
            "smtp-recipient-nul",
            "smtp-reset-clears",
            "smtp-unknown-command",
            "smtp-vrfy",
            "starttls-argument-refused",
            "starttls-not-offered-inside",
            "starttls-once",
            "starttls-state-discarded",
            "vrfy-tells-nothing",
        ),
        "pass",
    )
    | dict.fromkeys(
        (
            "smtp-command-bare-lf",
            "smtp-early-talker",
            "smtp-hello-needs-name",
            "smtp-mail-needs-path",
            "smtp-one-sender",
            "smtp-size-enforced",
            "smtp-unauthorised-pipelining",
            "smtp-unknown-parameter",
            "smtp-utf8-needs-parameter",
        ),
        "advisory",
    )
    | dict.fromkeys(
        (
            "smtp-chunk-needs-transaction",
            "smtp-chunk-size",
            "smtp-chunk-then-data",
            "smtp-utf8",
        ),
        "not_applicable",
    )
)
"""Inside TLS, on port 25."""

TALK_OF_SUBMISSION: dict[str, str] = (
    dict.fromkeys(
        (
            "auth-needs-mechanism",
            "etrn-restricted",
            "expn-tells-nothing",
            "extension-impersonation",
            "extension-private",
            "extension-turn",
            "greeting-name-in-certificate",
            "greeting-product",
            "greeting-system",
            "greeting-version",
            "smtp-command-bare-cr",
            "smtp-command-case",
            "smtp-command-length",
            "smtp-cross-protocol",
            "smtp-data-needs-sender",
            "smtp-enhanced-codes",
            "smtp-helo",
            "smtp-help",
            "smtp-mail-needs-path",
            "smtp-noop",
            "smtp-overlong-command",
            "smtp-pipelining-complete",
            "smtp-quit",
            "smtp-recipient-needs-sender",
            "smtp-unknown-command",
            "smtp-vrfy",
            "starttls-argument-refused",
            "starttls-not-offered-inside",
            "starttls-once",
            "starttls-state-discarded",
            "vrfy-tells-nothing",
        ),
        "pass",
    )
    | dict.fromkeys(
        (
            "auth-cancel",
            "smtp-command-bare-lf",
            "smtp-early-talker",
            "smtp-hello-needs-name",
            "smtp-unauthorised-pipelining",
        ),
        "advisory",
    )
    | dict.fromkeys(
        (
            "auth-not-in-transaction",
            "smtp-chunk-needs-transaction",
            "smtp-chunk-then-data",
            "smtp-recipient-nul",
        ),
        "not_applicable",
    )
    | dict.fromkeys(
        (
            "smtp-8bitmime",
            "smtp-address-forms",
            "smtp-address-length",
            "smtp-chunk-size",
            "smtp-data-needs-recipient",
            "smtp-hello-resets",
            "smtp-hundred-recipients",
            "smtp-one-sender",
            "smtp-path-case",
            "smtp-recipient-needs-path",
            "smtp-reset-clears",
            "smtp-size-enforced",
            "smtp-unknown-parameter",
            "smtp-utf8",
            "smtp-utf8-needs-parameter",
        ),
        "not_run",
    )
)
"""Inside TLS, on port 587, without a login."""

LOGGED_IN: dict[str, str] = (
    dict.fromkeys(
        (
            "auth-once",
            "auth-survives-ehlo",
            "sender-own-envelope",
            "smtp-8bitmime",
            "smtp-address-forms",
            "smtp-address-length",
            "smtp-data-needs-recipient",
            "smtp-hello-resets",
            "smtp-hundred-recipients",
            "smtp-path-case",
            "smtp-reset-clears",
        ),
        "pass",
    )
    | dict.fromkeys(
        (
            "smtp-one-sender",
            "smtp-recipient-needs-path",
            "smtp-size-enforced",
            "smtp-unknown-parameter",
            "smtp-utf8-needs-parameter",
        ),
        "advisory",
    )
    | dict.fromkeys(("smtp-chunk-size", "smtp-utf8"), "not_applicable")
)
"""What a login shows besides."""
