"""``hesbot audit``: what the staff did and looked at, and whether those records are whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.base import Json, Refused, finish, plain_errors

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage import AuditEntry, Chain, Head

MOST = 10_000

audit = typer.Typer(help="What the staff did and looked at.", no_args_is_help=True)

WORDS = {
    "missing": "is missing",
    "loose": "does not follow the one before it",
    "changed": "is not as it was written",
    "sealed": "was sealed with a key that is not in the ring",
    "noted": "is not the one that was noted",
}
"""What is wrong with a row."""


@audit.command("verify")
def verify(
    expect: Annotated[
        str | None,
        typer.Option(metavar="N:HASH", help="A head noted before, which must still be there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell whether the chain holds; exit status 1 if not.

    Note the head and keep it elsewhere: only with it can rows be missed that were cut off the end.
    """
    with plain_errors() as settings:
        from bot.staff_tasks import verify_audit

        noted = _head(expect)
        chain = finish(verify_audit(_known(settings), noted))
        typer.echo(_verdict(chain, as_json=as_json), err=chain.broken is not None and not as_json)
        if chain.broken is not None:
            raise typer.Exit(1)


@audit.command("list")
def show(
    who: Annotated[str | None, typer.Option(help="Only what this member did.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only what concerns this: broadcast:7, staff:2 …")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many rows at most.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only rows before this number.")] = None,
    as_json: Json = False,
) -> None:
    """Show the newest rows, newest first."""
    with plain_errors() as settings:
        from bot.staff_tasks import list_audit

        if not 1 <= limit <= MOST:
            raise Refused(f"--limit: 1 to {MOST}")
        entries = finish(list_audit(_known(settings), who, subject, before, limit))
        plain = [_plain(each) for each in entries]
        if as_json:
            typer.echo(json.dumps(plain, ensure_ascii=False))
            return
        for each in plain:
            typer.echo(_line(each))


def _known(settings: Settings) -> Settings:
    if settings.fresh:
        raise Refused("nothing is on record here yet")
    return settings


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    from storage import Head

    try:
        return Head.parse(text)
    except ValueError:
        raise Refused("--expect: a head is what this command prints, N:HASH") from None


def _verdict(chain: Chain, *, as_json: bool) -> str:
    broken = chain.broken
    if as_json:
        plain = {
            "holds": broken is None,
            "rows": chain.head.rows,
            "head": str(chain.head),
            "broken": {"id": broken.id, "flaw": str(broken.flaw)} if broken else None,
        }
        return json.dumps(plain)
    if broken is None:
        return f"the chain holds, {chain.head.rows} rows\nhead: {chain.head}"
    return f"hesbot: row {broken.id} {WORDS[broken.flaw]}; the chain holds up to {chain.head}"


def _plain(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at.isoformat(timespec="seconds"),
        "who": entry.who,
        "act": entry.act,
        "subject": entry.subject,
        "detail": entry.detail,
    }


def _line(plain: dict[str, Any]) -> str:
    detail = json.dumps(plain["detail"], ensure_ascii=False) if plain["detail"] else ""
    if plain["detail"] is None:
        detail = "(does not open)"
    words = (plain[name] for name in ("id", "at", "who", "act", "subject"))
    return "  ".join([*map(str, words), *([detail] if detail else [])])
