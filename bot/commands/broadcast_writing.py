"""``hesbot broadcast new`` and ``edit``: a draft from files and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Json, Refused, finish, plain_errors
from bot.commands.broadcast_base import (
    By,
    Id,
    Version,
    day,
    known,
    moment,
    pairs,
    perhaps_whole,
    share,
    tell,
)
from bot.commands.files import usable_files

if TYPE_CHECKING:
    from bot.broadcast_tasks import Written
    from conversations.broadcasts import Group

TextFile = Annotated[
    str, typer.Option("--text-file", help="The Turkish text, UTF-8; - is standard input.")
]
EnglishFile = Annotated[str | None, typer.Option("--text-file-en", help="The English text.")]
Texts = Annotated[
    list[str] | None, typer.Option("--text", metavar="LOCALE=FILE", help="Another language's text.")
]
AudienceName = Annotated[
    str, typer.Option("--audience", help="all, unfinished, active, suspended or passive.")
]
Channels = Annotated[
    list[str] | None, typer.Option("--channel", help="Only who is there; may be given again.")
]
Locales = Annotated[
    list[str] | None, typer.Option("--locale", help="Only who speaks it; may be given again.")
]
Since = Annotated[
    str | None, typer.Option("--registered-since", help="Only who is known since that day.")
]
EndsBefore = Annotated[
    str | None, typer.Option("--code-ends-before", help="Only whose HES code ends before that day.")
]
NotTold = Annotated[
    str | None, typer.Option("--not-told-days", help="Only who was told nothing in so many days.")
]
Title = Annotated[str, typer.Option("--title", help="For the staff; else how the text begins.")]
Templates = Annotated[
    list[str] | None,
    typer.Option("--template", metavar="LOCALE=HX…", help="WhatsApp's template of a language."),
]
Urgent = Annotated[
    bool, typer.Option("--urgent", help="Wants two approvals; goes at night, and to all.")
]
Resend = Annotated[
    bool, typer.Option("--resend-unknown", help="After a crash, what may have gone out goes again.")
]
Limit = Annotated[
    str, typer.Option("--failure-limit", help="The share of failures at which it pauses.")
]
StartAt = Annotated[
    str | None,
    typer.Option("--start-at", help="Not before that moment; Istanbul's without a zone."),
]


def new(
    text_file: TextFile,
    audience: AudienceName,
    by: By,
    text_file_en: EnglishFile = None,
    text: Texts = None,
    title: Title = "",
    channel: Channels = None,
    locale: Locales = None,
    template: Templates = None,
    registered_since: Since = None,
    code_ends_before: EndsBefore = None,
    not_told_days: NotTold = None,
    urgent: Urgent = False,
    resend_unknown: Resend = False,
    failure_limit: Limit = "0.2",
    start_at: StartAt = None,
    as_json: Json = False,
) -> None:
    """Write a draft. In a text may stand {ad}, {son_gun}, {kalan_gun}, {kart_sonu}, {kod_bitis}."""
    with plain_errors() as settings, usable_files():
        from bot.broadcast_tasks import create

        written = _written(
            _texts(text_file, text_file_en, text), audience, channel, locale, template,
            registered_since, code_ends_before, not_told_days, title, urgent, resend_unknown,
            failure_limit, start_at,
        )  # fmt: skip
        if settings.fresh:
            raise Refused("nobody works here yet; see: hesbot staff add")
        tell(finish(create(settings, by, written)), as_json=as_json)


def edit(
    id: Id,
    text_file: TextFile,
    audience: AudienceName,
    by: By,
    version: Version = None,
    text_file_en: EnglishFile = None,
    text: Texts = None,
    title: Title = "",
    channel: Channels = None,
    locale: Locales = None,
    template: Templates = None,
    registered_since: Since = None,
    code_ends_before: EndsBefore = None,
    not_told_days: NotTold = None,
    urgent: Urgent = False,
    resend_unknown: Resend = False,
    failure_limit: Limit = "0.2",
    start_at: StartAt = None,
    as_json: Json = False,
) -> None:
    """Put another draft in the place of the one there is; nothing of that one is kept."""
    with plain_errors() as settings, usable_files():
        from bot.broadcast_tasks import rewrite

        number, expected = known(settings, id), perhaps_whole(version, "--version")
        written = _written(
            _texts(text_file, text_file_en, text), audience, channel, locale, template,
            registered_since, code_ends_before, not_told_days, title, urgent, resend_unknown,
            failure_limit, start_at,
        )  # fmt: skip
        tell(finish(rewrite(settings, by, number, written, expected)), as_json=as_json)


def _written(
    texts: dict[str, str],
    audience: str,
    channels: list[str] | None,
    locales: list[str] | None,
    templates: list[str] | None,
    since: str | None,
    ends_before: str | None,
    not_told: str | None,
    title: str,
    urgent: bool,
    resend_unknown: bool,
    failure_limit: str,
    start_at: str | None,
) -> Written:
    from bot.broadcast_tasks import Written
    from conversations.broadcasts import Audience

    wanted = Audience(
        _group(audience),
        tuple(dict.fromkeys(channels or ())),
        tuple(dict.fromkeys(locales or ())),
        day(since, "--registered-since"),
        day(ends_before, "--code-ends-before"),
        perhaps_whole(not_told, "--not-told-days"),
    )
    return Written(
        texts,
        wanted,
        title,
        pairs(templates or [], "--template"),
        urgent,
        resend_unknown,
        share(failure_limit, "--failure-limit"),
        moment(start_at, "--start-at"),
    )


def _group(text: str) -> Group:
    from conversations.broadcasts import Group

    try:
        return Group(text.strip().lower())
    except ValueError:
        raise Refused(f"--audience: one of {', '.join(Group)}") from None


def _texts(turkish: str, english: str | None, others: list[str] | None) -> dict[str, str]:
    """The texts by language. Raise Refused, UnusableFile."""
    from bot.notices.textfiles import STDIN, read_text

    files = pairs(others or [], "--text")
    for locale, name in (("tr", turkish), ("en", english)):
        if name is not None and locale in files:
            raise Refused("--text: each language once, like en=…")
        if name is not None:
            files[locale] = name
    if list(files.values()).count(STDIN) > 1:
        raise Refused("only one text can come from standard input")
    return {locale: read_text(name) for locale, name in sorted(files.items(), reverse=True)}
