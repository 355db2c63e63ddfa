"""What a person was told, and how one messenger's way of writing it compares with another's.

A messenger without buttons writes choices as a numbered list or names them beside the question, and
may cut a long text in two. Knows nothing of how an answer travelled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.transcripts.script import BORDER

_NUMBERED = re.compile(r"([0-9]+)\. (.+)")
_NAMED = re.compile(r"[^“”:]+: (“[^”]+”(?: / “[^”]+”)*)")
_QUOTED = re.compile("“([^”]+)”")


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message: its text, and the labels of its buttons."""

    text: str
    labels: tuple[str, ...] = ()


def told(bubbles: Sequence[Bubble]) -> list[str]:
    """The answer as a script shows it."""
    lines: list[str] = []
    for bubble in bubbles:
        lines += [BORDER] if lines else []
        lines += bubble.text.split("\n")
        lines += [_bracketed(bubble.labels)] if bubble.labels else []
    return lines


def sentences(bubbles: Sequence[Bubble]) -> list[str]:
    """The answer without what differs between messengers: lines, then labels in brackets."""
    *before, last = bubbles or [Bubble("")]
    return plain(told([*before, unnumbered(last)]))


def plain(lines: Sequence[str]) -> list[str]:
    """Lines without gaps and the borders of bubbles."""
    return [line for line in lines if line.strip() and line != BORDER]


def unnumbered(bubble: Bubble) -> Bubble:
    """The choices written at the end of the text as the labels they stand for."""
    if bubble.labels:
        return bubble
    *before, last = bubble.text.rstrip("\n").split("\n")
    if named := _NAMED.fullmatch(last):
        return Bubble("\n".join(before), tuple(_QUOTED.findall(named[1])))
    return _unlisted(bubble)


def _unlisted(bubble: Bubble) -> Bubble:
    lines = bubble.text.rstrip("\n").split("\n")
    labels: list[str] = []
    while lines and (item := _NUMBERED.fullmatch(lines.pop())):
        labels.insert(0, item[2])
        if item[1] == "1":
            return Bubble("\n".join(lines), tuple(labels))
    return bubble


def number_of(label: str, bubble: Bubble) -> str:
    """What to type for a choice of a numbered list; the label where there is no such list."""
    listed = _unlisted(bubble).labels
    return str(listed.index(label) + 1) if label in listed else label


def _bracketed(labels: Sequence[str]) -> str:
    return " ".join(f"[{label}]" for label in labels)
