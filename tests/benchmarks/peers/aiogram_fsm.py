"""aiogram's FSM as its documentation writes it: a state and a handler for each question, answers
sent as messages. The states are in SQLite."""

from __future__ import annotations

from typing import Any

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Message, Update

from conversations.outcomes import Doubt, Invalid
from tests.benchmarks.peers import form
from tests.benchmarks.peers.aiogram_storage import ByThread
from tests.benchmarks.peers.edge import API, HOME, TOKEN, Webhook, serve

_database = form.database(HOME)
router = Router()


class Talk(StatesGroup):
    consent = State()
    first_name = State()
    last_name = State()
    identity_number = State()
    birth_date = State()
    email = State()
    card_number = State()
    phone = State()
    hes_code = State()
    review = State()
    terms = State()


QUESTIONS = [getattr(Talk, question.name) for question in form.QUESTIONS]


@router.message(CommandStart())
async def start(message: Message, state: FSMContext) -> None:
    await state.set_state(Talk.consent)
    await message.answer(form.WELCOME)


@router.message(Talk.consent, F.text)
async def consent(message: Message, state: FSMContext) -> None:
    if not form.is_yes(message.text or ""):
        await message.answer(form.WELCOME)
        return
    await state.set_state(Talk.first_name)
    await message.answer(form.QUESTIONS[0].words)


def asking(place: int) -> Any:
    """The handler of the answer to a question."""
    question = form.QUESTIONS[place]

    async def answered(message: Message, state: FSMContext) -> None:
        try:
            value = form.read(question, message.text or "")
        except (Invalid, Doubt):
            await message.answer(form.UNREADABLE + question.words)
            return
        known = await state.update_data({question.name: value})
        last = place + 1 == len(form.QUESTIONS)
        await state.set_state(Talk.review if last else QUESTIONS[place + 1])
        await message.answer(form.review(known) if last else form.QUESTIONS[place + 1].words)

    return answered


for place, state in enumerate(QUESTIONS):
    router.message(state, F.text)(asking(place))


@router.message(Talk.review, F.text)
async def reviewed(message: Message, state: FSMContext) -> None:
    if not form.is_yes(message.text or ""):
        await message.answer(form.review(await state.get_data()))
        return
    await state.set_state(Talk.terms)
    await message.answer(form.TERMS)


@router.message(Talk.terms, F.text)
async def agreed(message: Message, state: FSMContext) -> None:
    if not form.is_yes(message.text or ""):
        await message.answer(form.TERMS)
        return
    form.save(_database, message.chat.id, await state.get_data())
    await state.clear()
    await message.answer(form.SAVED)


bot = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(API)))
dispatcher = Dispatcher(storage=ByThread(HOME))
dispatcher.include_router(router)


async def begin() -> None:
    await dispatcher.emit_startup(bot=bot)


async def feed(update: dict[str, Any]) -> bytes:
    await dispatcher.feed_update(bot, Update.model_validate(update, context={"bot": bot}))
    return b""


if __name__ == "__main__":
    serve(Webhook(feed, begin), lifespan="on")
