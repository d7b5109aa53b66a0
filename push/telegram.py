"""Speaks Telegram's Bot API: one `sendMessage` for each message, one of seven outcomes, never a second try.

Words go as they are, without markup: nothing in them becomes a format or a preview. Telegram knows no id of ours, so a
repeat of what may have arrived stands below it in the chat. Source: https://core.telegram.org/bots/api.
"""

import json
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, SecretStr, StringConstraints

from core.values import Value
from push.channel import Message, Target
from push.messenger_http import Answer, MessengerHttp, retry_after
from push.outcome import Outcome, Result

TELEGRAM = "https://api.telegram.org"
_OK, _CALM_DOWN = 200, 429
_REFUSALS = {
    400: Result.BAD_MESSAGE,
    403: Result.BAD_MESSAGE,
    413: Result.BAD_MESSAGE,
    _CALM_DOWN: Result.THROTTLED,
    **dict.fromkeys((408, *range(500, 600)), Result.AMBIGUOUS),
}
# A chat is given up for these alone; what else Telegram says may be our own fault. It has no codes, only these words.
_DEAD = {
    "bot was blocked by the user": "bot-blocked",
    "user is deactivated": "user-deactivated",
    "chat not found": "chat-not-found",
    "bot can't initiate conversation with a user": "never-started",
    "bot can't send messages to bots": "is-a-bot",
}
_SAID = {
    "message is too long": "too-long",
    "message text is empty": "no-words",
    "unauthorized": "token-refused",
    "not found": "token-refused",
}
_OPEN = {"en": "Open", "ru": "Открыть", "it": "Apri", "zh": "打开"}
_STOP = {"en": "No more of this", "ru": "Больше не присылать", "it": "Non inviarmi più", "zh": "不再接收"}
# Private chats are positive numbers; groups and channels are negative ones or names.
_PRIVATE_CHAT = re.compile(r"[1-9][0-9]{0,15}")


def _like(pattern: str) -> AfterValidator:
    def fits(secret: SecretStr) -> SecretStr:
        if not re.fullmatch(pattern, secret.get_secret_value()):
            raise ValueError("not of its form")
        return secret

    return AfterValidator(fits)


class TelegramLine(Value):
    """A clinic's bot.

    `bot_name`: without the @. `bot_token`: as BotFather gave it. `hook_secret`: what Telegram proves itself with,
    set with the webhook (`secret_token`).
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    bot_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{4,32}$")]
    bot_token: Annotated[SecretStr, _like(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")]
    hook_secret: Annotated[SecretStr, _like(r"[A-Za-z0-9_-]{32,256}")]


class Telegram:
    """The channel of one clinic's bot. Make it where the event loop runs; `close` it there.

    `url`: where the Bot API is spoken, the operator's choice (a Bot API server of their own).
    """

    def __init__(self, line: TelegramLine, url: str = TELEGRAM) -> None:
        self._line = line
        self._url = url.rstrip("/")
        self._http = MessengerHttp()

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        """`target.token`: the id of a private chat. `provider_id` of what was accepted: `<chat>/<message>`."""
        if not _PRIVATE_CHAT.fullmatch(target.token):
            return Outcome(Result.DEAD, "no-private-chat")
        if message.silent:
            return Outcome(Result.BAD_MESSAGE, "nothing-to-show")
        answer = await self._asked("sendMessage", telegram_json(target, message), deadline)
        return answer if isinstance(answer, Outcome) else outcome_of(answer, target.token)

    async def check(self, deadline: timedelta) -> Outcome:
        """Whose token it is: CONFIG where it is not that of `bot_name`."""
        answer = await self._asked("getMe", b"{}", deadline)
        if isinstance(answer, Outcome):
            return answer
        if answer.status != _OK:
            return outcome_of(answer, "")
        name = _result(answer).get("username")
        if not isinstance(name, str):
            return Outcome(Result.AMBIGUOUS, "odd-answer")
        if name.lower() != self._line.bot_name.lower():
            return Outcome(Result.CONFIG, "another-bot")
        return Outcome(Result.ACCEPTED)

    async def _asked(self, method: str, body: bytes, deadline: timedelta) -> Answer | Outcome:
        url = f"{self._url}/bot{self._line.bot_token.get_secret_value()}/{method}"
        return await self._http.ask("POST", url, {}, body, deadline)

    async def close(self) -> None:
        await self._http.close()


def telegram_json(target: Target, message: Message) -> bytes:
    """The body of `sendMessage`: plain words, no preview, not to be forwarded or saved, links as buttons."""
    language = message.language.replace("_", "-").split("-", 1)[0].lower()
    buttons = [(_OPEN, message.web_link), (_STOP, message.stop_link)]
    rows = [[{"text": label.get(language, label["en"]), "url": link}] for label, link in buttons if link]
    whole: dict[str, Any] = {
        "chat_id": int(target.token),
        "text": "\n\n".join(each for each in (message.title, message.text) if each),
        "protect_content": True,
        "link_preview_options": {"is_disabled": True},
    }
    return json.dumps(
        whole | ({"reply_markup": {"inline_keyboard": rows}} if rows else {}), ensure_ascii=False
    ).encode()


def outcome_of(answer: Answer, chat: str) -> Outcome:
    """Telegram's answer as one of the seven."""
    if answer.status == _OK:
        number = _result(answer).get("message_id")
        if type(number) is not int:
            return Outcome(Result.AMBIGUOUS, "odd-answer")
        return Outcome(Result.ACCEPTED, provider_id=f"{chat}/{number}")
    said = answer.said.get("description")
    if not isinstance(said, str):
        # No word of Telegram's: a proxy's, perhaps. Whom it refuses is no patient.
        refusal = Result.CONFIG if answer.status in {400, 403} else _REFUSALS.get(answer.status, Result.CONFIG)
        return Outcome(refusal, f"http-{answer.status}", retry_after=_pause(answer))
    why = said.rpartition(": ")[2].lower()
    if answer.status in {400, 403} and why in _DEAD:
        return Outcome(Result.DEAD, _DEAD[why])
    code = _SAID.get(why, f"http-{answer.status}")
    return Outcome(_REFUSALS.get(answer.status, Result.CONFIG), code, retry_after=_pause(answer))


def _result(answer: Answer) -> dict[str, Any]:
    result = answer.said.get("result")
    return result if answer.said.get("ok") is True and isinstance(result, dict) else {}


def _pause(answer: Answer) -> timedelta | None:
    told = answer.said.get("parameters")
    seconds = told.get("retry_after") if isinstance(told, dict) else None
    return retry_after(str(seconds)) if type(seconds) is int else answer.retry_after
