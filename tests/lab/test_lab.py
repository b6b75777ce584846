"""The good site is good and the bad one bad: shown with the standard library, not with this project's own probes."""

import imaplib
import logging
import smtplib
import socket
import ssl
import threading
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from smtp_audit.facts.endpoint import Role
from smtp_audit.lab import Lab, Site


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


@pytest.fixture(scope="module")
def good(lab: Lab) -> Site:
    return lab.good


@pytest.fixture(scope="module")
def bad(lab: Lab) -> Site:
    return lab.bad


def strict(site: Site) -> ssl.SSLContext:
    """What a careful client uses: chain and name are checked."""
    return ssl.create_default_context(cafile=site.anchors)


def lax(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """What takes anything, or one version only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if version:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context


@contextmanager
def smtp(site: Site, role: Role, context: ssl.SSLContext | None = None) -> Iterator[smtplib.SMTP]:
    """A session after EHLO, inside TLS when a context is given and the wire is not TLS from the start."""
    with socket.create_connection((site.address, site.ports[role]), timeout=10) as connection:
        wired = role is Role.SUBMISSIONS and context is not None
        client = smtplib.SMTP()
        # smtplib checks certificates against the name it connected to, and connects by itself: both are set here.
        client.sock = (
            context.wrap_socket(connection, server_hostname=site.plan.host) if wired and context else connection
        )
        client._host = site.plan.host
        client.file = None
        code, _ = client.getreply()
        assert code == 220
        if context is not None and not wired:
            client.starttls(context=context)
        client.ehlo("client.example")
        yield client
        client.close()


def tls_version(site: Site, role: Role, context: ssl.SSLContext) -> str | None:
    """The version that a handshake ends with."""
    if role is Role.IMAPS:
        with (
            socket.create_connection((site.address, site.ports[role]), timeout=10) as connection,
            context.wrap_socket(connection, server_hostname=site.plan.host) as secured,
        ):
            return secured.version()
    with smtp(site, role, context) as client:
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.sock.version()


@pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION, Role.SUBMISSIONS, Role.IMAPS])
class TestGoodEncryption:
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_current_versions_with_a_certificate_that_a_strict_client_takes(self, good, role, version):
        context = strict(good)
        context.minimum_version = context.maximum_version = version
        assert tls_version(good, role, context) == version.name.replace("_", ".")

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
    def test_old_versions_are_refused_with_an_alert_not_a_reset(self, good, role, version):
        with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
            tls_version(good, role, lax(version))


class TestGoodMail:
    def test_port_25_offers_no_auth_and_relays_nothing(self, good):
        with smtp(good, Role.MX) as client:
            assert client.has_extn("starttls")
            assert not client.has_extn("auth")
        with smtp(good, Role.MX, strict(good)) as client:
            assert not client.has_extn("auth")
            assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 504
            assert client.mail("someone@elsewhere.example")[0] == 250
            assert client.rcpt(good.account.user)[0] == 250
            assert client.rcpt("someone@else.example") == (550, b"5.7.1 Relaying denied")
            assert client.rcpt("nobody@good.example") == (550, b"5.1.1 No such user")

    def test_every_mailbox_that_has_to_be_there_is_there_and_nobody_is_told_of_others(self, good):
        with smtp(good, Role.MX, strict(good)) as client:
            for mailbox in ("postmaster", "Postmaster@good.example", "abuse@good.example", good.account.user):
                assert client.mail("")[0] == client.rcpt(mailbox)[0] == client.rset()[0] == 250
            answers = {client.verify(name) for name in (good.account.user, "nobody@good.example")}
            assert {code for code, _ in answers} == {252}
            assert len(answers) == 1
            assert client.esmtp_features["size"] == "52428800"
            assert not client.has_extn("xclient")

    @pytest.mark.parametrize(
        "head",
        ["From: boss@good.example", "From: {own}\r\nFrom: boss@good.example", "From: {own}\r\nSender: b@c.example"],
    )
    def test_nobody_writes_under_the_name_of_another(self, good, head):
        with smtp(good, Role.SUBMISSION, strict(good)) as client:
            client.login(good.account.user, good.account.password)
            own, receiver = good.account.user, "someone@else.example"
            assert client.sendmail(own, receiver, f"From: A <{own}>\r\n\r\nx\r\n") == {}
            with pytest.raises(smtplib.SMTPDataError) as refusal:
                client.sendmail(own, receiver, f"{head.format(own=own)}\r\n\r\nx\r\n")
            assert refusal.value.smtp_code == 550

    @pytest.mark.parametrize("role", [Role.SUBMISSION, Role.SUBMISSIONS])
    def test_submission_needs_auth_inside_tls(self, good, role):
        with smtp(good, role, strict(good)) as client:
            assert client.mail(good.account.user)[0] == 530
            assert client.rcpt("someone@else.example")[0] == 530
            with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
                client.login(good.account.user, "wrong")
            assert refusal.value.smtp_code == 535
            assert client.login(good.account.user, good.account.password)[0] == 235
            assert client.sendmail(good.account.user, "someone@else.example", "Subject: hello\r\n\r\nhello\r\n") == {}

    def test_submission_offers_no_auth_before_tls(self, good):
        with smtp(good, Role.SUBMISSION) as client:
            assert not client.has_extn("auth")
            assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 538
            assert client.mail(good.account.user)[0] == 530

    @pytest.mark.parametrize("form", ["login", "plain"])
    def test_imaps_takes_the_user_and_nobody_else(self, good, form):
        def log_in(password: str) -> str:
            client = Imap(good, Role.IMAPS, strict(good))
            assert "AUTH=PLAIN" in client.capabilities
            message = f"\0{good.account.user}\0{password}"
            if form == "login":
                return client.login(good.account.user, password)[0]
            return client.authenticate("PLAIN", lambda _challenge: message.encode())[0]

        assert log_in(good.account.password) == "OK"
        with pytest.raises(imaplib.IMAP4.error, match="wrong user or password"):
            log_in("wrong")


class Imap(imaplib.IMAP4):
    """imaplib, on the address and with the name of a site."""

    def __init__(self, site: Site, role: Role, context: ssl.SSLContext | None = None) -> None:
        self._site, self._context = site, context
        super().__init__(site.address, site.ports[role], timeout=10)

    def _create_socket(self, timeout):
        connection = super()._create_socket(timeout)
        if self._context is None:
            return connection
        return self._context.wrap_socket(connection, server_hostname=self._site.plan.host)


class TestBad:
    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION, Role.IMAPS])
    def test_tls_1_0_is_accepted(self, bad, role):
        assert tls_version(bad, role, lax(ssl.TLSVersion.TLSv1)) == "TLSv1"

    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION, Role.IMAPS])
    def test_the_certificate_is_refused_by_a_strict_client(self, bad, role):
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            tls_version(bad, role, strict(bad))

    def test_the_certificate_is_expired_and_has_the_wrong_name_too(self, bad):
        with smtp(bad, Role.MX, lax()) as client:
            assert isinstance(client.sock, ssl.SSLSocket)
            trusting = ssl.create_default_context(cadata=client.sock.getpeercert(binary_form=True))
        with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname mismatch"):
            tls_version(bad, Role.MX, trusting)
        trusting.check_hostname = False
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            tls_version(bad, Role.MX, trusting)

    @pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION, Role.SUBMISSIONS])
    def test_passwords_are_taken_in_clear_text(self, bad, role):
        with smtp(bad, role) as client:
            assert "PLAIN" in client.esmtp_features["auth"]
            assert client.login(bad.account.user, bad.account.password)[0] == 235

    def test_port_25_is_an_open_relay(self, bad):
        with smtp(bad, Role.MX) as client:
            assert client.sendmail("a@elsewhere.example", "b@else.example", "Subject: x\r\n\r\nx\r\n") == {}

    def test_it_tells_too_much(self, bad):
        with smtp(bad, Role.MX) as client:
            assert client.has_extn("xclient")
            assert client.verify(bad.account.user)[0] == 250
            assert client.verify("nobody@bad.example")[0] == 550

    def test_submission_takes_mail_without_auth(self, bad):
        with smtp(bad, Role.SUBMISSION, lax()) as client:
            assert client.mail("a@elsewhere.example")[0] == 250
            assert client.rcpt("b@else.example")[0] == 250

    def test_submission_offers_cram_md5_and_it_works(self, bad):
        with smtp(bad, Role.SUBMISSION) as client:
            assert "CRAM-MD5" in client.esmtp_features["auth"].split()
            client.user, client.password = bad.account.user, bad.account.password
            assert client.auth("CRAM-MD5", client.auth_cram_md5)[0] == 235
            client.docmd("QUIT")
        with smtp(bad, Role.SUBMISSION) as client:
            client.user, client.password = bad.account.user, "wrong"
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.auth("CRAM-MD5", client.auth_cram_md5)

    def test_the_port_for_implicit_tls_speaks_clear_text(self, bad):
        with socket.create_connection((bad.address, bad.ports[Role.SUBMISSIONS]), timeout=10) as connection:
            assert connection.recv(4) == b"220 "

    def test_imap_takes_passwords_in_clear_text_and_has_no_starttls(self, bad):
        client = Imap(bad, Role.IMAP)
        assert "STARTTLS" not in client.capabilities
        assert client.login(bad.account.user, bad.account.password)[0] == "OK"


class TestRunning:
    def test_the_configuration_names_every_endpoint_and_never_the_password(self, lab):
        for site in lab.sites:
            config = tomllib.loads(site.config_text)
            places = {entry["role"]: (entry["address"], entry["port"]) for entry in config["target"]["endpoint"]}
            assert places == {role.value: (site.address, port) for role, port in site.ports.items()}
            assert {entry["host"] for entry in config["target"]["endpoint"]} == {site.plan.host}
            assert site.account.password not in site.config_text

    def test_everything_is_gone_afterwards_also_after_an_error(self):
        logger = logging.getLogger("mail.log")
        disabled, threads = logger.disabled, set(threading.enumerate())
        with pytest.raises(ZeroDivisionError), Lab() as lab:  # noqa: PT012 (the block is what is tested)
            folder, place = lab.good.anchors.parent, (lab.good.address, lab.good.ports[Role.MX])
            lingering = socket.create_connection(place, timeout=10)
            assert lingering.recv(4) == b"220 "
            raise ZeroDivisionError
        assert not folder.exists()
        assert set(threading.enumerate()) == threads
        assert logger.disabled == disabled
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place, timeout=10)
        lingering.close()

    def test_an_address_that_is_not_there_is_said_and_nothing_stays(self):
        threads = set(threading.enumerate())
        with pytest.raises(OSError), Lab("192.0.2.1"):  # noqa: PT011 (its text is the system's)
            pass
        assert set(threading.enumerate()) == threads

    def test_two_labs_run_side_by_side(self, lab):
        with Lab() as other:
            assert not set(other.good.ports.values()) & set(lab.good.ports.values())
            with smtp(other.good, Role.MX, strict(other.good)) as client:
                assert client.noop()[0] == 250

    def test_hang_ups_and_noise_do_not_stop_it(self, good, capfd):
        for port in good.ports.values():
            for noise in (b"", b"\x16\x03\x01\x00\x05hello", b"STARTTLS\r\n\xff\xff\r\n", b"a" * 100_000):
                with socket.create_connection((good.address, port), timeout=10) as connection:
                    connection.sendall(noise)
        with smtp(good, Role.SUBMISSIONS, strict(good)) as client:
            assert client.noop()[0] == 250
        assert capfd.readouterr() == ("", "")
