"""What the records are asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from conversations.actions import Action
from conversations.events import Address


@dataclass(frozen=True, slots=True)
class Asked:
    """An action, who asks for it and when.

    ``texts`` gives, by the document's name, the SHA-256 (hexadecimal) of the exact words that were
    shown; an action with documents needs it for each of them.
    """

    address: Address
    action: Action
    now: datetime
    locale: str
    texts: Mapping[str, str] = field(default_factory=dict)
