"""Relaying, senders and directories, done wrongly."""

import re

from ..scripted import DOMAIN, Conversation, fault
from ..scripted_wire import Over, Refused

_SHORT = 80
"""Characters of an address that nobody would ask for only to see how long one may be."""

# --- relaying


@fault("relays-for-all")
class RelaysForAll(Conversation):
    """An open relay."""

    def relay(self, recipient: str) -> None:
        pass


@fault("relays-source-routes")
class RelaysSourceRoutes(Conversation):
    """Believes that a route begins here, so that it must be for us."""

    def path(self, word: str, argument: str) -> tuple[str, list[str]]:
        self.routed = argument.startswith("TO:<@")
        return super().path(word, argument)

    def relay(self, recipient: str) -> None:
        if not self.routed:
            super().relay(recipient)


@fault("relays-quoted")
class RelaysQuoted(Conversation):
    """Takes quotes off, and sends to what was in them."""

    def check_recipient(self, recipient: str) -> None:
        inside = re.fullmatch(r'"([^"]+@[^"]+)"(@.*)?', recipient)
        if inside is None or inside[1].endswith(f"@{DOMAIN}"):
            super().check_recipient(recipient)

    def address_form(self, address: str, utf8: bool) -> None:
        if not address.startswith('"'):
            super().address_form(address, utf8)


@fault("relays-bang-paths")
class RelaysBangPaths(Conversation):
    """Speaks UUCP: the host before the ! is the next one (RFC 976)."""

    def check_recipient(self, recipient: str) -> None:
        host, bang, _ = recipient.partition("!")
        if not bang or host == DOMAIN:
            super().check_recipient(recipient)

    def address_form(self, address: str, utf8: bool) -> None:
        if "!" not in address:
            super().address_form(address, utf8)


@fault("relays-before-the-last-at")
class RelaysBeforeTheLastAt(Conversation):
    """Takes its own name off the end, and sends to what is left."""

    def check_recipient(self, recipient: str) -> None:
        rest, _, domain = recipient.rpartition("@")
        if domain != DOMAIN or "@" not in rest or rest.endswith(f"@{DOMAIN}"):
            super().check_recipient(recipient)

    def address_form(self, address: str, utf8: bool) -> None:
        super().address_form(address.replace("@", "", address.count("@") - 1), utf8)


@fault("refuses-relaying-after-data")
class RefusesAfterData(RelaysForAll):
    """Takes every recipient, and no message to other domains."""

    def check_message(self, message: bytes) -> None:
        super().check_message(message)
        found = self.transaction_before
        if any(not recipient.lower().endswith(f"@{DOMAIN}") for recipient in found):
            raise Refused(554, "5.7.1 no relaying")

    def do_data(self, argument: str) -> None:
        self.transaction_before = list(self.transaction.recipients) if self.transaction else []
        super().do_data(argument)


@fault("hangs-up-on-relaying")
class HangsUpOnRelaying(Conversation):
    """Hangs up without a word on who asks for other domains. Rude, but no relay."""

    def relay(self, recipient: str) -> None:
        if not self.user and len(recipient) <= _SHORT and "[" not in recipient:
            raise Over
        super().relay(recipient)


@fault("greylists")
class Greylists(Conversation):
    """Not now, whoever is meant."""

    def check_recipient(self, recipient: str) -> None:
        raise Refused(450, "4.2.0 greylisted, come back in a while")


@fault("defers-relaying")
class DefersRelaying(Conversation):
    """Not now to other domains, with a reason that has nothing to do with them."""

    def relay(self, recipient: str) -> None:
        if len(recipient) <= _SHORT:
            raise Refused(451, "4.3.0 temporary lookup failure")
        super().relay(recipient)


# --- senders


@fault("any-sender")
class AnySender(Conversation):
    """Nobody looks at whose address it is."""

    def check_sender(self, sender: str) -> None:
        pass


@fault("any-sender-of-the-domain")
class AnySenderOfTheDomain(Conversation):
    """Looks at the domain alone."""

    def check_sender(self, sender: str) -> None:
        if sender and not sender.lower().endswith(f"@{DOMAIN}"):
            super().check_sender(sender)


@fault("first-from-only")
class FirstFromOnly(Conversation):
    """Looks at the first From field, and at nothing else."""

    def authors(self, message: bytes) -> list[str]:
        return super().authors(message)[:1]


@fault("last-author-only")
class LastAuthorOnly(Conversation):
    """Looks at the last address of all."""

    def authors(self, message: bytes) -> list[str]:
        return super().authors(message)[-1:]


@fault("any-author")
class AnyAuthor(Conversation):
    """Nobody looks into the message."""

    def check_author(self, message: bytes) -> None:
        pass


@fault("refuses-its-users")
class RefusesItsUsers(Conversation):
    """Knows nobody's address."""

    def check_sender(self, sender: str) -> None:
        if self.user:
            raise Refused(553, "5.7.1 not your address")


# --- directories


@fault("vrfy-with-names")
class VrfyWithNames(Conversation):
    """Answers VRFY as RFC 5321 section 3.5.1 has it."""

    def do_vrfy(self, argument: str) -> None:
        local = argument.partition("@")[0].lower()
        if not self.is_mailbox(local):
            raise Refused(550, "5.1.1 no such user")
        self.reply(250, f"2.1.5 {local.title()} Example <{local}@{DOMAIN}>")


@fault("vrfy-by-word")
class VrfyByWord(Conversation):
    """The same code for everyone, and other words."""

    def do_vrfy(self, argument: str) -> None:
        there = self.is_mailbox(argument.partition("@")[0])
        self.reply(252, "2.5.0 would be delivered" if there else "2.5.0 would be looked up")


@fault("vrfy-yes")
class VrfyYes(Conversation):
    """Says yes to everyone: no news."""

    def do_vrfy(self, argument: str) -> None:
        self.reply(250, f"2.5.0 <{argument}>")


@fault("expn-with-members")
class ExpnWithMembers(Conversation):
    """Lists who reads the postmaster's mail."""

    def do_expn(self, argument: str) -> None:
        if argument.partition("@")[0].lower() != "postmaster":
            raise Refused(550, "5.1.1 no such list")
        self.reply(250, "2.1.5 Alice Example <alice@lab.example>", "2.1.5 Bob Example <bob@lab.example>")


@fault("expn-of-abuse")
class ExpnOfAbuse(Conversation):
    """Keeps the postmaster's list to itself, and not the other."""

    def do_expn(self, argument: str) -> None:
        if argument.partition("@")[0].lower() != "abuse":
            raise Refused(550, "5.7.1 not told")
        self.reply(250, "2.1.5 <bob@lab.example>")
