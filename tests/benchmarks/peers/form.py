"""The peers' common form: the same fields, read by our own parsers, and the same questions.

So the frameworks around it are what differs. It keeps nothing and knows no messenger.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from conversations.outcomes import Doubt, Invalid
from conversations.parsers import (
    birth_date,
    card_number,
    email_address,
    hes_code,
    identity_number,
    mobile_phone,
    person_name,
    surname,
)
from conversations.turkish import fold

Answers = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    parse: Callable[[str, date], object]
    words: str


QUESTIONS = (
    Question("first_name", person_name, "1/8 · Adınız nedir?"),
    Question("last_name", surname, "2/8 · Soyadınız nedir?"),
    Question("identity_number", identity_number, "3/8 · TC kimlik numaranız nedir?"),
    Question("birth_date", birth_date, "4/8 · Doğum tarihiniz nedir?"),
    Question("email", email_address, "5/8 · E-posta adresiniz nedir?"),
    Question("card_number", card_number, "6/8 · Kartınızın üzerindeki 16 hane nedir?"),
    Question("phone", mobile_phone, "7/8 · Cep telefonu numaranız nedir?"),
    Question("hes_code", hes_code, "8/8 · HES kodunuz nedir?"),
)
WELCOME = "Merhaba! Açık rıza veriyor musunuz? [Kabul ediyorum]"
TERMS = "Kullanım Koşulları ve Çerçeve Sözleşmesi. Onaylıyor musunuz? [Onaylıyorum]"
SAVED = "Kaydedildi. Kartınız HES kodunuzla eşleştirildi."
UNREADABLE = "Bunu okuyamadım. "

YES = frozenset({"kabul ediyorum", "evet, dogru", "evet dogru", "onayliyorum", "evet"})

START, CONSENT, FIRST = 0, 1, 2
REVIEW, AGREE = FIRST + len(QUESTIONS), FIRST + len(QUESTIONS) + 1
"""Where a talk can stand; between are the questions."""


def is_yes(text: str) -> bool:
    return fold(text) in YES


def read(question: Question, text: str) -> str | None:
    """The value to be stored. Raise Invalid or Doubt."""
    value = question.parse(text, datetime.now(UTC).date())
    return value.isoformat() if isinstance(value, date) else value  # type: ignore[return-value]


def review(answers: Mapping[str, str | None]) -> str:
    lines = (f"{name}: {value}" for name, value in answers.items())
    return "Bilgileriniz doğru mu?\n" + "\n".join(lines) + "\n[Evet, doğru]"


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the talk stands now, what is known, what is said, and whether to save it."""

    stage: int
    answers: Answers
    words: str
    save: bool = False


def step(stage: int, answers: Answers, text: str) -> Turn:
    """The whole talk in one function, for frameworks that want one handler."""
    if text.lstrip("/") == "start" or stage == START:
        return Turn(CONSENT, {}, WELCOME)
    if stage == CONSENT:
        agreed = is_yes(text)
        return Turn(FIRST, {}, QUESTIONS[0].words) if agreed else Turn(CONSENT, {}, WELCOME)
    if stage < REVIEW:
        return _answered(stage, answers, text)
    if stage == REVIEW:
        agreed = is_yes(text)
        words = TERMS if agreed else review(answers)
        return Turn(AGREE if agreed else REVIEW, answers, words)
    agreed = is_yes(text)
    return Turn(START, answers, SAVED, True) if agreed else Turn(AGREE, answers, TERMS)


def _answered(stage: int, answers: Answers, text: str) -> Turn:
    question = QUESTIONS[stage - FIRST]
    try:
        answers = {**answers, question.name: read(question, text)}
    except (Invalid, Doubt):
        return Turn(stage, answers, UNREADABLE + question.words)
    following = stage + 1
    words = review(answers) if following == REVIEW else QUESTIONS[following - FIRST].words
    return Turn(following, answers, words)


def database(home: Path) -> sqlite3.Connection:
    """A peer's own database: the write-ahead log, and every commit on the disk (FULL)."""
    connection = sqlite3.connect(home / "peer.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS registrations (person TEXT, answers TEXT)")
    return connection


def save(connection: sqlite3.Connection, person: object, answers: Answers) -> None:
    """Keep a registration; it is on the disk afterwards."""
    row = (str(person), json.dumps(answers, ensure_ascii=False))
    connection.execute("INSERT INTO registrations VALUES (?, ?)", row)
