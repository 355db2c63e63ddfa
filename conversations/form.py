"""What a form is: frozen declarations, interpreted by the engine.

A form says which answers are wanted and in which order; everything else (progress, help, review,
catalogue keys, the diagram in the documentation) is derived from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from conversations.actions import AskHesService, Document, SaveLink, Value
from conversations.replies import Choice, Param, Word

Parser = Callable[[str, date], Value]
"""Text and today's date in Istanbul → the value that is stored, or raise Invalid or Doubt."""


@dataclass(frozen=True, slots=True)
class Field:
    """One answer that is wanted.

    ``show`` is how the value may be shown back (masked, if it is delicate), ``spell`` how it
    reads in full. A message that carried a ``sensitive`` answer is taken back when the form
    ends. ``optional`` answers may be missing; ``skippable`` ones are also offered to be left
    out. ``names`` says that a person's name is wanted, and a few words that are commands
    elsewhere are names too. ``errand`` is the question to an outside service that the stored
    answer calls for.
    """

    name: str
    parse: Parser
    show: Callable[[str], str] = str
    spell: Callable[[str], str] = str
    sensitive: bool = False
    optional: bool = False
    skippable: bool = False
    names: bool = False
    shareable: bool = False
    keyboard: str = "text"
    autofill: str = "off"
    errand: type[AskHesService] | None = None

    @property
    def title(self) -> Word:
        return Word(f"title.{self.name}")

    def shown(self, value: Value) -> Param:
        """The value as its owner may see it on the review screen."""
        if value is None:
            return Word(f"none.{self.name}")
        return value if isinstance(value, date) else self.show(value)


@dataclass(frozen=True, slots=True)
class Form:
    """Answers that are wanted together, and what is done with them.

    ``version`` grows when fields change meaning; a half-filled form of an older version keeps the
    answers that still have a field.
    """

    name: str
    version: int
    fields: tuple[Field, ...]
    review: bool = True
    consent: Document | None = None
    action: type[SaveLink] = SaveLink

    def only(self, *names: str, name: str, review: bool = True) -> Form:
        """The same form reduced to some of its fields, for people who are known already."""
        kept = tuple(field for field in self.fields if field.name in names)
        return replace(self, name=name, fields=kept, review=review, consent=None)

    def field(self, name: str) -> Field:
        """Raise KeyError if the form has no such field."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def place(self, name: str) -> int:
        """Where the field stands, from 0."""
        return self.fields.index(self.field(name))

    def missing(self, answers: Mapping[str, Value]) -> Field | None:
        """The first field without an answer, or None when the form is full."""
        return next((field for field in self.fields if field.name not in answers), None)


def choice(question: str, id: str, style: str = "") -> Choice:
    """A choice whose label stands in the catalogue under ``choice.<question>.<id>``."""
    return Choice(id, Word(f"choice.{question}.{id}"), style)
