"""What the staff's talk needs of the rest of the house: drafts, numbers, counts.

Joins what the console and the command use as well to what the talk speaks of. A part of the
composition: it is handed to the records and to the desk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

from bot.clock import Clock
from bot.notices.drafting import bubbles, drafted
from bot.notices.forecast import LOOK_BACK
from bot.notices.planning import Reads, counted, selection_of
from bot.notices.progress import FAILED, progress
from bot.wording import Wording
from conversations.broadcasts import Audience, LeftOut, Refusal, placeholders
from conversations.newsroom import AudienceCounted, CountAudience, Pace
from conversations.outcomes import Invalid
from storage import Broadcast, Connection, Draft
from storage.campaigns import samples_since
from storage.newsroom import Draw, Measure


def drawing(locales: Collection[str]) -> Draw:
    """Drafts as every face of the house makes them."""

    def draw(texts: Mapping[str, str], audience: Audience) -> Draft:
        try:
            return drafted(texts, audience, locales)
        except Invalid as invalid:
            # The talk has read the texts already; what is wrong by now is wrong with the form.
            raise Refusal("unsound", what="text") from invalid

    return draw


def measuring(limits: Mapping[str, float], real: Clock) -> Measure:
    """How a broadcast goes by its last count, so that nothing is counted in a transaction.

    ``limits`` are messages a second by channel, ``real`` is the clock that speeds are measured by.
    """

    async def measure(conn: Connection, broadcast: Broadcast, now: datetime) -> Pace | None:
        if broadcast.started_at is None:
            return None
        outcomes = {(channel, post, cause): n for channel, post, cause, n in broadcast.counted}
        moment = real()
        samples = await samples_since(conn, broadcast.id, moment - LOOK_BACK)
        found = progress(broadcast, outcomes, samples, limits, now, moment)
        rates = [lane.rate for lane in found.lanes.values() if lane.rate is not None]
        return Pace(
            total=max(found.total, broadcast.planned),
            settled=found.settled,
            sent=found.sent,
            failed=sum(count for post, count in found.states.items() if post in FAILED),
            rate=sum(rates) if rates else None,
            ends_at=found.ends_at,
        )

    return measure


def counting(
    records: Reads, wording: Wording, channels: Collection[str], deadline: datetime, clock: Clock
) -> Callable[[CountAudience], Awaitable[AudienceCounted]]:
    """Counts whom a broadcast would reach, and shows how it reads. ``channels`` are those that are
    set up here. Raise Unavailable."""

    async def count(errand: CountAudience) -> AudienceCounted:
        now = clock()
        draft = Draft("", errand.texts, errand.audience, errand.templates, errand.urgent)
        found = await counted(records, selection_of(draft, channels, now))
        reasons: Counter[LeftOut] = Counter()
        for (_, why), many in found.left_out.items():
            reasons[why] += many
        return AudienceCounted(
            tuple(found.reached.most_common()),
            tuple(reasons.most_common()),
            _samples(draft, wording, now, deadline),
        )

    return count


def _samples(draft: Draft, wording: Wording, now: datetime, deadline: datetime) -> tuple[str, ...]:
    """How each text with placeholders reads for somebody invented."""
    shown = {each.locale: each.text for each in bubbles(draft, wording, now, deadline)}
    return tuple(shown[locale] for locale, text in draft.texts.items() if placeholders(text))
