"""What is counted of the talk: the marks a turn leaves, by name.

A run of the registration form leaves ``consented`` at its first question, ``answered:<field>`` at
each first answer, ``refused:<field>:<code>`` whenever an answer is not taken, ``reviewed`` when
every answer stands for review, and at its end ``saved`` or ``left``. The short forms leave only
``added_card`` and ``renewed``. A mark is made of names and codes that the code knows; nothing that
a person typed is in it. Nothing here changes what is said or kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from conversations.findings import REFUSED_FIELD
from conversations.moves import Turn
from conversations.registration import ADD_CARD, REGISTRATION, RENEW_CODE
from conversations.replies import Reply
from conversations.state import Place, State

CONSENTED, REVIEWED, SAVED, LEFT = "consented", "reviewed", "saved", "left"
ADDED_CARD, RENEWED = "added_card", "renewed"

_UNDER_WAY = frozenset({Place.ASKING, Place.REVIEW, Place.TERMS})
_DONE = {REGISTRATION.name: SAVED, ADD_CARD.name: ADDED_CARD, RENEW_CODE.name: RENEWED}
_DONE_SAID = frozenset({"saved", "saved.relative", "renewed"})
_FIELDS = frozenset(field.name for field in REGISTRATION.fields)


def answered(field: str) -> str:
    """The mark of a field's first answer."""
    return f"answered:{field}"


def refused(field: str, code: str) -> str:
    """The mark of an answer that was not taken, and why."""
    return f"refused:{field}:{code}"


def marks(before: State, turn: Turn) -> Iterator[str]:
    """What the turn that began at ``before`` leaves to be counted, with all that it led to."""
    said = [reply.key for reply in turn.replies if isinstance(reply, Reply)]
    if not _DONE_SAID.isdisjoint(said):
        return iter((_DONE[before.form],)) if before.form in _DONE else iter(())
    # Somebody who works here talks as staff in between; that is no part of a registration.
    return chain(_ways(before.citizen, turn.state.citizen), _refusals(before, said))


def _registers(state: State) -> bool:
    """Whether a registration is under way, the consent given."""
    return state.form == REGISTRATION.name and state.place in _UNDER_WAY


def _ways(before: State, after: State) -> Iterator[str]:
    """How far the run came: a form that is begun anew is another run."""
    if not _registers(after):
        if _registers(before):
            yield LEFT
    elif not _registers(before) or (before.answers and not after.answers):
        yield CONSENTED
    elif not before.accepted:
        # What is answered after the terms were accepted was refused by the register meanwhile.
        yield from map(answered, after.answers.keys() - before.answers.keys())
        if after.place is Place.REVIEW and REGISTRATION.missing(before.answers) is not None:
            yield REVIEWED


def _refusals(before: State, said: list[str]) -> Iterator[str]:
    """What was not taken, by a parser or by the register's rules."""
    if not _registers(before):
        return
    for key in said:
        kind, _, code = key.partition(".")
        if kind == "invalid" and before.field in _FIELDS:
            yield refused(before.field, code)
        elif kind == "refused" and code in REFUSED_FIELD:
            yield refused(REFUSED_FIELD[code], code)
