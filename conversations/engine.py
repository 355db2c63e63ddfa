"""The talk as a function: ``step(state, event, now) → Turn``.

The only way for anything to change where a person stands. It asks nobody, reads no clock and makes
no sentence: what a person does comes in as an Event, what the world found comes in as Learned, and
what should happen goes out as replies, an action and an errand.

An event becomes a choice (``choices``), a command (``commands``), an answer (``answers``) or a
finding (``findings``); all four speak in ``moves``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from conversations.actions import SetNotices
from conversations.announcing import called
from conversations.answers import contact, typed
from conversations.choices import chosen
from conversations.commands import commanded
from conversations.events import (
    Delivered,
    Event,
    Learned,
    Opened,
    OptedOut,
    Picked,
    Said,
    SentMedia,
    SharedContact,
)
from conversations.findings import learned
from conversations.moves import (
    Turn,
    begin,
    current,
    go,
    reminded,
    say,
    spoken,
    stopped,
    tidied,
    traced,
)
from conversations.parsers import introduced
from conversations.questions import field_of, form_of, question
from conversations.registration import REGISTRATION
from conversations.replies import Reply
from conversations.rights import exercised, left
from conversations.state import Aside, Place, State
from conversations.turkish import NAMES_TOO, fold
from conversations.understanding import (
    command,
    fits,
    in_full,
    is_delicate,
    is_for_staff,
    labels,
    language,
    picked,
)
from conversations.values import replace

MEDIA = frozenset({"photo", "voice", "video", "sticker", "location", "contact", "file"})
"""Kinds of message that have an answer of their own."""

__all__ = ["Turn", "step"]


def step(state: State, event: Event, now: datetime) -> Turn:
    """What happens next. Never raises for anything a person can do."""
    if isinstance(event, Delivered):
        return Turn(traced(state, event.message))
    turn = tidied(_step(state, event, now))
    if isinstance(event, Learned) or turn.state.errand is None:
        return turn
    return reminded(turn, command(event) == "status")


def _step(state: State, event: Event, now: datetime) -> Turn:
    before, state = state, current(state)
    if isinstance(event, Learned):
        return learned(state, event.finding)
    if is_delicate(event) and not _is_free(state, event):
        state = traced(state, event.message)
    if state.place is Place.NEW:
        return _meet(state, event, now)
    if state.turn != before.turn and not _opts_out(event):
        # The form was changed meanwhile; what was typed answers a question that is no more.
        return say(state, Reply("resumed"))
    if _late(state, event):
        return say(state, Reply("late"))
    if _said_again(state, event):
        return say(state, Reply("counted"))
    return _heard(state, event, now)


def _meet(state: State, event: Event, now: datetime) -> Turn:
    """The first word to somebody we have not met: who we are, the notice, the consent."""
    if named := language(event):
        state = replace(state, locale=named)
    if _opts_out(event):
        return Turn(state, (Reply("stopped"),), SetNotices(False))
    if is_for_staff(event):
        return called(state, event, now)
    if command(event) == "erase":
        return _stamped(exercised(state, "erase"), event)
    turn = begin(state, REGISTRATION, Reply("greeting"), Reply("notice"))
    if isinstance(event, Picked) and fits(event, question(turn.state).question):
        # Who presses a button under the greeting has been shown it, though nothing was kept then.
        return chosen(turn.state, event.choice)
    return _stamped(turn, event)


def _late(state: State, event: Event) -> bool:
    """Written before the message that led to the present question, so no answer to it."""
    return (
        event.written_at is not None
        and state.heard_at is not None
        and event.written_at < state.heard_at
        and not _opts_out(event)
    )


_BEFORE: Mapping[Place, str] = {
    Place.ASKING: "choice.consent.accept",
    Place.TERMS: "choice.review.confirm",
}
"""What led to where a person stands now, by the label of the choice."""


def _said_again(state: State, event: Event) -> bool:
    """The answer to the question before, once more, from a messenger that tells no times.

    WhatsApp may bring late what it could not hand over at first, when it was written again
    meanwhile. It is nobody's name, and agrees to no terms that were not yet on the screen.
    """
    return (
        event.written_at is None
        and state.aside is Aside.NONE
        and in_full(event, _BEFORE.get(state.place, ""))
        and not _is_free(state, event)
    )


def _opts_out(event: Event) -> bool:
    """A wish to be left alone answers no question, and holds whenever it arrives."""
    return isinstance(event, OptedOut) or command(event) == "stop"


def _heard(state: State, event: Event, now: datetime) -> Turn:
    turn = _move(state, event, now)
    return _stamped(turn, event) if turn.state.turn != state.turn else turn


def _stamped(turn: Turn, event: Event) -> Turn:
    if event.written_at is None:
        return turn
    return replace(turn, state=replace(turn.state, heard_at=event.written_at))


def _move(state: State, event: Event, now: datetime) -> Turn:
    if isinstance(event, Opened):
        return say(left(state), *_welcome(state))
    if isinstance(event, SentMedia):
        return say(state, Reply(f"media.{event.kind if event.kind in MEDIA else 'other'}"))
    if isinstance(event, SharedContact):
        return contact(state, event, now)
    if is_for_staff(event) and not _is_name(state, event):
        return called(state, event, now)
    asked = question(state).question
    if isinstance(event, Picked) and state.aside is Aside.RIGHTS:
        menu = replace(state, aside=Aside.NONE)
        if fits(event, question(menu).question):
            return chosen(menu, event.choice)
    if isinstance(event, Picked) and not fits(event, asked):
        return say(state, Reply("stale"))
    if isinstance(event, OptedOut) and not (in_form(state) and command(event) == "cancel"):
        return stopped(state)
    if choice := picked(event, asked):
        return chosen(state, choice)
    if field := corrected_field(state, event):
        return go(state, place=Place.ASKING, field=field, correcting=True)
    if _is_free(state, event):
        return typed(state, event, now)
    if named := language(event):
        return spoken(replace(state, locale=named))
    if (name := command(event)) and not _is_name(state, event):
        turn = commanded(state, name, event)
        if turn is not None:
            return turn
    return typed(state, event, now)


def in_form(state: State) -> bool:
    """Whether there is something that "iptal" would cancel."""
    return state.place is not Place.MENU or state.aside is not Aside.NONE


def _is_name(state: State, event: Event) -> bool:
    """Whether the word is better taken for the name that is being asked: "Metin", "adım Ulan"."""
    return (
        isinstance(event, Said)
        and state.place is Place.ASKING
        and state.aside is Aside.NONE
        and field_of(state).names
        and (fold(event.text) in NAMES_TOO or introduced(event.text))
    )


_WAYS_OUT = frozenset({"back", "cancel", "menu", "help", "announce", "stop"})


def _is_free(state: State, event: Event) -> bool:
    """Whether it is a text of the person's own making, which may read like anything."""
    return (
        isinstance(event, Said)
        and state.place is Place.ASKING
        and state.aside is Aside.NONE
        and field_of(state).free
        and command(event) not in _WAYS_OUT
    )


def corrected_field(state: State, event: Event) -> str:
    """The field that is named where one can be corrected: "soyadım yanlış"."""
    if state.place is not Place.REVIEW or state.aside not in (Aside.NONE, Aside.CORRECT):
        return ""
    named = labels(event)
    return next((f.name for f in form_of(state).fields if f.title.key in named), "")


def _welcome(state: State) -> tuple[Reply, ...]:
    if state.place is Place.MENU:
        return (Reply("welcome_back"),)
    return (Reply("resumed"),)
