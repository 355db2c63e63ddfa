"""aiogram at its best: one handler without filters, one write per message in the loop itself, the
answer in the webhook's own response, and no collection of what was loaded at start."""

from __future__ import annotations

import gc
from typing import Any

import msgspec
from aiogram import Bot, Dispatcher, Router
from aiogram.fsm.context import FSMContext
from aiogram.types import Message, Update

from tests.benchmarks.peers import form
from tests.benchmarks.peers.aiogram_storage import Direct
from tests.benchmarks.peers.edge import HOME, TOKEN, Webhook, serve

_database = form.database(HOME)
router = Router()


@router.message()
async def said(message: Message, state: FSMContext) -> bytes:
    # Stage and answers together, so that one write keeps a message.
    kept = await state.get_data()
    turn = form.step(kept.get("stage", form.START), kept.get("answers", {}), message.text or "")
    if turn.save:
        form.save(_database, message.chat.id, turn.answers)
    await state.set_data({"stage": turn.stage, "answers": {} if turn.save else turn.answers})
    answer = {"method": "sendMessage", "chat_id": message.chat.id, "text": turn.words}
    return msgspec.json.encode(answer)


bot = Bot(TOKEN)
dispatcher = Dispatcher(storage=Direct(HOME))
dispatcher.include_router(router)


async def begin() -> None:
    await dispatcher.emit_startup(bot=bot)
    gc.collect()
    gc.freeze()


async def feed(update: dict[str, Any]) -> bytes:
    answer = await dispatcher.feed_update(bot, Update.model_validate(update, context={"bot": bot}))
    assert isinstance(answer, bytes)
    return answer


if __name__ == "__main__":
    serve(Webhook(feed, begin), lifespan="on")
