"""``hesbot staff``: who works with the product, and what they may do."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.base import Json, Refused, ask, finish, plain_errors

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.staff.personnel import Keys
    from conversations.broadcasts import Role
    from storage import Member
    from storage.staff import Listed

ROLES = "author, approver, operator or auditor"

staff = typer.Typer(help="Who works here, and what they may do.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The member's name, in any spelling.")]
RoleName = Annotated[str, typer.Option("--role", help=ROLES.capitalize() + ".")]
By = Annotated[
    str | None,
    typer.Option("--by", help="The operator who does it; without, whoever runs this machine."),
]


@staff.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A name that nobody has or had.")],
    role: RoleName,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Take somebody on. The first password and the secret for one-time codes are shown once."""
    with plain_errors() as settings:
        from bot.staff_tasks import add_member

        member, keys = finish(add_member(settings, name, _role(role), by))
        _show_keys(member, keys, as_json=as_json)


@staff.command("list")
def show(as_json: Json = False) -> None:
    """Show who is here, and who was."""
    with plain_errors() as settings:
        from bot.staff_tasks import list_staff

        plain = [_plain(each) for each in ([] if settings.fresh else finish(list_staff(settings)))]
        if as_json:
            typer.echo(json.dumps(plain, ensure_ascii=False))
            return
        for each in plain:
            typer.echo(_line(each))


@staff.command("role")
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help=ROLES.capitalize() + ".")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Give somebody another role; it holds at once, also where they are signed in."""
    with plain_errors() as settings:
        from bot.staff_tasks import change_role

        wanted = _role(role)
        member = finish(change_role(_known(settings), name, wanted, by))
        _tell(member, f"{member.name} is {member.role} now", as_json=as_json)


@staff.command("reset")
def reset(name: Name, by: By = None, as_json: Json = False) -> None:
    """Give somebody a new password and secret; the old ones open nothing, and visits end."""
    with plain_errors() as settings:
        from bot.staff_tasks import reset_member

        member, keys = finish(reset_member(_known(settings), name, by))
        _show_keys(member, keys, as_json=as_json)


@staff.command("leave")
def leave(
    name: Name,
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Let somebody go: signed in nowhere, linked to nothing. Nobody else ever gets the name."""
    with plain_errors() as settings:
        from bot.staff_tasks import dismiss

        _known(settings)
        if not yes:
            if not sys.stdin.isatty():
                raise Refused("this cannot be taken back; to do it, add --yes")
            ask(f"Let {name} go? This cannot be taken back.")
        member = finish(dismiss(settings, name, by))
        _tell(member, f"{member.name} has left", as_json=as_json)


@staff.command("link")
def link(name: Name, by: By = None, as_json: Json = False) -> None:
    """Make a code with which somebody links their Telegram account; it is good for ten minutes."""
    with plain_errors() as settings:
        from bot.staff_tasks import offer_link

        member, code = finish(offer_link(_known(settings), name, by))
        words = f"{member.name} writes this to the bot within ten minutes: /duyuru {code}"
        _tell(member, words, as_json=as_json, code=code)


def _role(text: str) -> Role:
    from conversations.broadcasts import Role

    try:
        return Role(text.strip().lower())
    except ValueError:
        raise Refused(f"a role is {ROLES}") from None


def _known(settings: Settings) -> Settings:
    if settings.fresh:
        raise Refused("nothing is on record here yet")
    return settings


def _show_keys(member: Member, keys: Keys, *, as_json: bool) -> None:
    from bot.staff.secrets import qr_text, secret_text, secret_uri

    uri = secret_uri(keys.secret, member.name)
    plain = {
        "name": member.name,
        "role": str(member.role),
        "password": keys.password,
        "totp_secret": secret_text(keys.secret),
        "totp_uri": uri,
    }
    if as_json:
        typer.echo(json.dumps(plain, ensure_ascii=False))
        return
    for key, value in plain.items():
        typer.echo(f"{key}: {value}")
    typer.echo(qr_text(uri))
    typer.echo("An authenticator app reads the picture. None of this is shown again.")


def _tell(member: Member, words: str, *, as_json: bool, **more: str) -> None:
    plain = {"name": member.name, "role": str(member.role), **more}
    typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else words)


def _plain(listed: Listed) -> dict[str, Any]:
    member = listed.member
    moments = {
        "created_at": listed.created_at,
        "left_at": listed.left_at,
        "locked_until": listed.locked_until,
    }
    return {
        "id": member.id,
        "name": member.name,
        "role": str(member.role),
        "linked": member.address is not None,
        **{key: at.isoformat() if at else None for key, at in moments.items()},
    }


def _line(plain: dict[str, Any]) -> str:
    since = f"since {plain['created_at'][:10]}"
    left = f"left {plain['left_at'][:10]}" if plain["left_at"] else ""
    linked = "linked" if plain["linked"] else ""
    return "  ".join(filter(None, (plain["name"], plain["role"], since, linked, left)))
