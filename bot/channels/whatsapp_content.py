"""What Twilio is to keep for us: a template for every notice, buttons for every set of choices.

Plain values and functions: which texts there are to be, by which names, and which of them a message
goes out with. It must not know sentences, forms or tables; who makes the texts at Twilio is
``whatsapp_setup``.

A value put into a text may hold no line break (Twilio, error 21656). So the text above a set of
buttons has a variable for each of its lines, and there is one content for each shape a text has:
its lines, paragraph by paragraph. One more variable stands in every button's id: the turn of the
talk, by which a stale button is known.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bot.channels.base import Button, Message

MAX_BODY = 1024
"""Characters of a template, and of a text with buttons (Twilio, twilio/quick-reply)."""

MAX_BUTTONS, MAX_TITLE = 3, 20
"""Quick replies without approval within the 24 hours, and characters on one (Twilio)."""

MAX_ITEMS, MAX_ITEM = 10, 24
"""Items of a list picker, and characters of one (Twilio, twilio/list-picker)."""

Choices = tuple[tuple[str, str], ...]
"""Of each choice what comes back of it, without the turn, and its title."""

Shape = tuple[int, ...]
"""How many lines each paragraph has."""

LINE: Shape = (1,)

MARK = "buttons"
"""The word in the address of a status callback by which a message with buttons is known."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Who writes to whom, as Twilio has it: ``whatsapp:+90…``."""

    sender: str
    to: str


class Kind(StrEnum):
    """A content's type, by Twilio's name for it."""

    TEXT = "twilio/text"
    QUICK_REPLY = "twilio/quick-reply"
    LIST_PICKER = "twilio/list-picker"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as Twilio is to keep it, by a name that changes whenever anything in it does.

    ``samples`` are invented values of the variables {{1}}, {{2}} … ``choices`` are the ids and
    titles of the buttons, ``opener`` is what opens a list of them.
    """

    name: str
    kind: Kind
    locale: str
    body: str
    samples: tuple[str, ...] = ()
    choices: Choices = ()
    opener: str = ""

    @property
    def is_notice(self) -> bool:
        """Whether it goes out unasked, so that WhatsApp has to approve it first."""
        return self.kind is Kind.TEXT


# --- notices --------------------------------------------------------------------------------


def notice_draft(name: str, locale: str, body: str, samples: Sequence[str]) -> Draft:
    """The template of a notice. ``name`` is the sentence's key: ``notice.suspended``."""
    kept = _name(name.removeprefix("notice."), locale, [Kind.TEXT, body])
    return Draft(kept, Kind.TEXT, locale, body, tuple(samples))


_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")


def faults(draft: Draft) -> list[str]:
    """What WhatsApp would refuse a template for (Twilio, Using Variables with Content Templates).

    It is looked at before: a name that was refused can never be used again.
    """
    numbers = [int(name) if name.isdigit() else 0 for name in _VARIABLE.findall(draft.body)]
    edges = [re.sub(r"\W", "", part) for part in _VARIABLE.split(draft.body)[::2]]
    found = {
        "too long": len(draft.body) > MAX_BODY,
        "variables out of order": list(dict.fromkeys(numbers))
        != list(range(1, 1 + max(numbers, default=0))),
        "a variable at the beginning or the end": not (edges[0] and edges[-1]),
        "variables side by side": not all(edges[1:-1]),
        "a variable without a sample": len(draft.samples) < max(numbers, default=0),
        "a sample that is no line": any(line != in_line(line) for line in draft.samples),
        "too few words for its variables": len(draft.body.split()) < 2 * len(numbers) + 1,
    }
    return [fault for fault, is_so in found.items() if is_so]


# --- choices --------------------------------------------------------------------------------


def choice_draft(
    choices: Choices, locale: str, opener: str, shape: Shape, samples: Sequence[str] = ()
) -> Draft | None:
    """Buttons below a text of that shape; None if WhatsApp has none for such choices."""
    kind = _kind_of(choices)
    if kind is None:
        return None
    turn = sum(shape) + 1
    given = tuple((f"{{{{{turn}}}}}:{id}", title) for id, title in choices)
    body, shown = _body(shape), opener if kind is Kind.LIST_PICKER else ""
    field = choices[0][0].partition(":")[0]
    name = _name(field, locale, [kind, body, given, shown])
    return Draft(name, kind, locale, body, (*samples, "1"), given, shown)


def drafts_for(message: Message, locale: str, opener: str) -> list[Draft]:
    """What a message of ours needs: its buttons below its own text, and below any single line."""
    told = turn_and_choices(message.buttons)
    if told is None:
        return []
    lines = lines_of(message.text)
    drafts = (
        choice_draft(told[1], locale, opener, shape_of(message.text), lines),
        choice_draft(told[1], locale, opener, LINE, lines[-1:]),
    )
    return [draft for draft in drafts if draft is not None]


def turn_and_choices(buttons: Sequence[Button]) -> tuple[str, Choices] | None:
    """The turn that all buttons carry, and the rest of each; None if they are not of one kind."""
    pairs = [(*button.data.partition(":")[::2], button.label) for button in buttons]
    if not pairs or len({turn for turn, _, _ in pairs}) != 1 or not all(id for _, id, _ in pairs):
        return None
    return pairs[0][0], tuple((id, label) for _, id, label in pairs)


def _kind_of(choices: Choices) -> Kind | None:
    titles = [title for _, title in choices]
    longest = max(map(len, titles), default=0)
    if len(set(titles)) != len(titles) or not all(titles):
        return None
    if 0 < len(titles) <= MAX_BUTTONS and longest <= MAX_TITLE:
        return Kind.QUICK_REPLY
    return Kind.LIST_PICKER if 0 < len(titles) <= MAX_ITEMS and longest <= MAX_ITEM else None


def _body(shape: Shape) -> str:
    """A variable for each line: "{{1}}\\n\\n{{2}}\\n{{3}}" for (1, 2)."""
    first, paragraphs = 1, []
    for lines in shape:
        numbers = range(first, first + lines)
        paragraphs.append("\n".join(f"{{{{{number}}}}}" for number in numbers))
        first += lines
    return "\n\n".join(paragraphs)


# --- a text and its lines -------------------------------------------------------------------


def paragraphs_of(text: str) -> list[list[str]]:
    """The lines of every paragraph, each as it may stand in a variable."""
    blocks = re.split(r"\n\s*\n", text.strip())
    return [[in_line(line) for line in block.split("\n") if line.strip()] for block in blocks]


def lines_of(text: str) -> list[str]:
    return [line for paragraph in paragraphs_of(text) for line in paragraph]


def shape_of(text: str) -> Shape:
    return tuple(map(len, paragraphs_of(text)))


def in_line(text: str) -> str:
    """As a variable takes it: no line break, no tab, no run of spaces (Twilio, error 21656)."""
    return " ".join(text.split())


# --- a message with its buttons -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to send: a text, or a content with its variables. ``plain`` is it in writing."""

    plain: str
    sid: str = ""
    variables: str = ""


def parts(
    message: Message, locale: str, opener: str, sid: Callable[[str], str | None]
) -> list[Part]:
    """What a message goes out as: text alone, buttons, or text and its end with buttons.

    ``sid`` gives the ContentSid of a name. Where there is none for the text as a whole, what
    stands before its last paragraphs, or its last line, goes ahead as a message of its own.
    """
    plain = message.plain or message.text
    told = turn_and_choices(message.buttons)
    if told is None:
        return [Part(plain)]
    turn, choices = told
    for before, below in _cuts(message.text):
        lines = lines_of(below)
        name = _choice_name(choices, locale, opener, shape_of(below))
        kept = sid(name) if name and len("\n\n".join(lines)) <= MAX_BODY else None
        if kept:
            variables = json.dumps(dict(enumerate([*lines, turn], 1)), ensure_ascii=False)
            rest = plain[len(before) :].lstrip()
            return [*([Part(before)] if before else []), Part(rest, kept, variables)]
    return [Part(plain)]


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """A text as a beginning and an end, which has the buttons: the longest end first."""
    yield "", text
    for gap in re.finditer(r"\n\s*\n", text):
        yield text[: gap.start()], text[gap.end() :]
    before, _, last = text.rpartition("\n")
    if before:
        yield before.rstrip(), last


@lru_cache(maxsize=1024)
def _choice_name(choices: Choices, locale: str, opener: str, shape: Shape) -> str:
    draft = choice_draft(choices, locale, opener, shape)
    return draft.name if draft is not None else ""


def _name(what: str, locale: str, content: object) -> str:
    """Lower case, digits and _ (WhatsApp, names of templates); the end tells what is in it."""
    readable = re.sub(r"[^a-z0-9]+", "_", what.lower()).strip("_")
    told = json.dumps(content, ensure_ascii=False).encode()
    return f"hesbot_{readable}_{locale}_{hashlib.sha256(told).hexdigest()[:8]}"
