"""What a person may do about what is held of them: correct it, have all of it, take consent back,
have everything erased (law 6698, art. 11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conversations.actions import (
    ErasePerson,
    LookUpPerson,
    PersonAmended,
    PersonErased,
    PersonFound,
    RecordFound,
    RecordRefused,
    WithdrawConsent,
)
from conversations.masks import display_card, display_hes
from conversations.moves import Turn, begin, ended, go, moved, say, tell
from conversations.questions import pair
from conversations.registration import AMENDMENT, RECORD, REGISTRATION
from conversations.replies import Listing, Reply, Word
from conversations.state import Aside, Place, State
from conversations.values import replace

RIGHTS = frozenset({"amend", "record", "withdraw", "erase"})
MOST_REFUSALS = 3
"""Wrong identity numbers after which nobody is shown the whole record from this address: parts of
the number stand in the summary, and the rest should not be guessed."""
_ASKED = {"withdraw": Aside.WITHDRAW, "erase": Aside.ERASE}


def offered(state: State, *replies: Reply) -> Turn:
    """After what is held was shown: what can be done about it. Inside a form the talk goes on."""
    if state.place is not Place.MENU:
        return tell(state, *replies)
    # One turn with the menu, whose buttons go on being good.
    return say(replace(state, aside=Aside.RIGHTS), *replies)


def left(state: State) -> State:
    """Who comes anew is offered the menu, not what can be done about their data."""
    return moved(state) if state.aside is Aside.RIGHTS else state


def exercised(state: State, right: str) -> Turn:
    """A right is asked for. What cannot be undone is asked about first, wherever they stand."""
    if right in _ASKED:
        place = Place.MENU if state.place is Place.NEW else state.place
        return go(state, place=place, aside=_ASKED[right], wanted="")
    if not state.known:
        return tell(moved(state), Reply("unpaired"))
    if state.place is not Place.MENU:
        return say(state, Reply("menu.unfinished"))
    if right == "record" and state.refusals >= MOST_REFUSALS:
        return tell(moved(state), Reply("record.closed"))
    if right == "record":
        return begin(state, RECORD, Reply("record.check"))
    return Turn(replace(state, aside=Aside.NONE, wanted="amend"), action=LookUpPerson())


def decided(state: State, *, meant: bool) -> Turn:
    """They were asked whether they mean it."""
    if not meant:
        return tell(moved(state), Reply(f"{state.aside}.kept"))
    if state.aside is Aside.ERASE:
        return Turn(state, action=ErasePerson())
    return Turn(replace(state, wanted="withdraw"), action=WithdrawConsent())


def amending(state: State, found: PersonFound) -> Turn:
    """Which of the answers on record is another by now."""
    if found.answers is None:
        return tell(state, Reply("unpaired"))
    names = [field.name for field in AMENDMENT.fields]
    answers = {name: found.answers[name] for name in names if name in found.answers}
    state = begin(state, AMENDMENT, answers=answers).state
    if state.place is Place.CONSENT:
        return say(state)
    return go(state, place=Place.REVIEW, aside=Aside.CORRECT)


def withdrawn(state: State) -> Turn:
    """Who took consent back is nobody we talk to, until they begin anew."""
    return Turn(_stranger(state), (Reply("withdrawn"),))


def _stranger(state: State) -> State:
    """Messages that carried identity numbers are still to be taken back."""
    return State(locale=state.locale, turn=state.turn, traces=state.traces, tries=state.tries)


def _erased(state: State, found: PersonErased) -> Turn:
    if not found.anything:
        return Turn(_stranger(state), (Reply("erased.nothing"),))
    stays = tuple(Reply(f"erased.staying.{why}") for why in found.staying)
    return Turn(_stranger(state), (Reply("erased"), *stays))


def _amended(state: State, _found: PersonAmended) -> Turn:
    return ended(state, Reply("amended"), known=True)


def _refused(state: State, _found: RecordRefused) -> Turn:
    refusals = state.refusals + 1
    closed = refusals >= MOST_REFUSALS
    said = Reply("record.closed" if closed else "record.refused")
    return ended(state, said, refusals=refusals)


def _record(state: State, found: RecordFound) -> Turn:
    """Everything in full, as a file where the messenger has such."""
    answers = tuple(
        Word("pair", {"title": field.title, "value": _full(field, found.answers[field.name])})
        if found.answers[field.name] is not None
        else pair(field, None)
        for field in REGISTRATION.fields
        if field.name in found.answers
    )
    cards = tuple(
        Word(
            "record.card",
            {
                "card": display_card(card.number),
                "code": display_hes(card.hes_code),
                "status": Word(f"status.{card.status}"),
            },
        )
        for card in found.cards
    )
    consents = tuple(
        Word(
            "record.consent",
            {"document": Word(f"document.{name}.title"), "version": version, "at": at},
        )
        for name, version, at in found.consents
    )
    addresses = tuple(
        Word("record.address", {"channel": Word(f"channel.{channel}"), "at": at})
        for channel, at in found.addresses
    )
    record = Reply(
        "record",
        {
            "answers": Listing(answers),
            "cards": Listing(cards or (Word("record.none"),)),
            "consents": Listing(consents or (Word("record.none"),)),
            "addresses": Listing(addresses),
            "told": found.told,
        },
        apart=True,
        file="record.file_name",
    )
    return ended(state, Reply("record.here"), record)


def _full(field: Any, value: Any) -> Any:
    return field.spell(value) if isinstance(value, str) else value


TURNS: Mapping[type, Callable[[State, Any], Turn]] = {
    PersonErased: _erased,
    PersonAmended: _amended,
    RecordRefused: _refused,
    RecordFound: _record,
}
