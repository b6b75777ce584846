"""Facts about MTA-STS and TLS reports: what is published, and what was fetched (RFC 8461, RFC 8460)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from smtp_audit.errors import Undetermined
from smtp_audit.facts.lookup import Answer
from smtp_audit.facts.mx_hosts import MxHosts
from smtp_audit.facts.observation import Facts
from smtp_audit.frozen import Frozen
from smtp_audit.published import mta_sts, tls_rpt
from smtp_audit.published.fields import nearly_of_version, of_version

POLICY_HOST = "mta-sts"
"""The label before the domain of the host that serves the policy (RFC 8461 section 3.3)."""


class FetchOutcome(StrEnum):
    """How far an attempt to fetch a policy came."""

    ANSWERED = "answered"
    """There was an HTTP answer, read to its end."""
    UNREACHABLE = "unreachable"
    """No connection, no answer in time, or the connection broke."""
    CERTIFICATE = "certificate"
    """A certificate was shown, and it is not one that a sender may accept."""
    NAME_REFUSED = "name refused"
    """The server has nothing for this name: it answered the hello with unrecognized_name (RFC 6066 section 3)."""
    TLS = "tls"
    """The TLS handshake failed for another reason, or could not be judged."""
    MALFORMED = "malformed"
    """What came was no HTTP answer."""
    TOO_LARGE = "too large"
    """The policy has more octets than senders read (RFC 8461 section 3.3)."""


class PolicyFetch(Frozen):
    """One attempt. `body` has one character for each octet, `content_type` is None where the answer had none."""

    url: str
    address: str
    outcome: FetchOutcome
    detail: str = ""
    status: int | None = None
    content_type: str | None = None
    location: str = ""
    body: str = ""

    @property
    def conclusive(self) -> bool:
        """Whether it shows what senders get. Nobody who does not answer does, nor a server in trouble: 5xx, 429."""
        if self.outcome in (FetchOutcome.UNREACHABLE, FetchOutcome.TLS):
            return False
        return self.status is None or (self.status < 500 and self.status != 429)

    def __str__(self) -> str:
        told = f"{self.url} at {self.address}: "
        if self.outcome is not FetchOutcome.ANSWERED:
            return f"{told}{self.outcome}: {self.detail}"
        to = f", to {self.location}" if self.location else ""
        return f"{told}status {self.status}{to}, {self.content_type or 'no content type'}, {len(self.body)} octets"


class MtaStsFacts(Facts):
    """The TXT record, the addresses of the policy host, and the policy as it was fetched.

    `fetch` is None where nothing was fetched; `unfetched` says why.
    """

    kind: ClassVar[str] = "mta_sts"

    domain: str
    mx: MxHosts
    record: Answer
    addresses: tuple[Answer, ...] = ()
    fetch: PolicyFetch | None = None
    unfetched: str = ""

    @property
    def candidates(self) -> tuple[str, ...]:
        """The TXT records that count."""
        return of_version(self.record.records, mta_sts.VERSION)

    @property
    def discarded(self) -> tuple[str, ...]:
        """TXT records that were meant for MTA-STS, and do not count for how they are written."""
        return nearly_of_version(self.record.records, mta_sts.VERSION)

    @property
    def published(self) -> bool:
        """Whether the domain means to have MTA-STS. Raises Undetermined when that is not known."""
        self.record.require()
        return bool(self.candidates or self.discarded)

    @property
    def policy(self) -> mta_sts.StsPolicy | None:
        """The policy that was fetched, whatever is wrong with it; None when there was no answer with status 200."""
        fetch = self.fetch
        if fetch is None or fetch.outcome is not FetchOutcome.ANSWERED or fetch.status != 200:
            return None
        return mta_sts.parse_policy(fetch.body.encode("latin-1", "replace"))

    @property
    def without_policy(self) -> bool:
        """Whether it was seen that there is no policy for senders: mta-sts-policy judges that."""
        if self.fetch is None:
            return bool(self.addresses) and all(answer.absent for answer in self.addresses)
        return self.policy is None and self.fetch.conclusive

    def require_policy(self) -> mta_sts.StsPolicy:
        """The policy.

        Raises:
            Undetermined: it was not had; mta-sts-policy says whether that is a fault.
        """
        policy = self.policy
        if policy is None:
            why = str(self.fetch) if self.fetch else self.unfetched or "it was not fetched"
            raise Undetermined(f"the policy is not known: {why}")
        return policy


class ReportDestination(Frozen):
    """Where TLS reports are to go, and what the DNS says of it: MX and addresses of a mail domain, addresses of a web
    host."""

    destination: tls_rpt.TlsRptDestination
    answers: tuple[Answer, ...] = ()


class TlsRptFacts(Facts):
    """The TXT record, and where it sends reports to."""

    kind: ClassVar[str] = "tls_rpt"

    domain: str
    mx: MxHosts
    record: Answer
    destinations: tuple[ReportDestination, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """The TXT records that count."""
        return of_version(self.record.records, tls_rpt.VERSION)

    @property
    def discarded(self) -> tuple[str, ...]:
        """TXT records that were meant for TLS reports, and do not count for how they are written."""
        return nearly_of_version(self.record.records, tls_rpt.VERSION)
