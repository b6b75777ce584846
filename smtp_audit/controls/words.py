"""Sentences and remedies that several families of controls share."""

from __future__ import annotations

NO_TLS = "there is no TLS on this endpoint; starttls-offered and implicit-tls judge that"
"""Why a control about TLS does not apply, and which ones do."""

UPDATE_TLS_LIBRARY = {
    "postfix": "update the OpenSSL package, then postfix stop and postfix start",
    "dovecot": "update the OpenSSL package, then restart Dovecot",
    "exim": "update the OpenSSL or GnuTLS package, then restart Exim",
    "sendmail": "update the OpenSSL package, then restart sendmail",
    "opensmtpd": "update the LibreSSL or OpenSSL package, then restart smtpd",
    "docker-mailserver": "pull a current image and create the container anew",
}
"""How to come to a current TLS library, by software."""
