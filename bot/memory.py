"""Memory of a process that lives long: what was loaded is left alone, garbage is sought rarely.

Python counts what is made and kept, and every 700 such things looks for cycles among the young,
then among the older. A batch of the desk makes thousands that go by themselves when it ends; and
one look through all that aiogram, SQLAlchemy and pydantic load takes a quarter of a second in which
nobody is answered.
"""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Things made and still kept before the next look for garbage: more than one batch holds."""


def settle(young: int = YOUNG) -> None:
    """Call it once everything is loaded, and again when much was loaded late."""
    gc.freeze()
    gc.set_threshold(young)
    gc.enable()
