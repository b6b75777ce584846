"""Relaying: plain addresses, routed ones, and a message to the user's own mailbox elsewhere."""

from __future__ import annotations

from smtp_audit.facts.relay import PLAIN_FORMS, RelayForm
from tests.conversation_factories import dialogue, exchange, unasked
from tests.relay_factories import (
    DENIED,
    GREYLISTED,
    HUNG_UP,
    SILENT,
    TAKEN,
    UNKNOWN_USER,
    attempt,
    delivery,
    envelope,
    message,
    refused_at_mail,
    relay,
    source,
)

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE
NOT_APPLICABLE = Expected.NOT_APPLICABLE

_NULL, _LOCAL, _PERCENT = RelayForm.NULL_SENDER, RelayForm.LOCAL_SENDER, RelayForm.PERCENT_LOCAL
_DEFERRED = "454 4.7.1 <smtp-audit@example.com>: Relay access denied"
_BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked"
_OPEN = [attempt(form, elsewhere=envelope(TAKEN)) for form in PLAIN_FORMS]


def _all(reply: str, **more) -> object:
    return relay(source(every=envelope(reply), **more))


_PLAIN = (
    Case("relay-refused", relay(), PASS, "refused for all 4 senders"),
    Case("relay-refused", _all(_DEFERRED), PASS, "454 4.7.1"),
    Case("relay-refused", _all("550 relay not permitted"), PASS, "550 relay"),
    Case("relay-refused", _all("550 5.7.1 <x@y>... Relaying denied"), PASS, "Relaying denied"),
    Case("relay-refused", _all(UNKNOWN_USER), PASS, "550 5.1.1"),
    Case("relay-refused", relay(source(every=envelope(ended=HUNG_UP))), PASS, "closed the connection"),
    Case("relay-refused", relay(source(*_OPEN)), FAIL, "takes mail from a stranger"),
    Case("relay-refused", relay(source(_OPEN[2])), FAIL, "not confirmed by delivery"),
    Case("relay-refused", relay(source(attempt(_NULL, "251 will forward", elsewhere=envelope(TAKEN)))), FAIL, "251"),
    # The user's own mailbox elsewhere: one is enough.
    Case("relay-refused", relay(source(attempt(_NULL)), named=True), FAIL, "takes mail from a stranger"),
    # A domain of its own, by whatever mistake: no open relay, and not shown to be none.
    Case(
        "relay-refused",
        relay(source(attempt(_NULL, elsewhere=envelope(DENIED)))),
        INDETERMINATE,
        "may be responsible for the first",
    ),
    Case("relay-refused", relay(source(attempt(_NULL, elsewhere=envelope(GREYLISTED)))), INDETERMINATE, "Greylisted"),
    Case("relay-refused", relay(source(attempt(_NULL))), INDETERMINATE, "name a mailbox elsewhere"),
    Case("relay-refused", _all(GREYLISTED), INDETERMINATE, "Greylisted"),
    Case("relay-refused", _all("450 4.7.1 Relaying temporarily denied. Cannot resolve PTR"), INDETERMINATE, "PTR"),
    Case(
        "relay-refused", _all("451 4.7.1 Greylisting in action, relay access denied, try later"), INDETERMINATE, "451"
    ),
    Case("relay-refused", _all("454 4.7.0 TLS not available"), INDETERMINATE, "454 4.7.0"),
    Case("relay-refused", _all("354 go"), INDETERMINATE, "neither taken nor refused"),
    Case("relay-refused", relay(source(every=envelope(ended=SILENT))), INDETERMINATE, "within 15 s"),
    Case("relay-refused", relay(source(every=unasked())), INDETERMINATE, "Greylisted"),
    Case("relay-refused", relay(source(attempt(_LOCAL, GREYLISTED))), INDETERMINATE, "Greylisted"),
    # Refused whoever is meant: nothing is known of others.
    Case("relay-refused", _all(_BLOCKED, local=envelope(_BLOCKED)), INDETERMINATE, "mailbox of its own is refused"),
    Case(
        "relay-refused",
        relay(source(every=envelope(ended=HUNG_UP), local=envelope(ended=HUNG_UP))),
        INDETERMINATE,
        "mailbox of its own is refused",
    ),
    Case(
        "relay-refused",
        relay(source(every=refused_at_mail(_BLOCKED), local=refused_at_mail(_BLOCKED))),
        INDETERMINATE,
        "mailbox of its own is refused",
    ),
    Case(
        "relay-refused",
        relay(
            source(
                every=refused_at_mail("530 5.7.0 Authentication required"),
                local=refused_at_mail("530 5.7.0 Authentication required"),
            )
        ),
        PASS,
        "530",
    ),
    # In other words each time.
    Case(
        "relay-refused",
        _all(f"{_BLOCKED} (AS4-1 mx7.example 08DD1)", local=envelope(f"{_BLOCKED} (AS4-1 mx9.example 08DD2)")),
        INDETERMINATE,
        "mailbox of its own is refused",
    ),
    Case("relay-refused", _all(DENIED, local=envelope(UNKNOWN_USER)), PASS, "554 5.7.1"),
    Case("relay-refused", _all(DENIED, local=envelope(GREYLISTED)), PASS, "554 5.7.1"),
    Case("relay-refused", relay(source(attempt(_LOCAL, "250 ok"), every=envelope(DENIED))), INDETERMINATE, "250 ok"),
    # The server's own host may do more than strangers, unless it may do some things only.
    Case("relay-refused", relay(source(*_OPEN, same_host=True)), INDETERMINATE, "from the server's own host"),
    Case("relay-refused", relay(source(*_OPEN, same_host=True), named=True), INDETERMINATE, "own host"),
    Case("relay-refused", relay(source(_OPEN[2], same_host=True)), FAIL, "takes mail from a stranger"),
    Case("relay-refused", relay(source(same_host=True)), PASS, "refused for all"),
    # Several source addresses.
    Case("relay-refused", relay(source(address="192.0.2.1"), source(address="192.0.2.2")), PASS, "refused for all"),
    Case(
        "relay-refused",
        relay(source(address="192.0.2.1"), source(*_OPEN, address="192.0.2.2")),
        FAIL,
        "from 192.0.2.2: takes mail",
    ),
    Case(
        "relay-refused",
        relay(source(address="192.0.2.1"), source(address="192.0.2.2", unknown="cannot connect to port 25")),
        INDETERMINATE,
        "from 192.0.2.2: cannot connect",
    ),
    Case(
        "relay-refused",
        relay(source(*_OPEN, address="192.0.2.1"), source(address="192.0.2.2", unknown="cannot connect")),
        FAIL,
        "from 192.0.2.1: takes mail",
    ),
)

_NOWHERE = envelope(UNKNOWN_USER)


def _taken(form: RelayForm, **checks) -> object:
    return relay(source(attempt(form, **checks)))


_ROUTED = (
    Case("relay-routed-refused", relay(), PASS, "refused in all 12"),
    Case("relay-routed-refused", _all("501 5.1.3 Bad recipient address syntax"), PASS, "refused in all 12"),
    Case("relay-routed-refused", _taken(_PERCENT, nonsense=_NOWHERE, twin=_NOWHERE), FAIL, "takes a routed address"),
    Case("relay-routed-refused", relay(source(*_OPEN, same_host=True)), INDETERMINATE, "own host"),
    Case(
        "relay-routed-refused", relay(source(attempt(RelayForm.ROUTE_LOCAL), same_host=True)), FAIL, "a routed address"
    ),
    Case("relay-routed-refused", _taken(RelayForm.ROUTE_LOCAL), FAIL, "takes a routed address"),
    Case("relay-routed-refused", _taken(RelayForm.ROUTE_LITERAL), FAIL, "takes a routed address"),
    Case(
        "relay-routed-refused",
        relay(source(), source(attempt(RelayForm.BANG_ALONE, nonsense=_NOWHERE, twin=_NOWHERE), address="192.0.2.2")),
        FAIL,
        "from 192.0.2.2: takes",
    ),
    # What a catch-all takes proves nothing.
    Case("relay-routed-refused", _taken(_PERCENT, nonsense=envelope(TAKEN), twin=_NOWHERE), INDETERMINATE, "but so is"),
    Case("relay-routed-refused", _taken(_PERCENT, nonsense=_NOWHERE, twin=envelope(TAKEN)), INDETERMINATE, "but so is"),
    Case(
        "relay-routed-refused",
        _taken(_PERCENT, nonsense=_NOWHERE, twin=envelope(GREYLISTED)),
        INDETERMINATE,
        "local part is not known",
    ),
    Case("relay-routed-refused", _taken(_PERCENT), INDETERMINATE, "name a mailbox elsewhere"),
    Case("relay-routed-refused", relay(source(attempt(_PERCENT, GREYLISTED))), INDETERMINATE, "Greylisted"),
    Case("relay-routed-refused", relay(source(*_OPEN)), NOT_APPLICABLE, "relay-refused judges that"),
    Case(
        "relay-routed-refused",
        relay(
            source(
                attempt(_NULL, elsewhere=envelope(DENIED)),
                attempt(_PERCENT, nonsense=_NOWHERE, twin=_NOWHERE),
            )
        ),
        INDETERMINATE,
        "may be responsible",
    ),
    Case("relay-routed-refused", _all(_BLOCKED, local=envelope(_BLOCKED)), INDETERMINATE, "mailbox of its own"),
    Case("relay-routed-refused", relay(source(unknown="cannot connect")), INDETERMINATE, "cannot connect"),
)

_QUEUED = message("250 Ok", "250 Ok", "354 Go", "250 2.0.0 Ok: queued as 1")

_DELIVERED = (
    Case("relay-not-delivered", delivery(), PASS, "no message was sent"),
    Case("relay-not-delivered", delivery(_QUEUED, _NULL), FAIL, "for delivery"),
    Case(
        "relay-not-delivered",
        delivery(_QUEUED, _NULL, every=envelope(TAKEN), same_host=True),
        INDETERMINATE,
        "from the server's own host",
    ),
    Case("relay-not-delivered", delivery(_QUEUED, _NULL, same_host=True), FAIL, "for delivery"),
    Case("relay-not-delivered", delivery(_QUEUED, RelayForm.ROUTE_LOCAL), FAIL, "that mailbox tells"),
    Case("relay-not-delivered", delivery(_QUEUED, _PERCENT), INDETERMINATE, "look whether it arrives"),
    Case(
        "relay-not-delivered",
        delivery(message("250 Ok", "250 Ok", "354 Go", "554 5.7.1 no relaying"), _NULL),
        PASS,
        "refused after RCPT",
    ),
    Case("relay-not-delivered", delivery(message("250 Ok", "250 Ok", "554 no"), _NULL), PASS, "refused after RCPT"),
    Case("relay-not-delivered", delivery(message("250 Ok", "554 no"), _NULL), PASS, "refused after RCPT"),
    Case(
        "relay-not-delivered",
        delivery(message("250 Ok", "250 Ok", "354 Go", "451 4.3.0 later"), _NULL),
        INDETERMINATE,
        "451 4.3.0",
    ),
    Case(
        "relay-not-delivered",
        delivery(message("250 Ok", "250 Ok", "354 Go", ended="no reply within 15 s"), _NULL),
        INDETERMINATE,
        "within 15 s",
    ),
    Case(
        "relay-not-delivered",
        delivery(message("250 Ok", "250 Ok", "354 Go", ended=HUNG_UP), _NULL),
        INDETERMINATE,
        "closed the connection",
    ),
    Case("relay-not-delivered", delivery(message("250 Ok", ended=HUNG_UP), _NULL), PASS, "refused after RCPT"),
    Case("relay-not-delivered", delivery(dialogue(unknown="cannot connect"), _NULL), INDETERMINATE, "cannot connect"),
    Case("relay-not-delivered", delivery(every=envelope(GREYLISTED)), INDETERMINATE, "Greylisted"),
    Case(
        "relay-not-delivered", delivery(unknown="cannot connect", address="192.0.2.1"), INDETERMINATE, "from 192.0.2.1"
    ),
    Case(
        "relay-not-delivered",
        delivery(every=dialogue(exchange("MAIL FROM:<>", "550 no"), unknown="550 no")),
        PASS,
        "no message was sent",
    ),
    Case(
        "relay-not-delivered",
        delivery(every=envelope(_BLOCKED), local=envelope(_BLOCKED)),
        INDETERMINATE,
        "mailbox of its own",
    ),
    Case("relay-not-delivered", delivery(every=envelope(_BLOCKED)), PASS, "no message was sent"),
    Case("relay-not-delivered", delivery(local=envelope(DENIED)), PASS, "no message was sent"),
    Case(
        "relay-not-delivered", delivery(every=envelope(_BLOCKED), local=dialogue()), INDETERMINATE, "mailbox of its own"
    ),
    Case("relay-not-delivered", delivery(local_again=envelope(_BLOCKED)), INDETERMINATE, "not behind them"),
)

CASES = (*_PLAIN, *_ROUTED, *_DELIVERED)
