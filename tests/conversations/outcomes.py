"""What becomes of a text, as one value that tests can compare."""

from __future__ import annotations

from datetime import date

from conversations.parsers import Doubt, Invalid
from conversations.replies import Word

TODAY = date(2021, 1, 10)


def outcome(parse, text):
    """What becomes of the text, as one comparable value."""
    try:
        return parse(text, TODAY)
    except Invalid as invalid:
        return ("invalid", invalid.code, invalid.params)
    except Doubt as doubt:
        return ("doubt", doubt.code, doubt.value)


def refused(code, **params):
    return ("invalid", code, params)


def mixed_up(field):
    return ("invalid", "mixed_up", {"seen": Word(f"title.{field}")})


def asked(code, value):
    return ("doubt", f"doubt.{code}", value)
