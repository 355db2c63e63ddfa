"""Whatever is typed: every parser of an answer gives a value, a doubt or a reason."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from conversations import digits, parsers, turkish
from conversations.form import Field
from conversations.names import introduced
from conversations.outcomes import Doubt, Invalid
from conversations.registration import REGISTRATION
from tests.conversations.talking import TYPED
from tests.fuzz.feeding import Feed, Target, main

TODAY = date(2021, 1, 8)
SEEDS = (
    *TYPED.values(),
    *("ayşe nur", "benim adım Ayşe", "O'Neill-Şahin", "soyadım yok", "yılmaz (kızlık: kaya)"),
    *("1 Şubat 1990", "01.02.90", "1/2/1990", "on iki mart bin dokuz yüz seksen", "19900201"),
    *("T.C. 100 000 001 46", "1OOOOOOO146", "tckn: 10000000146", "bir sıfır sıfır 000 00 146"),
    *("ayse (at) example nokta com", "Ayşe@Örnek.com", "mail yok", "a.b+c@x.co"),
    *("7301 2345 6789 0123", "0x04A1B2C3D4E5F680", "4111 1111 1111 1111", "73012345-67890123"),
    *("0532 000 00 21", "+90 (532) 000-00-21", "0049 170 1234567", "beş yüz otuz iki 000 00 21"),
    *("A1B2-3456-78", "HES kodum A1B2345678", "hes 10000000146 1990 0532", "a ı b 2 345678"),
)


def parse(field: Field, text: str) -> None:
    """Parse; what was read stays what it is when its own spelling is read again."""
    try:
        value = field.parse(text, TODAY)
    except (Invalid, Doubt):
        return
    if isinstance(value, str):
        with suppress(Doubt):
            assert field.parse(value, TODAY) == value, f"{field.name} reads itself otherwise"


def read_besides(made: bytes) -> None:
    """What else looks at a text."""
    text = _text(made)
    parsers.recognise(text)
    if len(text) <= parsers.LONGEST:
        digits.read(text)
        introduced(text)
    turkish.meaning(text)
    turkish.plain(text)


def _feed(field: Field) -> Feed:
    return lambda made: parse(field, _text(made))


def _text(made: bytes) -> str:
    try:
        return made.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return made.decode("utf-8", "replace")


FEEDS = (*map(_feed, REGISTRATION.fields), read_besides)
TARGET = Target("parsers", FEEDS, tuple(seed.encode() for seed in SEEDS))

if __name__ == "__main__":
    main(TARGET)
