"""Faults of chapters identity and limits: across STARTTLS, what is announced and told, limits that are not there."""

from ..scripted import Conversation, fault
from ..scripted_wire import Over


@fault("keeps-the-transaction")
class KeepsTheTransaction(Conversation):
    """What was said in clear is still there inside TLS (against RFC 3207 section 4.2)."""

    def start_tls(self) -> None:
        kept = self.greeted, self.extended, self.transaction
        super().start_tls()
        self.greeted, self.extended, self.transaction = kept


@fault("starttls-with-argument")
class TakesAnArgument(Conversation):
    """STARTTLS may be followed by anything."""

    def do_starttls(self, argument: str) -> None:
        super().do_starttls("")


@fault("starttls-again")
class BeginsAgain(Conversation):
    """Says yes to STARTTLS inside TLS."""

    def do_starttls(self, argument: str) -> None:
        if self.inside_tls and not argument:
            self.reply(220, "2.0.0 go ahead, again")
            raise Over
        super().do_starttls(argument)


@fault("offers-starttls-inside")
class OffersInside(Conversation):
    """Announces STARTTLS wherever it is."""

    def offers_starttls(self) -> bool:
        return True


@fault("leaves-when-out-of-order")
class Leaves(Conversation):
    """Hangs up on RCPT without MAIL, as a few strict servers do: no fault of these chapters."""

    def do_rcpt(self, argument: str) -> None:
        if self.transaction is None:
            self.reply(503, "5.5.1 MAIL comes first")
            raise Over
        super().do_rcpt(argument)


class _Announces(Conversation):
    keyword = ""

    def extensions(self) -> list[str]:
        return [*super().extensions(), self.keyword]


@fault("offers-turn")
class OffersTurn(_Announces):
    """TURN of RFC 821."""

    keyword = "TURN"


@fault("offers-xexch50")
class OffersXexch50(_Announces):
    """The private extension of old Exchange servers."""

    keyword = "XEXCH50"


@fault("offers-xclient-inside")
class OffersXclientInside(Conversation):
    """XCLIENT, but inside TLS only."""

    def extensions(self) -> list[str]:
        return [*super().extensions(), *(["XCLIENT NAME ADDR LOGIN"] if self.inside_tls else [])]


@fault("takes-etrn")
class TakesEtrn(Conversation):
    """Starts a run of the queue for anybody, without announcing it."""

    def do_etrn(self, argument: str) -> None:
        self.reply(250, "2.0.0 queuing started")


@fault("helps-with-its-version")
class Helps(Conversation):
    """Says in HELP what it does not say in the greeting."""

    def do_help(self, argument: str) -> None:
        self.reply(214, "2.0.0 This is sendmail version 8.17.1.9", "2.0.0 For more info use HELP <topic>.")


@fault("hangs-up-on-help")
class HangsUpOnHelp(Conversation):
    """Whoever asks for help is left."""

    def do_help(self, argument: str) -> None:
        raise Over


@fault("changes-its-name-inside")
class ChangesItsName(Conversation):
    """Is somebody else inside TLS."""

    def ehlo_name(self) -> str:
        return "backend.example" if self.inside_tls else super().ehlo_name()


@fault("any-number-of-connections")
class AnyNumber(Conversation):
    """One client may have them all."""

    most_connections = 100_000


@fault("any-number-of-errors")
class AnyNumberOfErrors(Conversation):
    """Answers junk for as long as it comes."""

    most_errors = 100_000


@fault("gives-up-early")
class GivesUpEarly(Conversation):
    """As fast as the well-kept servers of group slow: no fault there."""

    idle_seconds = 3.0


@fault("waits-for-the-message")
class WaitsForTheMessage(GivesUpEarly):
    """A message may stop in the middle for ever."""

    def message(self) -> bytes:
        self.idle_seconds = 3600.0
        return super().message()


@fault("waits-for-the-command")
class WaitsForTheCommand(Conversation):
    """The next command may come in an hour; a message may not stop."""

    idle_seconds = 3600.0

    def message(self) -> bytes:
        self.idle_seconds = 3.0
        return super().message()
