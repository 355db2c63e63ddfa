"""The staff's console, put together: a part of the composition root.

NiceGUI and the pages are imported where the console asks for them, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.clock import Clock
from bot.console.console import Console, pages_of
from bot.console.office import Office
from bot.console.press import Press
from bot.console.signing import Signing
from bot.console.visits import Badge
from bot.figures import Figures
from bot.outbound import channels, limits
from bot.records import Records
from bot.settings import Settings
from bot.staff.doors import Doors
from bot.staff.secrets import Passwords
from bot.standings import Standings
from bot.wording import Wording
from conversations.replies import Param, Word


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
    office = Office(
        wording, now, records.database, records.staff, records.audit, doors, figures, press
    )
    badge = Badge(settings.address)

    def say(name: str, locale: str, params: Mapping[str, Param]) -> str:
        return wording.text(Word(f"console.door.{name}", params), locale)

    proxied = settings.public_url is not None
    names = {each: wording.text(Word(f"locale:{each}"), each) for each in wording.locales}
    signing = Signing(doors, badge, say, names, proxied=proxied)
    return Console(signing, doors.who, badge, pages_of(office))
