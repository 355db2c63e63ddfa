"""Digits are read in every script and grouping, and out of number words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.digits import Number, ascii_digits, mended, number_words, read


@pytest.mark.parametrize(
    ("spoken", "digits"),
    [
        ("on iki mart bin dokuz yüz elli", "12 mart 1950"),
        ("bindokuzyüzelli", "1950"),
        ("yirmi üç nisan elli", "23 nisan 50"),
        ("Otuzbir Ocak iki bin beş", "31 Ocak 2005"),
        ("on beş on iki bin dokuz yüz elli", "15 12 1950"),
        ("bir iki bin dokuz yüz doksan", "1 2 1990"),
        ("bin dokuz yüz doksanda", "1990"),
        ("bin yüz", "1100"),
        ("elli beş on", "55 10"),
        ("iki bin", "2000"),
        ("3 mart 1990", "3 mart 1990"),
        ("onur bingöl", "onur bingöl"),
        ("", ""),
    ],
)
def test_number_words_become_digits(spoken, digits):
    """Numbers are put together as they are spoken in dates; other words stay."""
    assert number_words(spoken) == digits


@pytest.mark.parametrize(
    ("typed", "digits", "mended", "broken"),
    [
        ("172 917-160.60", "17291716060", False, False),
        ("٠١٢۳", "0123", False, False),
        ("TC: 17", "17", False, False),
        ("73O1 l2", "730112", True, False),
        ("73A1", "731", False, True),
        ("²", "", False, False),
        ("1️⃣2️⃣", "12", False, False),
    ],
)
def test_digits_are_read_in_any_dress(typed, digits, mended, broken):
    """Letters that look like digits are told apart from letters that do not."""
    number = read(typed)
    assert (number.digits, number.mended, number.broken) == (digits, mended, broken)


@given(st.text(st.characters(categories=["Nd"])))
def test_every_script_has_ascii_digits(text):
    """Only 0 to 9 are left of a row of decimal digits."""
    assert ascii_digits(text).isascii()
    assert int(ascii_digits(text) or 0) == int(text or 0)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1234", Number("1234", False, False)),
        ("12 34", Number("1234", False, False)),
        ("no 1: 12-34 ve 7", Number("1234", False, False)),
        ("12 ve 34", Number("1234", True, False)),
        ("1234 567", Number("1234", True, False)),
        ("12 34 567", Number("1234", True, False)),
        ("l234 56 7", Number("1234", True, False)),
        ("1234 veya 5678", Number("12345678", False, False, several=True)),
        ("1234 5678", Number("12345678", False, False, several=True)),
        ("1 2 3 4 5", Number("12345", False, False)),
        ("12a34", Number("1234", False, True)),
        ("123", Number("123", False, False)),
    ],
)
def test_the_number_of_the_wanted_shape_is_picked_out(typed, number):
    """A number beside others is read alone; by guess if only digits stand beside it."""
    assert read(typed, re.compile("([0-9]{4})")) == number


@pytest.mark.parametrize(
    ("typed", "spelt"),
    [
        ("O1.O2.199O", "01.02.1990"),
        ("l5 Ili", "15 Ili"),
        ("Ol il", "Ol il"),
        ("1 Eylül", "1 Eylül"),
    ],
)
def test_letters_among_digits_become_digits(typed, spelt):
    """Words of other letters stay, and so does a text without a digit."""
    assert mended(typed) == spelt
