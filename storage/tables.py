"""The tables, and nothing that happens to them.

Whatever is personal is either sealed (``LargeBinary`` named after what it holds) or a blind index
(``..._key``). Statements are written against the ``Table`` objects at the end of the module; what
the staff's work needs is declared in ``staff_tables``, what citizens' rights need in
``rights_tables``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, Index, LargeBinary, Table
from sqlmodel import Field

from storage import rights_tables, staff_tables
from storage.columns import BIG, Moment, Record, only


class RingRow(Record, table=True):
    """By which keys the records can be read: the blind index of a fixed word in row 1; behind it,
    at a key's number and one, the check of every key in force."""

    __tablename__ = "ring"

    id: int | None = Field(default=None, primary_key=True)
    key_check: bytes = Field(sa_type=LargeBinary(16))


class InboxRow(Record, table=True):
    """A message that was answered, and its answer (sealed). The same message gets it again."""

    __tablename__ = "inbox"

    key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    address_key: bytes = Field(sa_type=LargeBinary(16), index=True)
    received_at: datetime = Field(sa_type=Moment, index=True)
    answer: bytes


class ConversationRow(Record, table=True):
    """Where one address stands in the talk (sealed). A blank conversation has no row.

    ``step`` is the form and the question that is open, "" outside a form.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_open_heard_at", "heard_at", "address_key", **only("step <> ''")),
    )

    address_key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    state: bytes
    step: str = Field(sa_column_kwargs={"server_default": ""})
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
    """A place to write to; ``address`` is the messenger's id, sealed.

    ``opted_out_at``: nothing is sent; ``reminders_off_at``: only what concerns a card at once.
    ``blocked_at``: the messenger says that nothing arrives there.
    """

    __tablename__ = "addresses"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    key: bytes = Field(sa_type=LargeBinary(16), unique=True)
    channel: str
    address: bytes
    citizen_id: int | None = Field(foreign_key="citizens.id", index=True)
    locale: str
    opted_out_at: datetime | None = Field(sa_type=Moment)
    reminders_off_at: datetime | None = Field(sa_type=Moment)
    blocked_at: datetime | None = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)


class CardRow(Record, table=True):
    """A card. ``status`` and ``cause`` are what the facts gave when last looked at.

    ``suspended_at`` and ``suspended_until`` sum up its open suspensions; an end that is not known
    is NULL.
    """

    __tablename__ = "cards"
    __table_args__ = (Index("ix_cards_changed_at", "changed_at", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    number_key: bytes = Field(sa_type=LargeBinary(16), unique=True)
    number: bytes
    personalised: bool | None
    suspended_at: datetime | None = Field(sa_type=Moment)
    suspended_until: datetime | None = Field(sa_type=Moment)
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
            **only("ended_at IS NULL"),
        ),
        Index("ix_links_open_code", "hes_key", **only("ended_at IS NULL")),
        Index("ix_links_open_until", "valid_until", "id", **only("ended_at IS NULL")),
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


class SuspensionRow(Record, table=True):
    """A card held back because of a code it was paired with. Ended ones stay as history."""

    __tablename__ = "suspensions"
    __table_args__ = (
        Index("uq_suspensions_open", "card_id", "hes_key", unique=True, **only("ended_at IS NULL")),
        Index("ix_suspensions_open_code", "hes_key", **only("ended_at IS NULL")),
        Index("ix_suspensions_open_until", "until", **only("ended_at IS NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)
    card_id: int = Field(foreign_key="cards.id", index=True)
    hes_key: bytes = Field(sa_type=LargeBinary(16))
    started_at: datetime = Field(sa_type=Moment)
    until: datetime | None = Field(sa_type=Moment)
    ended_at: datetime | None = Field(sa_type=Moment)
    end_cause: str | None


class RiskRow(Record, table=True):
    """The newest word on a code, also on one that nobody has paired yet.

    ``hes_code`` is sealed and only there while the code is risky.
    """

    __tablename__ = "risks"

    hes_key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    hes_code: bytes | None
    risky: bool
    changed_at: datetime = Field(sa_type=Moment)
    until: datetime | None = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment, index=True)


class RiskChangeRow(Record, table=True):
    """A record of the risk feed that was taken; the same id again changes nothing."""

    __tablename__ = "risk_changes"

    id_key: bytes = Field(sa_type=LargeBinary(16), primary_key=True)
    received_at: datetime = Field(sa_type=Moment, index=True)


class DeliveryRow(Record, table=True):
    """A message to one address that was not asked for, and what became of it. Nothing personal.

    ``key`` names the cause, so that one cause never writes twice. ``urgency`` is 0 for what goes
    first. ``about`` is JSON for the sentence. ``repeats`` counts how often it may have gone out
    before. ``cause`` says why it is held, waits again or failed. ``rest_until`` is in real time,
    whatever ``HESBOT_NOW`` says: until then nobody but ``worker`` touches the row. What belongs to
    a broadcast waits apart from everything else, so that a paused one is nobody's burden.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_pending",
            "channel",
            "urgency",
            "due_at",
            "id",
            **only("state = 'pending' AND broadcast_id IS NULL"),
        ),
        Index(
            "ix_deliveries_broadcast",
            "broadcast_id",
            "channel",
            "due_at",
            "id",
            **only("state = 'pending' AND broadcast_id IS NOT NULL"),
        ),
        Index("ix_deliveries_outcomes", "broadcast_id", "channel", "state", "cause"),
        Index("ix_deliveries_sending", "rest_until", **only("state = 'sending'")),
        Index("ix_deliveries_unknown", "rest_until", **only("state = 'unknown'")),
        Index("ix_deliveries_provider_id", "provider_id", **only("provider_id IS NOT NULL")),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_type=BIG, primary_key=True)
    key: str = Field(unique=True)
    kind: str
    urgency: int
    channel: str
    address_id: int = Field(foreign_key="addresses.id", index=True)
    card_id: int | None = Field(foreign_key="cards.id", index=True)
    link_id: int | None = Field(foreign_key="links.id", index=True)
    broadcast_id: int | None
    about: str
    state: str
    cause: str
    due_at: datetime = Field(sa_type=Moment)
    expires_at: datetime | None = Field(sa_type=Moment)
    attempts: int
    repeats: int
    worker: str | None
    rest_until: datetime | None = Field(sa_type=Moment)
    provider_id: str | None
    created_at: datetime = Field(sa_type=Moment)
    sent_at: datetime | None = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class PaceRow(Record, table=True):
    """When the next message of a sender may go: ``tat`` is seconds since 1970 (GCRA).

    Before ``paused_until`` none may go at all, not even in a slot that was booked.
    """

    __tablename__ = "paces"

    name: str = Field(primary_key=True)
    tat: float = Field(sa_type=Float(53))
    paused_until: float = Field(sa_type=Float(53), sa_column_kwargs={"server_default": "0"})


class ContentRow(Record, table=True):
    """A text that WhatsApp keeps for us: a template or a set of buttons, by its name there."""

    __tablename__ = "contents"

    name: str = Field(primary_key=True)
    sid: str
    approval: str
    updated_at: datetime = Field(sa_type=Moment)


class ImportRow(Record, table=True):
    """How far a file of cards was read; the same file goes on from there."""

    __tablename__ = "imports"

    fingerprint: str = Field(primary_key=True)
    position: int = Field(sa_type=BIG)
    line: int = Field(sa_type=BIG)
    added: int = Field(sa_type=BIG)
    changed: int = Field(sa_type=BIG)
    known: int = Field(sa_type=BIG)
    bad: int = Field(sa_type=BIG)
    updated_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(sa_type=Moment)


class ReportRow(Record, table=True):
    """A report of attempts to travel that was made; ``sha256`` is of its JSON file, ``content``.

    The content is kept (sealed), since people's names and links change after it.
    """

    __tablename__ = "reports"

    id: int | None = Field(default=None, primary_key=True)
    from_at: datetime = Field(sa_type=Moment)
    to_at: datetime = Field(sa_type=Moment)
    made_at: datetime = Field(sa_type=Moment)
    attempts: int
    sha256: str
    content: bytes


class BoardingRow(Record, table=True):
    """An attempt to travel on a suspended card. ``key``: the same attempt is kept once."""

    __tablename__ = "boardings"
    __table_args__ = (Index("ix_boardings_unreported", "at", **only("report_id IS NULL")),)

    id: int | None = Field(default=None, primary_key=True)
    key: bytes = Field(sa_type=LargeBinary(16), unique=True)
    card_id: int = Field(foreign_key="cards.id", index=True)
    validator_id: str
    at: datetime = Field(sa_type=Moment)
    received_at: datetime = Field(sa_type=Moment)
    report_id: int | None = Field(foreign_key="reports.id", index=True)


metadata = staff_tables.BroadcastRow.metadata

ring: Table = metadata.tables["ring"]
inbox: Table = metadata.tables["inbox"]
conversations: Table = metadata.tables["conversations"]
citizens: Table = metadata.tables["citizens"]
addresses: Table = metadata.tables["addresses"]
cards: Table = metadata.tables["cards"]
links: Table = metadata.tables["links"]
card_history: Table = metadata.tables["card_history"]
consents: Table = metadata.tables["consents"]
suspensions: Table = metadata.tables["suspensions"]
risks: Table = metadata.tables["risks"]
risk_changes: Table = metadata.tables["risk_changes"]
deliveries: Table = metadata.tables["deliveries"]
paces: Table = metadata.tables["paces"]
contents: Table = metadata.tables["contents"]
imports: Table = metadata.tables["imports"]
reports: Table = metadata.tables["reports"]
boardings: Table = metadata.tables["boardings"]
staff: Table = metadata.tables["staff"]
visits: Table = metadata.tables["visits"]
audit: Table = metadata.tables["audit"]
broadcasts: Table = metadata.tables["broadcasts"]
approvals: Table = metadata.tables["approvals"]
samples: Table = metadata.tables["samples"]
marks: Table = metadata.tables["marks"]
erasures: Table = rights_tables.ErasureRow.metadata.tables["erasures"]
passages: Table = metadata.tables["passages"]
