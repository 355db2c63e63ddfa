"""What picking a choice does, whether by button, number or word."""

from __future__ import annotations

from conversations.actions import RecordConsent
from conversations.announcing import picked_there
from conversations.answers import accepted
from conversations.commands import cancelled, commanded, read
from conversations.events import Said
from conversations.moves import (
    Turn,
    agree,
    begin,
    ended,
    go,
    moved,
    proceed,
    refused,
    reminding,
    save,
    say,
    spoken,
    tell,
)
from conversations.questions import KEEP, NOTHING, STAFF_PLACES, asking, code_help, form_of
from conversations.registration import CONSENT, NOTICE, REGISTRATION, RENEW_CODE, TERMS
from conversations.replies import Reply
from conversations.rights import decided, exercised
from conversations.state import ALL, Aside, Place, State
from conversations.values import replace


def chosen(state: State, choice: str) -> Turn:
    """A choice on the table was picked, whichever way."""
    if state.aside is not Aside.NONE:
        return _chosen_aside(state, choice)
    if state.place is Place.CONSENT:
        return _consented(state, choice)
    if state.place is Place.ASKING:
        return _answered(state, choice)
    if state.place in STAFF_PLACES:
        return picked_there(state, choice)
    if state.place is Place.REVIEW:
        return _reviewed(state, choice)
    if state.place is Place.TERMS:
        return _decided(state, choice)
    return _from_menu(state, choice)


def _answered(state: State, choice: str) -> Turn:
    """The answer that stands, none at all, or one of the field's own."""
    if choice == KEEP.id:
        return proceed(state)
    return accepted(state, None if choice == NOTHING.id else choice)


def _chosen_aside(state: State, choice: str) -> Turn:
    if state.aside is Aside.DOUBT:
        if choice == "yes":
            return accepted(state, state.doubt)
        state = moved(state)
        return Turn(state, (Reply("doubt.declined"), asking(state, "again")))
    if state.aside is Aside.CORRECT:
        return go(state, place=Place.ASKING, field=choice, correcting=True)
    if state.aside is Aside.LANGUAGE:
        return spoken(moved(state, locale=choice, offers=()))
    if state.aside in (Aside.REMINDED, Aside.UNREMINDED):
        return reminding(state, choice == "accept")
    if state.aside is Aside.SILENT:
        kept = tell(moved(state), Reply("silent.kept"))
        return reminding(state, True) if choice == "accept" else kept
    if state.aside is Aside.RIGHTS:
        return exercised(state, choice)
    if state.aside in (Aside.ERASE, Aside.WITHDRAW):
        return decided(state, meant=choice == "confirm")
    picked = [offer.id for offer in state.offers if choice in (offer.id, ALL)]
    cards = tuple(int(id) for id in picked if id != ALL)
    return begin(state, RENEW_CODE, cards=cards, offers=())


def _consented(state: State, choice: str) -> Turn:
    if choice == "full_text":
        return read(state)
    if choice == "refuse":
        return refused(state)
    # A "dur" said before there was anybody on record is written down once there is.
    state = replace(state, consented=CONSENT.version, wanted="mute" if state.muted else "")
    thanks = Reply("consent.thanks")
    turn = begin(state, form_of(state), thanks, cards=state.cards, remedy=state.remedy)
    return replace(turn, action=RecordConsent((NOTICE, CONSENT)))


def _reviewed(state: State, choice: str) -> Turn:
    if choice == "cancel":
        return cancelled(state) if state.apart is None else picked_there(state, choice)
    if choice == "correct":
        if len(form_of(state).fields) == 1:
            return go(
                state, place=Place.ASKING, field=form_of(state).fields[0].name, correcting=True
            )
        return go(state, aside=Aside.CORRECT)
    return agree(state)


def _decided(state: State, choice: str) -> Turn:
    if choice == "full_text":
        return read(state)
    if choice == "refuse":
        return ended(state, Reply("terms.refused"))
    return save(replace(state, accepted=TERMS.version))


def _from_menu(state: State, choice: str) -> Turn:
    if choice == "register":
        return begin(state, REGISTRATION)
    if choice == "relative":
        return begin(state, REGISTRATION, Reply("relative"), relative=True)
    if choice == "code_help":
        return say(state, code_help(state.answers))
    turn = commanded(state, choice, Said(choice))
    return turn if turn is not None else say(state, Reply("unclear"))
