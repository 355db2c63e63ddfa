"""How a broadcast stands, in the numbers that every face shows alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.notices.progress import FEWEST, Failing, Progress, failing, progress
from bot.notices.slots import EXACTNESS
from conversations.broadcasts import Audience, Stage
from storage import Broadcast, Draft
from storage.campaigns import Outcomes, Sample
from storage.entries import Post

REAL = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON = datetime(2021, 1, 8, 9, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=12)
LIMITS = {"telegram": 25.0, "whatsapp": 10.0}

RUNNING = Broadcast(
    id=7,
    stage=Stage.RUNNING,
    draft=Draft("Son hafta", {"tr": "Merhaba"}, Audience(), {}),
    version=1,
    author="Ayşe",
    author_id=1,
    approvals=(),
    created_at=NOON,
    updated_at=NOON,
    approved_at=NOON,
    started_at=NOON,
    ended_at=None,
    last_address=9,
    as_of=NOON,
    planned=1000,
    planned_at=NOON,
    left_out={},
    pause_cause="",
    counted=(),
    counted_at=None,
    baseline=(),
    running_since=REAL - timedelta(minutes=5),
)

OUTCOMES: Outcomes = {
    ("telegram", Post.PENDING, ""): 400,
    ("telegram", Post.SENDING, ""): 20,
    ("telegram", Post.SENT, ""): 570,
    ("telegram", Post.BLOCKED, "403"): 7,
    ("telegram", Post.FAILED, "400"): 2,
    ("telegram", Post.OPTED_OUT, ""): 1,
    ("whatsapp", Post.PENDING, ""): 50,
    ("whatsapp", Post.READ, ""): 30,
    ("whatsapp", Post.FAILED, "63016"): 20,
    ("web", Post.PENDING, ""): 100,
}
SAMPLES = [
    Sample("telegram", REAL - timedelta(seconds=40), 180, 170),
    Sample("telegram", REAL, 580, 550),
    Sample("whatsapp", REAL - timedelta(seconds=40), 10, 6),
    Sample("whatsapp", REAL, 50, 30),
]


def stand(
    broadcast: Broadcast = RUNNING,
    outcomes: Outcomes = OUTCOMES,
    samples: list[Sample] = SAMPLES,
    now: datetime = NOON,
) -> Progress:
    return progress(broadcast, outcomes, samples, LIMITS, now, REAL)


def test_the_counts() -> None:
    """Whoever has read it was sent it; who declined is dealt with, too."""
    found = stand()
    assert (found.total, found.settled, found.sent) == (1200, 630, 600)
    lane = found.lanes["telegram"]
    assert (lane.total, lane.settled, lane.sent, lane.pending) == (1000, 580, 570, 420)
    assert (lane.rate, lane.limit, lane.share) == (9.5, 25.0, 0.38)
    assert (found.lanes["web"].rate, found.lanes["web"].share) == (None, None)


def test_the_worst_cause_comes_first() -> None:
    """With the messenger's own code; who declined is no failure."""
    assert stand().failures == [
        ("whatsapp", Post.FAILED, "63016", 20),
        ("telegram", Post.BLOCKED, "403", 7),
        ("telegram", Post.FAILED, "400", 2),
    ]


def test_the_end_is_that_of_the_slowest_channel() -> None:
    """Who comes by on the page is not waited for."""
    found = stand()
    assert found.seconds_left == 50.0
    assert found.ends_at == NOON + timedelta(seconds=50)


def test_before_a_speed_is_known_the_limit_is_taken() -> None:
    """So there is an end from the first second on."""
    assert stand(samples=[]).seconds_left == 420 / (25 * EXACTNESS)


def test_what_stands_still_has_no_end() -> None:
    still = [replace(each, settled=5, sent=5) for each in SAMPLES]
    found = stand(samples=still)
    assert (found.seconds_left, found.ends_at) == (None, None)
    assert found.lanes["telegram"].rate == 0


def test_at_night_it_stands_still_and_has_an_end() -> None:
    """It goes on in the morning; what is urgent has no such excuse."""
    still = [replace(each, settled=5, sent=5) for each in SAMPLES]
    found = stand(samples=still, now=NIGHT)
    morning = NOON + timedelta(hours=21)
    assert found.ends_at == morning + timedelta(seconds=found.seconds_left or 0)
    urgent = replace(RUNNING, draft=replace(RUNNING.draft, urgent=True))
    assert stand(urgent, samples=still, now=NIGHT).ends_at is None


@pytest.mark.parametrize(
    "other",
    [replace(RUNNING, stage=stage) for stage in Stage if stage is not Stage.RUNNING]
    + [replace(RUNNING, planned_at=None)],
    ids=lambda each: f"{each.stage}",
)
def test_only_what_runs_and_is_all_written_has_an_end(other: Broadcast) -> None:
    """Of the rest nobody knows when, or how many there will be."""
    assert (stand(other).seconds_left, stand(other).ends_at) == (None, None)


def test_nothing_yet_is_nothing() -> None:
    found = stand(outcomes={}, samples=[])
    assert (found.total, found.settled, found.lanes) == (0, 0, {})


def test_as_json() -> None:
    """Every number of it, for whoever reads the command's answer."""
    plain = stand().as_json()
    assert plain.keys() == {
        "total",
        "settled",
        "sent",
        "outcomes",
        "channels",
        "failures",
        "rate",
        "eta_seconds",
        "eta",
    }
    assert plain["channels"]["telegram"] == {
        "total": 1000,
        "settled": 580,
        "sent": 570,
        "pending": 420,
        "rate": 9.5,
        "limit": 25.0,
        "share": 0.38,
    }
    assert (plain["rate"], plain["eta_seconds"]) == (10.1, 50.0)
    assert plain["eta"] == "2021-01-08T09:00:50+00:00"
    assert plain["outcomes"]["failed"] == 22
    assert plain["failures"][0] == {
        "channel": "whatsapp",
        "state": "failed",
        "cause": "63016",
        "count": 20,
    }


class TestFailing:
    """Whether a broadcast must stop by itself."""

    def test_a_larger_share_than_the_limit(self) -> None:
        """With the commonest cause of those that are new."""
        before: Outcomes = {("telegram", Post.BLOCKED, "403"): 500}
        after: Outcomes = {
            ("telegram", Post.BLOCKED, "403"): 505,
            ("telegram", Post.SENT, ""): 70,
            ("whatsapp", Post.FAILED, "63016"): 25,
        }
        found = failing(before, after, 0.2)
        assert found == Failing(0.3, "whatsapp", "63016")
        assert found is not None
        assert found.text == "0.300 whatsapp 63016"
        assert failing(before, after, 0.3) is None

    def test_a_handful_says_nothing(self) -> None:
        """Nor what is still under way."""
        few: Outcomes = {
            ("telegram", Post.FAILED, "400"): FEWEST - 1,
            ("telegram", Post.PENDING, ""): 9,
        }
        assert failing({}, few, 0.2) is None
        assert failing({}, {("telegram", Post.FAILED, "400"): FEWEST}, 0.2) is not None

    def test_who_declines_is_no_failure(self) -> None:
        """However many they are."""
        declined: Outcomes = {
            ("telegram", Post.OPTED_OUT, ""): 900,
            ("telegram", Post.DROPPED, "declined"): 900,
        }
        assert failing({}, declined, 0.01) is None

    def test_what_became_known_since_counts_once(self) -> None:
        """A report of what was unknown makes nothing worse."""
        before: Outcomes = {("telegram", Post.UNKNOWN, "crash"): 100}
        after: Outcomes = {("telegram", Post.DELIVERED, ""): 200}
        assert failing(before, after, 0.1) is None
