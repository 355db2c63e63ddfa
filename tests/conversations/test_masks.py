"""Masks show enough to recognise a value and hide the rest."""

from __future__ import annotations

import pytest

from conversations import masks


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (masks.identity, "17291716060", "172••••••60"),
        (masks.identity, "10000000146", "100••••••46"),
        (masks.card, "7301000000000123", "7301 •••• •••• 0123"),
        (masks.hes, "G1B3123416", "G1B3-••••-16"),
        (masks.display_hes, "A1B2345678", "A1B2-3456-78"),
        (masks.phone, "+905320000021", "+90 532 ••• •• 21"),
        (masks.email, "ayse@example.com", "a•••@example.com"),
        (masks.email, "a@example.com", "a•••@example.com"),
        (masks.name, "Ayşe Yılmaz", "Ay•• Yı••••"),
        (masks.name, "Ayşe-Nur O'Neill", "Ay••-Nu• O'Ne•••"),
        (masks.name, "Er", "Er"),
        (masks.address, "+905320000021", "+90 532 ••• •• 21"),
        (masks.address, "420000", "••••••00"),
        (masks.address, "4200", "••••••"),
    ],
)
def test_a_value_is_shown_as_agreed(mask, value, shown):
    """The masks are those of the voice guide."""
    assert mask(value) == shown


@pytest.mark.parametrize("mask", [masks.identity, masks.card, masks.hes, masks.phone, masks.email])
@pytest.mark.parametrize("value", ["", "1234", "abcde"])
def test_what_a_mask_cannot_read_it_hides_whole(mask, value):
    """A value of another shape never shows through."""
    assert mask(value) == "•" * len(value)
