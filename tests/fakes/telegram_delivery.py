"""How updates reach a bot: getUpdates, or a webhook served the way Telegram's server does it.

The rules are those of tdlib/telegram-bot-api (WebhookActor.cpp, Client.cpp): one queue per key, the
first retry at once, then 2, 4, 8 seconds and so on, ``Retry-After`` honoured, old updates dropped.
Knows nothing of what an update says.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from urllib.parse import parse_qsl

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector

from tests.fakes.telegram_methods import Refusal, bad_request, flag
from tests.fakes.telegram_people import Json
from tests.fakes.waiting import Pulse

LIFETIMES = {"callback_query": 150}
"""Seconds an update is tried; everything else a day."""
DAY = 24 * 3600
LONGEST_DELAY = 60
"""Seconds between late retries; the server draws from 60 to 120."""
LONGEST_RETRY_AFTER = 3600
MAX_POLL = 50
"""Seconds getUpdates waits at most."""
BY_DEFAULT = 40
"""Connections to a webhook when setWebhook does not say (Bot API, setWebhook)."""

_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete"
    " the webhook first"
)
_SECOND_POLLER = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is"
    " running"
)


@dataclass
class Update:
    """One update on its way. ``deadline`` is on its lane's clock, ``waited`` since its last try."""

    update_id: int
    kind: str
    body: Json
    lane: Hashable
    deadline: float = 0
    waited: float = 0

    def json(self) -> Json:
        return {"update_id": self.update_id, self.kind: self.body}


@dataclass
class Lane:
    """The updates of one key, in order. ``clock`` counts the seconds waited between attempts."""

    updates: deque[Update] = field(default_factory=deque)
    clock: float = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST to the webhook; ``code`` is None where no answer came.

    ``when`` is monotonic seconds; ``waited`` is the platform's seconds since the try before.
    ``lane`` says whose update it was; ``asked`` is the method that an answer asks for.
    """

    update_id: int
    when: float
    code: int | None
    waited: float
    lane: Hashable = None
    asked: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Webhook:
    """What setWebhook was told."""

    url: str
    secret_token: str
    max_connections: int


class Fault(Exception):
    """A delivery that failed. ``retry_after`` is seconds, 0 if the bot did not say."""

    def __init__(self, reason: str, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Delivery:
    """Updates from the moment they happen until the bot has them or they are too old.

    ``perform`` executes what a webhook's answer asks for. ``time_scale`` is how many real seconds
    one second of waiting lasts. ``patience`` is real seconds given to the bot's webhook.
    """

    def __init__(
        self,
        perform: Callable[[Json], Awaitable[None]],
        pulse: Pulse,
        time_scale: float = 1.0,
        patience: float = 60.0,
    ) -> None:
        self.pending: dict[int, Update] = {}
        self.attempts: list[Attempt] = []
        self.webhook: Webhook | None = None
        self.reroutes: dict[str, str] = {}
        self.losses = self.doubles = self.swaps = 0
        self._perform, self._pulse = perform, pulse
        self._time_scale, self._patience = time_scale, patience
        self._allowed: list[str] = []
        self._next_id = 730_000_001
        self._lanes: dict[Hashable, Lane] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._held: Update | None = None
        self._released_by: dict[int, Update] = {}
        self._poller: asyncio.Future[None] | None = None
        self._last_error: Json = {}
        self._session: ClientSession | None = None
        self._connections = asyncio.Semaphore(BY_DEFAULT)
        self.table = {
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._webhook_info,
            "getupdates": self._get_updates,
        }

    def publish(self, kind: str, body: Json, lane: Hashable) -> None:
        """Take an update, unless the bot has not asked for its kind (applied when queued)."""
        if self._allowed and kind not in self._allowed:
            return
        update = Update(self._next_id, kind, body, lane)
        self._next_id += 1
        self.pending[update.update_id] = update
        self._dispatch(update)
        self._pulse.beat()

    async def close(self) -> None:
        await self._stop_workers()
        if self._poller and not self._poller.done():
            self._poller.set_result(None)
        if self._session:
            await self._session.close()

    # --- methods about updates ------------------------------------------------------------------

    async def _set_webhook(self, params: Json) -> bool:
        if not params.get("url"):
            return await self._delete_webhook(params)
        webhook = Webhook(
            str(params["url"]), str(params.get("secret_token", "")), _connections(params)
        )
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", webhook.secret_token):
            raise bad_request("secret token contains unallowed characters")
        self._allowed = params.get("allowed_updates", self._allowed)
        if webhook != self.webhook or flag(params, "drop_pending_updates"):
            await self._switch(webhook, params)
        return True

    async def _delete_webhook(self, params: Json) -> bool:
        await self._switch(None, params)
        return True

    async def _switch(self, webhook: Webhook | None, params: Json) -> None:
        await self._stop_workers()
        self._interrupt("Conflict: terminated by setWebhook request")
        if flag(params, "drop_pending_updates"):
            self.pending.clear()
        self.webhook = webhook
        self._connections = asyncio.Semaphore(webhook.max_connections if webhook else BY_DEFAULT)
        for update in list(self.pending.values()):
            self._dispatch(update)
        self._pulse.beat()

    async def _webhook_info(self, params: Json) -> Json:
        info: Json = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
            **self._last_error,
        }
        if self.webhook:
            info["max_connections"] = self.webhook.max_connections
        if self._allowed:
            info["allowed_updates"] = self._allowed
        return info

    async def _get_updates(self, params: Json) -> list[Json]:
        if self.webhook:
            raise Refusal(409, _WEBHOOK_ACTIVE)
        self._interrupt(_SECOND_POLLER)
        self._allowed = params.get("allowed_updates", self._allowed)
        self._confirm(params.get("offset", 0))
        if not self.pending:
            await self._news(params.get("timeout", 0))
        limit = params.get("limit", 100)
        return [update.json() for update in list(self.pending.values())[:limit]]

    def _confirm(self, offset: int) -> None:
        """Forget what the offset confirms; a negative one keeps only that many from the end."""
        known = list(self.pending)
        kept = known[offset:] if offset < 0 else [number for number in known if number >= offset]
        self.pending = {number: self.pending[number] for number in kept}
        self._pulse.beat()

    async def _news(self, seconds: float) -> None:
        poller = self._poller = asyncio.get_running_loop().create_future()
        await asyncio.wait({poller}, timeout=min(seconds, MAX_POLL))
        if poller.done():
            poller.result()

    def _interrupt(self, description: str) -> None:
        if self._poller and not self._poller.done():
            self._poller.set_exception(Refusal(409, description))
        self._poller = None

    # --- the webhook's queues -------------------------------------------------------------------

    def _dispatch(self, update: Update) -> None:
        if self.webhook is None:
            if self._poller and not self._poller.done():
                self._poller.set_result(None)
        elif self.swaps and self._held is None:
            self.swaps -= 1
            self._held = update
        else:
            self._release_after(update)
            self._enqueue(update)

    def _release_after(self, update: Update) -> None:
        if self._held:
            self._released_by[update.update_id] = self._held
            self._held = None

    def _enqueue(self, update: Update) -> None:
        lane = self._lanes.setdefault(update.lane, Lane())
        update.deadline = lane.clock + LIFETIMES.get(update.kind, DAY)
        lane.updates.append(update)
        if len(lane.updates) == 1:
            worker = asyncio.create_task(self._serve(update.lane, lane))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _serve(self, key: Hashable, lane: Lane) -> None:
        while lane.updates:
            await self._deliver(lane, lane.updates[0])
            # One that was held back may follow in the same lane, which must not look empty then.
            self._finish(lane.updates[0])
            lane.updates.popleft()
        if self._lanes.get(key) is lane:
            del self._lanes[key]

    def _finish(self, update: Update) -> None:
        self.pending.pop(update.update_id, None)
        follower = self._released_by.pop(update.update_id, None)
        if follower:
            self._enqueue(follower)
        self._pulse.beat()

    async def _deliver(self, lane: Lane, update: Update) -> None:
        delay, failures = 1, 0
        while fault := await self._fails(update):
            wait = min(fault.retry_after, LONGEST_RETRY_AFTER)
            if not wait and failures:
                wait = delay = min(delay * 2, LONGEST_DELAY)
            failures, update.waited = failures + 1, wait
            lane.clock += wait
            if lane.clock > update.deadline:
                return
            await asyncio.sleep(wait * self._time_scale)

    async def _fails(self, update: Update) -> Fault | None:
        try:
            async with self._connections:
                await self._attempt(update)
                if self.doubles:
                    self.doubles -= 1
                    await self._attempt(update)
        except Fault as fault:
            self._last_error = {"last_error_message": fault.reason}
            return fault
        return None

    async def _attempt(self, update: Update) -> None:
        try:
            code, asked = await self._post(update)
        except (ClientError, TimeoutError, OSError):
            self._note(update, None)
            raise Fault("Connection failed") from None
        self._note(update, code, dict(asked))
        if self.losses:
            self.losses -= 1
            raise Fault("Webhook connection closed")
        if asked:
            await self._perform(asked)

    def _note(self, update: Update, code: int | None, asked: Json | None = None) -> None:
        when = (update.update_id, monotonic(), code, update.waited)
        self.attempts.append(Attempt(*when, update.lane, asked or {}))

    async def _post(self, update: Update) -> tuple[int, Json]:
        assert self.webhook
        headers = {}
        if self.webhook.secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.webhook.secret_token
        async with self._client().post(
            self._local(self.webhook.url),
            json=update.json(),
            headers=headers,
            allow_redirects=False,
        ) as response:
            if not response.ok or response.status >= HTTPStatus.MULTIPLE_CHOICES:
                await self._refused(update, response)
            return response.status, await _asked(response)

    async def _refused(self, update: Update, response: ClientResponse) -> None:
        self._note(update, response.status)
        after = response.headers.get("Retry-After", "0")
        raise Fault(
            f"Wrong response from the webhook: {response.status} {response.reason}",
            int(after) if after.isdigit() else 0,
        )

    def _local(self, url: str) -> str:
        for public, local in self.reroutes.items():
            if url.startswith(public):
                return local + url.removeprefix(public)
        return url

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=0), timeout=ClientTimeout(total=self._patience)
            )
        return self._session

    async def _stop_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._lanes.clear()
        self._released_by.clear()
        self._held = None


def _connections(params: Json) -> int:
    return max(1, min(100, int(params.get("max_connections", BY_DEFAULT))))


async def _asked(response: ClientResponse) -> Json:
    """The method a webhook's answer asks for, with its parameters; empty if none."""
    if response.content_type == "application/json":
        body = await response.json()
    else:
        body = dict(parse_qsl(await response.text()))
    return body if isinstance(body, dict) and body.get("method") else {}
