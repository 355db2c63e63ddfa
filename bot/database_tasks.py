"""What ``hesbot db`` does: a part of the composition root, as ``tasks`` is.

Only the command imports this.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from bot.memory import settle
from bot.mending import advice
from bot.records import in_home
from bot.settings import Settings
from storage import Database
from storage.copying import CannotCopy, CopiedTable, copy, origin
from storage.seclusion import look

_MANY_PAGES = 500_000
"""Objects, beyond those that have gone again, after which garbage is looked for."""


class Unusable(Exception):
    """One of the two databases cannot be used for this; the message names which and says why."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied, and how long it took."""

    tables: list[CopiedTable]
    seconds: float


async def upgrade(settings: Settings) -> None:
    """Bring the tables to the newest revision; opening does it."""
    with in_home():
        database = await Database.open(settings.database_url, home=settings.hesbot_home)
    await database.close()


async def copy_records(
    source: str, target: str, progress: Callable[[int, int], None], *, live: bool
) -> Copied:
    """Copy all records from one address to another; raise Unusable."""
    # Pages of rows come and go, and are no garbage to be looked through every time.
    settle(_MANY_PAGES)
    start = time.monotonic()
    async with AsyncExitStack() as stack:
        with _named("--from"):
            old = await stack.enter_async_context(_opened(source, must_exist=True))
            held = await stack.enter_async_context(origin(old, live=live))
        with _named("--to"):
            new = await stack.enter_async_context(_opened(target))
            # Asked once here, so that what is wrong with the address is known as this one's.
            await look(new)
        with _named("--from, --to"):
            tables = await copy(held, new, progress)
    return Copied(tables, round(time.monotonic() - start, 3))


@asynccontextmanager
async def _opened(address: str, *, must_exist: bool = False) -> AsyncIterator[Database]:
    database = Database.as_it_is(address, must_exist=must_exist)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _named(options: str) -> Iterator[None]:
    """What goes wrong in the block is the matter of the options' databases; what is refused, of the
    last one's."""
    try:
        yield
    except CannotCopy as error:
        raise Unusable(f"{options.split()[-1]}: {error}") from None
    except OSError as error:
        raise Unusable(f"{options}: {error.strerror or 'cannot be used'}") from error
    except Exception as error:
        line = advice(error)
        if line is None:
            raise
        raise Unusable(f"{options}: {line.removeprefix('DATABASE_URL: ')}") from error
