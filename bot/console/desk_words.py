"""What the pages of the duty desk have words for, by name: codes and counts that others define."""

from __future__ import annotations

from collections.abc import Mapping

from bot.feeds.values import Kind

COUNTS: Mapping[Kind, tuple[str, ...]] = {
    Kind.RISKS: ("lines", "taken", "repeated", "older", "unknown", "cards", "bad"),
    Kind.CARDS: ("lines", "added", "changed", "known", "bad"),
}
"""What a file came to, in the order in which it is told: ``console.feeds.count.<kind>.<name>``."""

WHY = (
    "id",
    "hes_code",
    "status",
    "changed_at",
    "until",
    "json",
    "repeated_key",
    "gzip",
    "too_long",
    "columns",
    "unreadable",
    "no_number",
    "letters",
    "personalised",
    "digits",
)
"""Why a line cannot be taken, ``console.feeds.why.<code>``."""

REFUSALS = (
    "busy",
    "changed",
    "damaged",
    "disk",
    "empty",
    "fault",
    "no_card",
    "no_record",
    "not_text",
    "too_large",
    "unavailable",
    "unfit",
    "utf_16",
)
"""Why a file was not taken to its end, ``console.feeds.refused.<code>``."""

FORM = ("choose", "drop", "sending", "stop")
"""What stands where a file is handed in, ``console.feeds.<name>``."""

CAUSES = (
    "suspended",
    "paired",
    "never_paired",
    "deadline_passed",
    "code_not_found",
    "code_expired",
    "code_mismatch",
)
"""Why a card is what it is, ``console.citizen.cause.<cause>``, see ``storage.changes.Standing``."""
