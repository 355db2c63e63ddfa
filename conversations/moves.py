"""The moves a talk is made of, and the Turn that every move returns.

``say`` keeps the place and puts the present question again; ``go`` changes the place, which makes
older buttons stale; the others are said with these two. Nothing here looks at an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conversations.actions import Action, Errand, SetNotices, SetReminders
from conversations.announcements import EVERY_FORM
from conversations.form import Form
from conversations.questions import form_of, question
from conversations.registration import CONSENT
from conversations.replies import Reply, Retract
from conversations.state import Aside, Place, State
from conversations.values import replace

MAX_TRACES = 100
"""deleteMessages takes at most 100 messages (Bot API, deleteMessages)."""


@dataclass(frozen=True)
class Turn:
    """One step: the new state, what to say, and what to ask of the records or of others."""

    state: State
    replies: tuple[Reply | Retract, ...] = ()
    action: Action | None = None
    errand: Errand | None = None

    def then(self, later: Turn) -> Turn:
        """This turn and the one its action led to, as one."""
        return Turn(
            later.state, self.replies + later.replies, later.action, later.errand or self.errand
        )


def say(state: State, *replies: Reply) -> Turn:
    """Say something and put the present question again; the place stays."""
    return Turn(state, (*replies, question(state)))


def spoken(state: State) -> Turn:
    """Go on in another language. Who has not consented yet must have been told in that one."""
    if state.place is Place.CONSENT:
        return say(state, Reply("greeting"), Reply("notice"))
    return say(state)


def tell(state: State, *replies: Reply) -> Turn:
    """Say something; the question is put again only where an answer is owed, not in the menu."""
    return Turn(state, replies) if state.place is Place.MENU else say(state, *replies)


def go(state: State, *replies: Reply, **changes: Any) -> Turn:
    """Change the place, which makes every older button stale, and put the new question."""
    state = moved(state, **changes)
    return Turn(state, (*replies, question(state)))


def moved(state: State, **changes: Any) -> State:
    """The state at a new place: one turn on, with nothing open from the old one."""
    clean: dict[str, Any] = {
        "turn": state.turn + 1,
        "misses": 0,
        "aside": Aside.NONE,
        "doubt": None,
        "doubt_code": "",
    }
    return replace(state, **(clean | changes))


def begin(state: State, form: Form, *replies: Reply, **changes: Any) -> Turn:
    """Start a form at its first question, or at the consent if that has not been given."""
    start = {
        "form": form.name,
        "version": form.version,
        "field": form.fields[0].name,
        "answers": {},
        "correcting": False,
        "accepted": "",
        "cards": (),
        "remedy": False,
        "place": Place.ASKING if state.consented == CONSENT.version else Place.CONSENT,
    }
    return go(state, *replies, **(start | changes))


def proceed(state: State, *replies: Reply) -> Turn:
    """Go on to the first open question of the form, or to what comes after the last."""
    form = form_of(state)
    missing = form.missing(state.answers)
    if missing is not None:
        clash = missing.clash(state.answers)
        why = () if clash is None else (Reply(f"invalid.{clash.code}", clash.params),)
        return go(state, *replies, *why, place=Place.ASKING, field=missing.name, correcting=False)
    if form.review:
        turn = go(state, *replies, place=Place.REVIEW, correcting=False)
        return replace(turn, action=form.check(state.answers) if form.check else None)
    return agree(state, *replies)


def ended(state: State, *replies: Reply, **changes: Any) -> Turn:
    """Leave the form: its answers are forgotten."""
    empty: dict[str, Any] = {
        "place": Place.MENU,
        "form": "",
        "version": 0,
        "field": "",
        "answers": {},
        "correcting": False,
        "accepted": "",
        "relative": False,
        "cards": (),
        "remedy": False,
    }
    return Turn(moved(state, **(empty | changes)), replies)


CARRIED = (
    *("turn", "locale", "consented", "known", "muted", "errand"),
    *("told", "heard_at", "traces", "tries", "refusals"),
)
"""What is true of somebody wherever they stand."""


def set_aside(state: State) -> State:
    """The staff's part of the talk, with all that was open put aside as it is."""
    carried = {name: getattr(state, name) for name in CARRIED}
    return State(Place.STAFF, apart=state.citizen, **carried)


def returned(state: State) -> State:
    """Where they stood before, with what became true meanwhile; every button there is stale."""
    carried = {name: getattr(state, name) for name in CARRIED}
    carried["turn"] = state.turn + 1
    return current(replace(state.citizen, **carried))


def tidied(turn: Turn) -> Turn:
    """Outside a form nothing needs the messages that carried identity numbers: take them back."""
    state = turn.state
    if not state.traces or state.place not in (Place.MENU, Place.NEW):
        return turn
    retract = Retract(state.traces)
    return replace(turn, state=replace(state, traces=()), replies=(*turn.replies, retract))


def reminded(turn: Turn, wanted: bool) -> Turn:
    """Ask the HES service again what it was not asked or did not answer: once by itself, after a
    process died in between, and whenever the person asks for the state of their cards."""
    state = turn.state
    if state.errand is None or turn.errand is not None or state.place is not Place.MENU:
        return turn
    return replace(turn, errand=state.errand) if wanted or not state.told else turn


def traced(state: State, message: str) -> State:
    """Remember a message that carried an identity number."""
    if not message or message in state.traces:
        return state
    return replace(state, traces=(*state.traces, message)[-MAX_TRACES:])


def agree(state: State, *replies: Reply) -> Turn:
    """Ask for the terms if this form wants them and they have not been accepted, else save."""
    terms = form_of(state).consent
    if terms is not None and state.accepted != terms.version:
        return go(state, *replies, place=Place.TERMS)
    return save(state)


def save(state: State) -> Turn:
    form = form_of(state)
    return Turn(
        state,
        action=form.action(
            dict(state.answers),
            state.cards,
            form.consent if state.accepted else None,
            state.relative,
        ),
    )


def refused(state: State) -> Turn:
    """Who refuses is told the other ways, and nothing is kept."""
    others = (Reply("consent.refused"), Reply("consent.elsewhere", page=True))
    if state.known:
        return ended(state, *others)
    return Turn(State(locale=state.locale), others)


def full_text(document: str) -> Reply:
    return Reply(f"document.{document}", apart=True)


def stopped(state: State) -> Turn:
    """Notices stop; where the person stands does not change."""
    turn = tell(replace(state, muted=True), Reply("stopped"))
    return replace(turn, action=SetNotices(False))


def reminding(state: State, wanted: bool) -> Turn:
    """Reminders come, and with them everything else; or only what concerns a card at once.

    To somebody who wants nothing at all, declining reminders changes nothing.
    """
    muted = state.muted and not wanted
    said = Reply("stopped") if muted else Reply("reminders.on" if wanted else "reminders.off")
    turn = tell(replace(moved(state), muted=muted), said)
    return replace(turn, action=SetReminders(wanted))


def current(state: State) -> State:
    """The state under today's forms: answers without a field are dropped, the rest is kept."""
    if not state.form:
        return state
    form = EVERY_FORM.get(state.form)
    if form is None:
        return ended(state).state if state.apart is None else returned(replace(state, form=""))
    if state.version == form.version:
        return state
    names = {field.name for field in form.fields}
    kept = {name: value for name, value in state.answers.items() if name in names}
    state = replace(state, version=form.version, answers=kept, field=form.fields[0].name)
    return moved(state) if state.place is Place.CONSENT else proceed(state).state
