"""The scripted server answers as it should, and a fault changes only what it names."""

import smtplib
import ssl
from collections.abc import Iterator

import pytest

from . import wire
from .authority import Authority, Kind
from .catalogue import DOMAIN, catalogue
from .dovecot import PASSWORDS
from .network import Block, lab_directory
from .scripted import FAULTS, Conversation, broken
from .scripted_process import Scripted, ScriptedSite

pytestmark = pytest.mark.live

_HOST = f"mail.{DOMAIN}"
_USER, _PASSWORD = next(iter(PASSWORDS.items()))


@pytest.fixture(scope="module")
def scripted() -> Iterator[Scripted]:
    """mx, submission and submissions on three ports of one address."""
    block = Block()
    try:
        with lab_directory() as directory:
            kind = Kind(names=(f"DNS:{_HOST}",))
            chain = str(Authority(directory / "ca").issue("sound", kind, [_HOST]))
            address = block.address(25)
            roles = (("mx", 2525), ("submission", 2587), ("submissions", 2465))
            server = Scripted(
                directory / "scripted", [ScriptedSite(address, port, _HOST, role, chain) for role, port in roles]
            )
            try:
                server.start()
                yield server
            finally:
                server.stop()
    finally:
        block.release()


def _said(scripted: Scripted, text: bytes, port: int = 2525) -> list[str]:
    """The first four characters of each reply's last line, the greeting's aside; a line is said when the one before was
    answered."""
    with wire.Line(scripted.sites[0].address, port) as line:
        wire.greeting(line, "mx")
        found = []
        for said in [*text.split(b"\r\n")[:-1], b"QUIT"]:
            line.socket.sendall(said + b"\r\n")
            found.append(line.until(lambda answer: answer[3:4] != "-")[-1][:4])
        return found


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (b"RCPT TO:<bob@lab.example>\r\n", ["503 "]),
        (b"MAIL FROM:<>\r\n", ["503 "]),
        (b"HELO a\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRSET\r\nRCPT TO:<bob@lab.example>\r\n",
         ["250 ", "250 ", "503 ", "503 ", "250 ", "503 "]),
        (b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@lab.example>\r\nRCPT TO:<x@lab.example>\r\nRCPT TO:<x@b.example>\r\n",
         ["250 ", "250 ", "250 ", "550 ", "550 "]),
        (b"helo a\r\nmail from:<a@b.example> size=10240001\r\nMAIL FROM:<a@b.example> SIZE=1 BODY=8BITMIME\r\n",
         ["250 ", "552 ", "250 "]),
        (b"EHLO\r\nNOOP x\r\nXYZ\r\nVRFY bob\r\n", ["501 ", "250 ", "500 ", "252 "]),
        (b"NOOP\nNOOP\r\n" + b"x" * 70000 + b"\r\nNOOP\r\n", ["500 ", "500 ", "250 "]),
        (b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<@a,@b.example:bob@lab.example>\r\nRCPT TO:<Postmaster>\r\n",
         ["250 ", "250 ", "250 ", "250 "]),
    ],
)  # fmt: skip
def test_answers_as_it_should(scripted: Scripted, text: bytes, codes: list[str]) -> None:
    assert _said(scripted, text) == [*codes, "221 "]


def test_takes_no_mail_from_strangers(scripted: Scripted) -> None:
    assert _said(scripted, b"EHLO a\r\nMAIL FROM:<>\r\n", 2587)[-2:] == ["530 ", "221 "]
    assert scripted.all_messages() == []


def test_keeps_what_it_accepts(scripted: Scripted) -> None:
    address = scripted.sites[0].address
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP(address, 2587, timeout=10) as server:
        server.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            server.login(_USER, "wrong")
        server.login(_USER, _PASSWORD)
        with pytest.raises(smtplib.SMTPSenderRefused):
            server.sendmail("bob@lab.example", ["someone@example.org"], "x")
        server.sendmail(_USER, ["someone@example.org"], "Subject: a\r\n\r\n.dot\r\n")
        with pytest.raises(smtplib.SMTPDataError):
            server.sendmail(_USER, ["someone@example.org"], b"Subject: a\r\n\r\nx\x00\r\n")
    [kept] = scripted.messages(address, 2587)
    assert b'"sender": "alice@lab.example"' in kept.read_bytes()
    assert kept.read_bytes().endswith(b"\nSubject: a\r\n\r\n.dot\r\n")
    kept.unlink()


def test_hangs_up_on_those_who_go_on_and_on(scripted: Scripted) -> None:
    with wire.Line(scripted.sites[0].address, 2525) as line:
        wire.greeting(line, "mx")
        answers = [wire.smtp(line, "XYZ")[0][:3] for _ in range(Conversation.most_errors + 1)]
        assert answers == ["500"] * Conversation.most_errors + ["421"]
        with pytest.raises(EOFError):
            line.line()


def test_forgets_what_was_said_before_tls(scripted: Scripted) -> None:
    """RFC 3207 section 4.2, and no command from the clear text is answered inside TLS."""
    with wire.Line(scripted.sites[0].address, 2525) as line:
        wire.greeting(line, "mx")
        wire.smtp(line, "EHLO a")
        line.socket.sendall(b"STARTTLS\r\nNOOP\r\n")
        assert line.line().startswith("220")
        line.encrypt(wire.any_version())
        assert wire.smtp(line, "MAIL FROM:<>")[0].startswith("503")


def test_every_fault_of_the_protocol_is_used() -> None:
    protocol = {name for name, broken in FAULTS.items() if broken.__module__.endswith(".protocol")}
    assert protocol <= {name for entry in catalogue().entries for name in entry.faults}


def test_faults_can_be_combined() -> None:
    assert broken([]) is Conversation
    with pytest.raises(ValueError, match=r"unknown faults \['gone'\]"):
        broken(["gone"])
    both = broken(["recipient-first", "no-vrfy"])
    assert issubclass(both, FAULTS["recipient-first"])
    assert issubclass(both, FAULTS["no-vrfy"])
