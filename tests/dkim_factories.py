"""Facts about DKIM keys for the cases of the controls."""

from __future__ import annotations

from smtp_audit.facts.dkim import DkimFacts, DkimSelector
from smtp_audit.facts.lookup import Answer
from smtp_audit.published.dkim import parse_dkim
from tests import lookup_factories as look

DOMAIN = "example.com"
RSA512 = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALeNf1p81Tdd38hItR/OmeMXtcrqMW36JpKe/L8WbK6z7xrXINYXf510/BFPoAWZH4sO"
    "DK7XE6dAlbQmTb9sKmUCAwEAAQ=="
)
RSA1024 = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDNXGtGx5lZCmMyP8fWVgJX/DAmOjZGt029LNVX4+pOOZRNMod28fBCesEB30+i"
    "qYnN5RaT5gKN1l8mLlcQ4fjbwF9m0/EvExjmDpZuBZNZahnkFHs75GpUNkZbmBdXkGeJzoMCo1Q4Ut3UzSIQIQyUTORTLjVqrz0f"
    "+ksuOou/TwIDAQAB"
)
RSA2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6M1+7st7Q+zijHGaPefTQrDYWONqfClg9IyDLwvCUXpvDC4blSK4Jbbz"
    "Rq5J8kV9YmfzQo7SWqVR5XetEoG1WePRihSawJBfmaBToRBbDpqAMUpwCNvS4dTtXDJqhSqkXlhDnhzUTlqJcLMyVmmBEli1YMv/"
    "RLOis/lBGG150W37Pe1J7bukDsZOxNS9SUDU66k/OYP7WVt/d+NedwDUkTJGrLOBZdfT2+QKMN3qgW0NuvfVmL7FOgNWM0j1w4o9"
    "Lv5+hAgNZmg5ya/Dy7z8+TjFqopPiwQAyiswjNtU6LVTj+5+rKVQD/YaoZuANl+DDhzi3jEAq/RbcjK0PaQ2gQIDAQAB"
)
ED25519 = "KquCxmr7X+le8eDmPTQ/Md9WKeRBR/E16F5RNdy41JM="
KEY = f"v=DKIM1; k=rsa; t=s; p={RSA2048}"
OTHER = f"v=DKIM1; k=ed25519; t=s; p={ED25519}"


def selector(
    name: str, *records: str, configured: bool = True, aliases: tuple[str, ...] = (), provider: str = ""
) -> DkimSelector:
    """A selector with these records; without any it does not exist."""
    where = f"{name}._domainkey.{DOMAIN}"
    answer = look.found(where, "TXT", *records, aliases=aliases) if records else look.absent(where, "TXT")
    return at(name, answer, configured=configured, provider=provider)


def at(name: str, answer: Answer, *, configured: bool = True, provider: str = "") -> DkimSelector:
    """A selector with this answer."""
    records = tuple(parse_dkim(text) for text in answer.records)
    return DkimSelector(selector=name, configured=configured, answer=answer, records=records, provider=provider)


def silent(name: str) -> DkimSelector:
    """A selector of the configuration that nobody answers for."""
    return at(name, look.unanswered(f"{name}._domainkey.{DOMAIN}", "TXT"))


def dkim(*selectors: DkimSelector, wildcard: str | None = None) -> DkimFacts:
    """A domain with these selectors; without any, with one good key."""
    nobody = f"smtp-audit-0._domainkey.{DOMAIN}"
    answer = look.absent(nobody, "TXT") if wildcard is None else look.found(nobody, "TXT", wildcard)
    return DkimFacts(domain=DOMAIN, selectors=selectors or (selector("s1", KEY),), wildcard=answer)
