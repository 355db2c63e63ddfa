"""What can happen to several processes and their database on a bad day.

Each trouble is over when it returns: what was held is let go. Only what was killed may still be
starting then.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from tests.faults.fleet import Kept
from tests.faults.postgresql import PostgreSQL, connect
from tests.faults.processes import hesbot


@dataclass
class Scene:
    """Who is there; ``kills`` counts the workers and databases that went without a word."""

    server: PostgreSQL
    webs: Sequence[Kept]
    workers: Sequence[Kept]
    chance: random.Random
    folder: Path
    kills: int = 0
    wrong: list[str] = field(default_factory=list)
    starting: asyncio.Task[None] | None = None

    async def complete(self) -> None:
        """Return once everybody is there again."""
        if self.starting is not None:
            await self.starting

    async def unready(self) -> None:
        """All who live say in time that they are not ready, though they live."""
        await asyncio.gather(*(self._unready(each) for each in (*self.webs, *self.workers)))

    async def _unready(self, kept: Kept) -> None:
        life, said = kept.life, {}
        for path, expected in (("/healthz", 200), ("/readyz", 503)):
            try:
                said[path] = (await kept.ask(path, within=5))[0], expected
            except (OSError, TimeoutError) as error:
                said[path] = type(error).__name__, expected
        if kept.lives(life) and any(found != expected for found, expected in said.values()):
            self.wrong.append(f"{kept.word} without a database: {said}")


Trouble = Callable[[Scene], Awaitable[str]]
"""Makes trouble and says which."""


async def kill(scene: Scene, kept: Kept | None = None) -> str:
    """A process is killed and started again, once the one before it is there again. Whatever else
    happens may happen while it starts."""
    await scene.complete()
    kept = kept or scene.chance.choice([*scene.webs, *scene.workers])
    scene.kills += 1
    await kept.kill()
    scene.starting = asyncio.create_task(kept.start())
    return f"{kept.word} killed"


async def restart(scene: Scene, mode: str | None = None) -> str:
    """The database is restarted."""
    mode = mode or scene.chance.choice(["fast", "immediate"])
    scene.kills += len(scene.workers)
    await scene.server.restart(mode)
    return f"database restarted, {mode}"


async def outage(scene: Scene) -> str:
    """The database is away for a while."""
    away = scene.chance.uniform(2, 12)
    scene.kills += len(scene.workers)
    await scene.server.stop(scene.chance.choice(["fast", "immediate"]))
    await scene.unready()
    await asyncio.sleep(away)
    await scene.server.start_again()
    return f"database away for {away:.1f} s"


async def freeze(scene: Scene) -> str:
    """The database neither answers nor hangs up for a while."""
    frozen = scene.chance.uniform(2, 14)
    scene.kills += len(scene.workers)
    with scene.server.frozen():
        await scene.unready()
        await asyncio.sleep(frozen)
    return f"database frozen for {frozen:.1f} s"


async def terminate(scene: Scene) -> str:
    """An administrator ends some of our sessions."""
    share = scene.chance.choice([0.2, 0.5, 1.0])
    scene.kills += len(scene.workers)
    async with scene.server.session() as session:
        ended = await session.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE"
            " backend_type = 'client backend' AND pid <> pg_backend_pid() AND random() < $1",
            share,
        )
    return f"{ended} sessions ended"


async def block(scene: Scene) -> str:
    """Somebody holds a table."""
    table = scene.chance.choice(
        ["inbox", "conversations", "links", "cards", "deliveries", "paces", "alembic_version"]
    )
    held = scene.chance.uniform(1, 9)
    async with scene.server.session() as session:
        with suppress(asyncpg.exceptions.DeadlockDetectedError):
            async with session.transaction():
                await session.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(held)
    return f"{table} held for {held:.1f} s"


async def crowd_out(scene: Scene) -> str:
    """Others take all the connections that are left."""
    taken: list[Any] = []
    try:
        with suppress(asyncpg.exceptions.TooManyConnectionsError, OSError):
            while True:
                taken.append(await connect(scene.server.url))
        await asyncio.sleep(4)
    finally:
        for each in taken:
            each.terminate()
    return f"{len(taken)} connections taken by others"


async def upgrade(scene: Scene) -> str:
    """``hesbot db upgrade`` twice at once."""
    ring = str(scene.folder / "ring.json")
    home = scene.folder / "operator"
    settings = {"DATABASE_URL": scene.server.url, "HESBOT_KEYS": ring}
    await asyncio.gather(*(hesbot(home, "db", "upgrade", **settings) for _ in range(2)))
    return "db upgrade, twice at once"


def plan(scene: Scene) -> Iterator[Trouble]:
    """Each process once, and the database in both ways."""
    for kept in (*scene.webs, *scene.workers):
        yield partial(kill, kept=kept)
    for mode in ("fast", "immediate"):
        yield partial(restart, mode=mode)


TROUBLES = (kill, restart, outage, freeze, terminate, block, crowd_out, upgrade)
