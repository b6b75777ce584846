"""What a domain publishes about MTA-STS and TLS reports, read as RFC 8461 and RFC 8460 have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_audit.published import mta_sts, tls_rpt
from smtp_audit.published.fields import MAX_FIELDS, nearly_of_version, of_version

LABELS = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=2, max_size=4).map(".".join)


def test_records_of_another_kind_do_not_count() -> None:
    records = ("hello", "v=STSv1; id=1", "v=STSv1", "v=STSv11; id=1", "V=STSv1; id=1")
    assert of_version(records, mta_sts.VERSION) == ("v=STSv1; id=1",)
    assert nearly_of_version(records, mta_sts.VERSION) == ("v=STSv1", "v=STSv11; id=1", "V=STSv1; id=1")


@pytest.mark.parametrize(
    "text", ["v=STSv1; id=1", "v=STSv1;id=1;", "v=STSv1;\tid=1 ; x=y;", "v=STSv1; x.y-z_0=!; id=1"]
)
def test_a_sound_record(text: str) -> None:
    assert mta_sts.parse_record(text) == mta_sts.StsRecord(id="1")


def test_of_a_repeated_field_the_first_counts() -> None:
    """RFC 8461 section 3.2, which speaks of records and policies."""
    assert mta_sts.parse_record("v=STSv1; id=1; id=2").id == "1"
    assert mta_sts.parse_policy(b"version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: 2\n").mode == "none"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("v=STSv1;", "has no id"),
        ("v=STSv1; id=", "empty"),
        ("v=STSv1; id=a b", "characters not allowed"),
        ("v=STSv1; id=a_b", "1 to 32 letters"),
        ("v=STSv1; =x; id=1", "name is none"),
        ("v=STSv1;; id=1", "two semicolons"),
        ("v=STSv1; id=1; x\xff=y", "name is none"),
        ("v=STSv1; id=1; a==b", "characters not allowed"),
        ("v=STSv1;" + "a=b;" * (MAX_FIELDS + 1) + "id=1", f"more than {MAX_FIELDS}"),
    ],
)
def test_a_record_with_a_problem(text: str, problem: str) -> None:
    assert any(problem in each for each in mta_sts.parse_record(text).problems)


@given(st.text(max_size=200))
def test_any_record_is_read(text: str) -> None:
    read = mta_sts.parse_record(f"v=STSv1;{text}")
    assert read.id or read.problems
    assert all(problem.isascii() and problem.isprintable() for problem in read.problems)
    rpt = tls_rpt.parse_record(f"v=TLSRPTv1;{text}")
    assert rpt.destinations or rpt.problems
    assert all(each.uri.isascii() and each.uri.isprintable() for each in rpt.destinations)


@given(st.binary(max_size=400))
def test_any_policy_is_read(body: bytes) -> None:
    read = mta_sts.parse_policy(body)
    assert read.problems or (read.version and read.mode and read.max_age is not None)
    assert all(problem.isascii() and problem.isprintable() for problem in read.problems)


@given(
    mode=st.sampled_from(mta_sts.MODES),
    age=st.integers(0, mta_sts.MAX_AGE),
    hosts=st.lists(HOSTS, min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_a_policy_comes_back_as_it_was_written(mode: str, age: int, hosts: list[str], end: str, last: bool) -> None:
    lines = ["version: STSv1", f"mode:{mode}", *(f"mx: \t*.{host} " for host in hosts), f"max_age: {age}"]
    read = mta_sts.parse_policy((end.join(lines) + (end if last else "")).encode())
    assert read.problems == ()
    assert (read.mode, read.max_age, read.mx) == (mode, age, tuple(f"*.{host}" for host in hosts))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("mode enforce", "line 5 is not a name"),
        ("mx:", "line 5 is not a name"),
        ("mx: \x00", "line 5 is not a name"),
        ("mx: mail..example.com", "no host name"),
        ("mx: mail_1.example.com", "no host name"),
        ("mx: mail.*.com", "no host name"),
        ("mx: -a.example", "no host name"),
        ("mx: mail.example.com.", "no host name"),
        ("", "line 5 is not a name"),
    ],
)
def test_a_line_with_a_problem(line: str, problem: str) -> None:
    sound = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n"
    assert mta_sts.parse_policy(sound.encode()).problems == ()
    assert any(problem in each for each in mta_sts.parse_policy(f"{sound}{line}\n".encode()).problems)


def test_a_policy_that_is_not_utf8() -> None:
    read = mta_sts.parse_policy(b"version: STSv1\nmode: none\nmax_age: 1\nx: \xff\n")
    assert read.problems == ("is not UTF-8 (octet 41)",)


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("mail.example.com", "mail.example.com", True),
        ("MAIL.example.com", "mail.EXAMPLE.com.", True),
        ("mail.example.com", "mail2.example.com", False),
        ("*.example.com", "mail.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.mail.example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.com", "example.com", True),
        ("example.com", "mail.example.com", False),
        ("", "", False),
    ],
)
def test_patterns(pattern: str, host: str, matches: bool) -> None:
    assert mta_sts.pattern_matches(pattern, host) is matches


@given(LABELS, HOSTS)
def test_a_wildcard_stands_for_one_label(label: str, host: str) -> None:
    assert mta_sts.pattern_matches(f"*.{host}", f"{label}.{host}")
    assert not mta_sts.pattern_matches(f"*.{host}", f"x.{label}.{host}")


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("mailto:tls@example.com", "example.com"),
        ("MAILTO:tls%2Brpt@Example.com", "example.com"),
        ("mailto:tls@example.com?subject=x", "example.com"),
        ("https://reports.example.com:8443/v1?a=b", "reports.example.com"),
    ],
)
def test_a_destination(uri: str, host: str) -> None:
    (read,) = tls_rpt.parse_record(f"v=TLSRPTv1; rua={uri}").destinations
    assert (read.host, read.problem) == (host, "")


@pytest.mark.parametrize(
    "uri", ["tls@example.com", "http://example.com/", "mailto:", "mailto:@example.com", "mailto:a@", "mailto://a@b.c",
            "https://", "https:///x", "https://exa[mple/", "https://example.com:0/", "ftp://example.com/"]
)  # fmt: skip
def test_a_destination_that_is_none(uri: str) -> None:
    (read,) = tls_rpt.parse_record(f"v=TLSRPTv1; rua={uri}").destinations
    assert read.problem


def test_several_destinations() -> None:
    read = tls_rpt.parse_record("v=TLSRPTv1; rua=mailto:a@b.example , https://c.example/ ;")
    assert [each.host for each in read.destinations] == ["b.example", "c.example"]
    assert read.problems == ()
    assert tls_rpt.parse_record("v=TLSRPTv1; rua=" + ",".join(["mailto:a@b.c"] * 11)).problems
