"""Who may import whom, and who may ask the clock: the house rules that a machine can see."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path
    for package in ("bot", "conversations", "storage")
    for path in (ROOT / package).rglob("*.py")
)
OURS = {"bot", "conversations", "storage", "locales", "tests"}

ONE_ROOM: dict[str, tuple[str, ...]] = {
    "aiogram": ("bot/channels/telegram",),
    "telegram": ("bot/channels/telegram",),
    "twilio": ("bot/channels/whatsapp",),
    "babel": ("bot/wording.py", "bot/wording_numbers.py"),
    "dbos": ("bot/notices/schedules.py",),
    "sqlmodel": ("storage/",),
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/",),
    "aiosqlite": ("storage/",),
    "asyncpg": ("storage/",),
    "cryptography": ("storage/",),
    "phonenumbers": ("conversations/parsers.py", "conversations/digits.py"),
    "stdnum": ("conversations/parsers.py", "conversations/digits.py"),
    "email_validator": ("conversations/emails.py", "conversations/parsers.py"),
    "typer": ("bot/__main__.py", "bot/commands/"),
    "uvicorn": ("bot/server.py", "bot/server_line.py"),
    "jinja2": ("bot/channels/web.py", "bot/console/door.py"),
    "nicegui": ("bot/console/",),
    "fastapi": ("bot/console/",),
    "socketio": ("bot/console/",),
    "argon2": ("bot/staff/secrets.py",),
    "pyotp": ("bot/staff/secrets.py",),
    "segno": ("bot/staff/secrets.py",),
    "opentelemetry": ("bot/tracing.py",),
}
"""One library, one room: beginnings of the paths that may import it."""

VALUES = {
    "conversations.events",
    "conversations.actions",
    "conversations.broadcasts",
    "conversations.calendar",
    "conversations.masks",
    "conversations.newsroom",
    "conversations.turkish",
}
"""What the records may know of the talk: its values, masks, and how Turkish names compare."""

FOR_CHANNELS = {
    "bot.channels.base",
    "bot.channels.http",
    "bot.telemetry",
    "bot.tracing",
    "bot.trail",
    "conversations.events",
    "conversations.turkish",
}
"""What a messenger may know of the house, besides its own modules."""


COMMANDS = ("bot/__main__.py", "bot/commands/")
"""Who starts the composition root."""

FROM_ABOVE = {
    "bot.app": COMMANDS,
    "bot.console_parts": ("bot/app.py",),
    "bot.gates": ("bot/app.py",),
    "bot.outbound": (
        *COMMANDS,
        "bot/app.py",
        "bot/console_parts.py",
        "bot/tasks.py",
        "bot/broadcast_tasks.py",
    ),
    "bot.records": (
        *COMMANDS,
        "bot/app.py",
        "bot/console_parts.py",
        "bot/tasks.py",
        "bot/staff_tasks.py",
        "bot/citizen_tasks.py",
        "bot/doctor.py",
        "bot/broadcast_tasks.py",
        "bot/database_tasks.py",
        "bot/backup_tasks.py",
        "bot/key_tasks.py",
        "bot/outbound.py",
    ),
    "bot.doctor": COMMANDS,
    "bot.key_tasks": COMMANDS,
    "bot.tasks": COMMANDS,
    "bot.database_tasks": COMMANDS,
    "bot.backup_tasks": COMMANDS,
    "bot.staff_tasks": COMMANDS,
    "bot.citizen_tasks": COMMANDS,
    "bot.broadcast_tasks": COMMANDS,
}
"""Beginnings of the paths that may import a part of the composition root, never in
a circle."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from storage import tables` names a module too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules_imported(path: Path) -> frozenset[str]:
    """Imported names that are modules of ours, or other people's packages by their first word."""
    found = set[str]()
    for imported in imports(path):
        first = imported.partition(".")[0]
        if first not in OURS:
            found.add(first)
        elif (ROOT / (imported.replace(".", "/") + ".py")).exists() or imported in OURS:
            found.add(imported)
    return frozenset(found)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_library_stays_in_its_room(path: Path) -> None:
    """An SDK that leaks out of its module ties the whole house to it."""
    strayed = {
        library: rooms
        for library, rooms in ONE_ROOM.items()
        if library in modules_imported(path) and not name(path).startswith(rooms)
    }
    assert strayed == {}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if name(path).startswith("conversations/")], ids=name
)
def test_the_talk_is_pure(path: Path) -> None:
    """It imports itself, the standard library and three libraries for its parsers; no more."""
    allowed = {"stdnum", "phonenumbers", "email_validator", *sys.stdlib_module_names}
    foreign = {
        module
        for module in modules_imported(path)
        if not module.startswith("conversations") and module not in allowed
    }
    worldly = {"asyncio", "os", "random", "secrets", "socket", "time"}
    assert foreign == set()
    assert modules_imported(path) & worldly == set()


@pytest.mark.parametrize(
    "path", [path for path in MODULES if name(path).startswith("storage/")], ids=name
)
def test_the_records_know_only_values_of_the_talk(path: Path) -> None:
    """No messenger, no sentence, no form reaches the records."""
    ours = {m for m in modules_imported(path) if m.partition(".")[0] in OURS}
    assert {m for m in ours if not m.startswith("storage")} - VALUES == set()


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in MODULES
        if name(path).startswith("bot/channels/")
        and path.name not in ("base.py", "http.py", "__init__.py")
    ],
    ids=name,
)
def test_a_channel_knows_its_base_and_its_own(path: Path) -> None:
    """Channels never meet each other, the desk or the wording."""
    own = path.stem.partition("_")[0]
    ours = {m for m in modules_imported(path) if m.partition(".")[0] in OURS}
    assert {m for m in ours - FOR_CHANNELS if not m.startswith(f"bot.channels.{own}")} == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_the_command_imports_the_composition_root(path: Path) -> None:
    """Parts are handed in; nobody fetches them."""
    fetched = {
        module
        for module, above in FROM_ABOVE.items()
        if module in modules_imported(path) and not name(path).startswith(above)
    }
    assert fetched == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_time_and_chance_are_handed_in(path: Path) -> None:
    """The clock is read in one place, so that a demonstration or a test can set it."""
    readings = [
        f"{ast.unparse(node.func)} in line {node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(
            ("datetime.now", "datetime.utcnow", "date.today", "time.time", "random.random")
        )
    ]
    assert name(path) == "bot/clock.py" or readings == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_room_says_what_it_is(path: Path) -> None:
    """Every module opens with what it is, and none is too long to see at a glance."""
    text = path.read_text("utf-8")
    if text.strip() and "versions" not in path.parts:
        assert ast.get_docstring(ast.parse(text))
        assert text.count("\n") <= 400
