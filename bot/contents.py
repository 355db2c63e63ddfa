"""Which texts WhatsApp has to keep for us: every notice, and every set of choices of the talk.

Joins the talk's questions and the catalogues to drafts; knows neither Twilio nor tables beyond what
was written down of its contents.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType

from bot.channels.base import Limits
from bot.channels.whatsapp_content import MAX_ITEMS, Draft, drafts_for, notice_draft
from bot.notices.letters import SENTENCES
from bot.notices.rules import REMINDERS
from bot.wording import Wording
from conversations.engine import step
from conversations.events import Opened
from conversations.questions import asking, question
from conversations.registration import FORMS
from conversations.replies import Param, Reply, Word
from conversations.state import Aside, Place, State
from storage import Database, Unavailable
from storage.contents import Content, Contents

log = logging.getLogger("hesbot.contents")

EVERY = 60.0
"""Seconds until what was made or approved meanwhile is known here."""

REMINDER = "notice.reminders"
"""The sentence below every reminder."""

APPROVED = "approved"
"""Twilio's word for a template that may go out (ApprovalRequests, status)."""

_DAY = date(1960, 2, 1)
_MOMENT = datetime(2021, 1, 15, tzinfo=UTC)

_SAMPLES: Mapping[str, Param] = MappingProxyType(
    {"card": "0123", "days": 3, "deadline": _MOMENT, "until": _MOMENT}
)
"""What stands in a notice, invented, by its name."""


def drafts(wording: Wording) -> list[Draft]:
    """Every text there is to be, each once: notices first, for they wait for approval."""
    found: dict[str, Draft] = {}
    for draft in (*notices(wording).values(), *choices(wording)):
        found.setdefault(draft.name, draft)
    return list(found.values())


# --- notices --------------------------------------------------------------------------------


def notices(wording: Wording) -> dict[tuple[str, str], Draft]:
    """The template of every notice, by the sentence's key and the language."""
    return {
        (word.key, locale): _notice(wording, word.key, locale)
        for word in SENTENCES
        for locale in wording.locales
    }


def _notice(wording: Wording, key: str, locale: str) -> Draft:
    is_reminder = key.removeprefix("notice.").partition(".")[0] in REMINDERS
    template = wording.template((key, REMINDER) if is_reminder else (key,), locale)
    samples = wording.values(Word(key, _SAMPLES), locale)
    return notice_draft(key, locale, template.body, samples)


# --- choices --------------------------------------------------------------------------------


def choices(wording: Wording) -> Iterator[Draft]:
    """Buttons for everything that is asked with choices known beforehand."""
    limits = Limits(text=1600, buttons=MAX_ITEMS)
    for locale in wording.locales:
        opener = openers(wording)[locale]
        for replies in _asked(wording.keys("doubt.")):
            for message in wording.answer(replies, locale, limits).messages:
                yield from drafts_for(message, locale, opener)


def openers(wording: Wording) -> dict[str, str]:
    """What opens a list of choices, by language."""
    return {locale: wording.text(Word("choices.open"), locale) for locale in wording.locales}


def _asked(doubts: Iterable[str]) -> Iterator[tuple[Reply, ...]]:
    """What is said where the talk offers choices, a date standing for every answer."""
    met = step(State(), Opened(), _MOMENT).replies
    yield tuple(reply for reply in met if isinstance(reply, Reply))
    for state in (*_places(), *_asides(doubts)):
        yield (question(state),)
        if state.place is Place.ASKING and state.aside is Aside.NONE:
            yield (asking(state, "again"),)


def _places() -> Iterator[State]:
    """Where a person can stand, as far as it makes a difference to what is asked."""
    yield State(Place.CONSENT)
    for known in (False, True):
        yield State(Place.MENU, known=known)
    for full in _filled():
        yield full
        yield replace(full, place=Place.TERMS)
        for field in FORMS[full.form].fields:
            here = replace(full, place=Place.ASKING, field=field.name)
            yield here
            yield replace(here, answers={})


def _asides(doubts: Iterable[str]) -> Iterator[State]:
    """What can be asked in between."""
    for full in _filled():
        yield from (replace(full, aside=aside) for aside in Aside if aside is not Aside.DOUBT)
        for code in doubts:
            yield replace(full, aside=Aside.DOUBT, doubt=_DAY, doubt_code=code)


def _filled() -> Iterator[State]:
    """Every form with all its answers, one's own and a relative's."""
    for form in FORMS.values():
        answers = dict.fromkeys((field.name for field in form.fields), _DAY)
        full = State(Place.REVIEW, form=form.name, answers=answers, field=form.fields[0].name)
        yield from (full, replace(full, relative=True))


# --- what is known of them ------------------------------------------------------------------


class Shelf:
    """What Twilio keeps for us, as far as is known in this process: ``refresh`` looks again.

    ``named`` are the settings' templates, ``suspended.tr`` or ``notice.suspended.tr`` to its
    ContentSid; they win over what was made by setup.
    """

    def __init__(self, database: Database, wording: Wording, named: Mapping[str, str]) -> None:
        self._database = database
        self._named = {name.removeprefix("notice."): sid for name, sid in named.items()}
        self._notices = {which: draft.name for which, draft in notices(wording).items()}
        self._kept: Mapping[str, Content] = {}

    async def refresh(self) -> bool:
        """Look again; whether anything is new. Raise storage.Unavailable; what was known stays."""
        async with self._database.read() as connection:
            found = await Contents().all(connection)
        news, self._kept = found != self._kept, found
        return news

    def sid(self, name: str) -> str | None:
        """The ContentSid of a draft by its name; None if it was never made."""
        kept = self._kept.get(name)
        return kept.sid if kept is not None else None

    def template(self, name: str, locale: str) -> str | None:
        """The ContentSid of a notice as it reads today; None if there is none to be sent."""
        if named := self._named.get(f"{name.removeprefix('notice.')}.{locale}"):
            return named
        kept = self._kept.get(self._notices.get((name, locale), ""))
        return kept.sid if kept is not None and kept.approval == APPROVED else None


async def keep_fresh(
    shelf: Shelf, news: Callable[[], Awaitable[None]] | None = None, every: float = EVERY
) -> None:
    """Look again and again until cancelled, so that nobody has to start us anew after a setup.

    ``news`` is called when something is new; it may raise storage.Unavailable.
    """
    owed = False
    while True:
        try:
            owed = await shelf.refresh() or owed
            if owed and news is not None:
                await news()
            owed = False
        except Unavailable:
            log.warning("what WhatsApp keeps for us could not be read; trying again")
        await asyncio.sleep(every)
