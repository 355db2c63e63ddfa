"""What each Bot API method does to the chats, and everything it refuses.

Knows the server's rules and words (Bot API 10; tdlib/telegram-bot-api Client.cpp); knows no HTTP
and no delivery of updates. Methods about updates live with the delivery.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.telegram_people import Bubble, Chat, Json, World, utf16_units

MAX_TEXT = 4096
"""UTF-16 units of a message (Bot API, sendMessage)."""
MAX_DATA = 64
"""Bytes of callback_data (Bot API, InlineKeyboardButton)."""
MAX_AGE = 48 * 3600
"""Seconds after which a message cannot be deleted (Bot API, deleteMessage)."""
STYLES = {"danger", "success", "primary"}

_STRUCTURES = {"allowed_updates", "commands", "entities", "message_ids", "reply_markup", "scope"}
_INTEGERS = {"chat_id", "limit", "max_connections", "message_id", "offset", "timeout"}
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)


class Refusal(Exception):
    """The server says no: an HTTP code, a description for people, parameters for machines."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(description: str) -> Refusal:
    return Refusal(400, f"Bad Request: {description}")


def read_params(raw: Mapping[str, Any]) -> Json:
    """One meaning for JSON bodies and forms: numbers and structures as such, the rest as given."""
    return {name: _read_param(name, value) for name, value in raw.items() if value is not None}


def _read_param(name: str, value: Any) -> Any:
    if name in _STRUCTURES and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None
    if name in _INTEGERS and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value


def flag(params: Json, name: str) -> bool:
    return str(params.get(name, "")).lower() in {"true", "1"}


class Methods:
    """The methods that act on chats. ``table`` holds them by their lower-case names."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[tuple[str, str], list[Json]] = {}
        known: list[Callable[[Json], Any]] = [
            self.getMe,
            self.sendMessage,
            self.sendDocument,
            self.sendChatAction,
            self.answerCallbackQuery,
            self.deleteMessage,
            self.deleteMessages,
            self.editMessageText,
            self.editMessageReplyMarkup,
            self.setMyCommands,
            self.getMyCommands,
        ]
        self.table = {method.__name__.lower(): method for method in known}

    def getMe(self, params: Json) -> Json:  # noqa: N802
        return {
            **self._world.bot,
            "can_join_groups": False,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def sendMessage(self, params: Json) -> Json:  # noqa: N802
        text = _checked_text(params)
        chat = self._writable(params)
        markup = _checked_markup(params, chat)
        bubble = self._world.add(chat, self._world.bot, {"text": text}, markup)
        _show_keyboard(chat, bubble)
        return chat.message(bubble)

    def sendDocument(self, params: Json) -> Json:  # noqa: N802
        file = _uploaded(params)
        with file.file:
            text = file.file.read().decode()
        chat = self._writable(params)
        document = {"file_name": file.filename, "file_id": "f", "file_unique_id": "u"}
        content = {"document": document, "content": text}
        return chat.message(self._world.add(chat, self._world.bot, content, None))

    def sendChatAction(self, params: Json) -> bool:  # noqa: N802
        self._writable(params)
        if not params.get("action"):
            raise bad_request("wrong parameter action in request")
        return True

    def answerCallbackQuery(self, params: Json) -> bool:  # noqa: N802
        query = str(params.get("callback_query_id", ""))
        if query not in self._world.queries:
            raise bad_request(_TOO_OLD)
        if len(params.get("text", "")) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        self._world.queries[query] = {"answered": True, "text": params.get("text", "")}
        return True

    def deleteMessage(self, params: Json) -> bool:  # noqa: N802
        chat = self._chat(params)
        bubble = chat.bubbles.get(params.get("message_id", 0))
        if bubble is None:
            raise bad_request("message to delete not found")
        if not self._may_delete(chat, bubble):
            raise bad_request("message can't be deleted")
        del chat.bubbles[bubble.message_id]
        return True

    def deleteMessages(self, params: Json) -> bool:  # noqa: N802
        chat, wanted = self._chat(params), params.get("message_ids")
        if not isinstance(wanted, list) or not wanted:
            raise bad_request("message identifiers are not specified")
        if len(wanted) > 100:
            raise bad_request("too many message identifiers specified")
        found = [chat.bubbles[number] for number in wanted if number in chat.bubbles]
        for bubble in found:
            if self._may_delete(chat, bubble):
                chat.bubbles.pop(bubble.message_id, None)
        return True

    def editMessageText(self, params: Json) -> Json:  # noqa: N802
        return self._edit(params, {"text": _checked_text(params)})

    def editMessageReplyMarkup(self, params: Json) -> Json:  # noqa: N802
        return self._edit(params, None)

    def setMyCommands(self, params: Json) -> bool:  # noqa: N802
        commands = params.get("commands")
        if not isinstance(commands, list) or len(commands) > 100:
            raise bad_request("can't parse commands JSON object")
        for command in commands:
            _check_command(command)
        self._commands[_audience(params)] = commands
        return True

    def getMyCommands(self, params: Json) -> list[Json]:  # noqa: N802
        return self._commands.get(_audience(params), [])

    def _chat(self, params: Json) -> Chat:
        if params.get("chat_id") in (None, ""):
            raise bad_request("chat_id is empty")
        chat = self._world.chats.get(params["chat_id"])
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def _writable(self, params: Json) -> Chat:
        chat = self._chat(params)
        if chat.refusal:
            raise Refusal(403, chat.refusal)
        return chat

    def _may_delete(self, chat: Chat, bubble: Bubble) -> bool:
        """Under 48 hours, and in private chats what came in as well (Bot API, deleteMessage)."""
        young = self._world.date() - bubble.date < MAX_AGE
        return young and (bubble.is_ours or chat.is_private)

    def _edit(self, params: Json, content: Json | None) -> Json:
        chat = self._writable(params)
        bubble = _editable(chat, params)
        content = bubble.content if content is None else content
        markup = _checked_markup(params, chat)
        if markup and "inline_keyboard" not in markup:
            raise bad_request("inline keyboard expected")
        if (content, _keys(markup)) == (bubble.content, _keys(bubble.markup)):
            raise bad_request(_SAME)
        bubble.content, bubble.markup, bubble.edited = content, markup, self._world.date()
        return chat.message(bubble)


def _editable(chat: Chat, params: Json) -> Bubble:
    """Only the bot's own, and only without a reply keyboard (Bot API, Updating messages)."""
    bubble = chat.bubbles.get(params.get("message_id", 0))
    if bubble is None:
        raise bad_request("message to edit not found")
    if not bubble.is_ours or (bubble.markup and "inline_keyboard" not in bubble.markup):
        raise bad_request("message can't be edited")
    return bubble


def _keys(markup: Json | None) -> list[Any]:
    return (markup or {}).get("inline_keyboard") or []


def _show_keyboard(chat: Chat, bubble: Bubble) -> None:
    markup = bubble.markup or {}
    if "keyboard" in markup:
        chat.keyboard = bubble
    elif markup.get("remove_keyboard"):
        chat.keyboard = None


def _uploaded(params: Json) -> Any:
    """The file of a multipart request: itself, or by name (Bot API, "Sending files")."""
    named = str(params.get("document", ""))
    file = params.get(named.removeprefix("attach://")) if "://" in named else params["document"]
    if not getattr(file, "filename", ""):
        raise bad_request("wrong remote file identifier specified")
    return file


def _checked_text(params: Json) -> str:
    if params.get("parse_mode"):
        raise bad_request("parse_mode is beyond this stand-in")
    text = str(params.get("text", "")).strip()
    if not text:
        raise bad_request("message text is empty")
    if utf16_units(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return text


def _checked_markup(params: Json, chat: Chat) -> Json | None:
    markup = params.get("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        _check_inline(markup["inline_keyboard"])
    elif "keyboard" in markup:
        _check_keyboard(markup["keyboard"], chat)
    return markup


def _rows(keyboard: Any) -> list[Any]:
    if not isinstance(keyboard, list) or not all(isinstance(row, list) for row in keyboard):
        raise bad_request("can't parse keyboard: array of arrays of buttons expected")
    return [key for row in keyboard for key in row]


def _check_inline(keyboard: Any) -> None:
    keys = _rows(keyboard)
    if len(keys) > 100:
        raise bad_request("reply markup is too long")
    for key in keys:
        _check_inline_button(key)


def _check_inline_button(key: Any) -> None:
    trouble = "can't parse inline keyboard button: "
    if not isinstance(key, dict) or not key.get("text"):
        raise bad_request(trouble + "Field text must be of type String")
    if key.get("style") not in {None, *STYLES}:
        raise bad_request(trouble + "invalid button style specified")
    if not key.get("callback_data") and not key.get("url"):
        raise bad_request(trouble + "Text buttons are unallowed in the inline keyboard")
    if len(str(key.get("callback_data", "")).encode()) > MAX_DATA:
        raise bad_request("BUTTON_DATA_INVALID")


def _check_keyboard(keyboard: Any, chat: Chat) -> None:
    for key in _rows(keyboard):
        if isinstance(key, str) and key:
            continue
        if not isinstance(key, dict) or not key.get("text"):
            raise bad_request("can't parse keyboard button: Field text must be of type String")
        if key.get("request_contact") and not chat.is_private:
            raise bad_request("phone number can be requested in private chats only")


def _check_command(command: Any) -> None:
    if not isinstance(command, dict) or not re.fullmatch(
        r"[a-z0-9_]{1,32}", str(command.get("command", ""))
    ):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(str(command.get("description", ""))) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")


def _audience(params: Json) -> tuple[str, str]:
    language = str(params.get("language_code", ""))
    if not re.fullmatch(r"([a-z]{2})?", language):
        raise bad_request("invalid language_code specified")
    scope = params.get("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), language
