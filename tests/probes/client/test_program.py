"""Running a program under audit: what it claims, what it prints, and that nothing of it outlives its time."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import Claim, Execution
from smtp_audit.limits import MAX_PROGRAM_OUTPUT
from smtp_audit.probes.client.contract import Account, Message, environment_for, message_for, unguessable
from smtp_audit.probes.client.program import SHOWN_OUTPUT, Time, execute
from smtp_audit.secret import Secret
from tests.processes import wait_until_dead

PASSWORD = Secret("correct-horse-7291")


def program(code: str, **more: object) -> ClientSettings:
    return ClientSettings(name="x", argv=(sys.executable, "-c", code), **more)


def ran(settings: ClientSettings, seconds: float = 20.0, message: bytes = b"{}\n") -> Execution:
    limit = Time(seconds, seconds)
    environment = {"PATH": os.environ["PATH"]}
    return asyncio.run(execute(settings, environment, message, limit, {"password": PASSWORD}))


class TestClaim:
    @pytest.mark.parametrize(("status", "claim"), [(0, Claim.SENT), (1, Claim.NOT_SENT), (75, Claim.NOT_SENT)])
    def test_the_exit_status(self, status, claim):
        done = ran(program(f"raise SystemExit({status})"))
        assert (done.claim, done.status) == (claim, status)

    def test_a_crash_is_no_success(self):
        done = ran(program("import os; os.abort()"))
        assert done.claim is Claim.NOT_SENT
        assert done.status == -6

    @pytest.mark.parametrize(
        ("reply", "claim"),
        [
            ('{"success": true}', Claim.SENT),
            ('{"success": "true"}', Claim.NOT_SENT),
            ('{"success": false}', Claim.NOT_SENT),
            ("[true]", Claim.NOT_SENT),
            ('{"success": tru', Claim.NOT_SENT),
            ("", Claim.NOT_SENT),
        ],
    )
    def test_the_reply(self, reply, claim):
        assert ran(program(f"print('log'); print('''{reply}''')", success="reply")).claim is claim

    def test_one_that_asks_at_a_terminal_finds_none(self):
        """Not ours either: it would wait there for somebody to type."""
        done = ran(program("open('/dev/tty').readline()"))
        assert done.claim is Claim.NOT_SENT
        assert any("/dev/tty" in text for text in done.output)

    def test_a_missing_program(self):
        done = ran(ClientSettings(name="x", argv=("/nowhere/program",)))
        assert done.claim is Claim.NOT_STARTED
        assert "/nowhere/program" in done.detail

    def test_a_missing_folder(self, tmp_path):
        done = ran(program("pass", directory=tmp_path / "gone"))
        assert done.claim is Claim.NOT_STARTED


class TestTime:
    def test_a_program_that_hangs_is_killed_with_what_it_started(self, tmp_path):
        file = tmp_path / "child"
        code = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(file)!r}, 'w').write(str(child.pid))\n"
            "time.sleep(60)"
        )
        began = time.monotonic()
        done = ran(program(code), seconds=1.5)
        assert time.monotonic() - began < 10
        assert done.claim is Claim.HUNG
        wait_until_dead(int(file.read_text()))

    def test_a_program_that_ignores_the_request_to_end(self):
        code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
        began = time.monotonic()
        assert ran(program(code), seconds=0.5).claim is Claim.HUNG
        assert time.monotonic() - began < 10

    def test_the_time_begins_with_the_first_connection(self):
        connected = time.monotonic() + 0.5
        limit = Time(60.0, 0.5, lambda: connected if time.monotonic() > connected else None)
        settings = program("import time; time.sleep(60)")
        done = asyncio.run(execute(settings, {"PATH": os.environ["PATH"]}, b"", limit, {}))
        assert done.claim is Claim.HUNG
        assert done.since_connect is not None
        assert 0.4 < done.since_connect < 5

    def test_a_program_that_leaves_a_daemon_behind_with_its_output(self):
        code = (
            "import subprocess, sys\n"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'], start_new_session=True)\n"
            "print('done', flush=True)"
        )
        began = time.monotonic()
        done = ran(program(code))
        assert time.monotonic() - began < 7
        assert done.claim is Claim.SENT
        assert any("done" in text for text in done.output)


class TestOutput:
    def test_a_flood_is_capped(self):
        done = ran(program(f"import sys\nsys.stdout.write('x' * {MAX_PROGRAM_OUTPUT * 4})"))
        assert done.claim is Claim.SENT
        assert all(len(text) <= SHOWN_OUTPUT for text in done.output)

    def test_it_is_escaped(self):
        (text,) = ran(program(r"print('\x1b]0;title\x07 \u202e')")).output
        assert text.isprintable()
        assert "\x1b" not in text

    @pytest.mark.parametrize("form", ["{0}", "AUTH PLAIN {1}", "x{0}y"])
    def test_the_password_is_found_and_masked(self, form):
        import base64

        plain = PASSWORD.get_secret_value()
        encoded = base64.b64encode(f"\0user\0{plain}".encode()).decode()
        done = ran(program(f"print({form.format(plain, encoded)!r})"))
        assert done.leaks == ("password",)
        assert all(plain not in text and encoded not in text for text in (*done.output, done.reply))

    def test_nothing_is_found_where_nothing_is(self):
        assert ran(program("print('sent to r***@example.com')")).leaks == ()

    def test_files_that_grow_count_as_output(self, tmp_path):
        (tmp_path / "app.log").write_text("before\n")
        code = f"open({str(tmp_path / 'app.log')!r}, 'a').write({PASSWORD.get_secret_value()!r})"
        done = ran(program(code, watch=tmp_path))
        assert done.leaks == ("password",)
        assert not any("before" in text for text in done.output)

    def test_a_program_that_reads_nothing(self):
        assert ran(program("import time; time.sleep(0.2)"), message=b"x" * 10_000_000).claim is Claim.SENT


ACCOUNT = Account(
    "mail-1.client-test.example", 587, "sender@client-test.example", PASSWORD, "sender@client-test.example"
)


class TestContract:
    def test_the_standard_names(self, tmp_path):
        told = environment_for(program(""), ACCOUNT, tmp_path / "ca.pem", {"PATH": "/bin", "AWS_SECRET": "x"})
        assert told["ENTERPRISE_SMTP_HOST"] == "mail-1.client-test.example"
        assert told["ENTERPRISE_SMTP_PORT"] == "587"
        assert told["ENTERPRISE_SMTP_PASS"] == PASSWORD.get_secret_value()
        assert told["SSL_CERT_FILE"] == told["NODE_EXTRA_CA_CERTS"] == str(tmp_path / "ca.pem")
        assert told["PATH"] == "/bin"
        assert "AWS_SECRET" not in told

    def test_names_of_the_program(self, tmp_path):
        settings = program("", environment={"host": "MAIL_HOST"}, variables={"NODE_ENV": "production"})
        told = environment_for(settings, ACCOUNT, tmp_path, {})
        assert told["MAIL_HOST"] == "mail-1.client-test.example"
        assert told["NODE_ENV"] == "production"
        assert "ENTERPRISE_SMTP_HOST" not in told

    @pytest.mark.parametrize("name", ["host", "user", "password"])
    def test_what_is_left_out(self, tmp_path, name):
        whole = environment_for(program(""), ACCOUNT, tmp_path, {})
        told = environment_for(program(""), ACCOUNT, tmp_path, {}, leave_out=name)
        assert len(whole) - len(told) == 1

    def test_the_message(self):
        import json

        settings = program("", message={"html": "body"})
        told = json.loads(message_for(settings, Message(subject="Ü", text=None, more={"cc": ["a@b.example"]})))
        assert told["body"].startswith("<p>")
        assert told["subject"] == "Ü"
        assert told["cc"] == ["a@b.example"]
        assert "text" not in told
        assert "html" not in told


def test_a_password_is_one_word_to_every_program():
    """A dash at its beginning made a verdict of one run in 64 another: swaks took it for an option."""
    passwords = {unguessable() for _ in range(500)}
    assert len(passwords) == 500
    assert all(len(each) == 36 and each.isalnum() and each.isascii() for each in passwords)
