"""Every cap on what a peer can make us do, in one place: bytes, lines, seconds, counts.

The constants bound memory and are not for users to change. `Limits` holds the times, which a slow network may need
longer; its defaults let a peer with a greet delay of 6 seconds (postscreen's default) be audited in full.
"""

from typing import Annotated, Final

from pydantic import Field

from smtp_audit.frozen import Frozen

MAX_LINE: Final = 8192
"""Octets of one line of a peer. RFC 5321 section 4.5.3.1.5 asks for 512; capability lines of IMAP are longer."""

MAX_REPLY_LINES: Final = 128
"""Lines of one reply."""

MAX_CONNECTION_BYTES: Final = 512 * 1024
"""Octets read on one connection before it is given up."""

MAX_HANDSHAKE_BYTES: Final = 256 * 1024
"""Octets of a TLS handshake that are read; a very long certificate chain is about a tenth of it."""

MAX_CHAIN_CERTIFICATES: Final = 32
"""Certificates of a chain that are recorded."""

MAX_OCSP_BYTES: Final = 64 * 1024
"""Octets of an OCSP response; one with a delegated responder's certificates has about 4 KiB."""

MAX_OCSP_PARTS: Final = 16
"""Answers, and certificates of responders, that are looked at in one OCSP response."""

MAX_CRL_BYTES: Final = 8 * 1024 * 1024
"""Octets of a revocation list. Those of public authorities are mostly below 1 MiB."""

MAX_REVOCATION_URLS: Final = 3
"""Addresses of one kind (OCSP, CRL) that are asked about one certificate."""

MAX_SINK_MESSAGE: Final = 64 * 1024
"""Octets of a message that the audit's own mail server takes; those of the audit have about 1 KiB."""

MAX_SINK_MESSAGES: Final = 1000
"""Messages that it takes in one run, and twice as many connections."""

MAX_SINK_AT_ONCE: Final = 50
"""Connections that it serves at once."""

MAX_TRANSCRIPT_LINES: Final = 200
"""Lines kept of one transcript."""

MAX_TRANSCRIPT_TEXT: Final = 1000
"""Characters kept of one transcript line."""

MAX_ADDRESSES: Final = 16
"""Addresses of one host that are audited."""

MAX_HOSTS: Final = 32
"""MX hosts of one domain that are audited."""

MAX_PROGRAMS: Final = 16
"""Programs, templates or folders of source text that one run is about."""

MAX_ARGUMENTS: Final = 64
"""Words of the command of a program."""

MAX_VARIABLES: Final = 200
"""Variables given to a program or a template."""

MAX_PROGRAM_OUTPUT: Final = 256 * 1024
"""Octets of each kind of output of a program that are looked at."""

MAX_DOCUMENT: Final = 256 * 1024
"""Characters of a rendered document that are read; mail programs clip messages at about 100 KiB."""

MAX_TEMPLATE_VARIABLES: Final = 60
"""Variables of one template that payloads are put into."""

MAX_EFFECTS: Final = 200
"""Effects of payloads that are told of one template."""

MAX_PLAY_BYTES: Final = 8 * 1024 * 1024
"""Octets of what is told of one scenario that was played with a program."""

MAX_TRAP_BYTES: Final = 4 * 1024 * 1024
"""Octets that a trap reads on one connection."""

MAX_TRAP_VISITS: Final = 50
"""Connections that one trap takes from a program."""

MAX_WATCHED_FILES: Final = 500
"""Files of a folder that a program may write to that are looked at."""

MAX_LOG_EVENTS: Final = 50
"""Events of a program's log that are kept of one run."""

MAX_SOURCE_FILES: Final = 5000
"""Files of source text that are read in one tree."""

MAX_SOURCE_FILE_BYTES: Final = 1024 * 1024
"""Octets of one of them; what is written by hand is far below."""

MAX_SOURCE_BYTES: Final = 64 * 1024 * 1024
"""Octets of all of them."""

MAX_SOURCE_DEPTH: Final = 40
"""Folders within folders that are entered."""

MAX_SOURCE_FINDINGS: Final = 100
"""Findings about one thing in one tree that are kept; the rest is counted."""

MAX_SOURCE_LEFT_OUT: Final = 100
"""Files and folders that were left out and are named; the rest is counted."""

MAX_SOURCE_SECONDS: Final = 240.0
"""Seconds for one tree; 5000 files take about 100."""

MAX_SOURCE_FILE_SECONDS: Final = 10.0
"""Seconds for one file; one of 1 MiB takes about one."""

MAX_SENDING_ADDRESSES: Final = 32
"""Addresses that mail leaves from, as the configuration names them."""

MAX_SELECTORS: Final = 32
"""Selectors of DKIM keys, as the configuration names them."""

MAX_TAGS: Final = 64
"""Tags that are read of one published record."""

MAX_BASE64: Final = 32 * 1024
"""Characters of a published key that are read; one of 16384 bits has about 2800."""

MAX_REPORT_ADDRESSES: Final = 16
"""Addresses of one DMARC record that reports go to, and whose hosts are looked up."""

MAX_BLOCK_LISTS: Final = 16
"""Lists of addresses with a bad name that are asked."""

MAX_CONFIG_BYTES: Final = 1024 * 1024
"""Octets of a configuration, profile or clause file."""

MAX_SNAPSHOT_BYTES: Final = 64 * 1024 * 1024
"""Octets of a snapshot file."""

MAX_LOOKUPS: Final = 2000
"""Questions to the DNS in one run."""

MAX_LOOKUPS_AT_ONCE: Final = 96
"""Questions that are under way at once. A small resolver passes on 150 at once (dnsmasq), and not only ours."""

MAX_RECORDS: Final = 100
"""Records of one answer that are read; a name with more of one type is no mail domain's."""

MAX_SPF_TERMS: Final = 1000
"""Terms of one SPF record that are read. A record that fits into one UDP answer has fewer than 200."""

MAX_SPF_RECORDS: Final = 60
"""SPF records that are looked at for one domain, all includes together; RFC 7208 section 4.6.4 allows 11."""

MAX_SPF_DEPTH: Final = 15
"""How deep includes are followed."""

MAX_SPF_STEPS: Final = 100
"""Steps of one SPF evaluation that are recorded."""

MAX_POLICY_BYTES: Final = 64 * 1024
"""Octets of an MTA-STS policy (RFC 8461 section 3.3 suggests this very cap)."""

MAX_REVERSE_NAMES: Final = 8
"""Names of one address that are looked up."""

MAX_JUNK_COMMANDS: Final = 40
"""Junk commands on one connection; Postfix hangs up at the 20th."""

MAX_PARALLEL: Final = 60
"""Connections that are held open at once, where that was asked for; Postfix allows one client 50."""

Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Limits(Frozen):
    """How long, in seconds, a peer may take.

    `endpoint_seconds` bounds everything about one endpoint and address; pauses that a throttling server forces on the
    audit do not count.
    """

    connect_seconds: Seconds = 10.0
    greeting_seconds: Seconds = 20.0
    reply_seconds: Seconds = 15.0
    handshake_seconds: Seconds = 10.0
    endpoint_seconds: Seconds = 300.0
    idle_seconds: Seconds = 330.0
    """How long a connection is left silent to see whether the server ends it: only with --smtp-slow, and on top of
    `endpoint_seconds`. RFC 5321 section 4.5.3.2.7 asks servers to wait 5 minutes."""


class BudgetLimits(Frozen):
    """What one host is asked to bear: connections at once, new ones per second, and in total."""

    connections: Annotated[int, Field(ge=1, le=64)] = 4
    per_second: Annotated[float, Field(gt=0, le=1000)] = 1000.0
    total: Annotated[int, Field(ge=1, le=100_000)] = 3000
