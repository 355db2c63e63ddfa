"""Nothing that a person typed can be read in the files of the database."""

from __future__ import annotations

from pathlib import Path

from conversations.actions import RecordConsent
from storage import tables
from storage.conversations import Conversations, Kept
from storage.database import Database
from storage.registry import Registry
from storage.vault import Vault
from tests.storage.people import AYSE_ANSWERS, AYSE_AT_WHATSAPP, DEADLINE, NOW, TERMS, Office

TYPED = [
    "Ayşe",
    "Yıldızoğlu",
    "10000000146",
    "1990-02-01",
    "ayse@example.com",
    "7301000011112222",
    "5320000021",
    "A1B2345678",
    "half an answer",
    "what we said",
]


def spellings(text: str) -> list[bytes]:
    """How a text could lie in a file."""
    escaped = text.encode("ascii", "backslashreplace")
    return [text.encode(), text.encode("utf-16-le"), escaped]


def contents(folder: Path) -> dict[str, bytes]:
    """What is in the files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_nothing_typed_lies_open_in_the_files(tmp_path: Path, vault: Vault) -> None:
    """Neither in the database nor in its write-ahead log, looked at while both are in use."""
    database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
    office = Office(database, Registry(vault, deadline=DEADLINE))
    talk = Conversations(vault)
    await office.ask(AYSE_AT_WHATSAPP, RecordConsent((TERMS,)))
    await office.paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS, terms=TERMS)
    async with database.begin() as conn:
        said = [Kept(AYSE_AT_WHATSAPP, "m1", b"what we said")]
        await talk.keep(conn, {AYSE_AT_WHATSAPP: b"half an answer"}, said, NOW)
    files = contents(tmp_path)
    await database.close()
    assert {"records.sqlite3", "records.sqlite3-wal"} <= set(files)
    assert b"whatsapp" in b"".join(files.values())
    for text in TYPED:
        for spelling in spellings(text):
            assert not [name for name, content in files.items() if spelling in content]


async def test_the_rows_hold_nothing_typed(
    tmp_path: Path, database: Database, vault: Vault
) -> None:
    """The same, asked of the rows, on both databases."""
    office = Office(database, Registry(vault, deadline=DEADLINE))
    await office.paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS)
    for table in (tables.citizens, tables.addresses, tables.cards, tables.links):
        held = repr([tuple(row) for row in await office.rows(table)])
        assert not [text for text in TYPED if text in held]
