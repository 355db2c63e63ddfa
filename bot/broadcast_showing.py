"""A broadcast as the command prints it: JSON, or lines for a person. Holds nothing personal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.notices.drafting import Bubble
from bot.notices.planning import Count
from bot.notices.progress import Progress
from bot.wording import Wording
from conversations.broadcasts import Audience, approvals_wanted
from conversations.calendar import ISTANBUL
from conversations.replies import Word
from storage import Broadcast

LOCALE = "en"
"""What the command speaks."""

# --- as JSON --------------------------------------------------------------------------------


def facts(broadcast: Broadcast) -> dict[str, Any]:
    """What is known of it without counting; moments are ISO, UTC."""
    draft = broadcast.draft
    return {
        "id": broadcast.id,
        "title": draft.title,
        "stage": str(broadcast.stage),
        "state": str(broadcast.stage),
        "urgent": draft.urgent,
        "author": broadcast.author,
        "approvals": [{"name": each.name, "at": _iso(each.at)} for each in broadcast.approvals],
        "approvals_wanted": approvals_wanted(draft.urgent),
        "audience": draft.audience.to_plain(),
        "texts": dict(draft.texts),
        "templates": dict(draft.templates),
        "resend_unknown": draft.resend_unknown,
        "failure_limit": draft.failure_limit,
        "version": broadcast.version,
        "planned": broadcast.planned,
        "planned_at": _iso(broadcast.planned_at),
        "left_out": _by_channel(broadcast.left_out),
        "pause_cause": broadcast.pause_cause,
        "starts_at": _iso(draft.starts_at),
        "started_at": _iso(broadcast.started_at),
        "ended_at": _iso(broadcast.ended_at),
    }


def standing_as_json(broadcast: Broadcast, progress: Progress) -> dict[str, Any]:
    """All of it."""
    return {**facts(broadcast), "progress": progress.as_json()}


def preview_as_json(broadcast: Broadcast, bubbles: list[Bubble], count: Count) -> dict[str, Any]:
    """How it will look, and how many of the audience it would reach now."""
    left_out: dict[str, dict[str, int]] = defaultdict(dict)
    for (channel, why), many in sorted(count.left_out.items()):
        left_out[channel][str(why)] = many
    return {
        "id": broadcast.id,
        "version": broadcast.version,
        "total": count.total,
        "channels": {
            name: {"reached": count.reached[name], "left_out": left_out.get(name, {})}
            for name in sorted({*count.reached, *left_out})
        },
        "bubbles": [
            {
                "channel": each.channel,
                "locale": each.locale,
                "text": each.text,
                "length": each.length,
                "limit": each.limit,
            }
            for each in bubbles
        ],
    }


def _by_channel(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, count in sorted(counts.items()):
        channel, _, why = name.partition(":")
        found[channel][why] = count
    return dict(found)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


# --- for a person ---------------------------------------------------------------------------


class Lines:
    """The same in lines, in the command's language; the words of enumerations are the
    catalogue's."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def heading(self, broadcast: Broadcast) -> str:
        """Which one it is and where it stands."""
        urgent = ", urgent" if broadcast.draft.urgent else ""
        stage = self._word("stage", broadcast.stage)
        return f"{broadcast.id}  {stage}{urgent}  {broadcast.draft.title}"

    def standing(self, broadcast: Broadcast, progress: Progress) -> str:
        """All of it."""
        return "\n".join([*self._facts(broadcast), *self._progress(progress)])

    def preview(self, bubbles: list[Bubble], count: Count) -> str:
        """Each message as it will be read, then whom it reaches."""
        lines = []
        for each in bubbles:
            size = f"{each.length} of {each.limit}"
            lines += [f"{each.channel}, {each.locale} ({size}):", *_indented(each.text), ""]
        lines.append(f"reaches now: {count.total}")
        lines += [f"  {name:<24}{many:>10}" for name, many in sorted(count.reached.items())]
        if count.left_out:
            lines.append(f"left out: {count.left_out.total()}")
        for (channel, why), many in sorted(count.left_out.items()):
            lines.append(self._left_out(channel, why, many))
        return "\n".join(lines)

    def audience(self, audience: Audience) -> str:
        """Whom it is for."""
        parts = [self._word("group", audience.group)]
        if audience.channels:
            parts.append(f"on {' or '.join(audience.channels)}")
        if audience.locales:
            parts.append(f"who speak {' or '.join(audience.locales)}")
        if audience.registered_since is not None:
            parts.append(f"known since {audience.registered_since} or later")
        if audience.code_ends_before is not None:
            parts.append(f"whose code ends before {audience.code_ends_before}")
        if audience.not_told_days is not None:
            parts.append(f"not told anything in the last {audience.not_told_days} days")
        return ", ".join(parts)

    def _facts(self, broadcast: Broadcast) -> Iterator[str]:
        draft = broadcast.draft
        yield self.heading(broadcast)
        yield f"version {broadcast.version}, written by {broadcast.author}"
        wanted = approvals_wanted(draft.urgent)
        names = ", ".join(f"{each.name} ({_said(each.at)})" for each in broadcast.approvals)
        yield f"approved by {names or 'nobody yet'}, {len(broadcast.approvals)} of {wanted}"
        yield f"for {self.audience(draft.audience)}"
        for locale, text in draft.texts.items():
            template = draft.templates.get(locale)
            yield f"text ({locale}{f', WhatsApp {template}' if template else ''}):"
            yield from _indented(text)
        for name, at in {
            "to start": draft.starts_at,
            "started": broadcast.started_at,
            "ended": broadcast.ended_at,
        }.items():
            if at is not None:
                yield f"{name}: {_said(at)}"
        if broadcast.pause_cause:
            yield f"paused by itself: {_pause(broadcast.pause_cause)}"
        so_far = "" if broadcast.planned_at else " so far"
        if broadcast.planned or broadcast.planned_at:
            yield f"planned: {broadcast.planned}{so_far}"
        for channel, counts in _by_channel(broadcast.left_out).items():
            for why, count in counts.items():
                yield self._left_out(channel, why, count)

    def _progress(self, progress: Progress) -> Iterator[str]:
        if not progress.total:
            return
        share = progress.settled / progress.total
        yield f"done: {progress.settled} of {progress.total} ({share:.0%}), sent: {progress.sent}"
        for post, count in sorted(progress.states.items()):
            yield f"  {self._word('post', post):<24}{count:>10}"
        for name, lane in progress.lanes.items():
            rate = "" if lane.rate is None else f", {lane.rate:.1f} a second"
            limit = "" if lane.limit is None else f" of {lane.limit:g}"
            used = "" if lane.share is None else f" ({lane.share:.0%} of the limit)"
            moving = f"{rate}{limit}{used}" if rate else ""
            yield f"{name}: {lane.settled} of {lane.total}, sent {lane.sent}{moving}"
        if progress.ends_at is not None:
            yield f"will be done: {_said(progress.ends_at)}"
        if progress.failures:
            yield "not reached:"
        for channel, post, cause, count in progress.failures:
            yield f"  {channel}, {self._word('post', post)}: {cause or '-'}  {count}"

    def _left_out(self, channel: str, why: str, count: int) -> str:
        name = f"{channel}, {self._word('left_out', why)}"
        return f"  {name:<48}{count:>10}"

    def _word(self, kind: str, value: str) -> str:
        return self._wording.text(Word(f"broadcast.{kind}.{value}"), LOCALE)


def remaining(progress: Progress) -> str:
    """How fast it goes and when it will be done, for beside a bar."""
    known = [lane.rate for lane in progress.lanes.values() if lane.rate is not None]
    rate = f"{sum(known):.1f}/s" if known else ""
    end = "" if progress.ends_at is None else f"done {_said(progress.ends_at)}"
    return "  ".join(filter(None, (rate, end)))


def _pause(cause: str) -> str:
    """What was kept of too many failures, in words."""
    share, _, rest = cause.partition(" ")
    channel, _, why = rest.partition(" ")
    try:
        return f"{float(share):.0%} failed; on {channel}: {why or '-'}"
    except ValueError:
        return cause


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(ISTANBUL):%Y-%m-%d %H:%M:%S}"
