"""The tables, and nothing that happens to them.

Whatever is personal is either sealed (``LargeBinary`` named after what it holds) or a blind index
(``..._key``). Statements are written against the ``Table`` objects at the end of the module.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Dialect, Index, LargeBinary, MetaData, Table, TypeDecorator, text
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""How constraints are called, so that a migration can name them on every database."""


class Moment(TypeDecorator[datetime]):
    """A point in time: aware in Python, UTC in the row. SQLite keeps no zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time; nobody could say which moment it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """Convert a moment once for all rows of a batch, which have the same."""
        convert = super().bind_processor(dialect)
        if convert is None:
            return None
        last: tuple[datetime | None, Any] = (None, None)

        def process(value: datetime | None) -> Any:
            nonlocal last
            known, converted = last
            if value is not known:
                converted = convert(value)
                last = (value, converted)
            return converted

        return process

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give the moment in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Record(SQLModel):
    """What all tables share."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)


class RingRow(Record, table=True):
    """By which keys the records can be read: one row, with the blind index of a fixed word."""

    __tablename__ = "ring"

    id: int | None = Field(default=None, primary_key=True)
    key_check: bytes = Field(sa_type=LargeBinary(16))


class InboxRow(Record, table=True):
    """A message that was answered, and its answer (sealed). The same message gets it again."""

    __tablename__ = "inbox"

    key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    address_key: bytes = Field(sa_type=LargeBinary(16))
    received_at: datetime = Field(sa_type=Moment, index=True)
    answer: bytes


class ConversationRow(Record, table=True):
    """Where one address stands in the talk (sealed). A blank conversation has no row."""

    __tablename__ = "conversations"

    address_key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    state: bytes
    updated_at: datetime = Field(sa_type=Moment)
    heard_at: datetime | None = Field(sa_type=Moment)


class CitizenRow(Record, table=True):
    """A person by identity number; ``profile`` is every answer about the person, sealed JSON."""

    __tablename__ = "citizens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    identity_key: bytes = Field(sa_type=LargeBinary(16), unique=True)
    profile: bytes
    phone_key: bytes | None = Field(sa_type=LargeBinary(16), index=True)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class AddressRow(Record, table=True):
    """A place to write to; ``address`` is the messenger's id, sealed."""

    __tablename__ = "addresses"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    key: bytes = Field(sa_type=LargeBinary(16), unique=True)
    channel: str
    address: bytes
    citizen_id: int | None = Field(foreign_key="citizens.id", index=True)
    locale: str
    opted_out_at: datetime | None = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)


class CardRow(Record, table=True):
    """A card. ``status`` and ``cause`` are what the facts gave when last looked at."""

    __tablename__ = "cards"

    id: int | None = Field(default=None, primary_key=True)
    number_key: bytes = Field(sa_type=LargeBinary(16), unique=True)
    number: bytes
    personalised: bool | None
    suspended_at: datetime | None = Field(sa_type=Moment)
    status: str = Field(index=True)
    cause: str
    changed_at: datetime = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)


class LinkRow(Record, table=True):
    """A card paired with a code, by whom and from where. Ended ones stay as history.

    Its number leaves the database (an errand asks about it), so no number is ever used twice.
    """

    __tablename__ = "links"
    __table_args__ = (
        Index(
            "uq_links_open_card",
            "card_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_links_open_code",
            "hes_key",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    card_id: int = Field(foreign_key="cards.id", index=True)
    citizen_id: int = Field(foreign_key="citizens.id", index=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    hes_key: bytes = Field(sa_type=LargeBinary(16))
    hes_code: bytes
    linked_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = Field(sa_type=Moment)
    end_cause: str | None
    verdict: str
    checked_at: datetime | None = Field(sa_type=Moment)
    valid_until: datetime | None = Field(sa_type=Moment)


class CardHistoryRow(Record, table=True):
    """What a card's status became, when, why, and by which link."""

    __tablename__ = "card_history"

    id: int | None = Field(default=None, primary_key=True)
    card_id: int = Field(foreign_key="cards.id", index=True)
    at: datetime = Field(sa_type=Moment)
    status: str
    cause: str
    link_id: int | None = Field(foreign_key="links.id", index=True)


class ConsentRow(Record, table=True):
    """Evidence that a text was shown or accepted: ``sha256`` is of the exact words (law 6698)."""

    __tablename__ = "consents"

    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    citizen_id: int | None = Field(foreign_key="citizens.id", index=True)
    document: str
    version: str
    locale: str
    sha256: str
    channel: str
    at: datetime = Field(sa_type=Moment)
    withdrawn_at: datetime | None = Field(sa_type=Moment)


metadata = Record.metadata

ring: Table = metadata.tables["ring"]
inbox: Table = metadata.tables["inbox"]
conversations: Table = metadata.tables["conversations"]
citizens: Table = metadata.tables["citizens"]
addresses: Table = metadata.tables["addresses"]
cards: Table = metadata.tables["cards"]
links: Table = metadata.tables["links"]
card_history: Table = metadata.tables["card_history"]
consents: Table = metadata.tables["consents"]
