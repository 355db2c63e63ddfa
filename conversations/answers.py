"""What is done with an answer: parsed, doubted, refused with a reason, or kept."""

from __future__ import annotations

from datetime import datetime

from conversations.actions import Value
from conversations.calendar import today
from conversations.commands import told_how
from conversations.events import Event, OptedOut, Said, SharedContact
from conversations.moves import Turn, go, proceed, say, traced
from conversations.parsers import Doubt, Invalid
from conversations.questions import asking, field_of, help_for, question
from conversations.replies import Reply, Word
from conversations.state import Aside, Place, State
from conversations.turkish import is_question, puts_off
from conversations.values import replace

TRIES_BEFORE_HELP = 3
"""Every third wrong try at one question gets the longer help."""


def typed(state: State, event: Event, now: datetime) -> Turn:
    """Text that is neither a choice nor a command: an answer, if one is awaited."""
    text = event.text if isinstance(event, Said | OptedOut) else ""
    if state.place is Place.ASKING and text.strip() and state.aside in (Aside.NONE, Aside.DOUBT):
        sensitive = field_of(state).sensitive
        return answered(traced(state, event.message) if sensitive else state, text, now)
    if state.place is Place.REVIEW and text.strip().isdigit():
        return say(state, Reply("cancel.spell"))
    if is_question(text):
        return say(state, Reply(help_for(state)))
    missed = replace(state, misses=state.misses + 1)
    if missed.misses % TRIES_BEFORE_HELP == 0 and state.aside is Aside.NONE:
        return say(missed, Reply(help_for(state)))
    return say(missed, Reply("unclear"))


def answered(state: State, text: str, now: datetime) -> Turn:
    try:
        value = _parsed(state, text, now)
    except Doubt as doubt:
        return go(state, aside=Aside.DOUBT, doubt=doubt.value, doubt_code=doubt.code)
    except Invalid as invalid:
        if puts_off(text) and not field_of(state).free:
            return Turn(state, (Reply("later"),))
        if is_question(text) and not field_of(state).free:
            return told_how(state) if field_of(state).errand else say(state, Reply(help_for(state)))
        return _missed(state, invalid)
    return accepted(state, value)


def _parsed(state: State, text: str, now: datetime) -> Value:
    """The value, if it can also stand beside the answers before it."""
    field = field_of(state)
    value = field.parse(text, today(now))
    if clash := field.clash({**state.answers, field.name: value}):
        raise clash
    return value


def _missed(state: State, invalid: Invalid) -> Turn:
    """What is wrong and the question again; every third time with the longer help.

    A doubt that is open stays open: what was right is kept.
    """
    state = replace(state, misses=state.misses + 1)
    params = {**invalid.params, "asked": field_of(state).title}
    replies = [Reply(f"invalid.{invalid.code}", params)]
    if state.misses % TRIES_BEFORE_HELP == 0:
        replies.append(Reply(help_for(state)))
    again = question(state) if state.aside is Aside.DOUBT else asking(state, "again")
    return Turn(state, (*replies, again))


def accepted(state: State, value: Value) -> Turn:
    said = (Reply("corrected"),) if state.correcting else ()
    return proceed(replace(state, answers={**state.answers, state.field: value}), *said)


def contact(state: State, event: SharedContact, now: datetime) -> Turn:
    """A shared contact counts only where a number is asked, and only if it is the sender's own."""
    if state.place is not Place.ASKING or not field_of(state).shareable:
        return say(state, Reply("contact.unasked", {"what": Word("title.phone")}))
    if not event.own:
        return say(state, Reply("contact.not_own"))
    return answered(state, event.phone, now)
