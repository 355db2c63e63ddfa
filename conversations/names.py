"""Names of people as they are typed: "Benim adım: Ayşe Nur.", "adım mehmet soyadım öztürk".

Knows names alone: not who is asked, nor what for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from conversations import digits
from conversations.outcomes import Doubt, Invalid
from conversations.turkish import NAMES_TOO, capitals, fold, is_question, meaning, spellings

LONGEST = 60
"""Letters of a name. The identity card's field is as long."""
_MOST_WORDS = 3

_FIRST = spellings("adım, adı, ad, ismim, ismi, isim, name")
_LAST = spellings("soyadım, soyadı, soyad, soyismim, soyismi, soyisim, surname, last, family")
_BESIDE = spellings("benim, my, first, is, ise, name")
_OWN = spellings("adım, ismim, soyadım, soyismim, my")
_NAMES_TOO = NAMES_TOO | spellings(
    """
    dur, olur, selam, uygun, onay, öyle, sağol, he, as, sa, ty, dil, kabul, peki, elbette, harika,
    süper, aynen, read, durum, yardım, kayıt, başla, ne
    """
)
_ABOVE_ALL = frozenset({"metin"})
_ASKING = spellings(
    """
    mi, mu, mıyım, misin, misiniz, muyum, musun, musunuz, neden, nasıl, nerede, niye, niçin, ne,
    what, why, how, where
    """
)
_NOT_NAMES = _ASKING | spellings(
    """
    ben, benim, bana, beni, bende, biz, bizim, sen, siz, sana, o, bu, şu, için, isim, ismi, ismim,
    ismimi, ad, adı, adım, adımı, soyad, soyadı, soyadım, soyadımı, bir, saniye, dakika, şimdi,
    sonra, torunum, annem, babam, kızım, oğlum, eşim, kardeşim, teyzem, amcam, ablam, abim, dedem,
    kızı, oğlu, adına, yerine, aynı, kod, kodu, kodum, hes, kart, kartı, kartım, razı, olsun, allah,
    ve, ile, ama, yok, var, evet, hayır, lütfen, evladım, yavrum, çocuğum, kuzum, değil, daha, gibi,
    istemem, oldu, olmuş, zorunda, approve, accept, agree, don't, dont, i, i'm, im, am, have, not,
    ok, yes, please, name, is, the, this, it, do, and, same, before, help, merhaba, merhabalar,
    selam, slm, mrb, hello, hi, doğum, tarihi, tarihim, kimlik, tc, numaram, telefonum
    """
)
_VERB = re.compile(
    r"yaza[cy].*|yazi(?:yo|ca|yi).*|yazdi.*|yazma[mk]?|.{2,}[iu]yor(?:um|uz|lar|sunuz)?"
)

_SIGNS = str.maketrans({"`": "’", "´": "’", "ʼ": "’", "‘": "’", "‐": "-", "‑": "-", "–": "-"})
_AROUND = " ,;:!?\"'“”’«»()"
_SPACED_HYPHEN = re.compile(r"(?<=[^\W\d_])(?: - | -|- )(?=[^\W\d_])")
_IS = re.compile("['’][dt][ıiuü]r$", re.IGNORECASE)


def introduced(text: str) -> bool:
    """Whether a text presents what follows as a name: "adım Ulan", "my name is No"."""
    return _is_own(_introduction(_words(text))) and not is_question(text)


def read(text: str, *, surname: bool = False) -> str:
    """The name with Turkish capitals. Raise Invalid or Doubt."""
    words = _words(text)
    introduction = _introduction(words)
    rest = words[len(introduction) :]
    asked_for = _part(rest, surname=surname)
    if _asks(words, rest):
        raise Invalid("name.not_a_name")
    kept = _without_sentence(asked_for)
    name, dressed = _undressed(" ".join(kept))
    _check(name)
    also_a_word = bool(meaning(name)) and fold(name) not in _ABOVE_ALL
    if also_a_word and not _is_own(introduction) and fold(name) not in _NAMES_TOO:
        raise Invalid("name.not_a_name")
    guessed = kept != rest or dressed or _is_other(introduction, surname=surname)
    if also_a_word or guessed or len(name.split()) > _MOST_WORDS:
        raise Doubt("doubt.name", capitals(name))
    return capitals(name)


def _words(text: str) -> list[str]:
    composed = unicodedata.normalize("NFC", text.replace("i\u0307", "i")).translate(_SIGNS)
    visible = (sign for sign in composed if unicodedata.category(sign) != "Cf")
    return "".join(visible).replace(":", ": ").split()


def _introduction(words: Sequence[str]) -> list[str]:
    """The words before the name, if one of them says that a name follows."""
    end = 0
    while end < len(words) - 1 and _introduces(words[end], first=end == 0):
        end += 1
    before = list(words[:end])
    return before if _FIRST.union(_LAST).intersection(map(fold, before)) else []


def _introduces(word: str, *, first: bool) -> bool:
    signs_alone = not any(map(str.isalnum, word))
    return fold(word) in _FIRST | _LAST | _BESIDE or (signs_alone and not first)


def _is_own(introduction: Sequence[str]) -> bool:
    return any(fold(word) in _OWN or word.endswith(":") for word in introduction)


def _is_other(introduction: Sequence[str], *, surname: bool) -> bool:
    """Whether the given name was announced where the surname is asked, or the other way round."""
    return bool(introduction) and surname == _LAST.isdisjoint(map(fold, introduction))


def _part(words: Sequence[str], *, surname: bool) -> list[str]:
    """The wanted side of "mehmet can soyadım öztürk", else everything."""
    cuts = [at for at, word in enumerate(words[:-1]) if at and fold(word) in _LAST]
    if not cuts:
        return list(words)
    if not surname:
        return list(words[: cuts[0]])
    after = words[cuts[0] :]
    return list(after[len(_introduction(after)) :])


def _asks(words: Sequence[str], rest: Sequence[str]) -> bool:
    """Whether there is a question word that is not the whole text: "Ne" can be a name."""
    return len(words) > 1 and not _ASKING.isdisjoint(map(fold, rest))


def _without_sentence(words: Sequence[str]) -> list[str]:
    """The words that can be a name, where others show that a sentence was typed."""
    kept = [word for word in words if not _belongs_to_speech(word)]
    if len(words) < 2 or len(kept) == len(words):
        return list(words)
    if not 1 <= len(kept) <= _MOST_WORDS:
        raise Invalid("name.not_a_name")
    return kept


def _belongs_to_speech(word: str) -> bool:
    return fold(word) in _NOT_NAMES or bool(_VERB.fullmatch(fold(word)))


def _undressed(typed: str) -> tuple[str, bool]:
    """The name without what stands around it; whether more than punctuation went."""
    pictures = "".join(sign for sign in typed if unicodedata.category(sign) in ("So", "Sk"))
    seen = typed.replace("\ufe0f", "") if pictures else typed
    bare = seen.strip(_AROUND + pictures)
    name = _IS.sub("", bare)
    if not name:
        return typed, False
    guessed = name != seen.strip(_AROUND)
    whole = name[:-1] if re.search(r"[^\W\d_]{2}\.$", name) else name
    return _SPACED_HYPHEN.sub("-", whole), guessed


def _check(name: str) -> None:
    if re.search("[0-9]", digits.ascii_digits(name)):
        raise Invalid("name.digits")
    _check_signs(name)
    if len(name) > LONGEST:
        raise Invalid("name.long", longest=LONGEST)
    if sum(map(_is_latin, name)) < 2:
        raise Invalid("name.short")
    if not _is_latin(name[0]) or re.search(r"[-'’.]{2}|[-'’]$|[-'’] | [-'’.]", name):
        raise Invalid("name.letters")


def _check_signs(name: str) -> None:
    """Refuse what no Latin name holds; a sign that can be shown is named."""
    for sign in name:
        if sign in " -'’." or _is_latin(sign):
            continue
        if unicodedata.category(sign)[0] in "LMC":
            raise Invalid("name.letters")
        raise Invalid("name.sign", sign=sign)


def _is_latin(sign: str) -> bool:
    return sign.isalpha() and unicodedata.name(sign, "").startswith("LATIN ")
