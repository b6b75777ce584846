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

NO_GREETING = "there is no greeting; service-greeting judges that"
"""Why a control about the greeting does not apply."""

ONE_NAME = {
    "postfix": "myhostname = mail.example.com, and smtpd_banner = $myhostname ESMTP",
    "exim": "primary_hostname = mail.example.com, and no other name in smtp_banner or smtp_active_hostname",
    "sendmail": "define(`confDOMAIN_NAME', `mail.example.com')dnl in sendmail.mc",
    "opensmtpd": "listen on all hostname mail.example.com",
    "docker-mailserver": "hostname: mail.example.com in compose.yaml, or OVERRIDE_HOSTNAME",
    "any": "give the server the one name that its MX record, its certificate and its address have",
}
"""How to give a server its name, by software."""
