"""``hesbot keys``: the keys that seal personal data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Json, Refused, finish, plain_errors
from bot.commands.files import bar

if TYPE_CHECKING:
    from bot.key_tasks import Resealed
    from storage import KeyRing

keys = typer.Typer(help="The keys that seal personal data.", no_args_is_help=True)

Printed = Annotated[
    bool, typer.Option("--print", help="Print the ring, for you to put in its place.")
]


@keys.command("new")
def new(printed: Printed = False) -> None:
    """Make a fresh key ring in its file, which must not be there yet."""
    with plain_errors() as settings:
        if printed:
            from storage import KeyRing

            typer.echo(KeyRing.new().text(), nl=False)
            return
        from bot.key_tasks import make_keys

        typer.echo(f"{make_keys(settings)} is made: keep a copy of it, apart from the records")


@keys.command("rotate")
def rotate(
    printed: Printed = False,
    reseal: Annotated[
        bool, typer.Option("--reseal", help="Seal everything with the ring's newest key.")
    ] = False,
    retire: Annotated[
        bool, typer.Option("--retire", help="Refuse the older keys; print the ring without them.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option("--by", help="The operator who does it; without, whoever runs this machine."),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds until nothing of the old key is on its way; else 60."),
    ] = None,
    give_up: Annotated[
        int, typer.Option(min=0, help="So many values that do not open may be lost.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Let a new key follow the old one, and seal everything anew, while others go on.

    Broken off, the same command goes on. The old key is refused afterwards; copies of the records
    made before open only with a copy of the ring of their time.

    Where the key file is written by you, in every place where there is one: first --print, then
    --reseal, then --retire.
    """
    with plain_errors() as settings:
        from bot import key_tasks

        if printed + reseal + retire > 1:
            raise Refused("--print, --reseal, --retire: one after the other")
        order = key_tasks.Order(by, lost=give_up)
        if wait is not None:
            order = replace(order, settled=wait)
        if printed or (not (reseal or retire) and key_tasks.is_elsewhere(settings)):
            ring = finish(key_tasks.next_ring(settings, order))
            _show(ring, f"key {max(ring.sealing)} is new here and seals nothing yet; {NEXT}")
            return
        with bar() as progress:
            if retire:
                ring = finish(key_tasks.retire(settings, order, progress))
                _show(ring, f"all keys but {ring.current} are refused now; {LAST}")
                return
            work = key_tasks.reseal if reseal else key_tasks.rotate
            done = finish(work(settings, order, _tell, progress))
        typer.echo(_as_json(done) if as_json else _as_text(done))


NEXT = (
    "put this ring where every process finds it, start them again (a command's is found within a"
    " minute), then: hesbot keys rotate --reseal"
)
LAST = "put this ring in the place of the one before"


def _show(ring: KeyRing, advice: str) -> None:
    typer.echo(ring.text(), nl=False)
    _tell(advice)


def _tell(line: str) -> None:
    typer.echo(f"hesbot: {line}", err=True)


def _as_json(done: Resealed) -> str:
    plain = {
        "key": done.key,
        "values": done.values,
        "resealed": done.resealed,
        "retired": list(done.retired),
    }
    return json.dumps(plain)


def _as_text(done: Resealed) -> str:
    sealed = (
        f"{done.values:,} values are sealed with key {done.key}, {done.resealed:,} of them anew"
    )
    if not done.retired:
        return f"{sealed}; then: hesbot keys rotate --retire"
    retired = ", ".join(str(each) for each in done.retired)
    return f"{sealed}; refused from now on: key {retired}"
