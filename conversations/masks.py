"""How a delicate value is shown back: enough to recognise one's own, too little to steal.

The same masks everywhere, for people, staff and logs. Every function takes a value as it is stored
and hides all of it that it cannot read. Knows no field, form, channel or sentence.
"""

from __future__ import annotations

import re

_HIDDEN = "•"
_LETTERS = re.compile(r"[^\W\d_]+")


def identity(number: str) -> str:
    """An identity number by its first three and last two digits: ``172••••••60``."""
    return (
        number[:3] + _HIDDEN * (len(number) - 5) + number[-2:] if len(number) > 5 else _all(number)
    )


def card(number: str) -> str:
    """A card by its first and last four digits: ``7301 •••• •••• 0123``."""
    if len(number) != 16:
        return _all(number)
    return f"{number[:4]} {_HIDDEN * 4} {_HIDDEN * 4} {number[12:]}"


def display_hes(code: str) -> str:
    """A HES code in full, grouped as the Ministry prints it: ``A1B2-3456-78``."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}" if len(code) == 10 else code


def display_card(number: str) -> str:
    """A card number in full, in groups of four as it stands on the card."""
    return " ".join(number[place : place + 4] for place in range(0, len(number), 4))


def display_phone(e164: str) -> str:
    """A Turkish mobile number in full, as people write it: ``0532 000 00 21``."""
    if len(e164) != 13:
        return e164
    return f"0{e164[3:6]} {e164[6:9]} {e164[9:11]} {e164[11:]}"


def hes(code: str) -> str:
    """A HES code without its middle: ``G1B3-••••-16``."""
    return f"{code[:4]}-{_HIDDEN * 4}-{code[8:]}" if len(code) == 10 else _all(code)


def phone(e164: str) -> str:
    """A Turkish mobile number by its operator's prefix and its last two digits:
    ``+90 532 ••• •• 21``."""
    if len(e164) != 13:
        return _all(e164)
    return f"{e164[:3]} {e164[3:6]} {_HIDDEN * 3} {_HIDDEN * 2} {e164[11:]}"


def email(address: str) -> str:
    """An e-mail address by its first letter and its domain: ``a•••@example.com``."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}{_HIDDEN * 3}@{domain}" if at else _all(address)


def name(text: str) -> str:
    """A person's name by the first two letters of each part: ``Ay•• Yı••••``."""
    return _LETTERS.sub(lambda part: part[0][:2] + _HIDDEN * (len(part[0]) - 2), text)


def address(id_: str) -> str:
    """An address at a messenger: a phone number as everywhere, of another identity its last two
    characters."""
    if id_.startswith("+"):
        return phone(id_)
    return f"{_HIDDEN * 6}{id_[-2:]}" if len(id_) > 4 else _HIDDEN * 6


def _all(text: str) -> str:
    return _HIDDEN * len(text)
