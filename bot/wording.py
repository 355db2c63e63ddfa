"""Replies and a language in, messages out.

The only place that knows sentences; ``bot.wording_numbers`` says numbers and days. Catalogues are
gettext .po files whose msgid is a key; they are read at start and never written. Limits come from
the channel as data; this module knows no messenger.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

from bot.channels.base import Answer, Button, Limits, Message, pick_data
from bot.wording_numbers import number, said_day
from conversations.calendar import ISTANBUL
from conversations.events import Command, Event, Said
from conversations.replies import Listing, Param, Question, Reply, Retract, Word
from conversations.turkish import bare, fold

REFERENCE = "tr"
"""The complete catalogue; a key another one lacks is taken from here."""

LONGEST_LABEL = 60
"""Characters of a text that may still be somebody's way of naming a label."""
SHORTEST_STEM = 3
LONGEST_SUFFIX = 4
MINE = frozenset({"", "m", "mi", "im", "imi"})
"""What may follow a shorter stem, with which many other words begin: "adım", and not "adres"."""

COMMANDS = (
    "start",
    "status",
    "add_card",
    "renew_code",
    "my_data",
    "erase",
    "notices",
    "language",
    "help",
    "back",
    "cancel",
    "restart",
    "resume",
    "menu",
    "stop",
)
"""Commands that have a label in the catalogues, in the order people are shown them."""


_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class WordingError(Exception):
    """A catalogue is missing or unreadable; the program does not start. The message names it."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with {{1}}, {{2}} … in it, and the names of what belongs there, in order."""

    body: str
    names: tuple[str, ...]


class Catalogue:
    """One language's sentences by key; what it lacks is taken from the reference.

    ``sentences`` are its own alone. ``sentence`` raises KeyError for a key that no catalogue has: a
    mistake in the program.
    """

    def __init__(self, locale: str, sentences: Mapping[str, str], reference: Catalogue | None):
        self.locale = locale
        self.sentences = sentences
        complete = {} if reference is None else reference.sentences
        self.sentence = {**complete, **sentences}.__getitem__


def read_catalogue(source: Traversable) -> dict[str, str]:
    """The sentences of a .po file by key, untranslated ones left out."""
    from babel.messages.pofile import read_po

    with source.open("rb") as stream:
        catalogue = read_po(stream)
    return {
        str(message.id): str(message.string)
        for message in catalogue
        if message.id and message.string
    }


class Wording:
    """Says replies in any language there is a catalogue for."""

    def __init__(self, catalogues: Mapping[str, Catalogue]):
        self._catalogues = catalogues

    @classmethod
    def load(cls, folder: Traversable | None = None) -> Wording:
        """Read every catalogue below ``folder`` (default: the ``locales`` package)."""
        folder = files("locales") if folder is None else folder
        sources = {
            child.name: child / "messages.po"
            for child in sorted(folder.iterdir(), key=lambda child: child.name)
            if (child / "messages.po").is_file()
        }
        if REFERENCE not in sources:
            raise WordingError(f"locales/{REFERENCE}/messages.po is missing")
        reference = Catalogue(REFERENCE, read_catalogue(sources.pop(REFERENCE)), None)
        others = {
            locale: Catalogue(locale, read_catalogue(source), reference)
            for locale, source in sources.items()
        }
        return cls({REFERENCE: reference} | others)

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages we speak, the reference first."""
        return tuple(self._catalogues)

    def text(self, word: Word, locale: str) -> str:
        """One key in words."""
        return self._said(word.key, word.params, locale)

    def _said(self, key: str, params: Mapping[str, Param], locale: str) -> str:
        if key.startswith("locale:"):
            return self._catalogue(key[7:]).sentence("language.name")
        template = self._catalogue(locale).sentence(key)
        if not params:
            return template
        return template.format_map(
            {
                name: value if type(value) is str else self._param(value, locale)
                for name, value in params.items()
            }
        )

    def spoken(self, value: Param, locale: str) -> str:
        """A value as it reads within a sentence."""
        return self._param(value, locale)

    def values(self, word: Word, locale: str) -> tuple[str, ...]:
        """What is put into a sentence, in the order in which its placeholders first stand there."""
        names = dict.fromkeys(_PLACEHOLDER.findall(self._catalogue(locale).sentence(word.key)))
        return tuple(self._param(word.params[name], locale) for name in names)

    def template(self, keys: Sequence[str], locale: str) -> Template:
        """Sentences with numbers for their placeholders, as messengers keep them: {{1}}, {{2}}.

        A paragraph each. The numbers go by the order of ``values``.
        """
        text = "\n\n".join(map(self._catalogue(locale).sentence, keys))
        names = tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))
        numbers = {name: f"{{{{{place}}}}}" for place, name in enumerate(names, 1)}
        return Template(_PLACEHOLDER.sub(lambda found: numbers[found[1]], text), names)

    def keys(self, beginning: str) -> tuple[str, ...]:
        """The keys of the reference that begin so, in order."""
        known = self._catalogues[REFERENCE].sentences
        return tuple(sorted(key for key in known if key.startswith(beginning)))

    def fingerprint(self, document: str, locale: str) -> str:
        """SHA-256 (hex) of a document exactly as people are shown it."""
        shown = self._catalogue(locale).sentence(f"document.{document}")
        return hashlib.sha256(shown.encode()).hexdigest()

    def hear(self, event: Event) -> Event:
        """The event with the labels its text reads like, in any of our languages."""
        if isinstance(event, Said):
            if len(event.text) > LONGEST_LABEL:
                return event
            folded = fold(event.text)
            named = self._labels.get(folded, frozenset()) | self._titles_in(folded)
            named |= self._language_in(event.text)
            return replace(event, labels=named) if named else event
        if isinstance(event, Command):
            labels = self._labels.get(fold(event.name.replace("_", " ")))
            return replace(event, labels=labels) if labels else event
        return event

    def answer(self, replies: Sequence[Reply | Retract], locale: str, limits: Limits) -> Answer:
        """What is said to one event, cut into messages the channel can carry."""
        spoken = [
            replace(reply, params={**reply.params, "page": limits.page}) if reply.page else reply
            for reply in replies
            if isinstance(reply, Reply) and (limits.page or not reply.page)
        ]
        retract = tuple(
            message for reply in replies if isinstance(reply, Retract) for message in reply.messages
        )
        messages = [
            message
            for bubble in _bubbles(spoken)
            for message in self._messages(bubble, locale, limits)
        ]
        return Answer(tuple(messages), retract, self._catalogue(locale).locale)

    def commands(self, locale: str) -> list[tuple[str, str]]:
        """Command names as a messenger wants them (a–z, 0–9, _) with what each does."""
        catalogue = self._catalogue(locale)
        return [
            (
                fold(catalogue.sentence(f"command.{name}")).replace(" ", "_"),
                catalogue.sentence(f"command.{name}.about"),
            )
            for name in COMMANDS
        ]

    def _catalogue(self, locale: str) -> Catalogue:
        return self._catalogues.get(locale) or self._catalogues[REFERENCE]

    @cached_property
    def _labels(self) -> dict[str, frozenset[str]]:
        """Folded label, or the beginning of a choice's label → the keys it stands for."""
        found: dict[str, set[str]] = {}
        for locale, catalogue in self._catalogues.items():
            for key, sentence in catalogue.sentences.items():
                if _is_label(key):
                    name = f"locale:{locale}" if key == "language.name" else key
                    for spelling in _spellings(key, fold(sentence), sentence):
                        found.setdefault(spelling, set()).add(name)
        return {spelling: frozenset(keys) for spelling, keys in found.items()}

    def _language_in(self, text: str) -> frozenset[str]:
        """The language that is asked for among words of courtesy: "English please"."""
        named = self._labels.get(bare(text), frozenset())
        return frozenset(key for key in named if key.startswith("locale:"))

    def _titles_in(self, folded: str) -> frozenset[str]:
        """The fields a text names, with or without a suffix: "soyadım yanlış"."""
        return frozenset(
            key
            for word in self._naming.findall(folded)
            for key, stem in self._stems
            if word.startswith(stem) and _is_suffix(word[len(stem) :], stem)
        )

    @cached_property
    def _naming(self) -> re.Pattern[str]:
        """Words that may name a field, which in most texts there are none of."""
        stems = "|".join(sorted({re.escape(stem) for _, stem in self._stems}))
        return re.compile(rf"(?<!\S)(?:{stems})\S*")

    @cached_property
    def _stems(self) -> tuple[tuple[str, str], ...]:
        """The first word of every field's title."""
        stems = {
            (key, fold(sentence).split()[0])
            for catalogue in self._catalogues.values()
            for key, sentence in catalogue.sentences.items()
            if key.startswith("title.") and "{" not in sentence
        }
        return tuple(sorted(stems))

    def _param(self, value: Param, locale: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, Word):
            return self.text(value, locale)
        if isinstance(value, Listing):
            return "\n".join(self.text(line, locale) for line in value.lines)
        if isinstance(value, datetime):
            return said_day(value.astimezone(ISTANBUL).date(), "d MMMM y, EEEE", locale)
        if isinstance(value, date):
            return said_day(value, "d MMMM y", locale)
        return number(value, locale)

    def _messages(self, bubble: Sequence[Reply], locale: str, limits: Limits) -> list[Message]:
        """One bubble, in as many messages as its length needs; the last one asks."""
        text = "\n\n".join(self._paragraph(reply, locale) for reply in bubble)
        delicate = any(reply.delicate for reply in bubble)
        asked = bubble[-1].question
        if bubble[0].file and limits.files:
            return [Message(text, delicate=delicate, file=self.text(Word(bubble[0].file), locale))]
        if asked is None:
            return [Message(part, delicate=delicate) for part in cut(text, limits.text)]
        buttons = self._buttons(asked, locale)
        written = self._written(asked, locale, limits)
        if len(buttons) > limits.buttons:
            text, buttons, written = f"{text}{written}", (), ""
        *before, last = cut(text, limits.text - _length(written))
        contact = asked.contact and limits.contact and not buttons
        return [Message(part, delicate=delicate) for part in before] + [
            Message(
                last,
                buttons,
                self.text(Word("choice.contact.share"), locale) if contact else "",
                delicate,
                asked.step,
                asked.of,
                asked.keyboard,
                asked.autofill,
                f"{last}{written}" if written else "",
                sensitive=asked.sensitive,
            )
        ]

    def _paragraph(self, reply: Reply, locale: str) -> str:
        said = self._said(reply.key, reply.params, locale)
        asked = reply.question
        if asked is None:
            return said
        if asked.present is not None:
            said = f"{said}\n{self.text(Word('present', {'value': asked.present}), locale)}"
        if asked.title is None:
            return said
        return f"{self._header(asked, asked.title, locale)}\n{said}"

    def _header(self, asked: Question, title: Word, locale: str) -> str:
        if asked.step == 0 or asked.of == 1:
            return self.text(title, locale)
        place: dict[str, Param] = {"step": asked.step, "of": asked.of, "title": title}
        return self.text(Word("progress", place), locale)

    def _buttons(self, asked: Question, locale: str) -> tuple[Button, ...]:
        return tuple(
            Button(
                self.text(choice.label, locale),
                pick_data(asked.turn, asked.field, choice.id),
                choice.style,
            )
            for choice in asked.choices
        )

    def _written(self, asked: Question, locale: str, limits: Limits) -> str:
        """The choices in writing, to stand below the text; empty where buttons do."""
        if not asked.choices or (len(asked.choices) <= limits.buttons and not limits.plain):
            return ""
        return ("\n" if asked.wants_text else "\n\n") + self._numbered(asked, locale)

    def _numbered(self, asked: Question, locale: str) -> str:
        """The choices in writing: numbered, or named beside a question that wants text."""
        labels = [self.text(choice.label, locale) for choice in asked.choices]
        if asked.wants_text:
            named: dict[str, Param] = {"labels": " / ".join(f"“{label}”" for label in labels)}
            return self.text(Word("or_type", named), locale)
        return "\n".join(f"{place}. {label}" for place, label in enumerate(labels, 1))


def _bubbles(replies: Iterable[Reply]) -> list[list[Reply]]:
    """Replies that share a bubble, together: a new one starts where a reply stands apart."""
    bubbles: list[list[Reply]] = []
    for reply in replies:
        if reply.apart or not bubbles:
            bubbles.append([])
        bubbles[-1].append(reply)
    return bubbles


def cut(text: str, limit: int) -> list[str]:
    """The text in parts of at most ``limit`` characters, cut at paragraphs, lines or words.

    Characters are counted as UTF-16 units, the strictest of the messengers' ways.
    """
    if 2 * len(text) <= limit:
        return [text]
    parts: list[str] = []
    while _length(text) > limit:
        window = text.encode("utf-16-le")[: limit * 2].decode("utf-16-le", "ignore")
        at = next((place for mark in ("\n\n", "\n", " ") if (place := window.rfind(mark)) > 0), 0)
        at = at or len(window)
        parts.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*parts, text]


def _length(text: str) -> int:
    """In UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def _is_suffix(ending: str, stem: str) -> bool:
    return len(ending) <= LONGEST_SUFFIX if len(stem) >= SHORTEST_STEM else ending in MINE


SHORTEST_BEGINNING = 5
"""Letters of a choice's label that are enough to name it: "düzelt" for "Düzelteceğim"."""


def _spellings(key: str, folded: str, sentence: str) -> set[str]:
    if not key.startswith("choice."):
        return {folded}
    beginnings = {folded[:length] for length in range(SHORTEST_BEGINNING, len(folded))}
    return beginnings | {folded, fold(sentence.partition(",")[0])}


def _is_label(key: str) -> bool:
    return (
        key in ("language.name", "card.all")
        or key.startswith(("choice.", "title."))
        or (key.startswith("command.") and not key.endswith(".about"))
    )
