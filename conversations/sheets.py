"""A broadcast as the staff read it in a chat: keys and parameters for all there is to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from conversations.broadcasts import Audience
from conversations.calendar import ISTANBUL
from conversations.newsroom import AudienceCounted, BroadcastFound, BroadcastView, Pace
from conversations.replies import Listing, Param, Reply, Word


def stated(views: Iterable[BroadcastView]) -> Listing:
    """A line for each: its number, where it stands, its title."""
    return Listing(
        tuple(Word("announcements.line", {**_named(view), "title": view.title}) for view in views)
    )


def _named(view: BroadcastView) -> dict[str, Param]:
    return {
        "id": str(view.id),
        "stage": Word(f"broadcast.stage.{view.stage}"),
        "author": view.author,
    }


def full(found: BroadcastFound) -> tuple[Reply, ...]:
    """Where it stands and how it goes, whom it is for, and what it says, a bubble for each text."""
    about = Listing((*_audience(found.audience), *_manner(found)))
    sheet = Reply("announcement", {**_named(found.view), "about": about})
    texts = (
        Reply("announcement.text", {"language": Word(f"locale:{locale}"), "text": text}, apart=True)
        for locale, text in found.texts.items()
    )
    # How it goes stands at the end, where it is read first.
    return (sheet, *texts, *(() if found.pace is None else _course(found.pace)))


def _pair(title: Word, value: Param) -> Word:
    return Word("pair", {"title": title, "value": value})


def _audience(audience: Audience) -> Iterator[Word]:
    yield _pair(Word("title.audience"), Word(f"broadcast.group.{audience.group}"))
    for channel in audience.channels:
        yield _pair(Word("announcement.channel"), Word(f"broadcast.channel.{channel}"))
    for locale in audience.locales:
        yield _pair(Word("announcement.language"), Word(f"locale:{locale}"))
    if audience.registered_since is not None:
        yield _pair(Word("announcement.registered_since"), audience.registered_since)
    if audience.code_ends_before is not None:
        yield _pair(Word("announcement.code_ends_before"), audience.code_ends_before)
    if audience.not_told_days is not None:
        yield _pair(Word("announcement.not_told_days"), audience.not_told_days)


def _manner(found: BroadcastFound) -> Iterator[Word]:
    if found.urgent:
        yield Word("announcement.urgent")
    for locale in found.templates or {}:
        yield _pair(Word("announcement.template"), Word(f"locale:{locale}"))
    if found.starts_at is not None:
        yield _pair(Word("announcement.starts_at"), found.starts_at)
        yield _pair(Word("announcement.hour"), _hour(found.starts_at))
    for name in found.approvals:
        yield _pair(Word("announcement.approved_by"), name)


def _course(pace: Pace) -> tuple[Reply, ...]:
    params: dict[str, Param] = {
        "total": pace.total,
        "settled": pace.settled,
        "sent": pace.sent,
        "failed": pace.failed,
    }
    replies = [Reply("announcement.course", params, apart=True)]
    if pace.rate is not None:
        replies.append(Reply("announcement.rate", {"rate": round(pace.rate)}))
    if pace.ends_at is not None:
        ends: dict[str, Param] = {"day": pace.ends_at, "hour": _hour(pace.ends_at)}
        replies.append(Reply("announcement.ends", ends))
    return tuple(replies)


def _hour(moment: datetime) -> str:
    return f"{moment.astimezone(ISTANBUL):%H:%M}"


def counted(found: AudienceCounted) -> tuple[Reply, ...]:
    """Whom it would reach now, whom not and why, and how it reads."""
    reached = Listing(
        tuple(
            _pair(Word(f"broadcast.channel.{channel}"), count) for channel, count in found.reached
        )
    )
    left_out = Listing(
        tuple(_pair(Word(f"broadcast.left_out.{why}"), count) for why, count in found.left_out)
    )
    samples = (Reply("announcement.sample", {"text": text}, apart=True) for text in found.samples)
    count = Reply("announcement.count", {"total": found.total, "reached": reached}, apart=True)
    if not found.total:
        count = Reply("announcement.count.nobody", apart=True)
    rest = (Reply("announcement.left_out", {"left_out": left_out}),) if found.left_out else ()
    return (*samples, count, *rest)
