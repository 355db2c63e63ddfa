"""What is asked where: the present question of a state, and the help that belongs to it.

Reads a state and the forms; changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from conversations.actions import Value
from conversations.announcements import EVERY_FORM, SUBMIT_CHOICES, offered
from conversations.form import Field, Form, choice
from conversations.replies import Choice, Listing, Param, Question, Reply, Word
from conversations.state import Aside, Place, State
from conversations.values import replace

CONSENT_CHOICES = (
    choice("consent", "accept", "success"),
    choice("consent", "refuse"),
    choice("consent", "full_text"),
)
REVIEW_CHOICES = (
    choice("review", "confirm", "success"),
    choice("review", "correct"),
    choice("review", "cancel", "danger"),
)
TERMS_CHOICES = (
    choice("terms", "accept", "success"),
    choice("terms", "refuse"),
    choice("terms", "full_text"),
)
DOUBT_CHOICES = (choice("doubt", "yes", "success"), choice("doubt", "no"))
REMINDER_CHOICES = (choice("reminders", "accept"), choice("reminders", "refuse"))
SILENCE_CHOICES = (choice("silent", "accept"), choice("silent", "refuse"))
RIGHTS_CHOICES = tuple(choice("rights", id) for id in ("amend", "record", "withdraw", "erase"))
STRANGERS_RIGHTS = tuple(choice("rights", id) for id in ("withdraw", "erase"))
ERASE_CHOICES = (choice("erase", "confirm", "danger"), choice("erase", "refuse"))
WITHDRAW_CHOICES = (choice("withdraw", "confirm", "danger"), choice("withdraw", "refuse"))
KNOWN_MENU = tuple(
    choice("menu", id)
    for id in (
        "status",
        "add_card",
        "renew_code",
        "my_data",
        "notices",
        "language",
        "help",
        "relative",
    )
)
NEW_MENU = tuple(choice("menu", id) for id in ("register", "code_help", "language", "help"))
KEEP = choice("field", "keep")
NOTHING = choice("field", "none")


def form_of(state: State) -> Form:
    return EVERY_FORM[state.form]


def field_of(state: State) -> Field:
    return form_of(state).field(state.field)


def question(state: State) -> Reply:
    """The question the person is to answer now."""
    if state.aside is not Aside.NONE:
        return _aside(state)
    if state.place is Place.ASKING:
        return asking(state, "ask")
    if state.place is Place.REVIEW:
        return _review(state)
    if state.place in STAFF_PLACES:
        return _staff(state)
    if state.place is Place.TERMS:
        return _plain(state, "terms", TERMS_CHOICES)
    if state.place is Place.MENU:
        return _plain(state, "menu", KNOWN_MENU if state.known else NEW_MENU)
    return _plain(state, "consent", CONSENT_CHOICES)


STAFF_PLACES = frozenset({Place.STAFF, Place.WAITING, Place.LISTED, Place.SEEN})
"""Where somebody of the staff chooses, outside of a form."""


def _staff(state: State) -> Reply:
    choices = tuple(offered(state.place, offer.id, offer.text) for offer in state.offers)
    question = Question(str(state.place), state.turn, choices, _staff_title(state))
    return Reply(f"{state.place}.ask", question=question)


def _staff_title(state: State) -> Word | None:
    """Under a title no number picks by its place: here it is the number of a broadcast."""
    if state.place is Place.STAFF:
        return None
    if state.place is Place.SEEN:
        return Word("title.announcement", {"id": state.offers[0].text})
    return Word(f"title.{state.place}")


def _review(state: State) -> Reply:
    if state.apart is not None:
        asked = _plain(state, "review", SUBMIT_CHOICES, lines=review_lines(state))
        return replace(asked, key="review.announcement")
    asked = _plain(state, "review", REVIEW_CHOICES, lines=review_lines(state))
    return replace(asked, key="review.relative") if state.relative else asked


def asking(state: State, how: str) -> Reply:
    """The question for the present field: ``ask`` at first, ``again`` (shorter) after a refusal.

    About a relative it is asked in the same words each time.
    """
    form, field = form_of(state), field_of(state)
    answered = field.name in state.answers
    if state.relative:
        how = "relative"
    elif answered:
        how = "again"
    return Reply(
        f"{how}.{field.name}",
        question=Question(
            field.name,
            state.turn,
            _field_choices(field, answered),
            Word("title.relative", {"title": field.title}) if state.relative else field.title,
            0 if state.correcting else form.place(field.name) + 1,
            len(form.fields),
            field.keyboard,
            field.autofill,
            field.shareable,
            field.shown(state.answers[field.name]) if answered else None,
            bool(field.choices),
            field.sensitive,
        ),
    )


def review_lines(state: State) -> Listing:
    """Every answer, masked where it is delicate, in the order of the form."""
    form = form_of(state)
    return Listing(
        tuple(
            pair(field, state.answers[field.name])
            for field in form.fields
            if field.name in state.answers
        )
    )


def pair(field: Field, value: Value) -> Word:
    """One answer with its title: "Kart numarası: 7301 •••• •••• 0123"."""
    return Word("pair", {"title": field.title, "value": field.shown(value)})


def help_for(state: State) -> str:
    """The key of the longer help that belongs to the present question."""
    if state.place is Place.ASKING:
        return f"help.{state.field}"
    if state.apart is not None:
        return "help.staff"
    return f"help.{Place.CONSENT if state.place is Place.NEW else state.place}"


def helped(state: State, answers: Mapping[str, Value]) -> tuple[Reply, ...]:
    """The help that belongs to the present question, and how to get a code while it is wanted."""
    here = Reply(help_for(state))
    if state.place is Place.CONSENT:
        return (here,)
    if "hes_code" in state.answers:
        return (here, Reply("commands"))
    return (here, code_help(answers), Reply("commands"))


def code_help(answers: Mapping[str, Value]) -> Reply:
    """How to get a HES code, with the SMS for this person from what is known of them."""
    sms = _sms(answers)
    return Reply("code_help", {"sms": sms}, apart=True, delicate="number" in sms.params)


def _sms(answers: Mapping[str, Value]) -> Word:
    """The SMS to 2023 (Health Ministry): citizens by the last four signs of the identity card's
    serial number, numbers starting with 97, 98 or 99 by the year of birth."""
    number, born = answers.get("identity_number"), answers.get("birth_date")
    if not isinstance(number, str):
        return Word("sms.unknown")
    if not number.startswith(("97", "98", "99")):
        return Word("sms.citizen", {"number": number})
    if born is None or isinstance(born, str):
        return Word("sms.foreigner_without_year", {"number": number})
    return Word("sms.foreigner", {"number": number, "year": str(born.year)})


def _aside(state: State) -> Reply:
    if state.aside is Aside.DOUBT:
        asked = _plain(state, state.doubt_code, DOUBT_CHOICES, value=_doubted(state))
        return replace(asked, delicate=field_of(state).sensitive)
    if state.aside is Aside.CORRECT:
        titles = tuple(Choice(field.name, field.title) for field in form_of(state).fields)
        return _plain(state, "correct", titles)
    if choices := _ASIDES.get(state.aside):
        return _plain(state, str(state.aside), choices)
    if state.aside is Aside.RIGHTS:
        choices = RIGHTS_CHOICES if state.known else STRANGERS_RIGHTS
        return _plain(state, str(state.aside), choices)
    offered = tuple(_offered(state, offer.id, offer.text) for offer in state.offers)
    return _plain(state, str(state.aside), offered)


_ASIDES: Mapping[Aside, tuple[Choice, ...]] = {
    Aside.REMINDED: REMINDER_CHOICES,
    Aside.UNREMINDED: REMINDER_CHOICES,
    Aside.SILENT: SILENCE_CHOICES,
    Aside.ERASE: ERASE_CHOICES,
    Aside.WITHDRAW: WITHDRAW_CHOICES,
}
"""Questions whose choices are always the same."""


def _doubted(state: State) -> Param:
    """What is doubted is shown in full, for a mask would hide the very sign in doubt; but a number
    that may be a bank card's is not ours to repeat."""
    if state.doubt_code == "doubt.bank_card":
        return str(state.doubt)[-4:]
    if isinstance(state.doubt, str):
        return field_of(state).spell(state.doubt)
    return field_of(state).shown(state.doubt)


def _offered(state: State, id: str, text: str) -> Choice:
    if state.aside is Aside.LANGUAGE:
        return Choice(id, Word(f"locale:{id}"))
    return Choice(id, Word("card.choice", {"text": text}) if text else Word("card.all"))


def _field_choices(field: Field, answered: bool) -> tuple[Choice, ...]:
    keep = (KEEP,) if answered else ()
    none = (NOTHING,) if field.skippable else ()
    return keep + field.choices + none


def _plain(state: State, name: str, choices: tuple[Choice, ...], **params: Param) -> Reply:
    key = name if name.startswith("doubt.") else f"{name}.ask"
    field = "doubt" if name.startswith("doubt.") else name
    return Reply(key, params, question=Question(field, state.turn, choices))
