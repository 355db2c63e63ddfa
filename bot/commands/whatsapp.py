"""``hesbot whatsapp``: what WhatsApp has to know beforehand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from bot.commands.base import Json, Refused, finish, plain_errors

if TYPE_CHECKING:
    from bot.channels.whatsapp_setup import Standing

whatsapp = typer.Typer(help="What WhatsApp has to know beforehand.", no_args_is_help=True)


@whatsapp.callback()
def group() -> None:
    """One command of a group keeps its name."""


@whatsapp.command("setup")
def set_up(as_json: Json = False) -> None:
    """Make the templates of the notices and the buttons at Twilio; show what is approved.

    Safe to repeat: what is there stays, and what was approved meanwhile is known afterwards.
    """
    with plain_errors() as settings:
        from bot.channels.whatsapp_setup import SetUpFailed
        from bot.tasks import set_up_whatsapp

        told: list[dict[str, Any]] = []

        def tell(standing: Standing) -> None:
            told.append(plain(standing))
            if not as_json:
                typer.echo(line(told[-1]))

        try:
            finish(set_up_whatsapp(settings, tell))
        except SetUpFailed as failure:
            raise Refused(str(failure)) from None
        if as_json:
            typer.echo(json.dumps(told, ensure_ascii=False))


def plain(standing: Standing) -> dict[str, Any]:
    """Where one text stands, as JSON."""
    draft = standing.draft
    return {
        "name": draft.name,
        "kind": "template" if draft.is_notice else draft.kind.removeprefix("twilio/"),
        "locale": draft.locale,
        "sid": standing.sid,
        "made": standing.made,
        "approval": standing.approval or None,
        "reason": standing.reason or None,
    }


def line(told: dict[str, Any]) -> str:
    """The same for a person: name, kind, made or there already, and WhatsApp's word on it."""
    words = ["made" if told["made"] else "there already", told["approval"], told["reason"]]
    return f"{told['name']}  {told['kind']}  {', '.join(word for word in words if word)}"
