"""What the commands do: geri, iptal, yardım and the rest, at any point of the talk."""

from __future__ import annotations

from collections.abc import Mapping

from conversations.actions import (
    Action,
    LookUpCards,
    LookUpLanguages,
    LookUpNotices,
    LookUpPerson,
    SetNotices,
)
from conversations.announcing import commanded_there
from conversations.events import Command, Event
from conversations.moves import (
    Turn,
    begin,
    ended,
    full_text,
    go,
    proceed,
    refused,
    reminding,
    say,
    stopped,
    tell,
)
from conversations.questions import code_help, form_of, help_for, helped
from conversations.registration import ADD_CARD, CONSENT, NOTICE, REGISTRATION, TERMS
from conversations.replies import Reply
from conversations.rights import RIGHTS, exercised, left
from conversations.state import Aside, Place, State
from conversations.values import replace


def commanded(state: State, name: str, event: Event) -> Turn | None:
    """Carry out a command, or return None where the word is better taken for an answer."""
    if state.apart is not None:
        return commanded_there(state, name)
    if name == "back" and state.aside is not Aside.NONE:
        return go(state, offers=())
    if name in ("cancel", "menu") and state.aside in _LEFT:
        return go(state, offers=())
    if move := _MOVES.get(name):
        return move(state)
    if name in _LOOK_UPS:
        return _look_up(state, name)
    if name in RIGHTS:
        return exercised(state, name)
    if name in ("start", "greeting"):
        state = left(state)
    if name in ("thanks", "greeting", "anger"):
        speak = say if name == "greeting" else tell
        return speak(state, Reply(f"courtesy.{name}"))
    if name == "start":
        return _started(state, event)
    return None


def _started(state: State, event: Event) -> Turn | None:
    if state.muted:
        turn = say(replace(state, muted=False), Reply("unmuted"))
        return replace(turn, action=SetNotices(True))
    if state.place is not Place.MENU:
        return say(state, Reply("resumed")) if isinstance(event, Command) else None
    if state.known:
        return say(state, Reply("welcome_back"))
    return begin(state, REGISTRATION)


def _back(state: State) -> Turn:
    if state.place is Place.TERMS:
        return go(state, place=Place.REVIEW)
    if state.place is Place.REVIEW:
        last = form_of(state).fields[-1].name
        return go(state, place=Place.ASKING, field=last)
    if state.place is not Place.ASKING:
        return say(state, Reply("back.nowhere"))
    if state.correcting:
        return proceed(state)
    place = form_of(state).place(state.field)
    if place == 0 and state.known:
        return say(ended(state).state)
    if place == 0:
        return say(state, Reply("back.first"))
    return go(state, place=Place.ASKING, field=form_of(state).fields[place - 1].name)


def cancelled(state: State) -> Turn:
    if state.place is Place.CONSENT:
        return refused(state)
    if state.place is Place.MENU:
        return say(state, Reply("cancel.nothing"))
    return ended(state, Reply("cancelled.known" if state.known else "cancelled"))


def _restarted(state: State) -> Turn:
    if state.place is Place.CONSENT:
        return say(state, Reply("notice"))
    if state.place is Place.MENU:
        return say(state) if state.known else begin(state, REGISTRATION)
    if state.remedy:
        return begin(state, REGISTRATION, Reply("restarted"))
    return begin(state, form_of(state), Reply("restarted"), cards=state.cards)


def _helped(state: State) -> Turn:
    return _with_person(state, "help") or say(state, *helped(state, state.answers))


def _why(state: State) -> Turn:
    if state.place is Place.ASKING:
        return say(state, Reply(f"why.{state.field}"))
    if state.place is Place.CONSENT:
        return say(state, Reply("why.consent"))
    if state.place is Place.MENU and state.known:
        return _look_up(state, "status")
    return say(state, Reply(help_for(state)))


def _human(state: State) -> Turn:
    return say(state, Reply("human"))


def _later(state: State) -> Turn:
    """No question follows: the person has just said that now is not the time."""
    return Turn(state, (Reply("later"),))


def read(state: State) -> Turn:
    """The whole text that belongs to the place: what is agreed to here, or the notice."""
    if state.place is Place.TERMS:
        return say(state, full_text(TERMS.name))
    if state.place is Place.CONSENT:
        return say(state, full_text(NOTICE.name), full_text(CONSENT.name))
    return say(state, full_text(NOTICE.name))


def _languages(state: State) -> Turn:
    return Turn(replace(state, wanted="language"), action=LookUpLanguages())


def _menu(state: State) -> Turn:
    return say(state) if state.place is Place.MENU else say(state, Reply("menu.unfinished"))


def _resumed(state: State) -> Turn:
    if state.place is Place.MENU and not state.known:
        return begin(state, REGISTRATION)
    return say(state) if state.place is Place.MENU else say(state, Reply("resumed"))


def told_how(state: State) -> Turn:
    return _with_person(state, "code_help") or say(state, code_help(state.answers))


def _with_person(state: State, wanted: str) -> Turn | None:
    """Look up who this is first, if the SMS would otherwise lack a number we hold."""
    if not state.known or state.relative or "identity_number" in state.answers:
        return None
    return Turn(replace(state, wanted=wanted), action=LookUpPerson())


_MOVES = {
    "back": _back,
    "cancel": cancelled,
    "restart": _restarted,
    "help": _helped,
    "why": _why,
    "later": _later,
    "human": _human,
    "code_help": told_how,
    "full_text": read,
    "language": _languages,
    "resume": _resumed,
    "menu": _menu,
    "stop": stopped,
}
_LOOK_UPS = frozenset(
    {"status", "my_data", "renew_code", "add_card", "notices", "remind", "do_not_remind"}
)
_OF_ANYBODY = frozenset({"my_data", "notices", "remind", "do_not_remind"})
"""What concerns everybody who has consented, with or without a card."""
_LEFT = frozenset(Aside) - {Aside.NONE, Aside.DOUBT, Aside.CORRECT}
"""Questions beside the form, of which nothing is left once "iptal" or "menü" is said."""


def _look_up(state: State, name: str) -> Turn:
    """A command of the known citizen's menu; inside a form only looking is possible."""
    if name in ("add_card", "renew_code") and state.place is not Place.MENU:
        return say(state, Reply("menu.unfinished"))
    if name == "add_card":
        return begin(state, ADD_CARD if state.known else REGISTRATION)
    if not state.known and (name not in _OF_ANYBODY or not state.consented):
        return tell(state, Reply("unpaired"))
    if name in ("remind", "do_not_remind"):
        return reminding(state, name == "remind")
    return Turn(replace(state, wanted=name), action=_LOOKS.get(name, LookUpCards()))


_LOOKS: Mapping[str, Action] = {"my_data": LookUpPerson(), "notices": LookUpNotices()}
