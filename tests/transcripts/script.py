"""A conversation as a text file that people read and write.

    Ayşe kartını eşleştiriyor.
    now: 2021-01-08T12:00+03:00

    > {opens}
        Merhaba! …
        ~
        Açık rıza veriyor musunuz?
        [Kabul ediyorum] [Kabul etmiyorum]
    > [Kabul ediyorum]
        …

    record:
        …

The first line is the title. ``name: value`` is a direction (see ``stage``). ``> `` is what the
person does; the indented lines are the answer, ``~`` between two bubbles, the choices' labels in
brackets. ``telegram> `` is done on that messenger alone. ``# `` starts a remark. What a messenger
is, this module must not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

INDENT = "    "
BORDER = "~"
RECORD = "record"

_TURN = re.compile(r"(?P<channels>[a-z ]*)> (?P<said>.*)")
_DIRECTION = re.compile(r"(?P<name>[a-z]+)(?::\s*(?P<value>.*))?")
_GESTURE = re.compile(r"\{(?P<kind>[a-z]+)(?: (?P<value>.*))?\}")


class ScriptError(Exception):
    """A line of a script that cannot be read. The message quotes it."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a person does: ``say``, ``press``, ``stale``, ``opens``, ``contact``, ``photo``, …"""

    kind: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """Something the person does and what they are told. No ``channels`` means all of them."""

    said: str
    answer: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def gesture(self) -> Gesture:
        return gesture(self.said)


@dataclass(frozen=True, slots=True)
class Direction:
    """Something that happens around the person: ``restart``, ``hes``, ``as``, …"""

    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A line for the reader alone."""

    text: str


Step = Turn | Direction | Remark


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation."""

    title: str
    steps: tuple[Step, ...]
    record: tuple[str, ...] = ()

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(step for step in self.steps if isinstance(step, Turn))

    def directions(self, name: str) -> Iterator[str]:
        """The values of all directions of that name."""
        for step in self.steps:
            if isinstance(step, Direction) and step.name == name:
                yield step.value

    def answered(self, answers: Iterable[Sequence[str]], record: Sequence[str]) -> Script:
        """The same conversation with these answers, one for each turn, and this record."""
        found = iter(answers)
        steps = tuple(
            replace(step, answer=tuple(next(found))) if isinstance(step, Turn) else step
            for step in self.steps
        )
        return Script(self.title, steps, tuple(record))


def gesture(said: str) -> Gesture:
    """``[label]`` presses, ``{kind value}`` does something else, anything else is typed."""
    if match := _GESTURE.fullmatch(said):
        kind, value = match["kind"], match["value"] or ""
        return Gesture(kind, value.strip("[]") if kind == "stale" else value)
    if said.startswith("[") and said.endswith("]"):
        return Gesture("press", said[1:-1])
    return Gesture("say", said)


# --- reading --------------------------------------------------------------------------------


def read(text: str) -> Script:
    """Raise ScriptError for a line that is none of the kinds above."""
    title, *lines = text.splitlines()
    steps: list[Step] = []
    record: tuple[str, ...] = ()
    for head, body in _blocks(lines):
        if head == f"{RECORD}:":
            record = body
        else:
            steps.append(_step(head, body))
    return Script(title, tuple(steps), record)


def _blocks(lines: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every line at the margin with the indented lines below it."""
    head, body = "", list[str]()
    for line in [*lines, "#"]:
        if not line or line.startswith(INDENT):
            body.append(line.removeprefix(INDENT))
            continue
        if head:
            yield head, _trimmed(body)
        head, body = line, []


def _trimmed(body: Sequence[str]) -> tuple[str, ...]:
    kept = list(body)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def _step(head: str, body: tuple[str, ...]) -> Step:
    if head.startswith("#"):
        return Remark(head)
    if turn := _TURN.fullmatch(head):
        return Turn(turn["said"], body, tuple(turn["channels"].split()))
    if body or not (direction := _DIRECTION.fullmatch(head)):
        raise ScriptError(head)
    return Direction(direction["name"], direction["value"] or "")


# --- writing --------------------------------------------------------------------------------


def write(script: Script) -> str:
    """The text that ``read`` reads back."""
    lines = [script.title]
    before: Step | None = Direction("title")
    for step in script.steps:
        if isinstance(step, Turn) is not isinstance(before, Turn):
            lines.append("")
        lines += _written(step)
        before = step
    lines += ["", f"{RECORD}:", *_indented(script.record)]
    return "\n".join(lines) + "\n"


def _written(step: Step) -> list[str]:
    if isinstance(step, Remark):
        return [step.text]
    if isinstance(step, Direction):
        return [f"{step.name}: {step.value}" if step.value else step.name]
    return [f"{' '.join(step.channels)}> {step.said}", *_indented(step.answer)]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"{INDENT}{line}" if line else "" for line in lines]
