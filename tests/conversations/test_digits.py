"""Digits are read in every script and grouping, and out of number words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.digits import ascii_digits, number_words, read


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
