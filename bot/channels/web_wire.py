"""An answer as the citizen's page draws it. Knows no request and no page."""

from __future__ import annotations

import base64
from typing import Any

from bot.channels.base import Answer, Message

KEYBOARDS = {"digits": "numeric", "email": "email", "phone": "tel", "text": "text"}
"""What is typed → the HTML standard's inputmode."""


def bubbles(answer: Answer) -> list[dict[str, Any]]:
    """The answer as the page draws it."""
    return [
        {
            "who": "bot",
            "text": message.text,
            **_file(message),
            "progress": {"step": message.step, "of": message.of} if message.step else None,
            "buttons": [
                {"label": button.label, "data": button.data, "style": button.style}
                for button in message.buttons
            ],
        }
        for message in answer.messages
    ]


def _file(message: Message) -> dict[str, dict[str, str]]:
    """The text to be kept, within the page itself: nothing of it lies at an address."""
    if not message.file:
        return {}
    content = base64.b64encode(message.text.encode("utf-8", "replace")).decode()
    href = f"data:text/plain;charset=utf-8;base64,{content}"
    return {"file": {"name": message.file, "href": href}}


def awaited(answer: Answer) -> dict[str, str]:
    """Which keyboard a phone should show for what is asked now."""
    last = answer.messages[-1] if answer.messages else Message("")
    return {"mode": KEYBOARDS.get(last.keyboard, "text"), "autocomplete": last.autofill}
