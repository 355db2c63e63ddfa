"""The staff's console, put together: a part of the composition root.

NiceGUI and the pages are imported where the console asks for them, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.callers import callers
from bot.clock import Clock, wall
from bot.console.console import Console, pages_of
from bot.console.office import Office
from bot.console.press import Press
from bot.console.signing import Signing
from bot.console.visits import Badge
from bot.feeds import intakes
from bot.feeds.feeds import Feeds
from bot.feeds.folder import Folder
from bot.feeds.values import Kind
from bot.figures import Figures
from bot.outbound import channels, limits
from bot.records import Records
from bot.services.card_files import Cardhouse
from bot.settings import Settings
from bot.staff.doors import Doors
from bot.staff.secrets import Passwords
from bot.standings import Standings
from bot.wording import Wording
from conversations.replies import Param, Word
from storage.card_files import CardFiles
from storage.lookups import Lookups


def console_of(records: Records, wording: Wording, now: Clock, settings: Settings) -> Console:
    """The console of this process."""
    passwords = Passwords()
    doors = Doors(records.database, records.staff, records.audit, passwords, now)
    figures = Figures(records.database, now)
    standings = Standings(records.database, records.broadcasts, limits(settings), now)
    press = Press(
        records.broadcasts,
        records.ledger,
        standings,
        channels(settings),
        settings.pairing_deadline,
        records.vault,
    )
    feeds = feeds_of(records, now)
    office = Office(
        wording,
        now,
        records.database,
        records.staff,
        records.audit,
        doors,
        figures,
        press,
        feeds,
        Lookups(records.vault, records.registry.cards),
    )
    badge = Badge(settings.address)

    def say(name: str, locale: str, params: Mapping[str, Param]) -> str:
        return wording.text(Word(f"console.door.{name}", params), locale)

    names = {each: wording.text(Word(f"locale:{each}"), each) for each in wording.locales}
    signing = Signing(doors, badge, say, names, caller=callers(settings))
    return Console(signing, doors.who, badge, pages_of(office), feeds.working)


def feeds_of(records: Records, now: Clock) -> Feeds:
    """What takes in the files that staff hand in, beside everything else that this process does."""
    database, registry, settings = records.database, records.registry, records.settings
    cards = CardFiles(records.vault, registry.cards)
    house = Cardhouse(database, cards, records.vault, settings.pairing_deadline, now, gentle=True)
    taken = {Kind.RISKS: intakes.risks(database, registry, now), Kind.CARDS: intakes.cards(house)}
    return Feeds(Folder(settings.hesbot_home, wall), taken, database, records.audit, now)
