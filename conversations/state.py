"""Where one person stands, to and from plain data.

A State is changed only by the engine. Its plain form is what the records keep (sealed); it carries
the version of the form, so that a form may change while people are half-way through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as declared
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from conversations.actions import AskHesService, Holder, Value
from conversations.values import replace


class Place(StrEnum):
    """Which part of the talk the person is in.

    The last four are the staff's: their menu, the broadcasts that wait for approval, all there are,
    and one of them.
    """

    NEW = "new"
    CONSENT = "consent"
    ASKING = "asking"
    REVIEW = "review"
    TERMS = "terms"
    MENU = "menu"
    STAFF = "staff"
    WAITING = "waiting"
    LISTED = "listed"
    SEEN = "seen"


class Aside(StrEnum):
    """A question put in between, after which the talk goes on where it was.

    REMINDED, UNREMINDED and SILENT ask which notices are wanted; each says what comes at present.
    RIGHTS offers what a person may do about their data; ERASE and WITHDRAW ask whether it is meant.
    """

    NONE = ""
    DOUBT = "doubt"
    CORRECT = "correct"
    LANGUAGE = "language"
    CARD = "card"
    REMINDED = "reminded"
    UNREMINDED = "unreminded"
    SILENT = "silent"
    RIGHTS = "rights"
    ERASE = "erase"
    WITHDRAW = "withdraw"


ALL = "all"
"""The offer that stands for all the others."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A choice that is not declared but was found: a language, a card. ``text`` is its label."""

    id: str
    text: str


@dataclass(frozen=True)  # without slots, for ``values.replace``
class State:
    """One person's place in the talk.

    ``turn`` grows whenever the place changes and stands in every button. ``misses`` counts the
    wrong tries at the present question. ``doubt`` is a value awaiting yes or no under the key
    ``doubt_code``. ``consented`` and ``accepted`` are the versions of the consent given and of
    the terms accepted. ``cards`` are the records' ids of the cards a new code is for, ``errand``
    is the question about the last code that has no answer yet, ``told`` that the person was told
    so. ``wanted`` says why a look-up is under way, ``remedy`` that a code of somebody else is
    being mended. ``heard_at`` is when the message that led here was written. ``traces`` are the
    messages that carried identity numbers. ``muted``: notices were declined. ``apart`` is where
    somebody of the staff stood as a citizen before they came to their own part of the talk, and
    goes on after it. ``refusals`` counts the wrong identity numbers given for the whole record.
    ``tries`` are the moments at which codes for linking were tried in vain.
    """

    place: Place = Place.NEW
    locale: str = "tr"
    turn: int = 0
    form: str = ""
    version: int = 0
    field: str = ""
    answers: Mapping[str, Value] = declared(default_factory=dict)
    correcting: bool = False
    aside: Aside = Aside.NONE
    doubt: Value = None
    doubt_code: str = ""
    misses: int = 0
    consented: str = ""
    accepted: str = ""
    known: bool = False
    muted: bool = False
    relative: bool = False
    cards: tuple[int, ...] = ()
    errand: AskHesService | None = None
    told: bool = False
    offers: tuple[Offer, ...] = ()
    remedy: bool = False
    wanted: str = ""
    heard_at: datetime | None = None
    traces: tuple[str, ...] = ()
    apart: State | None = None
    tries: tuple[datetime, ...] = ()
    refusals: int = 0

    @property
    def blank(self) -> bool:
        """Nothing is known of this person, so there is nothing to keep."""
        return self.place is Place.NEW and not self.tries

    @property
    def citizen(self) -> State:
        """Where they stand as a citizen."""
        return self.apart or self

    @property
    def step(self) -> str:
        """What a citizen's form waits for: ``registration:phone``; "" outside of one."""
        if self.apart is not None:
            return self.apart.step
        if not self.form:
            return ""
        return f"{self.form}:{self.field if self.place is Place.ASKING else self.place}"


_BLANK = State()
_UNTOUCHED = vars(_BLANK)


def to_plain(state: State) -> dict[str, Any]:
    """Only what differs from a blank state, as JSON-ready values."""
    plain = {name: value for name, value in vars(state).items() if value != _UNTOUCHED[name]}
    if "answers" in plain:
        plain["answers"] = {name: _flat(value) for name, value in state.answers.items()}
    if "doubt" in plain:
        plain["doubt"] = _flat(state.doubt)
    if "offers" in plain:
        plain["offers"] = [[offer.id, offer.text] for offer in state.offers]
    if state.errand is not None:
        plain["errand"] = asdict(state.errand)
    if state.heard_at is not None:
        plain["heard_at"] = state.heard_at.isoformat()
    if state.apart is not None:
        plain["apart"] = to_plain(state.apart)
    if state.tries:
        plain["tries"] = [at.isoformat() for at in state.tries]
    return plain


def from_plain(plain: Mapping[str, Any]) -> State:
    """The state ``to_plain`` was made of. Names that no longer exist are left out."""
    known = {
        name: _READERS[name](value) if name in _READERS else value
        for name, value in plain.items()
        if name in _UNTOUCHED
    }
    return replace(_BLANK, **known)


def _flat(value: Value) -> Any:
    return {"date": value.isoformat()} if isinstance(value, date) else value


def _answers(plain: Mapping[str, Any]) -> dict[str, Value]:
    return {name: _round(value) for name, value in plain.items()}


def _offers(plain: Sequence[Sequence[str]]) -> tuple[Offer, ...]:
    return tuple(Offer(id, text) for id, text in plain)


def _errand(plain: Mapping[str, Any]) -> AskHesService:
    return AskHesService(
        plain["hes_code"], Holder(**plain["holder"]), tuple(plain["links"]), tuple(plain["cards"])
    )


def _round(value: Any) -> Value:
    return date.fromisoformat(value["date"]) if isinstance(value, dict) else value


def _moments(plain: Sequence[str]) -> tuple[datetime, ...]:
    return tuple(map(datetime.fromisoformat, plain))


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "place": Place,
    "aside": Aside,
    "answers": _answers,
    "doubt": _round,
    "cards": tuple,
    "errand": _errand,
    "offers": _offers,
    "heard_at": datetime.fromisoformat,
    "traces": tuple,
    "apart": from_plain,
    "tries": _moments,
}
