"""Turkish letters and words: casing, folding, and what people type for yes, no, back and the like.

Knows the language alone. It must not know forms, fields, channels or replies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from conversations import vocabulary

_TO_LOWER = str.maketrans({"I": "ı"})
_TO_UPPER = str.maketrans({"i": "İ", "ı": "I"})
_DOT_ABOVE = "\u0307"


class _Signs(dict[int, str]):
    """What becomes of a sign, for ``str.translate``; worked out once for each."""

    def __init__(self, become: Callable[[str], str]) -> None:
        super().__init__()
        self._become = become

    def __missing__(self, sign: int) -> str:
        self[sign] = found = self._become(chr(sign))
        return found


_BARE = _Signs(lambda sign: "" if unicodedata.category(sign) in ("Mn", "Cf") else sign)
_PARTED = _Signs(lambda sign: sign if sign.isalnum() else " ")


_remembered = lru_cache(maxsize=32)
"""For what is asked of one text again and again while it is read. It is forgotten with the next
few, for it may be personal."""


def lower(text: str) -> str:
    """The text in lower case by Turkish rules: ``I`` gives ``ı`` and ``İ`` gives ``i``."""
    composed = unicodedata.normalize("NFC", text)
    return composed.translate(_TO_LOWER).lower().replace("i" + _DOT_ABOVE, "i")


def upper(text: str) -> str:
    """The text in upper case by Turkish rules: ``i`` gives ``İ`` and ``ı`` gives ``I``."""
    composed = unicodedata.normalize("NFC", text).replace("i" + _DOT_ABOVE, "i")
    return composed.translate(_TO_UPPER).upper()


@_remembered
def fold(text: str) -> str:
    """The text as it is compared: lower case, no diacritics, words parted by one space.

    Punctuation and signs part words and are gone; a text of signs alone is its first sign, so that
    "???" reads as "?" and a raised thumb as itself.
    """
    letters = plain(text)
    words = letters.translate(_PARTED).split()
    return " ".join(words) or letters.strip()[:1]


@_remembered
def plain(text: str) -> str:
    """The text in lower case without diacritics, its signs and spaces kept: "Işıl@…" → "isil@…"."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", lower(unicodedata.normalize("NFKC", text)))
    return parts.translate(_BARE).replace("ı", "i")


_NAME_PART = re.compile(r"[^\s\-'’.]+")


def capitals(name: str) -> str:
    """A person's name with Turkish capitals: "ayşe nur" and "AYŞE NUR" give "Ayşe Nur".

    A name that already mixes cases is left as it was written. In one of capitals with no İ, I can
    be either letter: see ``_small``.
    """
    composed = unicodedata.normalize("NFC", name)
    if composed not in (lower(composed), upper(composed)):
        return composed
    small = lower if "İ" in composed or composed == lower(composed) else _small
    return _NAME_PART.sub(lambda part: _capital(part[0][0]) + small(part[0])[1:], composed)


def _capital(letter: str) -> str:
    """The capital, or the letter itself where it would take two (ß)."""
    capital = upper(letter)
    return capital if len(capital) == 1 else letter


def _small(part: str) -> str:
    """Part of a name in lower case, without knowing whether its I are dotted.

    Well-known names are known. Of the others, those that show a Turkish keyboard follow vowel
    harmony, and in those that do not (HATICE) a dot is likelier than none.
    """
    dotted = lower(part).replace("ı", "i")
    if known := _KNOWN_NAMES.get(dotted):
        return known
    return dotted if _TURKISH_LETTERS.isdisjoint(dotted) else _in_harmony(lower(part))


def _in_harmony(word: str) -> str:
    """The word with i for each ı that follows a front vowel, or leads up to one."""
    front = next((sign in _FRONT for sign in word if sign in _FRONT | _BACK), False)
    letters = []
    for sign in word:
        if sign in _FRONT | _BACK:
            front = sign in _FRONT
        letters.append("i" if sign == "ı" and front else sign)
    return "".join(letters)


_TURKISH_LETTERS = frozenset("şğçöü")
_FRONT, _BACK = frozenset("eiöü"), frozenset("aou")
_KNOWN_NAMES = {
    name.strip().replace("ı", "i"): name.strip()
    for name in f"{vocabulary.DOTLESS},{vocabulary.DOTTED}".split(",")
}


def spellings(text: str) -> frozenset[str]:
    """The folded spellings in a list parted by commas."""
    return frozenset(fold(spelling) for spelling in text.split(","))


WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {key: spellings(listed) for key, listed in vocabulary.WORDS.items()}
)
"""What people type, folded, by what they mean by it. Words of anger mean it inside any sentence."""

_MEANINGS = {
    spelling: frozenset(key for key, listed in WORDS.items() if spelling in listed)
    for spelling in frozenset().union(*WORDS.values())
}
"""The keys of every spelling."""

NAMES_TOO = spellings(vocabulary.NAMES_TOO)
"""Words of the above that are people's names as well, and likelier so where a name is asked."""

_ASKING = spellings(vocabulary.ASKING)


def is_question(text: str) -> bool:
    """Whether a text asks something rather than answers: "kart numarası nerede yazıyor"."""
    return text.rstrip().endswith("?") or not _ASKING.isdisjoint(fold(text).split())


_LATER = tuple(sorted(spellings(vocabulary.PUTTING_OFF)))


def puts_off(text: str) -> bool:
    """Whether a text says "not now": "kodum yanımda yok ki"."""
    folded = fold(text)
    return any(phrase in folded for phrase in _LATER)


_COURTESIES = spellings(vocabulary.COURTESIES)
_FILLERS = _COURTESIES | spellings(vocabulary.FILLERS)


def bare(text: str) -> str:
    """The folded text without courtesies and fillers: "türkçe olsun lütfen" → "turkce"."""
    return " ".join(word for word in fold(text).split() if word not in _FILLERS)


_LONGEST_SPEECH = 200
_MOST_WORDS = 10
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")


@_remembered
def meaning(text: str) -> frozenset[str]:
    """The keys of ``WORDS`` that the text means; none for a text that says something else.

    Words of courtesy around it ("iptal lütfen"), letters drawn out ("eveeet") and several spellings
    of one meaning in a row ("evet, kabul ediyorum") are understood.
    """
    folded = fold(text[:_LONGEST_SPEECH])
    words = folded.split()
    if len(text) > _LONGEST_SPEECH or len(words) > _MOST_WORDS:
        return _anger(words)
    said = _said(words) or _said(_DRAWN_OUT.sub(r"\1", folded).split())
    if not said and _asks_for_a_code(folded):
        said = frozenset({"code_help"})
    return said | _anger(words)


_CODE = re.compile(r"\b(?:hes|kod|code\b)")
_GETTING = re.compile(
    r"\b(?:nasil|nere?den|get\b|ali(?:n|r|c|yor)|alc|alac|alab|alam|alma[kys]?\b|alsam)"
)
_OTHERWISE = re.compile(r"[0-9]|\b(?:guncel|yenile|degis|sil|yaz|gir|esle|devam)")
"""What else is done with a code, and the digits of one."""


def _asks_for_a_code(folded: str) -> bool:
    """Whether somebody without a code wants one: "hes kodunu nasıl alcam"."""
    asks = bool(_CODE.search(folded)) and bool(_GETTING.search(folded))
    return asks and not _OTHERWISE.search(folded) and not puts_off(folded)


def _anger(words: Sequence[str]) -> frozenset[str]:
    return frozenset({"anger"} if WORDS["anger"].intersection(words) else ())


def _said(words: Sequence[str]) -> frozenset[str]:
    """What is said with, then without the courtesies: "iyi" opens "iyi günler" as well."""
    closed = _without_last_courtesies(words)
    return _alike(words) or _alike(closed) or _alike(_without_first_courtesies(closed))


def _alike(words: Sequence[str]) -> frozenset[str]:
    """The keys of the whole text, or those that each of its pieces spells however it is cut."""
    found = set(_keys(" ".join(words)))
    for cut in range(1, 1 if found else len(words)):
        head = _keys(" ".join(words[:cut]))
        found |= head and head & _alike(words[cut:])
    return frozenset(found)


def _keys(spelling: str) -> frozenset[str]:
    return _MEANINGS.get(spelling, frozenset())


def _without_first_courtesies(words: Sequence[str]) -> Sequence[str]:
    start = 0
    while start < len(words) and words[start] in _COURTESIES:
        start += 1
    return words[start:]


def _without_last_courtesies(words: Sequence[str]) -> Sequence[str]:
    return _without_first_courtesies(words[::-1])[::-1]
