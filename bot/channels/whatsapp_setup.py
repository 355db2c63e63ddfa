"""Making at Twilio what is to be kept there (Content API), so that doing it again changes nothing.

What is there already is known by its name. A process that is killed half-way goes on where it was,
because everything that was made is in the list the next time. It must not know what the texts say
nor where it is written down that they are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from twilio.base.exceptions import TwilioException
from twilio.rest.content.v1.content import ContentList
from twilio.rest.content.v1.content.approval_create import ApprovalCreateList

from bot.channels.whatsapp_api import REFUSALS, Throttled, Unanswered, Unreached
from bot.channels.whatsapp_content import Draft, Kind, faults

CATEGORY = "UTILITY"
"""About something the person has with us (Meta, template categories); Meta may decide otherwise."""

PAGE = 500
"""Contents listed in one call; Twilio gives 1,000 at most."""

TRIES, PAUSE = 5, 1.0
"""How often a call is tried that was refused for its pace, and seconds between if not told."""

UNSUBMITTED = "unsubmitted"
HELD_BACK = "held back"
"""The approval of a template that was not submitted, because it would certainly be refused."""

Result = TypeVar("Result")


class SetUpFailed(Exception):
    """Twilio cannot be used for this; the message says why in one line. What was made stays."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one text stands: ``made`` just now or there already, and Twilio's word on it.

    ``approval`` is Twilio's (received, pending, approved, rejected, paused, disabled), ``held
    back``, or empty where none is needed; ``reason`` says why it was refused.
    """

    draft: Draft
    sid: str
    made: bool
    approval: str = ""
    reason: str = ""


async def listed(client: Any) -> Mapping[str, str]:
    """The ContentSid of everything that is there, by name; changes nothing. Raise SetUpFailed.

    ``client`` is a ``TwilioLine``'s.
    """
    return await _patiently(_kept, client)


async def set_up(
    client: Any, drafts: Iterable[Draft], kept: Mapping[str, str]
) -> AsyncIterator[Standing]:
    """Make what is not in ``kept``, submit what needs approval, one after another.

    Raise SetUpFailed.
    """
    for draft in drafts:
        sid = kept.get(draft.name, "") or await _patiently(_make, client, draft)
        approval, reason = "", ""
        if draft.is_notice:
            approval, reason = await _patiently(_approval, client, draft, sid)
        yield Standing(draft, sid, draft.name not in kept, approval, reason)


async def approvals(client: Any, contents: Mapping[str, str]) -> Mapping[str, str]:
    """What WhatsApp says of templates, by name, of their ContentSids; changes nothing. Raise
    SetUpFailed."""
    return {name: (await _patiently(_word_on, client, sid))[0] for name, sid in contents.items()}


async def _kept(client: Any) -> Mapping[str, str]:
    """The SIDs of all there are, by name; of two of one name the one that is listed first."""
    found = await client.content.v1.contents.list_async(page_size=PAGE)
    return {content.friendly_name: content.sid for content in reversed(found)}


async def _make(client: Any, draft: Draft) -> str:
    made = await client.content.v1.contents.create_async(request_of(draft))
    return str(made.sid)


def request_of(draft: Draft) -> Any:
    """What a create takes (Content API, POST /v1/Content)."""
    return ContentList.ContentCreateRequest(
        {
            "friendly_name": draft.name,
            "language": draft.locale,
            "variables": {str(number): told for number, told in enumerate(draft.samples, 1)},
            "types": {draft.kind: _type(draft)},
        }
    )


def _type(draft: Draft) -> dict[str, Any]:
    if draft.kind is Kind.QUICK_REPLY:
        actions = [{"type": "QUICK_REPLY", "id": id, "title": title} for id, title in draft.choices]
        return {"body": draft.body, "actions": [ContentList.QuickReplyAction(a) for a in actions]}
    if draft.kind is Kind.LIST_PICKER:
        items = [{"id": id, "item": title} for id, title in draft.choices]
        listed = [ContentList.ListItem(item) for item in items]
        return {"body": draft.body, "button": draft.opener, "items": listed}
    return {"body": draft.body}


async def _approval(client: Any, draft: Draft, sid: str) -> tuple[str, str]:
    """What WhatsApp says of a template, which is submitted if it never was."""
    status, reason = await _word_on(client, sid)
    if status != UNSUBMITTED:
        return status, reason
    content = client.content.v1.contents(sid)
    if found := faults(draft):
        return HELD_BACK, ", ".join(found)
    request = {"name": draft.name, "category": CATEGORY}
    submitted = await content.approval_create.create_async(
        ApprovalCreateList.ContentApprovalRequest(request)
    )
    return str(submitted.status or "received"), str(submitted.rejection_reason or "")


async def _word_on(client: Any, sid: str) -> tuple[str, str]:
    """The status of a template, and why it was refused."""
    content = client.content.v1.contents(sid)
    told = (await content.approval_fetch().fetch_async()).whatsapp or {}
    return str(told.get("status") or UNSUBMITTED), str(told.get("rejection_reason") or "")


async def _patiently(call: Callable[..., Awaitable[Result]], *about: Any) -> Result:
    """The call's result; one that was refused for its pace is made again."""
    for left in reversed(range(TRIES)):
        try:
            return await call(*about)
        except Throttled as refused:
            if not left:
                raise SetUpFailed("Twilio wants a pause; try again later") from refused
            await asyncio.sleep(refused.retry_after or PAUSE)
        except (Unreached, Unanswered) as lost:
            raise SetUpFailed("Twilio cannot be reached; run it again to go on") from lost
        except (*REFUSALS, TwilioException) as refused:
            raise SetUpFailed(_why(refused)) from refused
    raise AssertionError("unreachable")


def _why(refused: Exception) -> str:
    """By the status and Twilio's number; its own words may quote what was sent."""
    status, code = getattr(refused, "status", 0), getattr(refused, "code", 0)
    if not status:
        # A list that is refused comes as the bare answer.
        status = getattr(next(iter(refused.args[1:]), None), "status_code", 0)
    if status in (401, 403):
        return "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN: Twilio refuses them"
    return f"Twilio refuses: HTTP {status or '?'}, error {code or '?'}"
