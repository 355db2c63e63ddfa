"""What a form is: frozen declarations, interpreted by the engine.

A form says which answers are wanted and in which order; everything else (progress, help, review,
catalogue keys, the diagram in the documentation) is derived from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from conversations.actions import Action, AskHesService, Document, SaveLink, Value
from conversations.outcomes import Invalid
from conversations.replies import Choice, Param, Word

Parser = Callable[[str, date], Value]
"""Text and today's date in Istanbul → the value that is stored, or raise Invalid or Doubt."""

Answers = Mapping[str, Value]
"""Values by the name of the field."""

Complete = Callable[[Answers, tuple[int, ...], Document | None, bool], Action]
"""All answers, the cards they are for, the contract accepted and whether a relative is meant → what
is done with them."""


@dataclass(frozen=True)  # without slots, for what is remembered
class Field:
    """One answer that is wanted.

    ``show`` is how the value may be shown back (masked, if it is delicate), ``spell`` how it
    reads in full. A message that carried a ``sensitive`` answer is taken back when the form
    ends. ``optional`` answers may be missing; ``skippable`` ones are also offered to be left
    out. ``names`` says that a person's name is wanted, and a few words that are commands
    elsewhere are names too; ``free`` that any text may be wanted, and only the commands that lead
    out of the form are commands. ``choices`` are values that can be picked; with them nothing else
    is typed but their names. ``fits`` raises Invalid where the value cannot go with the answers
    before it. ``errand`` is the question to an outside service that the stored answer calls for.
    """

    name: str
    parse: Parser
    show: Callable[[str], Param] = str
    spell: Callable[[str], str] = str
    sensitive: bool = False
    optional: bool = False
    skippable: bool = False
    names: bool = False
    free: bool = False
    choices: tuple[Choice, ...] = ()
    fits: Callable[[str, Answers], object] | None = None
    shareable: bool = False
    keyboard: str = "text"
    autofill: str = "off"
    errand: type[AskHesService] | None = None

    @cached_property
    def title(self) -> Word:
        return Word(f"title.{self.name}")

    def shown(self, value: Value) -> Param:
        """The value as its owner may see it on the review screen."""
        if value is None:
            return Word(f"none.{self.name}")
        return value if isinstance(value, date) else self.show(value)

    def clash(self, answers: Answers) -> Invalid | None:
        """Why the answer that is there cannot stand beside the others."""
        value = answers.get(self.name)
        if self.fits is None or not isinstance(value, str):
            return None
        try:
            self.fits(value, answers)
        except Invalid as invalid:
            return invalid
        return None


@dataclass(frozen=True)  # without slots, for what is remembered
class Form:
    """Answers that are wanted together, and what is done with them.

    ``version`` grows when fields change meaning; a half-filled form of an older version keeps the
    answers that still have a field. ``check`` is asked of the records when all answers stand for
    review, ``action`` once they are confirmed.
    """

    name: str
    version: int
    fields: tuple[Field, ...]
    review: bool = True
    consent: Document | None = None
    check: Callable[[Answers], Action] | None = None
    action: Complete = SaveLink

    def only(self, *names: str, name: str, review: bool = True) -> Form:
        """The same form reduced to some of its fields, for people who are known already."""
        kept = tuple(field for field in self.fields if field.name in names)
        return replace(self, name=name, fields=kept, review=review, consent=None)

    def field(self, name: str) -> Field:
        """Raise KeyError if the form has no such field."""
        return self.fields[self.place(name)]

    def place(self, name: str) -> int:
        """Where the field stands, from 0. Raise KeyError if the form has no such field."""
        return self._places[name]

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {field.name: place for place, field in enumerate(self.fields)}

    def missing(self, answers: Answers) -> Field | None:
        """The first field without an answer that can stand, or None when the form is full."""
        return next(
            (each for each in self.fields if each.name not in answers or each.clash(answers)), None
        )


def choice(question: str, id: str, style: str = "") -> Choice:
    """A choice whose label stands in the catalogue under ``choice.<question>.<id>``."""
    return Choice(str(id), Word(f"choice.{question}.{id}"), style)
