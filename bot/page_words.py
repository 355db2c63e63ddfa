"""The sentences of the citizen's page that are no part of the talk."""

from __future__ import annotations

from collections.abc import Mapping

from bot.wording import Wording
from conversations.replies import Word

PAGE_WORDS = (
    "title",
    "tagline",
    "skip",
    "talk",
    "bot",
    "you",
    "answer",
    "hint",
    "send",
    "typing",
    "busy",
    "crowded",
    "offline",
    "unsaved",
    "resend",
    "leave_note",
    "leave",
    "help",
    "honest",
    "demo",
    "handover",
    "handover_over",
    "go_on",
)
"""The sentences of the citizen's page, in the catalogues under ``page.``."""


def page_words(wording: Wording, locale: str) -> Mapping[str, str]:
    """All of them by their names, in a language."""
    return {name: wording.text(Word(f"page.{name}"), locale) for name in PAGE_WORDS}
