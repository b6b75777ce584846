"""Replies as real servers and hostile peers give them: read in full, or refused with a reason, in bounded time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtp_audit.facts.endpoint import Protocol
from smtp_audit.facts.observation import Absence
from smtp_audit.facts.service import Reply
from smtp_audit.limits import MAX_LINE, MAX_REPLY_LINES
from smtp_audit.probes.dialect import Dialect, Imap, Pop3, Sieve, Smtp, dialect_for
from smtp_audit.probes.wire import PeerError, Throttled

T = TypeVar("T")


class Fake:
    """A connection whose peer says these lines, whatever it is asked, and then closes."""

    def __init__(self, lines: Iterable[bytes], local_address: str = "192.0.2.1") -> None:
        self._lines: Iterator[bytes] = iter(lines)
        self.local_address = local_address
        self.sent: list[bytes] = []
        self.taken = 0

    async def waiting(self) -> bytes:
        return b""  # it comes in pieces

    async def line(self) -> bytes:
        for line in self._lines:
            self.taken += 1
            return line
        raise PeerError(Absence.DROPPED, "the server closed the connection")

    async def send(self, data: bytes, shown: str | None = None) -> None:
        self.sent.append(data)


class AtOnce(Fake):
    """One whose lines are all there when the first is waited for."""

    def __init__(self, lines: Iterable[bytes], end: bytes, rest: bytes) -> None:
        super().__init__(())
        self.unread = b"".join(line + end for line in lines) + rest

    async def waiting(self) -> bytes:
        return self.unread

    def take(self, lines: bytes) -> None:
        self.unread = self.unread.removeprefix(lines)

    async def line(self) -> bytes:
        if not self.unread:
            raise PeerError(Absence.DROPPED, "the server closed the connection")
        line, _, self.unread = self.unread.partition(b"\n")
        return line.removesuffix(b"\r")


def do(work: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def greeting(dialect: Dialect, *lines: bytes) -> Reply:
    return do(dialect.greeting(Fake(lines)))


def capabilities(dialect: Dialect, *lines: bytes) -> tuple[str, ...]:
    return do(dialect.capabilities(Fake(lines)))


def malformed(work: Coroutine[Any, Any, Any], absence: Absence = Absence.MALFORMED) -> str:
    with pytest.raises(PeerError) as error:
        do(work)
    assert error.value.absence is absence
    return error.value.reason


def excessive(work: Coroutine[Any, Any, Any]) -> str:
    return malformed(work, Absence.EXCESSIVE)


class TestSmtpReplies:
    @pytest.mark.parametrize(
        ("lines", "code", "texts"),
        [
            ((b"220 mail ready",), "220", ("mail ready",)),
            ((b"220",), "220", ("",)),
            ((b"220 ",), "220", ("",)),
            ((b"250-mail", b"250-SIZE 1", b"250 HELP"), "250", ("mail", "SIZE 1", "HELP")),
            ((b"250-mail", b"250"), "250", ("mail", "")),
            ((b"250-mail", b"250-", b"250 "), "250", ("mail", "", "")),
            ((b"554 5.7.1 no \xff\x00\x1b[2J<b>",), "554", ("5.7.1 no \\xff\\x00\\x1b[2J<b>",)),
            ((b"220 tab\there",), "220", ("tab\\x09here",)),
            ((b"220 \xc3\xa4",), "220", ("\\xc3\\xa4",)),
            ((b"220 back\\slash",), "220", ("back\\\\slash",)),
        ],
    )
    def test_one_reply(self, lines, code, texts):
        assert greeting(Smtp(), *lines) == Reply(code=code, lines=texts)

    @pytest.mark.parametrize(
        "lines",
        [
            (b"",),
            (b"22",),
            (b"+OK POP3 ready",),
            (b"* OK IMAP ready",),
            (b"HTTP/1.1 400 Bad Request",),
            (b"2200 ready",),
            (b"220_ready",),
            (b"220\tready",),
            (b" 220 ready",),
            (b"120 soon",),
            (b"620 odd",),
            (b"\xb2\xb20 ready",),
            (b"250-mail", b"SIZE 1"),
            (b"250-mail", b"550 no"),
            (b"250-mail", b""),
        ],
    )
    def test_what_is_no_reply_is_said_to_be_none(self, lines):
        assert malformed(Smtp().greeting(Fake(lines)))

    def test_a_changing_code_is_named(self):
        """RFC 5321 section 4.2.1: the code is the same on every line."""
        assert "changes from 250" in malformed(Smtp().greeting(Fake([b"250-mail", b"550 no"])))

    @pytest.mark.parametrize("lines", [(b"421 4.7.0 too many connections",), (b"421-busy", b"421 later"), (b"421",)])
    def test_421_is_throttling_wherever_it_comes(self, lines):
        """RFC 5321 section 3.8: it may answer any command."""
        for work in (Smtp().greeting(Fake(lines)), Smtp().starttls(Fake(lines)), Smtp().capabilities(Fake(lines))):
            with pytest.raises(Throttled, match="421"):
                do(work)

    @given(
        said=st.lists(
            st.builds(
                bytes.__add__,
                st.sampled_from([b"250", b"250-", b"250 ", b"550-", b"421 ", b"220", b"25", b""]),
                st.binary(max_size=4).map(lambda text: text.replace(b"\n", b"")),
            ),
            max_size=5,
        ),
        end=st.sampled_from([b"\n", b"\r\n"]),
        rest=st.sampled_from([b"", b"250 part"]),
        repeated=st.sampled_from([0, MAX_REPLY_LINES - 1, MAX_REPLY_LINES]),
    )
    @example(said=[b"250-mail", b"550 no"], end=b"\r\n", rest=b"", repeated=0)
    @example(said=[b"220 mail", b"250 more"], end=b"\r\n", rest=b"", repeated=0)
    @example(said=[b"250 mail"], end=b"\r\n", rest=b"250 part", repeated=0)
    @example(said=[b"250 mail"], end=b"\r\n", rest=b"", repeated=MAX_REPLY_LINES)
    def test_a_reply_in_one_piece_says_what_it_says_line_by_line(self, said, end, rest, repeated):
        """Twice, since it is remembered; and what stands behind it is left for whoever asks next."""
        said = [b"250-more"] * repeated + said
        for _ in range(2):
            told = []
            slow = AtOnce(said, end, rest)
            slow.waiting = Fake([]).waiting
            for peer in (AtOnce(said, end, rest), slow):
                try:
                    told.append((do(Smtp().any_reply(peer)), peer.unread))
                except PeerError as error:
                    told.append((error.absence, error.reason))
            assert told[0] == told[1]

    def test_endless_lines_end(self):
        peer = Fake(itertools.repeat(b"220-still here"))
        assert str(MAX_REPLY_LINES) in excessive(Smtp().greeting(peer))
        assert peer.taken <= MAX_REPLY_LINES

    def test_the_longest_reply_that_is_read(self):
        lines = [b"250-x"] * (MAX_REPLY_LINES - 1) + [b"250 x"]
        assert len(greeting(Smtp(), *lines).lines) == MAX_REPLY_LINES

    def test_a_quoted_line_in_a_reason_is_short_and_escaped(self):
        reason = malformed(Smtp().greeting(Fake([b"\x1b[2J" + b"A" * MAX_LINE])))
        assert len(reason) < 400
        assert reason.isprintable()

    @pytest.mark.parametrize(
        ("code", "accepted", "temporary", "turned_away"),
        [
            ("220", True, False, False),
            ("250", True, False, False),
            ("354", False, False, True),
            ("450", False, True, True),
            ("554", False, False, True),
        ],
    )
    def test_what_a_code_says(self, code, accepted, temporary, turned_away):
        reply = Reply(code=code, lines=("",))
        smtp = Smtp()
        assert (smtp.accepted(reply), smtp.temporary(reply), smtp.turned_away(reply)) == (
            accepted,
            temporary,
            turned_away,
        )


POSTFIX = (
    *(b"250-mail.example.com", b"250-PIPELINING", b"250-SIZE 10240000", b"250-VRFY", b"250-ETRN", b"250-STARTTLS"),
    *(b"250-AUTH PLAIN LOGIN", b"250-AUTH=PLAIN LOGIN", b"250-ENHANCEDSTATUSCODES", b"250-8BITMIME", b"250-DSN"),
    *(b"250-SMTPUTF8", b"250 CHUNKING"),
)
EXIM = (
    *(b"250-mail.example.com Hello [192.0.2.1]", b"250-SIZE 52428800", b"250-8BITMIME", b"250-PIPELINING"),
    *(b"250-PIPECONNECT", b"250-AUTH PLAIN LOGIN CRAM-MD5", b"250-CHUNKING", b"250-STARTTLS", b"250 HELP"),
)
EXCHANGE = (
    *(b"250-mail.example.com Hello [192.0.2.1]", b"250-SIZE 37748736", b"250-PIPELINING", b"250-DSN"),
    *(b"250-ENHANCEDSTATUSCODES", b"250-STARTTLS", b"250-X-ANONYMOUSTLS", b"250-AUTH NTLM LOGIN", b"250-X-EXPS GSSAPI"),
    *(b"250-8BITMIME", b"250-BINARYMIME", b"250-CHUNKING", b"250 XRDST"),
)
SENDMAIL = (
    *(b"250-mail.example.com Hello client [192.0.2.1], pleased to meet you", b"250-ENHANCEDSTATUSCODES"),
    *(b"250-AUTH DIGEST-MD5 CRAM-MD5", b"250-STARTTLS", b"250-DELIVERBY", b"250 HELP"),
)


class TestSmtpCapabilities:
    @pytest.mark.parametrize(
        ("lines", "starttls", "mechanisms"),
        [
            (POSTFIX, True, ("PLAIN", "LOGIN")),
            (EXIM, True, ("PLAIN", "LOGIN", "CRAM-MD5")),
            (EXCHANGE, True, ("NTLM", "LOGIN")),
            (SENDMAIL, True, ("DIGEST-MD5", "CRAM-MD5")),
            ((b"250 mail.example.com",), False, ()),
            ((b"250-mail", b"250-auth plain", b"250 starttls"), True, ("PLAIN",)),
            ((b"250-mail", b"250-AUTH", b"250 HELP"), False, ()),
            ((b"250-mail", b"250-AUTH=", b"250 HELP"), False, ()),
            ((b"250-mail", b"250-AUTH=LOGIN", b"250 HELP"), False, ("LOGIN",)),
            ((b"250-mail", b"250 AUTH  PLAIN   LOGIN "), False, ("PLAIN", "LOGIN")),
            ((b"250-mail", b"250-STARTTLS ", b"250 X"), True, ()),
            ((b"250-mail", b"250-XSTARTTLS", b"250-NOSTARTTLS", b"250 STARTTLSX"), False, ()),
            ((b"250-mail", b"250-HELP STARTTLS", b"250 X-AUTH PLAIN"), False, ()),
            ((b"250-STARTTLS", b"250 AUTH PLAIN"), False, ("PLAIN",)),  # the first line is the host's name
        ],
    )
    def test_what_is_offered(self, lines, starttls, mechanisms):
        smtp = Smtp()
        found = capabilities(smtp, *lines)
        assert len(found) == len(lines)
        assert smtp.offers_starttls(found) is starttls
        assert smtp.mechanisms(found) == mechanisms

    def test_a_server_without_ehlo_offers_nothing(self):
        """RFC 5321 section 3.2."""
        peer = Fake([b"502 what?", b"250-mail", b"250 STARTTLS"])
        smtp = Smtp()
        found = do(smtp.capabilities(peer))
        assert not smtp.offers_starttls(found)
        assert [line.split()[0] for line in peer.sent] == [b"EHLO", b"HELO"]

    @pytest.mark.parametrize("lines", [(b"550 no", b"550 no"), (b"451 later",)])
    def test_a_server_that_wants_no_ehlo_has_shown_nothing(self, lines):
        with pytest.raises(PeerError) as error:
            capabilities(Smtp(), *lines)
        assert error.value.absence is Absence.REFUSED_SERVICE

    @pytest.mark.parametrize(
        ("ehlo", "address", "name"),
        [
            (None, "192.0.2.1", b"[192.0.2.1]"),
            (None, "2001:db8::1", b"[IPv6:2001:db8::1]"),
            (None, "fe80::1%eth0", b"[IPv6:fe80::1]"),
            ("audit.example", "192.0.2.1", b"audit.example"),
        ],
    )
    def test_the_name_we_give(self, ehlo, address, name):
        """RFC 5321 section 4.1.3: an address literal for who has no name."""
        peer = Fake([b"250 mail"], address)
        do(Smtp(ehlo).capabilities(peer))
        assert peer.sent == [b"EHLO " + name + b"\r\n"]


class TestImap:
    @pytest.mark.parametrize(
        ("line", "code", "text"),
        [
            (b"* OK Dovecot ready.", "OK", "Dovecot ready."),
            (b"* OK", "OK", ""),
            (b"* ok [CAPABILITY IMAP4rev1] ready", "OK", "[CAPABILITY IMAP4rev1] ready"),
            (b"* PREAUTH welcome", "PREAUTH", "welcome"),
            (b"* BYE too many connections", "BYE", "too many connections"),
            (b"* OK \xff", "OK", "\\xff"),
        ],
    )
    def test_greetings(self, line, code, text):
        assert greeting(Imap(), line) == Reply(code=code, lines=(text,))

    @pytest.mark.parametrize("line", [b"", b"OK ready", b"+OK ready", b"* NO", b"* OKAY", b"220 mail", b"*  OK ready"])
    def test_what_is_no_greeting(self, line):
        assert malformed(Imap().greeting(Fake([line])))

    def test_who_is_turned_away(self):
        imap = Imap()
        assert imap.turned_away(Reply(code="BYE", lines=("",)))
        assert not imap.turned_away(Reply(code="PREAUTH", lines=("",)))

    @pytest.mark.parametrize(
        ("line", "starttls", "mechanisms"),
        [
            (b"* CAPABILITY IMAP4rev1 LITERAL+ STARTTLS LOGINDISABLED", True, ()),
            (
                b"* CAPABILITY IMAP4rev1 SASL-IR STARTTLS AUTH=PLAIN AUTH=LOGIN",
                True,
                ("PLAIN", "LOGIN", "LOGIN-COMMAND"),
            ),
            (b"* capability imap4rev1 starttls auth=plain logindisabled", True, ("PLAIN",)),
            (b"* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS LOGINDISABLED", False, ("SCRAM-SHA-256-PLUS",)),
            (b"* CAPABILITY IMAP4rev1 XSTARTTLS STARTTLS2", False, ("LOGIN-COMMAND",)),
            (b"* CAPABILITY", False, ("LOGIN-COMMAND",)),
        ],
    )
    def test_what_is_offered(self, line, starttls, mechanisms):
        imap = Imap()
        found = capabilities(imap, line, b"a1 OK done")
        assert imap.offers_starttls(found) is starttls
        assert imap.mechanisms(found) == mechanisms

    def test_lines_of_others_do_not_count(self):
        imap = Imap()
        found = capabilities(
            imap, b"* OK [ALERT] STARTTLS", b"* 3 EXISTS", b"* CAPABILITY IMAP4rev1", b"+ idle", b"a1 OK done"
        )
        assert found == ("CAPABILITY IMAP4rev1",)

    @pytest.mark.parametrize("line", [b"a1 NO", b"a1 BAD what?", b"a1 NO later"])
    def test_a_refusal_shows_nothing(self, line):
        with pytest.raises(PeerError) as error:
            capabilities(Imap(), line)
        assert error.value.absence is Absence.REFUSED_SERVICE

    @pytest.mark.parametrize("line", [b"", b"a2 OK done", b"A1 OK done", b"b1 OK", b"a1", b"250 ok", b"*OK"])
    def test_what_is_no_response(self, line):
        assert malformed(Imap().capabilities(Fake([line])))

    def test_tags_count_up(self):
        peer = Fake([b"* CAPABILITY IMAP4rev1 STARTTLS", b"a1 OK", b"a2 OK begin"])
        imap = Imap()
        do(imap.capabilities(peer))
        assert do(imap.starttls(peer)).code == "OK"
        do(imap.quit(peer))
        assert peer.sent == [b"a1 CAPABILITY\r\n", b"a2 STARTTLS\r\n", b"a3 LOGOUT\r\n"]

    def test_endless_untagged_lines_end(self):
        peer = Fake(itertools.repeat(b"* 1 EXISTS"))
        excessive(Imap().capabilities(peer))
        assert peer.taken <= MAX_REPLY_LINES + 1


class TestPop3:
    @pytest.mark.parametrize(
        ("line", "code", "text"),
        [
            (b"+OK Dovecot ready. <1.2@mail>", "+OK", "Dovecot ready. <1.2@mail>"),
            (b"+OK", "+OK", ""),
            (b"+ok ready", "+OK", "ready"),
            (b"-ERR [SYS/TEMP] later", "-ERR", "[SYS/TEMP] later"),
            (b"-ERR", "-ERR", ""),
        ],
    )
    def test_status_lines(self, line, code, text):
        reply = greeting(Pop3(), line)
        assert reply == Reply(code=code, lines=(text,))
        assert Pop3().turned_away(reply) is (code == "-ERR")

    @pytest.mark.parametrize("line", [b"", b"OK", b"+OKAY", b"* OK ready", b"220 mail", b" +OK"])
    def test_what_is_none(self, line):
        assert malformed(Pop3().greeting(Fake([line])))

    @pytest.mark.parametrize(
        ("lines", "starttls", "mechanisms"),
        [
            (
                (b"CAPA", b"TOP", b"UIDL", b"STLS", b"USER", b"SASL PLAIN LOGIN"),
                True,
                ("USER-COMMAND", "PLAIN", "LOGIN"),
            ),
            ((b"stls", b"sasl plain"), True, ("PLAIN",)),
            ((b"SASL",), False, ()),
            ((b"XSTLS", b"STLSX", b"TOP STLS"), False, ()),
            ((), False, ()),
            ((b"", b"  ", b"STLS "), True, ()),
        ],
    )
    def test_what_is_offered(self, lines, starttls, mechanisms):
        pop3 = Pop3()
        found = capabilities(pop3, b"+OK", *lines, b".")
        assert pop3.offers_starttls(found) is starttls
        assert pop3.mechanisms(found) == mechanisms

    def test_a_server_without_capa_takes_user_and_pass(self):
        """RFC 1939 section 7; RFC 2449 is optional."""
        pop3 = Pop3()
        found = capabilities(pop3, b"-ERR what?")
        assert pop3.mechanisms(found) == ("USER-COMMAND",)
        assert not pop3.offers_starttls(found)

    def test_an_endless_list_ends(self):
        peer = Fake(itertools.chain([b"+OK"], itertools.repeat(b"X")))
        excessive(Pop3().capabilities(peer))
        assert peer.taken <= MAX_REPLY_LINES + 2


DOVECOT_SIEVE = (
    b'"IMPLEMENTATION" "Dovecot Pigeonhole"',
    b'"SIEVE" "fileinto reject envelope"',
    b'"NOTIFY" "mailto"',
    b'"SASL" "PLAIN LOGIN"',
    b'"STARTTLS"',
    b'"VERSION" "1.0"',
    b'OK "Dovecot ready."',
)
CYRUS_SIEVE = (
    b'"IMPLEMENTATION" "Cyrus timsieved v3.6.1"',
    b'"SASL" "PLAIN"',
    b'"SIEVE" "comparator-i;ascii-numeric fileinto"',
    b'"STARTTLS"',
    b'"UNAUTHENTICATE"',
    b"OK",
)


class TestSieve:
    @pytest.mark.parametrize(
        ("lines", "starttls", "mechanisms"),
        [
            (DOVECOT_SIEVE, True, ("PLAIN", "LOGIN")),
            (CYRUS_SIEVE, True, ("PLAIN",)),
            ((b'"starttls"', b'"sasl" "plain"', b"ok"), True, ("PLAIN",)),
            ((b'"SASL" ""', b"OK"), False, ()),
            ((b'"SASL"', b"OK"), False, ()),
            ((b'"XSTARTTLS"', b'"NOTE" "STARTTLS"', b"OK"), False, ()),
            ((b'"SASL" "PLAIN', b'"', b"OK"), False, ('"PLAIN',)),
        ],
    )
    def test_the_greeting_is_the_list(self, lines, starttls, mechanisms):
        """RFC 5804 section 1.7."""
        sieve = Sieve()
        peer = Fake(lines)
        reply = do(sieve.greeting(peer))
        assert reply.code == "OK"
        found = do(sieve.capabilities(peer))
        assert peer.sent == []
        assert sieve.offers_starttls(found) is starttls
        assert sieve.mechanisms(found) == mechanisms

    @pytest.mark.parametrize(("line", "code"), [(b'BYE "busy"', "BYE"), (b'NO (TRYLATER) "x"', "NO"), (b"bye", "BYE")])
    def test_who_is_turned_away(self, line, code):
        reply = greeting(Sieve(), line)
        assert reply.code == code
        assert Sieve().turned_away(reply)

    @pytest.mark.parametrize("line", [b"", b"IMPLEMENTATION", b"{5}", b"OKAY", b"220 mail", b"* OK"])
    def test_what_is_no_response(self, line):
        assert malformed(Sieve().greeting(Fake([line])))

    def test_the_list_comes_again_inside_tls(self):
        """RFC 5804 section 2.2."""
        sieve = Sieve()
        peer = Fake([*DOVECOT_SIEVE, b'OK "Begin TLS"', b'"SASL" "PLAIN SCRAM-SHA-256"', b"OK"])
        do(sieve.greeting(peer))
        assert do(sieve.starttls(peer)).code == "OK"
        assert sieve.mechanisms(do(sieve.capabilities_after_tls(peer))) == ("PLAIN", "SCRAM-SHA-256")

    def test_a_list_that_ends_in_a_refusal_shows_nothing(self):
        with pytest.raises(PeerError) as error:
            do(Sieve().capabilities_after_tls(Fake([b'"SASL" "PLAIN"', b"NO"])))
        assert error.value.absence is Absence.REFUSED_SERVICE

    def test_an_endless_list_ends(self):
        peer = Fake(itertools.repeat(b'"X"'))
        excessive(Sieve().greeting(peer))
        assert peer.taken <= MAX_REPLY_LINES + 1


words = st.sampled_from(
    [
        *(
            b"220 ",
            b"220-",
            b"250-",
            b"250 ",
            b"250",
            b"421 ",
            b"454 ",
            b"550 ",
            b"\t",
            b" ",
            b"-",
            b"\r",
            b"\xff",
            b"\0",
        ),
        *(b"* OK ", b"* BYE", b"* CAPABILITY", b"a1 OK", b"a1 NO", b"a2 OK", b"a1 2", b"a1 4", b"+ ", b"* "),
        *(b"+OK ", b"-ERR", b".", b"..", b"SASL", b"USER", b"STLS"),
        *(b'"SASL" "PLAIN"', b'"STARTTLS"', b'"', b"{5}", b"{999999999+}", b"OK", b"NO", b"BYE", b"OK "),
        *(b"AUTH PLAIN", b"AUTH=LOGIN", b"AUTH=", b"STARTTLS", b"\\", b"\\x41", b"LOGINDISABLED"),
    ]
)
lines = st.lists(
    st.one_of(st.lists(words, max_size=4).map(b"".join), st.binary(max_size=30)).map(
        lambda line: line.replace(b"\n", b"")
    ),
    max_size=12,
)


class TestAnyPeer:
    @pytest.mark.parametrize("protocol", Protocol)
    @pytest.mark.parametrize("step", ["greeting", "capabilities", "starttls", "capabilities_after_tls", "quit"])
    @settings(max_examples=60)
    @given(said=lines)
    def test_nothing_but_a_peer_error_comes_out(self, protocol, step, said):
        dialect = dialect_for(protocol)
        shown: tuple[str, ...] = ()
        try:
            result = do(getattr(dialect, step)(Fake(said)))
        except PeerError as error:
            shown = (error.reason,)
        else:
            if isinstance(result, Reply):
                shown = (str(result), *result.lines)
                # Every reply can be asked what it means.
                assert {dialect.accepted(result), dialect.temporary(result), dialect.turned_away(result)} <= {
                    True,
                    False,
                }
            elif result is not None:
                shown = result
        assert all(text.isascii() and text.isprintable() for text in shown)

    @pytest.mark.parametrize("protocol", Protocol)
    @settings(max_examples=60)
    @given(said=lines)
    def test_a_list_of_capabilities_can_always_be_read(self, protocol, said):
        dialect = dialect_for(protocol)
        try:
            found = do(dialect.capabilities_after_tls(Fake(said)))
        except PeerError:
            return
        assert isinstance(dialect.offers_starttls(found), bool)
        assert all(name and name == name.upper() for name in dialect.mechanisms(found))

    @pytest.mark.parametrize("protocol", Protocol)
    @pytest.mark.parametrize("line", [b"250-" + b'"' * 8000, b'"' + b" x" * 4000, b"* CAPABILITY" + b" AUTH=" * 1000])
    def test_long_lines_cost_no_time(self, protocol, line):
        """Regular expressions and splitting stay linear: quadratic ones would take minutes here."""
        dialect = dialect_for(protocol)
        began = time.process_time()
        for length in range(len(line) - 50, len(line)):
            dialect.offers_starttls((line[:length].decode(),) * 3)
            dialect.mechanisms((line[:length].decode(),) * 3)
        assert time.process_time() - began < 3
