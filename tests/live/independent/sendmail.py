"""Sendmail, configured with the macros of its cf/README on top of Debian's own settings."""

import re
from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN

from .roots import Root
from .site import MAILBOXES, PASSWORDS, PORTS, Site

_USERS = {"smmta": 64931, "smmsp": 64932, "mail": 8, "daemon": 1, "bin": 2, "sys": 3, "man": 6}

_MC = """\
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Addr={address}, Port=25, M=A')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSP, Addr={address}, Port=587, M=Ea')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSPS, Addr={address}, Port=465, M=Eas')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confSMTP_LOGIN_MSG', `$j')dnl
define(`confPRIVACY_FLAGS', `goaway,restrictqrun,restrictexpand,nobodyreturn')dnl
define(`confCACERT_PATH', `/etc/ssl/certs')dnl
define(`confCACERT', `/etc/ssl/certificates.pem')dnl
define(`confSERVER_CERT', `/etc/ssl/certificates.pem')dnl
define(`confSERVER_KEY', `/etc/ssl/key.pem')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl
define(`confSERVER_SSL_OPTIONS', `+SSL_OP_NO_TLSv1 +SSL_OP_NO_TLSv1_1 +SSL_OP_CIPHER_SERVER_PREFERENCE')dnl
define(`confAUTH_OPTIONS', `A p y')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN')dnl
define(`confAUTH_REALM', `{domain}')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confBAD_RCPT_THROTTLE', `3')dnl
define(`confDELIVERY_MODE', `queue')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db', , `skip')dnl
MAILER_DEFINITIONS
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

_SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: /etc/mail/sasldb2
"""


class Sendmail:
    """Debian's sendmail-bin."""

    name: ClassVar[str] = "sendmail"
    roles: ClassVar[tuple[str, ...]] = ("mx", "submission", "submissions")

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        accounts = {name: 2000 + number for number, name in enumerate(("alice", "bob"))}
        self.root = Root("sendmail", directory, site, {**_USERS, **accounts})

    def start(self) -> None:
        """Write its configuration and start it."""
        root, site = self.root, self._site
        for folder, owner in (("run/sendmail/mta", 64931), ("var/spool/mqueue", 64931), ("var/lib/sendmail", 64931)):
            root.folder(folder, mode=0o750, owner=owner)
        root.write("etc/ssl/certificates.pem", site.certificates())
        root.write("etc/ssl/key.pem", site.key(), mode=0o400)
        root.write("etc/mail/local-host-names", f"{DOMAIN}\n")
        root.write("etc/mail/sendmail.mc", _MC.format(host=site.host, address=site.address, domain=DOMAIN))
        root.write("etc/mail/sendmail.cf", self._without_trust(root.run("/usr/bin/m4", "/etc/mail/sendmail.mc")))
        root.write("etc/mail/access", "")
        root.run("/usr/libexec/sendmail/makemap", "hash", "/etc/mail/access")
        aliases = "".join(f"{name}: alice\n" for name in MAILBOXES if name not in ("alice", "bob"))
        root.write("etc/mail/aliases", aliases)
        # newaliases; the entry that it adds is what Sendmail waits for.
        root.run("/usr/libexec/sendmail/sendmail", "-bi", "-C", "/etc/mail/sendmail.cf")
        root.write("etc/sasl2/Sendmail.conf", _SASL)
        for user, word in PASSWORDS.items():
            command = ("/usr/sbin/saslpasswd2", "-p", "-c", "-f", "/etc/mail/sasldb2", "-u", DOMAIN)
            root.run(*command, user.partition("@")[0], text=word)
        root.start(
            ["/usr/libexec/sendmail/sendmail", "-bD", "-C", "/etc/mail/sendmail.cf"],
            [(site.address, PORTS[role]) for role in self.roles],
        )

    def stop(self) -> None:
        """End it."""
        self.root.stop()

    def accepted(self) -> list[str]:
        """The recipients of the mail that it took, those of one message after the other."""
        queue = (self.root.path / "var/spool/mqueue").glob("qf*")
        # The letters are about notifications.
        return re.findall(r"(?m)^R[A-Z]*:<?([^>\n]*)>?$", "".join(path.read_text(errors="replace") for path in queue))

    def _without_trust(self, text: str) -> str:
        """The clients of the tests come from loopback, for which Sendmail always relays: there is no setting."""
        text, times = re.subn(r"(?m)^R127\.0\.0\.1\t.*RELAY.*\n", "", text)
        if times != 1:
            raise RuntimeError("Sendmail's rules do not trust loopback where they used to")
        return text
