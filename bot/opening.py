"""What a person is told when they open the talk, without a record being read or written."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.channels.base import Answer, Limits
from bot.wording import Wording
from conversations.engine import step
from conversations.events import Opened
from conversations.state import State

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""Opening asks for no date, so any will do."""


def opening(state: State, wording: Wording, limits: Limits) -> Answer:
    """What a person who stands there is told when they open the talk."""
    turn = step(state, Opened(), _ANY_TIME)
    return wording.answer(turn.replies, turn.state.locale, limits)
