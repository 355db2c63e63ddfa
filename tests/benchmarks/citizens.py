"""Invented citizens who register, one message at a time, and what they must be answered.

Every registration is of another person with another card and another code, so that nothing is a
repetition. Knows no messenger and no bot: the answers are told by words that every bot here says.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

NAMES = ("Ayşe", "Bora", "Cem", "Deniz", "Elif", "Fatih", "Gül", "Hakan")
SURNAMES = ("Yılmaz", "Kaya", "Demir", "Çelik", "Şahin", "Öztürk", "Aydın", "Arslan")

STEPS = 12
"""Messages of one registration."""

ANSWERED = (
    b"Kabul",
    b"1/8",
    b"2/8",
    b"3/8",
    b"4/8",
    b"5/8",
    b"6/8",
    b"7/8",
    b"8/8",
    b"Bilgileriniz",
    b"Kullan",
    b"Kaydedildi",
)
"""What stands in the answer to each message, and in none of the others' place."""

CHOICES = {1, 10, 11}
"""Messages that a citizen would tap and not type."""


class WrongAnswer(Exception):
    """A bot did not answer as it must; its figures are worth nothing."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """One registration; ``number`` says whose."""

    number: int

    @property
    def chat(self) -> int:
        return 5_000_000_000 + self.number

    @property
    def phone(self) -> str:
        return f"+905{self.number % 10**9:09d}"

    def lines(self) -> tuple[str, ...]:
        """What the citizen writes, in order."""
        number = self.number
        return (
            "/start",
            "Kabul ediyorum",
            NAMES[number % 8],
            SURNAMES[number // 8 % 8],
            identity_number(number),
            f"{1 + number % 28}.{1 + number % 12}.{1950 + number % 50}",
            f"kisi{number}@example.com",
            card_number(number),
            self.phone,
            hes_code(number),
            "Evet, doğru",
            "Onaylıyorum",
        )


def check(place: int, answer: bytes) -> None:
    """Raise WrongAnswer if it is not the answer to the message at that place."""
    if ANSWERED[place] not in answer:
        raise WrongAnswer(f"message {place + 1} of {STEPS}: no {ANSWERED[place]!r} in {answer!r}")


def card_number(number: int) -> str:
    return f"7301{number:012d}"


def hes_code(number: int) -> str:
    """Each number has its own."""
    rest, digits = divmod(number, 10**7)
    rest, digit = divmod(rest, 10)
    first, second = divmod(rest, 26)
    return f"{chr(65 + first % 26)}{digit}{chr(65 + second)}{digits:07d}"


def identity_number(number: int) -> str:
    """An invented one with the right check digits, never a plain run of digits."""
    row = f"1{(number * 7_919 + 10_203) % 10**8:08d}"
    if _is_run(row):
        row = f"2{row[1:]}"
    return row + _check_digits(row)


def _is_run(row: str) -> bool:
    steps = {(int(later) - int(sooner)) % 10 for sooner, later in pairwise(row)}
    return steps in ({0}, {1}, {9})


def _check_digits(row: str) -> str:
    digits = [int(digit) for digit in row]
    tenth = (7 * sum(digits[0::2]) - sum(digits[1::2])) % 10
    return f"{tenth}{(sum(digits) + tenth) % 10}"
