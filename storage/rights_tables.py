"""The tables of a citizen's rights: proofs of erasure, and one-time links that were used.

Tables only, as in ``storage.tables``, where the ``Table`` objects stand.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field

from storage.columns import Moment, Record


class ErasureRow(Record, table=True):
    """That a person was erased: when, how it was asked for, how much, and what had to stay.

    Nothing personal: it proves that requests are met (regulation on erasure, art. 7/3).
    """

    __tablename__ = "erasures"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Moment, index=True)
    way: str
    counts: str
    staying: str


class PassageRow(Record, table=True):
    """A one-time link that was used; ``key`` is the blind index of the link."""

    __tablename__ = "passages"

    key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    used_at: datetime = Field(sa_type=Moment, index=True)
