"""How reading an answer can end other than with a value.

Knows codes and parameters. It must not know sentences, nor keep what was typed in a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conversations.replies import Param

if TYPE_CHECKING:
    from conversations.actions import Value


class Invalid(Exception):
    """The text cannot be read as the answer. ``code`` and ``params`` say what is missing."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Doubt(Exception):
    """The text reads as ``value``, but the person has to say so. ``code`` is the question."""

    def __init__(self, code: str, value: Value) -> None:
        super().__init__(code)
        self.code = code
        self.value = value
