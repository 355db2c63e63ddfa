"""The staff's declared form and choices: how a broadcast is written, judged and stopped in a chat.

Like ``registration`` it declares and does nothing; what the choices do is in ``announcing``.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from conversations import registration
from conversations.actions import Action, Document
from conversations.broadcasts import RIGHTS, Act, Audience, Group, Role, broadcast_text
from conversations.form import Answers, Field, Form, choice
from conversations.newsroom import CheckDraft, SubmitBroadcast
from conversations.outcomes import Invalid
from conversations.replies import Choice, Word

# --- writing --------------------------------------------------------------------------------

AUDIENCE_CHOICES = tuple(choice("audience", group) for group in Group)
SUBMIT_CHOICES = (
    choice("submit", "confirm", "success"),
    choice("submit", "correct"),
    choice("submit", "cancel", "danger"),
)

_ANYBODY = Audience(Group.ACTIVE)
"""Who has a card, so that nothing a text may say is missing."""


def _group(text: str, _today: date) -> str:
    """An audience is picked, not described."""
    raise Invalid("broadcast.group")


def _text(text: str, _today: date) -> str:
    return broadcast_text(text, _ANYBODY)


def _for_audience(text: str, answers: Answers) -> str:
    return broadcast_text(text, audience_of(answers))


def _named(group: str) -> Word:
    return Word(f"broadcast.group.{group}")


def audience_of(answers: Answers) -> Audience:
    """Whom the broadcast is for."""
    return Audience(Group(str(answers.get("audience", Group.ALL))))


def texts_of(answers: Answers) -> dict[str, str]:
    """What it says, by language."""
    written = {locale: answers.get(name) for name, locale in TEXTS.items()}
    return {locale: text for locale, text in written.items() if isinstance(text, str)}


def _checked(answers: Answers) -> Action:
    return CheckDraft(audience_of(answers), texts_of(answers))


def _submitted(answers: Answers, _cards: object, _terms: Document | None, _own: bool) -> Action:
    return SubmitBroadcast(audience_of(answers), texts_of(answers))


TEXTS: Mapping[str, str] = MappingProxyType(
    {"broadcast_text": "tr", "broadcast_text_en": "en"},
)
"""The fields that hold a text, and the language it is in."""

ANNOUNCEMENT = Form(
    "announcement",
    version=1,
    fields=(
        Field("audience", _group, show=_named, choices=AUDIENCE_CHOICES),
        Field("broadcast_text", _text, free=True, fits=_for_audience),
        Field(
            "broadcast_text_en", _text, free=True, fits=_for_audience, optional=True, skippable=True
        ),
    ),
    check=_checked,
    action=_submitted,
)
FORMS = {ANNOUNCEMENT.name: ANNOUNCEMENT}

EVERY_FORM: Mapping[str, Form] = ChainMap(registration.FORMS, FORMS)
"""The citizens' forms and the staff's."""

# --- what is offered ------------------------------------------------------------------------

STAFF_CHOICES = (
    choice("staff", "write"),
    choice("staff", "waiting"),
    choice("staff", "list"),
    choice("staff", "leave"),
)
LIST_CHOICES = (choice("list", "close"),)
SEEN_CHOICES = (
    choice("seen", Act.APPROVE, "success"),
    choice("seen", Act.GIVE_BACK),
    choice("seen", Act.PAUSE, "danger"),
    choice("seen", "close"),
)

_RIGHT: Mapping[str, Act] = MappingProxyType({"write": Act.WRITE, "waiting": Act.APPROVE})
"""Choice of the staff's menu → what one must be allowed to do for it to be offered."""


def menu_of(role: Role) -> tuple[str, ...]:
    """The choices of the menu for somebody of that role."""
    return tuple(
        each.id
        for each in STAFF_CHOICES
        if each.id not in _RIGHT or role in RIGHTS[_RIGHT[each.id]]
    )


_LABELS: Mapping[str, Choice] = MappingProxyType(
    {
        **{f"staff:{each.id}": each for each in STAFF_CHOICES},
        **{f"waiting:{each.id}": each for each in LIST_CHOICES},
        **{f"listed:{each.id}": each for each in LIST_CHOICES},
        **{f"seen:{each.id}": each for each in SEEN_CHOICES},
    }
)


def offered(place: str, id: str, text: str) -> Choice:
    """A choice of the staff's talk as it is put: a declared one, one that carries which broadcast
    is meant ("approve:12:3"), or a broadcast by its number and title."""
    declared = _LABELS.get(f"{place}:{id.partition(':')[0]}")
    if declared is not None:
        return Choice(id, declared.label, declared.style)
    return Choice(id, Word("announcement.choice", {"text": id, "title": text}))
