"""Exim with the configuration that comes with it, changed where its comments say that it has to be."""

import re
from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN

from .roots import Root
from .site import MAILBOXES, PASSWORDS, PORTS, Site

_USER = 64901

_EXAMPLE = "usr/share/doc/exim4-base/examples/example.conf"

# Exim specification, chapter 42, "Encrypted SMTP connections using TLS": the files, the priorities of GnuTLS (the
# default without old versions); chapter 33, "SMTP authentication": where it is advertised.
_MAIN = """
primary_hostname = {host}
qualify_domain = {domain}
smtp_banner = $primary_hostname ESMTP
local_interfaces = {address}
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
tls_certificate = /etc/exim4/certificates.pem
tls_privatekey = /etc/exim4/key.pem
tls_require_ciphers = NORMAL:-VERS-TLS1.0:-VERS-TLS1.1
auth_advertise_hosts = ${{if and {{{{def:tls_in_cipher}}{{!={{$received_port}}{{25}}}}}} {{*}}{{}}}}
acl_smtp_mail = acl_check_mail
# Nothing is delivered in the lab.
queue_only
log_file_path = /var/log/exim4/%slog
"""

# Chapter 44, "Access control lists": submission is for those who logged in.
_ACL = """
acl_check_mail:
  deny    message       = authentication required
          condition     = ${if !={$received_port}{25}}
         !authenticated = *
  accept

"""

# Chapter 34, "The plaintext authenticator", with passwords in a file.
_AUTHENTICATORS = """
PLAIN:
  driver = plaintext
  server_set_id = $auth2
  server_prompts = :
  server_condition = ${if and {{!eq{$auth2}{}}{eq{$auth3}{${lookup{$auth2}lsearch{/etc/exim4/passwords}{$value}fail}}}}}
  server_advertise_condition = ${if def:tls_in_cipher }
"""


class Exim:
    """Debian's exim4-daemon-light."""

    name: ClassVar[str] = "exim"
    roles: ClassVar[tuple[str, ...]] = ("mx", "submission", "submissions")

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        accounts = {name: 2000 + number for number, name in enumerate(("alice", "bob"))}
        self.root = Root("exim", directory, site, {"Debian-exim": _USER, **accounts})

    def start(self) -> None:
        """Write its configuration and start it."""
        root, site = self.root, self._site
        for folder in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
            root.folder(folder, mode=0o750, owner=_USER)
        root.write("etc/exim4/certificates.pem", site.certificates())
        root.write("etc/exim4/key.pem", site.key(), mode=0o400, owner=_USER)
        root.write("etc/exim4/passwords", "".join(f"{u}: {p}\n" for u, p in PASSWORDS.items()), mode=0o400, owner=_USER)
        aliases = [name for name in MAILBOXES if name not in ("alice", "bob")]
        root.write("etc/aliases", "".join(f"{name}: alice@{DOMAIN}\n" for name in aliases))
        root.write("etc/exim4/exim.conf", self._configuration(), mode=0o640, owner=0)
        root.start(
            ["/usr/sbin/exim4", "-bdf", "-C", "/etc/exim4/exim.conf"],
            [(site.address, PORTS[role]) for role in self.roles],
        )

    def stop(self) -> None:
        """End it."""
        self.root.stop()

    def accepted(self) -> list[str]:
        """The recipients of the mail that it took, those of one message after the other."""
        log = (self.root.path / "var/log/exim4/mainlog").read_text(errors="replace")
        return [each for found in re.findall(r"(?m) <= .* for (.+)$", log) for each in found.split()]

    def _configuration(self) -> str:
        text = (self.root.path / _EXAMPLE).read_text()
        main = _MAIN.format(host=self._site.host, address=self._site.address, domain=DOMAIN)
        for pattern, put in (
            (r"(?m)^domainlist local_domains = @$", f"domainlist local_domains = @ : {DOMAIN}"),
            # The clients of the tests come from loopback: trusted, they would prove nothing.
            (r"(?m)^hostlist +relay_from_hosts = localhost$", "hostlist relay_from_hosts ="),
            (r"(?m)^log_selector = ", "log_selector = +received_recipients "),
            (r"(?m)^begin acl$", f"{main}\nbegin acl\n{_ACL}"),
            (r"(?m)^begin authenticators$", f"begin authenticators\n{_AUTHENTICATORS}"),
        ):
            text, times = re.subn(pattern, lambda _, put=put: put, text)  # type: ignore[misc]
            if times != 1:
                raise RuntimeError(f"Exim's example has no {pattern} where it used to be")
        return text
