"""Every text gives the value that is stored, a reason or a question; nothing else, ever."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum.tr import tckimlik

from conversations import masks
from conversations.parsers import (
    Doubt,
    Invalid,
    birth_date,
    card_number,
    email_address,
    hes_code,
    identity_number,
    introduced,
    mobile_phone,
    person_name,
    recognise,
    surname,
)
from tests.conversations.outcomes import TODAY, asked, outcome, refused
from tests.conversations.typing_habits import ROWS, TABLES

PARSERS = tuple(TABLES)


@pytest.mark.parametrize(
    ("parse", "typed", "expected"),
    ROWS,
    ids=[f"{parse.__name__}-{ascii(typed)[1:40]}" for parse, typed, _ in ROWS],
)
def test_what_is_typed_is_read(parse, typed, expected):
    """Each typing habit gives its value, its reason or its question."""
    assert outcome(parse, typed) == expected


@pytest.mark.parametrize("parse", PARSERS)
def test_a_flood_is_refused_before_it_is_read(parse):
    """The longest answer has 500 characters, whatever they are."""
    for text in ("1" * 501, "a@" * 50_000, "\x00" * 100_000):
        assert outcome(parse, text) == refused("too_long")


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b\u200d"])
def test_a_blank_is_called_empty(parse, text):
    """Spaces and invisible signs are no answer."""
    assert outcome(parse, text) == refused("empty")


TRICKY = st.text(
    st.sampled_from("0123456789OIlıİi AaBbşŞ@.,-/|'’+()\u0307\ud800\x00²٣:HESmartocak gmail.com")
)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(max_size=600), TRICKY))
@example(text="9" * 500)
@example(text="bin " * 125)
@example(text="e " * 250)
@example(text="@." * 250)
@example(text="A1" * 250)
@example(text="-" * 500)
def test_any_text_gives_a_value_a_reason_or_a_question(parse, text):
    """No text whatever makes a parser fail in another way."""
    assert outcome(parse, text) is None or outcome(parse, text)


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row[2], tuple)])
def test_no_personal_value_stands_in_an_exception(row):
    """What may reach a log or a traceback is the code alone."""
    parse, typed, (_, code, _) = row
    with pytest.raises((Invalid, Doubt)) as raised:
        parse(typed, TODAY)
    assert raised.value.args == (code,)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


IDENTITIES = st.integers(100000000, 999999999).map(
    lambda nine: f"{nine}{tckimlik.calc_check_digits(str(nine))}"
)
SHOWN = {
    person_name: str,
    surname: str,
    identity_number: str,
    birth_date: lambda born: born.strftime("%d.%m.%Y"),
    email_address: str,
    card_number: lambda number: " ".join(number[at : at + 4] for at in range(0, 16, 4)),
    mobile_phone: lambda phone: f"{phone[:3]} {phone[3:6]} {phone[6:9]} {phone[9:11]} {phone[11:]}",
    hes_code: masks.display_hes,
}
ACCEPTED = [(parse, typed, value) for parse, typed, value in ROWS if isinstance(value, str | date)]


@pytest.mark.parametrize(("parse", "typed", "value"), ACCEPTED)
def test_a_value_shown_and_typed_again_is_the_same(parse, typed, value):
    """People copy what they see: the display of a value reads as that value."""
    assert outcome(parse, SHOWN[parse](value)) in (value, asked("bank_card", value))


@given(st.from_regex(r"[A-Z][0-9][A-Z][0-9]{7}", fullmatch=True))
def test_every_code_survives_its_display(code):
    """Grouped, lower-case, or in a sentence: the same code."""
    for text in (masks.display_hes(code), code.lower(), f"kodum {masks.display_hes(code)}."):
        assert hes_code(text, TODAY) == code


@given(st.dates(TODAY - timedelta(days=365 * 119), TODAY - timedelta(days=1)))
def test_every_birthday_survives_its_display(born):
    """Day first with dots, as the bot itself writes dates, and as machines do."""
    assert birth_date(born.strftime("%d.%m.%Y"), TODAY) == born
    assert birth_date(born.isoformat(), TODAY) == born


@given(IDENTITIES)
def test_a_wrong_last_digit_is_always_noticed(number):
    """The check digit catches any single slip at the end."""
    slipped = number[:10] + str((int(number[10]) + 1) % 10)
    assert outcome(identity_number, slipped)[0] == "invalid"


@given(st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F), min_size=2, max_size=9))
def test_a_stored_name_reads_as_itself(text):
    """Capitals are settled once: reading a stored name again changes nothing."""
    name = outcome(person_name, text)
    if isinstance(name, str):
        assert outcome(person_name, name) == name


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("17291716060", "identity_number"),
        ("TC 172 917 160 60", "identity_number"),
        ("17291716050", None),
        ("7301 0000 0000 0123", "card_number"),
        ("A1B2-3456-78", "hes_code"),
        ("HES kodum a1b2345678", "hes_code"),
        ("ayse@example.com", "email"),
        ("0532 000 00 21", "phone"),
        ("+905320000021", "phone"),
        ("532 000 00 21", "phone"),
        ("5320000021", None),
        ("01.02.1990", "birth_date"),
        ("1 Şubat 1990", "birth_date"),
        ("01021990", None),
        ("Ayşe", None),
        ("", None),
        ("1" * 501, None),
    ],
)
def test_an_answer_to_another_question_is_recognised(text, field):
    """Only what is clearly one kind is named; the rest stays unnamed."""
    assert recognise(text) == field


@pytest.mark.parametrize(
    ("text", "presents"),
    [
        ("adım Ulan", True),
        ("benim adım Ulan", True),
        ("İSMİM TAMAM", True),
        ("soyadım Back", True),
        ("my name is No", True),
        ("Adı: Devam", True),
        ("Ulan", False),
        ("adım", False),
        ("isim düzelt", False),
        ("adım neden lazım", False),
        ("geri", False),
        ("", False),
    ],
)
def test_an_introduction_presents_a_name(text, presents):
    """What follows "adım" is a name, whatever else it means."""
    assert introduced(text) is presents
