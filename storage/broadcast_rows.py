"""A broadcast as a value: what its author decides, where it stands, and how both are kept in a row.

Who may change what is in ``storage.broadcasts``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from conversations.broadcasts import Audience, Stage
from storage import tables
from storage.campaigns import Outcomes
from storage.entries import Post

_row, _staff = tables.broadcasts.c, tables.staff.c


@dataclass(frozen=True, slots=True)
class Draft:
    """What an author decides. ``texts`` and ``templates`` (WhatsApp) are by language.

    ``failure_limit`` is the share of failures that pauses it. ``resend_unknown``: what may have
    gone out is sent again after a crash.
    """

    title: str
    texts: Mapping[str, str]
    audience: Audience
    templates: Mapping[str, str]
    urgent: bool = False
    resend_unknown: bool = False
    failure_limit: float = 0.2
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved it, and when."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast as it stands.

    ``left_out`` counts by channel and reason ("telegram:opted_out") once its deliveries are
    written; ``counted`` says what had become of those at ``counted_at``.
    """

    id: int
    stage: Stage
    draft: Draft
    version: int
    author: str
    author_id: int
    approvals: Sequence[Approval]
    created_at: datetime
    updated_at: datetime
    approved_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    last_address: int | None
    as_of: datetime | None
    planned: int
    planned_at: datetime | None
    left_out: Mapping[str, int]
    pause_cause: str
    counted: Sequence[tuple[str, Post, str, int]]
    counted_at: datetime | None
    baseline: Sequence[tuple[str, Post, str, int]]
    running_since: datetime | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of what is approved: texts, audience, and how it is sent."""
        text = json.dumps(plain(self.draft), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


# --- in a row -------------------------------------------------------------------------------


def plain(draft: Draft) -> dict[str, Any]:
    """What an author decides, as the columns have it."""
    return {
        "title": draft.title,
        "texts": _json(draft.texts),
        "templates": _json(draft.templates),
        "audience": _json(draft.audience.to_plain()),
        "urgent": draft.urgent,
        "resend_unknown": draft.resend_unknown,
        "failure_limit": draft.failure_limit,
    }


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, sort_keys=True)


def listed(counted: Outcomes) -> str:
    """Outcomes as JSON."""
    return json.dumps([[*which, count] for which, count in sorted(counted.items())])


def _counts(listed: str) -> list[tuple[str, Post, str, int]]:
    return [(channel, Post(post), cause, n) for channel, post, cause, n in json.loads(listed)]


def broadcast_in(found: Row[Any], approvals: Sequence[Approval]) -> Broadcast:
    """The broadcast in a row of ``BROADCASTS``."""
    draft = Draft(
        found.title,
        json.loads(found.texts),
        Audience.from_plain(json.loads(found.audience)),
        json.loads(found.templates),
        found.urgent,
        found.resend_unknown,
        found.failure_limit,
        found.starts_at,
    )
    return Broadcast(
        id=found.id,
        stage=Stage(found.stage),
        draft=draft,
        version=found.version,
        author=found.author,
        author_id=found.author_id,
        approvals=tuple(approvals),
        created_at=found.created_at,
        updated_at=found.updated_at,
        approved_at=found.approved_at,
        started_at=found.started_at,
        ended_at=found.ended_at,
        last_address=found.last_address,
        as_of=found.as_of,
        planned=found.planned,
        planned_at=found.planned_at,
        left_out=json.loads(found.left_out),
        pause_cause=found.pause_cause,
        counted=_counts(found.counted),
        counted_at=found.counted_at,
        baseline=_counts(found.baseline),
        running_since=found.running_since,
    )


BROADCASTS = select(tables.broadcasts, _staff.name.label("author")).join_from(
    tables.broadcasts, tables.staff, _staff.id == _row.author_id
)
