"""What is said and done about what an action or an errand found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conversations import announcing, rights
from conversations.actions import (
    CardsFound,
    CardView,
    CodeChecked,
    Done,
    Finding,
    KeepVerdict,
    LanguagesFound,
    LinkRefused,
    LinkSaved,
    NoticesFound,
    PersonFound,
    SetNotices,
    Verdict,
    VerdictKept,
)
from conversations.calendar import last_moment, today
from conversations.masks import card as masked_card
from conversations.masks import hes as masked_code
from conversations.moves import Turn, begin, ended, go, moved, say, tell
from conversations.questions import asking, code_help, form_of, helped, pair
from conversations.registration import REGISTRATION, RENEW_CODE
from conversations.replies import Listing, Param, Reply, Word
from conversations.rights import amending, offered, withdrawn
from conversations.state import ALL, Aside, Offer, Place, State
from conversations.values import replace

UNLIMITED_FROM = 2070
"""A code without end shows 30 December 2070 in the HES service (inferred, see the domain notes)."""
MAX_OFFERS = 9
"""As many cards as one list can offer (a WhatsApp list picker takes 10 items)."""


def learned(state: State, finding: Finding) -> Turn:
    """The turn that follows from a finding."""
    return _TURNS[type(finding)](state, finding)


# --- pairing --------------------------------------------------------------------------------


def _saved(state: State, found: LinkSaved) -> Turn:
    """The words after saving: what was paired and what happens next."""
    lines = Listing(tuple(_paired(card) for card in found.cards))
    links = tuple(card.link for card in found.cards)
    cards = tuple(card.card for card in found.cards)
    errand = next((f.errand for f in form_of(state).fields if f.errand is not None), None)
    turn = ended(
        state,
        replace(_done_reply(state), params={"cards": lines}),
        *_held_back(found),
        Reply("saved.next"),
        known=True,
    )
    if errand is None:
        return turn
    asked = errand(found.cards[0].hes_code, found.holder, links, cards)
    return replace(turn, state=replace(turn.state, errand=asked, told=False), errand=asked)


def _done_reply(state: State) -> Reply:
    if state.relative:
        return Reply("saved.relative")
    return Reply("renewed" if state.form == RENEW_CODE.name else "saved")


def _paired(card: CardView) -> Word:
    return Word(
        "saved.line", {"card": masked_card(card.number), "code": masked_code(card.hes_code)}
    )


def _held_back(found: LinkSaved) -> tuple[Reply, ...]:
    """A suspended card stays suspended whatever is paired; the person should know."""
    suspended = any(card.status == "SUSPENDED" for card in found.cards)
    return (Reply("saved.suspended"),) if suspended else ()


REFUSED_FIELD = {
    "card_taken": "card_number",
    "code_taken": "hes_code",
    "code_in_use": "hes_code",
}


def _refused(state: State, found: LinkRefused) -> Turn:
    """The registry said no: ask again only for what stands in the way, keep the rest."""
    if found.code == "identity_conflict":
        return go(state, Reply("refused.identity_conflict"), place=Place.REVIEW)
    name = REFUSED_FIELD.get(found.code)
    if name is None or name not in {field.name for field in form_of(state).fields}:
        return begin(replace(state, known=False), REGISTRATION, Reply(f"refused.{found.code}"))
    answers = {key: value for key, value in state.answers.items() if key != name}
    state = moved(state, place=Place.ASKING, field=name, answers=answers, correcting=True)
    return Turn(state, (Reply(f"refused.{found.code}"), asking(state, "again")))


def _checked(state: State, found: CodeChecked) -> Turn:
    """First it is written down; what it means for the cards is known after that."""
    return Turn(state, action=KeepVerdict(found))


def _judged(state: State, kept: VerdictKept) -> Turn:
    """What the HES service says of the code, each with its own sentence."""
    found, errand = kept.checked, state.errand
    latest = errand is not None and errand.links == found.links
    reply = Reply(f"code.{found.verdict}")
    if found.verdict is Verdict.UNCHECKED:
        return Turn(replace(state, told=True) if latest else state, (reply,))
    if latest:
        state = replace(state, errand=None)
    if found.verdict is Verdict.VALID:
        return Turn(state, (_valid(found),))
    if kept.restored:
        return tell(state, reply, Reply("code.restored"))
    if errand is None or not latest or state.place is not Place.MENU:
        return tell(state, reply, Reply("code.later"))
    if found.verdict is Verdict.MISMATCH:
        hint = Reply("code.mismatch.hint")
        return begin(state, RENEW_CODE, reply, hint, cards=errand.cards, remedy=True)
    return begin(state, RENEW_CODE, reply, cards=errand.cards)


def _valid(found: CodeChecked) -> Reply:
    if found.valid_until is None:
        return Reply("code.valid")
    if found.valid_until.year >= UNLIMITED_FROM:
        return Reply("code.unlimited")
    return Reply("code.valid_until", {"until": last_moment(found.valid_until)})


# --- looking up -----------------------------------------------------------------------------


def _cards(state: State, found: CardsFound) -> Turn:
    wanted, state = state.wanted, replace(state, wanted="")
    if not found.cards:
        return tell(state, Reply("unpaired"))
    if wanted != "renew_code":
        return tell(state, Reply("status", {"cards": Listing(tuple(map(_line, found.cards)))}))
    if len(found.cards) == 1:
        return begin(state, RENEW_CODE, cards=(found.cards[0].card,))
    return go(state, aside=Aside.CARD, offers=_offers(found.cards))


def _line(card: CardView) -> Word:
    """One card in the list of cards: its number, its code, what it may do."""
    params: dict[str, Param] = {
        "card": masked_card(card.number),
        "code": masked_code(card.hes_code),
        "status": Word(f"status.{card.status}"),
        "code_state": _code_state(card),
    }
    return Word("status.line", params)


def _code_state(card: CardView) -> Word:
    if card.cause == "code_expired":
        return Word("status.code_expired")
    if not card.verified:
        bad = card.cause if card.cause.startswith("code_") else "code_unchecked"
        return Word(f"status.{bad}")
    if card.valid_until is None:
        return Word("status.code_valid")
    if card.valid_until.year >= UNLIMITED_FROM:
        return Word("status.code_unlimited")
    return Word("status.code_until", {"until": last_moment(card.valid_until)})


def _offers(cards: tuple[CardView, ...]) -> tuple[Offer, ...]:
    """The cards to choose from, and all of them together where they are one person's."""
    one = tuple(Offer(str(card.card), masked_card(card.number)[-4:]) for card in cards[:MAX_OFFERS])
    if len({card.holder for card in cards}) > 1:
        return one
    return (*one, Offer(ALL, ""))


def _person(state: State, found: PersonFound) -> Turn:
    wanted, state = state.wanted, replace(state, wanted="")
    if wanted == "help":
        return say(state, *helped(state, found.answers or {}))
    if wanted == "code_help":
        return say(state, code_help(found.answers or {}))
    if wanted == "amend":
        return amending(state, found)
    return _my_data(state, found)


def _my_data(state: State, found: PersonFound) -> Turn:
    days = dict.fromkeys((name, today(at)) for name, _, at in found.consents)
    consents = Listing(
        tuple(
            Word("my_data.consent", {"document": Word(f"document.{name}.title"), "at": day})
            for name, day in days
        )
    )
    given = Reply("my_data.consents", {"consents": consents})
    if found.answers is None:
        return offered(state, Reply("unpaired"), given)
    lines = tuple(
        pair(field, found.answers[field.name])
        for field in REGISTRATION.fields
        if field.name in found.answers
    )
    return offered(state, Reply("my_data", {"lines": Listing(lines)}), given)


def _languages(state: State, found: LanguagesFound) -> Turn:
    offers = tuple(Offer(locale, "") for locale in found.locales)
    return go(state, aside=Aside.LANGUAGE, offers=offers, wanted="")


def _notices(state: State, found: NoticesFound) -> Turn:
    """What comes at present, and the choice."""
    if found.stopped:
        return go(state, aside=Aside.SILENT, wanted="")
    return go(state, aside=Aside.REMINDED if found.reminders else Aside.UNREMINDED, wanted="")


def _done(state: State, _found: Done) -> Turn:
    if state.wanted == "withdraw":
        return withdrawn(state)
    if state.wanted == "mute":
        return Turn(replace(state, wanted=""), action=SetNotices(False))
    return Turn(state)


_TURNS: dict[type, Callable[[State, Any], Turn]] = {
    LinkSaved: _saved,
    LinkRefused: _refused,
    CodeChecked: _checked,
    VerdictKept: _judged,
    CardsFound: _cards,
    PersonFound: _person,
    NoticesFound: _notices,
    LanguagesFound: _languages,
    **rights.TURNS,
    Done: _done,
    **announcing.TURNS,
}
