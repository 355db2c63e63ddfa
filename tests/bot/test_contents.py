"""What WhatsApp has to keep for us, by the catalogues and the talk as they are today."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import contents
from bot.channels.base import Limits, Message
from bot.channels.whatsapp_content import Kind, faults, parts
from bot.contents import Shelf, keep_fresh
from bot.notices.letters import SENTENCES
from bot.wording import Wording
from conversations.engine import step
from conversations.events import Event, Said
from conversations.questions import question
from conversations.replies import Reply, Retract
from conversations.state import Aside, Offer, Place, State
from storage import Database, Unavailable
from storage.contents import Content, Contents
from tests import homes

WORDING = Wording.load()
DRAFTS = contents.drafts(WORDING)
LIMITS = Limits(text=1600, buttons=10, label=20, plain=True)
NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)


# --- notices --------------------------------------------------------------------------------


def test_every_notice_has_a_template_in_every_language() -> None:
    """The sentences of the catalogues, whatever notices there are."""
    keys = {word.key for word in SENTENCES}
    found = contents.notices(WORDING)
    assert set(found) == {(key, locale) for key in keys for locale in WORDING.locales}
    assert keys == set(WORDING.keys("notice.")) - {contents.REMINDER}


@pytest.mark.parametrize(
    "which", list(contents.notices(WORDING)), ids=lambda which: ".".join(which)
)
def test_whatsapp_takes_the_sentence(which: tuple[str, str]) -> None:
    """No value at the beginning or the end, none beside another, words enough around them."""
    assert faults(contents.notices(WORDING)[which]) == []


def test_a_template_says_what_the_letter_says() -> None:
    """The values of a letter, in their order, make its text of the template."""
    draft = contents.notices(WORDING)["notice.code_expires", "tr"]
    text = draft.body
    for number, sample in enumerate(draft.samples, 1):
        text = text.replace(f"{{{{{number}}}}}", sample)
    assert "{" not in text
    assert "Sonu 0123 olan" in text
    assert text.endswith(f"\n\n{WORDING.template([contents.REMINDER], 'tr').body}")


# --- choices --------------------------------------------------------------------------------


def test_names_are_whatsapps_own_kind_and_unique() -> None:
    names = [draft.name for draft in DRAFTS]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name == name.lower() and len(name) <= 512 for name in names)


def test_every_choice_fits_what_shows_it() -> None:
    """Three of 20 characters, or ten of 24; ids of at most 200; a list can be opened."""
    for draft in DRAFTS:
        few = draft.kind is Kind.QUICK_REPLY
        assert len(draft.choices) <= (3 if few else 10)
        assert all(len(title) <= (20 if few else 24) for _, title in draft.choices)
        assert all(len(id) <= 200 for id, _ in draft.choices)
        assert len(draft.body) <= 1024
        assert (0 < len(draft.opener) <= 20) is (draft.kind is Kind.LIST_PICKER)


@pytest.mark.parametrize("locale", WORDING.locales)
@pytest.mark.parametrize(
    ("talk", "label"),
    [
        ((), "consent"),
        (("evet",), ""),
        (("evet", "Ayşe", "Yılmaz", "10000000146", "1/2/60"), "doubt"),
        (("evet", "Ayşe", "Yılmaz", "10000000146", "1.2.1960"), "email"),
        (("evet", "Ayşe", "Yılmaz", "10000000146", "1.2.1960", "ayse@"), "email"),
        (("evet", "Ayşe", "geri"), "first_name"),
    ],
)
def test_the_talks_questions_have_their_buttons(
    talk: tuple[str, ...], label: str, locale: str
) -> None:
    """Every choice of a talk as it goes is among what setup makes; other messages are text."""
    state = State(locale=locale)
    replies: tuple[Reply | Retract, ...] = ()
    for text in ("merhaba", *talk):
        event: Event = WORDING.hear(Said(text))
        turn = step(state, event, NOW)
        state, replies = turn.state, turn.replies
    *_, last = WORDING.answer(replies, locale, LIMITS).messages
    assert fields_of(last, locale) == ([label] if label else [])


@pytest.mark.parametrize(
    "state",
    [
        State(Place.MENU, known=True),
        State(Place.MENU),
        State(Place.TERMS, form="registration"),
        *(State(Place.MENU, aside=aside) for aside in (Aside.REMINDED, Aside.UNREMINDED)),
        State(Place.MENU, aside=Aside.SILENT),
    ],
    ids=["known", "new", "terms", "reminded", "unreminded", "silent"],
)
def test_the_menus_have_their_buttons(state: State) -> None:
    (message,) = WORDING.answer([question(state)], "tr", LIMITS).messages
    assert len(fields_of(message, "tr")) == 1


def test_what_is_found_at_run_time_stays_numbers() -> None:
    """The cards of a person are not known beforehand."""
    cards = (Offer("1", "0123"), Offer("2", "4567"))
    state = State(Place.MENU, known=True, aside=Aside.CARD, offers=cards)
    (message,) = WORDING.answer([question(state)], "tr", LIMITS).messages
    assert fields_of(message, "tr") == []
    assert message.plain.endswith("2. Sonu 4567 olan kart")


def fields_of(message: Message, locale: str) -> list[str]:
    """What a message with buttons asks for, if setup makes them."""
    opener = contents.openers(WORDING)[locale]
    names = {draft.name: draft.name for draft in DRAFTS}
    *_, last = parts(message, locale, opener, names.get)
    return [last.sid.removeprefix("hesbot_").rsplit("_", 2)[0]] if last.sid else []


# --- what is known of them ------------------------------------------------------------------


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await homes.opened_in(tmp_path)
    yield opened
    await opened.close()


async def kept(database: Database, **approvals: str) -> None:
    """Write down that the Turkish suspension notice was made, with that approval."""
    names = {key: draft.name for key, draft in contents.notices(WORDING).items()}
    found = {
        names[f"notice.{kind}", "tr"]: Content(f"HX{kind}", word)
        for kind, word in approvals.items()
    }
    async with database.begin() as connection:
        await Contents().keep(connection, found, NOW)


async def test_only_what_is_approved_goes_out(database: Database) -> None:
    shelf = Shelf(database, WORDING, {})
    assert shelf.template("notice.suspended", "tr") is None
    await kept(database, suspended="approved", returned="pending", passive="rejected")
    await shelf.refresh()
    assert shelf.template("notice.suspended", "tr") == "HXsuspended"
    assert shelf.template("notice.suspended", "en") is None
    assert shelf.template("notice.returned", "tr") is None
    assert shelf.template("notice.passive", "tr") is None
    assert shelf.template("notice.nothing", "tr") is None


async def test_another_sentence_needs_another_approval(database: Database) -> None:
    """What was approved under a sentence that has changed since is not sent."""
    async with database.begin() as connection:
        old = {"hesbot_suspended_tr_00000000": Content("HXold", "approved")}
        await Contents().keep(connection, old, NOW)
    shelf = Shelf(database, WORDING, {})
    await shelf.refresh()
    assert shelf.template("notice.suspended", "tr") is None


@pytest.mark.parametrize("name", ["suspended.tr", "notice.suspended.tr"])
async def test_the_settings_win(database: Database, name: str) -> None:
    await kept(database, suspended="approved")
    shelf = Shelf(database, WORDING, {name: "HXset"})
    await shelf.refresh()
    assert shelf.template("notice.suspended", "tr") == "HXset"


class Watched(Shelf):
    """A shelf that tells when it has been looked at; the first look fails."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, WORDING, {})
        self.failures = [Unavailable("for a test")]
        self.looked = asyncio.Semaphore(0)

    async def refresh(self) -> bool:
        if self.failures:
            raise self.failures.pop()
        news = await super().refresh()
        self.looked.release()
        return news


async def test_what_is_made_later_becomes_known(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody has to start us anew after a setup, nor after an outage of the records."""
    shelf, told = Watched(database), asyncio.Event()

    async def news() -> None:
        told.set()

    task = asyncio.create_task(keep_fresh(shelf, news, every=0.001))
    await shelf.looked.acquire()
    assert "could not be read" in caplog.text
    assert not told.is_set()
    await kept(database, suspended="approved")
    await told.wait()
    # The look under way may have begun before; the next one but one has not.
    await shelf.looked.acquire()
    await shelf.looked.acquire()
    assert shelf.template("notice.suspended", "tr") == "HXsuspended"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_buttons_need_no_approval(database: Database) -> None:
    """A draft is found by its name once it was made."""
    shelf = Shelf(database, WORDING, {})
    async with database.begin() as connection:
        await Contents().keep(connection, {DRAFTS[-1].name: Content("HX1")}, NOW)
    await shelf.refresh()
    assert shelf.sid(DRAFTS[-1].name) == "HX1"
    assert shelf.sid("hesbot_nothing") is None
