"""The domains by which authorities know themselves in CAA records, by the organisation in the issuer's name.

From the CAA sections of the authorities' certification practice statements, as gathered in the Common CA Database.
Resellers that issue under their own name through another authority have that one's domains. An organisation that is
not here is not known, and nothing follows from that.
"""

from __future__ import annotations

import re
from datetime import date

AS_OF = date(2025, 11, 1)
"""When the table was last looked over."""

_SECTIGO = ("sectigo.com", "usertrust.com", "trust-provider.com", "comodo.com", "comodoca.com")
_RESELLERS = ("volusion", "stratossl", "intermediatecertificate", "1and1")
_DIGICERT = (
    "digicert.com", "www.digicert.com", "digicert.ne.jp", "cybertrust.ne.jp", "symantec.com", "thawte.com",
    "geotrust.com", "rapidssl.com", "quovadisglobal.com", "digitalcertvalidation.com",
    *(f"{reseller}.digitalcertvalidation.com" for reseller in _RESELLERS),
    "amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com",
)  # fmt: skip
_AMAZON = ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com", "aws.amazon.com")
_GODADDY = ("godaddy.com", "starfieldtech.com")
_GLOBALSIGN = ("globalsign.com",)
_TELIA = ("telia.com", "telia.fi", "telia.se", "trust.telia.com")
_CERTUM = ("certum.pl", "certum.eu", "yandex.ru")
_SSL_COM = ("ssl.com",)
# Since November 2024 others issue under its name: SSL.com, then Sectigo.
_ENTRUST = ("entrust.net", "entrust.com", "affirmtrust.com", *_SSL_COM, *_SECTIGO)

_DOMAINS: dict[str, tuple[str, ...]] = {
    "let's encrypt": ("letsencrypt.org",),
    "internet security research group": ("letsencrypt.org",),
    "google trust services": ("pki.goog",),
    "digicert": _DIGICERT,
    "thawte": _DIGICERT,
    "geotrust": _DIGICERT,
    "quovadis": _DIGICERT,
    "sectigo": _SECTIGO,
    "comodo ca": _SECTIGO,
    "the usertrust network": _SECTIGO,
    "zerossl": ("zerossl.com", *_SECTIGO),
    "gandi": ("gandi.net", *_SECTIGO),
    "cpanel": ("cpanel.com", *_SECTIGO),
    "amazon": _AMAZON,
    "globalsign": _GLOBALSIGN,
    "godaddy.com": _GODADDY,
    "starfield technologies": _GODADDY,
    "entrust": _ENTRUST,
    "affirmtrust": _ENTRUST,
    "actalis": ("actalis.it",),
    "buypass": ("buypass.com", "buypass.no"),
    "certainly": ("certainly.com",),
    "ssl": _SSL_COM,
    "ssl corporation": _SSL_COM,
    "swisssign": ("swisssign.com", "swisssign.net", "swisssign.li", "swisssign.ch"),
    "hellenic academic and research institutions ca": ("harica.gr",),
    "greek academic network": ("harica.gr",),
    "microsoft": ("microsoft.com",),
    "asseco data systems": _CERTUM,
    "unizeto technologies": _CERTUM,
    "identrust": ("identrust.com",),
    "deutsche telekom security": ("telesec.de",),
    "t-systems international": ("telesec.de",),
    "d-trust": ("d-trust.net", "dtrust.de", "d-trust.de", "dtrust.net"),
    "telia": _TELIA,
    "teliasonera": _TELIA,
    "e-commerce monitoring": ("globaltrust.eu",),
    "certsign": ("certsign.ro",),
    "firmaprofesional": ("firmaprofesional.com",),
    "naver cloud trust services": ("navercloudtrust.com",),
    "apple": ("pki.apple.com",),
    "trustasia technologies": ("trustasia.com", *_SECTIGO, *_DIGICERT),
}

_LEGAL_FORM = re.compile(
    r"[,.]?\s+(?:inc|llc|ltd|limited|corp|co|gmbh|ag|sa|s\.a|s\.p\.a|nv-sa|bv|b\.v|as|as-[0-9]+|sas|ab|company|"
    r"corporation)\.?$"
)


def caa_domains(organisation: str) -> tuple[str, ...]:
    """The domains of an authority, by the O= of its name; empty when it is not known."""
    name = organisation.strip().lower()
    for _ in range(3):  # "Telia Company AB", "Entrust, Inc."
        if name in _DOMAINS:
            return _DOMAINS[name]
        shorter = _LEGAL_FORM.sub("", name).rstrip(" ,.")
        if shorter == name:
            break
        name = shorter
    return _DOMAINS.get(name, ())
