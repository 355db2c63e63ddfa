"""The staff's part of the talk: who comes in, what is written, approved, watched and stopped there.

What a member was doing as a citizen is put aside whole and goes on when they leave. What they may
do is decided by the records at every act; here it is only offered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from conversations.announcements import ANNOUNCEMENT, LIST_CHOICES, menu_of
from conversations.broadcasts import Act, Refusal
from conversations.events import Event
from conversations.moves import Turn, begin, go, moved, proceed, returned, say, set_aside, stopped
from conversations.newsroom import (
    AudienceCounted,
    AudienceUncounted,
    BroadcastFound,
    BroadcastMoved,
    BroadcastRefused,
    BroadcastsFound,
    CountAudience,
    DraftAllowed,
    LinkStaff,
    ListBroadcasts,
    LookUpBroadcast,
    LookUpStaff,
    MoveBroadcast,
    NotLinked,
    NotStaff,
    StaffFound,
    StaffLinked,
)
from conversations.questions import form_of, help_for, question
from conversations.registration import REGISTRATION
from conversations.replies import Param, Reply, Retract, Word
from conversations.sheets import counted, full, stated
from conversations.state import Aside, Offer, Place, State
from conversations.understanding import link_code
from conversations.values import replace

MOST_TRIES = 5
TRIES_WITHIN = timedelta(hours=1)
"""So many codes may be tried within so long from one address."""
LONGEST_TITLE = 40
"""Signs of a broadcast's title on a button (Telegram takes 64 with its number)."""

# --- coming and going -----------------------------------------------------------------------


def called(state: State, event: Event, now: datetime) -> Turn:
    """The staff's part is asked for: "/duyuru", or with a code to link the account."""
    if code := link_code(event):
        return _link(state, event.message, code, now)
    if state.form and state.apart is not None:
        return say(state, Reply("staff.unfinished"))
    return Turn(state, action=LookUpStaff())


def _link(state: State, message: str, code: str, now: datetime) -> Turn:
    """Try the code; the message that holds it is taken back at once."""
    taken = (Retract((message,)),) if message else ()
    tries = tuple(at for at in state.tries if now - at < TRIES_WITHIN)
    traces = tuple(trace for trace in state.traces if trace != message)
    state = replace(state, tries=tries, traces=traces)
    if len(tries) >= MOST_TRIES:
        turn = _told(state, Reply("link.wait"))
        return replace(turn, replies=(*taken, *turn.replies))
    # It counts as tried in vain until the records say otherwise.
    return Turn(replace(state, tries=(*tries, now)), taken, LinkStaff(code))


def _told(state: State, *replies: Reply) -> Turn:
    """Say something; who is being asked something is asked again."""
    if state.place in (Place.MENU, Place.NEW) and state.aside is Aside.NONE:
        return Turn(state, replies)
    return say(state, *replies)


def _linked(state: State, found: StaffLinked) -> Turn:
    return _told(replace(state, tries=()), Reply("link.done", {"name": found.name}))


def _not_linked(state: State, found: NotLinked) -> Turn:
    if found.code == "elsewhere":
        return _told(replace(state, tries=state.tries[:-1]), Reply("link.elsewhere"))
    return _told(state, Reply("link.unknown"))


def _not_staff(state: State, _found: NotStaff) -> Turn:
    """It is for the staff alone; where the person stands as a citizen does not change."""
    only = Reply("staff.only")
    if state.apart is not None:
        state = returned(state)
    elif state.place is Place.NEW:
        return begin(state, REGISTRATION, only, Reply("greeting"), Reply("notice"))
    return _told(state, only)


def _menu(state: State, found: StaffFound) -> Turn:
    """The choices of this member's role."""
    if state.apart is None:
        state = set_aside(state)
    offers = tuple(Offer(id, "") for id in menu_of(found.role))
    waiting = {"count": found.waiting}
    said = (Reply("staff.waiting", waiting),) if found.waiting else ()
    return go(state, *said, place=Place.STAFF, offers=offers, **_EMPTY)


_EMPTY: Mapping[str, Any] = {
    "form": "",
    "version": 0,
    "field": "",
    "answers": {},
    "correcting": False,
}


def _home(state: State, *replies: Reply) -> Turn:
    """Back to the menu, as it is for whoever they are by now."""
    return Turn(moved(state, place=Place.STAFF, offers=(), **_EMPTY), replies, LookUpStaff())


def _left(state: State) -> Turn:
    """The citizen's part goes on where it was; whoever has none is only told how to come back."""
    state = returned(state)
    left = Reply("staff.left")
    return _told(state, left) if state.place is Place.NEW else say(state, left)


# --- choosing -------------------------------------------------------------------------------


def picked_there(state: State, choice: str) -> Turn:
    """A choice of the staff's talk outside of the form's questions."""
    if state.place is Place.REVIEW:
        return _home(state, Reply("announcement.cancelled"))
    if choice in _PICKED:
        return _PICKED[choice](state)
    if state.place in (Place.WAITING, Place.LISTED):
        return Turn(state, action=LookUpBroadcast(int(choice)))
    act, id, version = choice.split(":")
    return Turn(state, action=MoveBroadcast(Act(act), int(id), int(version)))


def _write(state: State) -> Turn:
    start = {"field": ANNOUNCEMENT.fields[0].name, "place": Place.ASKING, "answers": {}}
    form = {"form": ANNOUNCEMENT.name, "version": ANNOUNCEMENT.version}
    return go(state, offers=(), **form, **start)


_PICKED: Mapping[str, Callable[[State], Turn]] = {
    "write": _write,
    "waiting": lambda state: Turn(state, action=ListBroadcasts(waiting=True)),
    "list": lambda state: Turn(state, action=ListBroadcasts(waiting=False)),
    "leave": _left,
    "close": _home,
}

# --- commands -------------------------------------------------------------------------------


def commanded_there(state: State, name: str) -> Turn:
    """A command in the staff's part of the talk; the citizens' own have to wait."""
    if name == "stop":
        return _stopped(state)
    if name in ("back", "cancel", "menu") and state.aside is not Aside.NONE:
        return go(state)
    if name == "back":
        return _back(state)
    if name == "cancel":
        return _cancelled(state)
    if name == "menu":
        return say(state, Reply("staff.unfinished")) if state.form else _up(state)
    if name in ("help", "why"):
        return say(state, Reply(help_for(state)))
    if name in ("thanks", "greeting", "anger"):
        return say(state, Reply(f"courtesy.{name}"))
    if name in ("start", "resume"):
        return say(state)
    return say(state, Reply("staff.busy"))


def _stopped(state: State) -> Turn:
    """Who says "dur" before a broadcast that runs means the broadcast."""
    meant = next((each.id for each in state.offers if each.id.startswith(f"{Act.PAUSE}:")), "")
    return picked_there(state, meant) if meant else stopped(state)


def _up(state: State) -> Turn:
    return _left(state) if state.place is Place.STAFF else _home(state)


def _cancelled(state: State) -> Turn:
    return _home(state, Reply("announcement.cancelled")) if state.form else _up(state)


def _back(state: State) -> Turn:
    if not state.form:
        return _up(state)
    fields = form_of(state).fields
    if state.place is Place.REVIEW:
        return go(state, place=Place.ASKING, field=fields[-1].name)
    if state.correcting:
        return proceed(state)
    place = form_of(state).place(state.field)
    if place == 0:
        return _cancelled(state)
    return go(state, place=Place.ASKING, field=fields[place - 1].name)


# --- what was found -------------------------------------------------------------------------


def _listed(state: State, found: BroadcastsFound) -> Turn:
    if not found.views:
        return _home(state, Reply("waiting.none" if found.waiting else "listed.none"))
    offers = (
        *(Offer(str(view.id), _short(view.title)) for view in found.views),
        *(Offer(each.id, "") for each in LIST_CHOICES),
    )
    place = Place.WAITING if found.waiting else Place.LISTED
    lines = stated(found.views)
    return go(state, Reply("announcements", {"lines": lines}), place=place, offers=offers)


def _short(title: str) -> str:
    words = " ".join(title.split())
    return words if len(words) <= LONGEST_TITLE else f"{words[: LONGEST_TITLE - 1].rstrip()}…"


def _seen(state: State, found: BroadcastFound) -> Turn:
    """All of it, and what may be done: the choices carry which broadcast was seen, and how."""
    view = found.view
    number = str(view.id)
    offers = tuple(Offer(f"{act}:{view.id}:{view.version}", number) for act in found.acts)
    if offers:
        state = moved(state, place=Place.SEEN, offers=(*offers, Offer("close", number)))
    # The question stands in a bubble of its own, below the broadcast's text.
    turn = Turn(state, (*full(found), replace(question(state), apart=True)))
    if Act.APPROVE not in found.acts:
        return turn
    asked = CountAudience(found.audience, found.texts, found.templates or {}, found.urgent)
    return replace(turn, errand=asked)


def _allowed(state: State, found: DraftAllowed) -> Turn:
    """It stands for review; whom it reaches is counted meanwhile."""
    return Turn(state, errand=CountAudience(found.audience, found.texts, {}))


def _counted(state: State, found: AudienceCounted | AudienceUncounted) -> Turn:
    """What comes when it is not asked any more is not said."""
    if state.apart is None or state.place not in (Place.REVIEW, Place.SEEN):
        return Turn(state)
    if isinstance(found, AudienceUncounted):
        return Turn(state, (Reply("announcement.uncounted"),))
    return Turn(state, counted(found))


def _moved(state: State, found: BroadcastMoved) -> Turn:
    params: dict[str, Param] = {
        "id": str(found.id),
        "stage": Word(f"broadcast.stage.{found.stage}"),
    }
    return _home(state, Reply(f"announcement.done.{found.act}", params))


def _refused(state: State, found: BroadcastRefused) -> Turn:
    said = Refusal(found.code, **found.params).word
    return _home(state, Reply(said.key, said.params))


TURNS: Mapping[type, Callable[[State, Any], Turn]] = {
    StaffFound: _menu,
    NotStaff: _not_staff,
    StaffLinked: _linked,
    NotLinked: _not_linked,
    BroadcastsFound: _listed,
    BroadcastFound: _seen,
    DraftAllowed: _allowed,
    BroadcastMoved: _moved,
    BroadcastRefused: _refused,
    AudienceCounted: _counted,
    AudienceUncounted: _counted,
}
"""What follows from each finding."""
