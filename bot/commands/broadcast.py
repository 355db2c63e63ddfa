"""``hesbot broadcast``: messages of the staff to many, from their draft to their end."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.commands import broadcast_looking, broadcast_writing
from bot.commands.base import Json, Refused, ask, finish, plain_errors
from bot.commands.broadcast_base import By, Id, Version, known, moment, perhaps_whole, tell

LONGEST_REASON = 500

broadcast = typer.Typer(help="Messages of the staff to many.", no_args_is_help=True)
broadcast.command("new")(broadcast_writing.new)
broadcast.command("edit")(broadcast_writing.edit)
broadcast.command("list")(broadcast_looking.listing)
broadcast.command("show")(broadcast_looking.show)
broadcast.command("preview")(broadcast_looking.preview)


@broadcast.command("test")
def send_test(id: Id, by: By, as_json: Json = False) -> None:
    """Send it to the Telegram account that whoever does it has linked."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import test as send

        found = finish(send(settings, by, known(settings, id)))
        tell(found, "is on its way to your own account", as_json=as_json)


@broadcast.command("submit")
def submit(id: Id, by: By, version: Version = None, as_json: Json = False) -> None:
    """Ask for approval."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import submit as ask_for

        number, seen = known(settings, id), perhaps_whole(version, "--version")
        tell(finish(ask_for(settings, by, number, seen)), as_json=as_json)


@broadcast.command("return")
def give_back(
    id: Id,
    by: By,
    why: Annotated[str, typer.Option("--why", help="For its author; kept on the audit.")],
    as_json: Json = False,
) -> None:
    """Give it back to its author to be changed; approvals given so far are void."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import give_back as hand_back

        reason = " ".join(why.split())
        if not 1 <= len(reason) <= LONGEST_REASON:
            raise Refused(f"--why: a reason of up to {LONGEST_REASON} letters is wanted")
        tell(finish(hand_back(settings, by, known(settings, id), reason)), as_json=as_json)


@broadcast.command("approve")
def approve(id: Id, by: By, version: Version = None, as_json: Json = False) -> None:
    """Approve it; its author cannot. What is urgent wants a second one."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import approve as say_yes

        number, seen = known(settings, id), perhaps_whole(version, "--version")
        tell(finish(say_yes(settings, by, number, seen)), as_json=as_json)


@broadcast.command("start")
def start(
    id: Id,
    by: By,
    at: Annotated[
        str | None, typer.Option("--at", help="At that moment; Istanbul's without a zone.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let it run: now, or when its draft says; one that is scheduled runs at once."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import start as begin

        when = moment(at, "--at")
        tell(finish(begin(settings, by, known(settings, id), when)), as_json=as_json)


@broadcast.command("pause")
def pause(id: Id, by: By, as_json: Json = False) -> None:
    """Stop it within a second, also what is queued."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import pause as hold

        tell(finish(hold(settings, by, known(settings, id))), as_json=as_json)


@broadcast.command("resume")
def resume(id: Id, by: By, as_json: Json = False) -> None:
    """Go on where it stopped."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import resume as go_on

        tell(finish(go_on(settings, by, known(settings, id))), as_json=as_json)


@broadcast.command("cancel")
def cancel(
    id: Id,
    by: By,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """End it for good within a second; what is queued is dropped."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import cancel as end

        number = known(settings, id)
        if not yes:
            if not sys.stdin.isatty():
                raise Refused("this cannot be taken back; to do it, add --yes")
            ask(f"Cancel broadcast {number}? This cannot be taken back.")
        tell(finish(end(settings, by, number)), as_json=as_json)


@broadcast.command("retry")
def retry(
    id: Id,
    by: By,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also to whom it may have gone out already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send it again to those whom it failed to reach, and to nobody else."""
    with plain_errors() as settings:
        from bot.broadcast_tasks import retry as send_again

        found, count = finish(send_again(settings, by, known(settings, id), unknown))
        tell(found, f"goes again to {count}", as_json=as_json, count=count)


broadcast.command("export")(broadcast_looking.export)
