"""python-telegram-bot's ConversationHandler behind a webhook, as in its own example
``customwebhookbot``, except that an update is handled before it is answered for."""

from __future__ import annotations

from typing import Any

from telegram import Update
from telegram.ext import (
    Application,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    filters,
)

from conversations.outcomes import Doubt, Invalid
from tests.benchmarks.peers import form
from tests.benchmarks.peers.edge import API, HOME, TOKEN, Webhook, serve

TEXT = filters.TEXT & ~filters.COMMAND
Context = ContextTypes.DEFAULT_TYPE

_database = form.database(HOME)


async def _say(update: Update, words: str) -> None:
    assert update.effective_message is not None
    await update.effective_message.reply_text(words)


def _text(update: Update) -> str:
    assert update.effective_message is not None
    return update.effective_message.text or ""


async def start(update: Update, context: Context) -> int:
    await _say(update, form.WELCOME)
    return form.CONSENT


async def consent(update: Update, context: Context) -> int:
    if not form.is_yes(_text(update)):
        return await start(update, context)
    await _say(update, form.QUESTIONS[0].words)
    return form.FIRST


def asking(place: int) -> Any:
    """The handler of the answer to a question."""

    async def answered(update: Update, context: Context) -> int:
        question, known = form.QUESTIONS[place], context.user_data
        assert known is not None
        try:
            known[question.name] = form.read(question, _text(update))
        except (Invalid, Doubt):
            await _say(update, form.UNREADABLE + question.words)
            return form.FIRST + place
        last = place + 1 == len(form.QUESTIONS)
        await _say(update, form.review(known) if last else form.QUESTIONS[place + 1].words)
        return form.FIRST + place + 1

    return answered


async def reviewed(update: Update, context: Context) -> int:
    if not form.is_yes(_text(update)):
        await _say(update, form.review(context.user_data or {}))
        return form.REVIEW
    await _say(update, form.TERMS)
    return form.AGREE


async def agreed(update: Update, context: Context) -> int:
    if not form.is_yes(_text(update)):
        await _say(update, form.TERMS)
        return form.AGREE
    assert update.effective_chat is not None
    assert context.user_data is not None
    form.save(_database, update.effective_chat.id, dict(context.user_data))
    context.user_data.clear()
    await _say(update, form.SAVED)
    return ConversationHandler.END


def talk() -> ConversationHandler[Context]:
    questions = {
        form.FIRST + place: [MessageHandler(TEXT, asking(place))]
        for place in range(len(form.QUESTIONS))
    }
    return ConversationHandler(
        entry_points=[CommandHandler("start", start)],
        states={
            form.CONSENT: [MessageHandler(TEXT, consent)],
            **questions,
            form.REVIEW: [MessageHandler(TEXT, reviewed)],
            form.AGREE: [MessageHandler(TEXT, agreed)],
        },
        fallbacks=[CommandHandler("start", start)],
    )


application = Application.builder().token(TOKEN).base_url(f"{API}/bot").updater(None).build()
application.add_handler(talk())


async def begin() -> None:
    await application.initialize()
    await application.start()


async def feed(update: dict[str, Any]) -> bytes:
    await application.process_update(Update.de_json(update, application.bot))
    return b""


if __name__ == "__main__":
    serve(Webhook(feed, begin), lifespan="on")
