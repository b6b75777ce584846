"""Whole mail servers on the real standard ports of one loopback address, as a person would audit.

Three of them: well kept, well kept with TLS 1.3 only, and Debian's Postfix and Dovecot as they are
right after installation.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .authority import Authority, snakeoil
from .catalogue import DOMAIN, HOST, Catalogue, Entry
from .dovecot import Dovecot, Listener
from .lab import Place, stop_all
from .network import Block, lab_directory
from .postfix import Postfix, Service, auth_path, make_skeleton

PORTS: Mapping[str, int] = {
    "mx": 25,
    "submission": 587,
    "submissions": 465,
    "imaps": 993,
    "imap": 143,
    "pop3": 110,
    "pop3s": 995,
    "sieve": 4190,
}
"""All ports that an audit looks at when it is given nothing but a host."""

_POSTFIX_SHARE = Path("/usr/share/postfix")
_DOVECOT_SHARE = Path("/usr/share/dovecot")


@dataclass(frozen=True)
class MailServer:
    """A running mail server: one address, standard ports."""

    address: str
    host: str
    anchors: Path
    """Trust anchors of the lab."""
    postfix: Postfix
    dovecot: Dovecot

    def place(self, role: str, entry: Entry) -> Place:
        """The role's endpoint, as the independent judge wants it."""
        return Place(replace(entry, role=role), self.address, PORTS[role], self.host)

    def stop(self) -> None:
        stop_all([self.postfix, self.dovecot])


@contextmanager
def hardened(catalogue: Catalogue, *, tls13_only: bool = False) -> Iterator[MailServer]:
    """25, 587, 465 and 993, each as well kept as the catalogue's sound services; nothing else."""
    block = Block()
    address = block.address(25)
    try:
        with lab_directory() as directory:
            authority = Authority(directory / "ca")
            kind = catalogue.certificates["sound"]
            # The address too, so that an audit by address alone finds the name it asked for.
            chain = authority.issue("sound", replace(kind, names=(*kind.names, f"IP:{address}")), [HOST])
            sound = {entry.role: entry for entry in catalogue.group("quick") if entry.sound}
            newest: dict[str, str] = {}
            if tls13_only:
                newest = {
                    "smtpd_tls_protocols": ">=TLSv1.3",
                    "smtpd_tls_mandatory_protocols": ">=TLSv1.3",
                    # As patient as the profile of the lab asks, and no pauses for junk.
                    "smtpd_timeout": "3s",
                    "smtpd_error_sleep_time": "0",
                }
            # Who is audited by the strict profile sends messages, whose authors have to be looked at, too.
            asked = {entry.role: entry for entry in catalogue.group("asked") if entry.sound}
            kept = asked if tls13_only else sound
            services = [
                Service(
                    address,
                    PORTS[role],
                    {
                        **kept[role].settings,
                        "smtpd_tls_chain_files": str(chain),
                        "smtpd_sasl_path": auth_path("sound"),
                        **newest,
                    },
                )
                for role in ("mx", "submission", "submissions")
            ]
            dovecot = Dovecot(
                directory / "dovecot",
                [Listener(address, PORTS["imaps"], "imaps")],
                chain,
                {**sound["imaps"].settings, **({"ssl_min_protocol": "TLSv1.3"} if tls13_only else {})},
            )
            server = MailServer(
                address,
                HOST,
                authority.anchors,
                Postfix(directory / "postfix", services),
                dovecot,
            )
            try:
                dovecot.start()
                server.postfix.start(auth_sockets={"sound": dovecot.auth_socket})
                yield server
            finally:
                server.stop()
    finally:
        block.release()


@contextmanager
def debian_default() -> Iterator[MailServer]:
    """Postfix ("Internet Site") and Dovecot as Debian's packages leave them.

    Made from the templates that the packages' own installation uses, so that a changed /etc of this
    machine does not matter. Differences: the addresses and directories, the log files, and the
    certificate files' place; the certificate is made as the ssl-cert package would, for a host whose
    name is set well.
    """
    block = Block()
    address = block.address(25)
    try:
        with lab_directory() as directory:
            authority = Authority(directory / "ca")
            certificate, key = snakeoil(directory / "ssl", HOST)
            postfix = Postfix(directory / "postfix", [Service(address, PORTS["mx"])])
            make_skeleton(postfix.directory)
            dovecot = Dovecot(
                directory / "dovecot",
                [Listener(address, PORTS[role], role) for role in ("imap", "imaps", "pop3", "pop3s", "sieve")],
                certificate,
            )
            configuration = _debian_dovecot(dovecot.directory, address, certificate, key)
            server = MailServer(address, HOST, authority.anchors, postfix, dovecot)
            try:
                dovecot.start_file(configuration)
                postfix.start_as_written(_debian_main(postfix, certificate, key), _debian_master(address))
                yield server
            finally:
                server.stop()
    finally:
        block.release()


def _debian_main(postfix: Postfix, certificate: Path, key: Path) -> str:
    """main.cf as the package's postinst puts it together for an "Internet Site"."""
    text = (_POSTFIX_SHARE / "main.cf.debian").read_text()
    tls = (_POSTFIX_SHARE / "main.cf.tls").read_text()
    text += tls.replace("/etc/ssl/certs/ssl-cert-snakeoil.pem", str(certificate)).replace(
        "/etc/ssl/private/ssl-cert-snakeoil.key", str(key)
    )
    aliases = postfix.directory / "aliases"
    aliases.write_text("postmaster: root\n")
    subprocess.run(["/usr/sbin/postalias", f"hash:{aliases}"], check=True, capture_output=True)
    relay = "permit_mynetworks permit_sasl_authenticated defer_unauth_destination"
    return text + "\n".join(
        [
            f"smtpd_relay_restrictions = {relay}",
            f"myhostname = {HOST}",
            f"alias_maps = hash:{aliases}",
            f"alias_database = hash:{aliases}",
            f"myorigin = {DOMAIN}",
            f"mydestination = $myhostname, {DOMAIN}, localhost",
            "relayhost =",
            "mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128",
            "mailbox_size_limit = 0",
            "recipient_delimiter = +",
            "inet_protocols = all",
            # From here on the lab's own: Debian says "all".
            "inet_interfaces = loopback-only",
            # It trusts loopback, so it would really deliver what a test sends by mistake.
            "defer_transports = local smtp lmtp virtual relay error",
            f"queue_directory = {postfix.queue}",
            f"data_directory = {postfix.directory}/data",
            f"maillog_file = {postfix.log}",
            f"maillog_file_prefixes = {postfix.directory}",
            "daemon_directory = /usr/lib/postfix/sbin",
            "",
        ]
    )


def _debian_master(address: str) -> str:
    """The package's master.cf, with its one network service on the lab's address."""
    text = (_POSTFIX_SHARE / "master.cf.dist").read_text()
    changed = re.sub(r"(?m)^smtp +inet", f"{address}:{PORTS['mx']} inet", text)
    if changed == text:
        raise RuntimeError("Debian's master.cf has no smtp service where it used to be")
    return changed


def _debian_dovecot(directory: Path, address: str, certificate: Path, key: Path) -> Path:
    """The package's configuration files, with the lab's places in a local.conf."""
    directory.mkdir(mode=0o755, exist_ok=True)
    configuration = directory / "dovecot.conf"
    shutil.copy(_DOVECOT_SHARE / "dovecot.conf", configuration)
    shutil.copytree(_DOVECOT_SHARE / "conf.d", directory / "conf.d")
    for extra in _DOVECOT_SHARE.glob("*.conf.ext"):
        shutil.copy(extra, directory / extra.name)
    for extra in (directory / "conf.d").glob("*.ext"):
        extra.chmod(0o644)
    # dovecot.conf includes local.conf last: what stands here wins.
    (directory / "local.conf").write_text(
        f"listen = {address}\nbase_dir = {directory}/run\nstate_dir = {directory}/state\nlog_path = {directory}/log\n"
    )
    # Certificate files are opened where they are named, so an override would come too late.
    ssl = directory / "conf.d" / "10-ssl.conf"
    ssl.write_text(
        ssl.read_text()
        .replace("/etc/dovecot/private/dovecot.pem", str(certificate))
        .replace("/etc/dovecot/private/dovecot.key", str(key))
    )
    (directory / "state").mkdir(mode=0o755)
    return configuration
