"""Speaks WhatsApp's Cloud API: one message for each request, one of seven outcomes, never a second try.

What the clinic begins is a template that Meta has approved; free words go only to who wrote within 24 hours, which the
caller knows (`Message.template` is None). Source:
https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api.
"""

import json
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, SecretStr, StringConstraints

from core.values import Value
from push.channel import Message, Target, Words
from push.messenger_http import Answer, MessengerHttp
from push.outcome import Outcome, Result
from push.whatsapp_codes import result_of

GRAPH = "https://graph.facebook.com"
_OK = 200
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
# Who hides their number is named by an id that holds for this business alone (https://developers.facebook.com/
# documentation/business-messaging/whatsapp/business-scoped-user-ids).
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")


def _printable(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{8,1000}", secret.get_secret_value()):
        raise ValueError("8 to 1000 printable signs without spaces")
    return secret


_Secret = Annotated[SecretStr, AfterValidator(_printable)]


class WhatsAppLine(Value):
    """A clinic's number at WhatsApp.

    `access_token`: of a system user, with whatsapp_business_messaging. `app_secret`: Meta signs its posts with it.
    `verify_token`: the clinic's own, with which Meta asks whether the webhook is there. `version`: of the Graph API.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    number_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,30}$")]
    access_token: _Secret
    app_secret: _Secret
    verify_token: _Secret
    version: Annotated[str, StringConstraints(pattern=r"^v[0-9]{1,3}\.[0-9]$")] = "v26.0"


class WhatsApp:
    """The channel of one clinic's number. Make it where the event loop runs; `close` it there."""

    def __init__(self, line: WhatsAppLine, url: str = GRAPH) -> None:
        self._line = line
        self._url = f"{url.rstrip('/')}/{line.version}/{line.number_id}"
        self._http = MessengerHttp()

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        """`target.token`: a number (E.164), or WhatsApp's id of who hides it (`IT.1349…`)."""
        if not (_NUMBER.fullmatch(target.token) or _USER_ID.fullmatch(target.token)):
            return Outcome(Result.DEAD, "no-such-address")
        if message.silent:
            return Outcome(Result.BAD_MESSAGE, "nothing-to-show")
        answer = await self._asked("POST", "/messages", whatsapp_json(target, message), deadline)
        return answer if isinstance(answer, Outcome) else outcome_of(answer)

    async def check(self, deadline: timedelta) -> Outcome:
        """Whether the token may use the number."""
        answer = await self._asked("GET", "?fields=id", None, deadline)
        if isinstance(answer, Outcome):
            return answer
        if answer.status != _OK:
            return _refused(answer)
        is_it = answer.said.get("id") == self._line.number_id
        return Outcome(Result.ACCEPTED) if is_it else Outcome(Result.AMBIGUOUS, "odd-answer")

    async def _asked(self, method: str, path: str, body: bytes | None, deadline: timedelta) -> Answer | Outcome:
        headers = {"authorization": f"Bearer {self._line.access_token.get_secret_value()}"}
        return await self._http.ask(method, self._url + path, headers, body, deadline)

    async def close(self) -> None:
        await self._http.close()


def whatsapp_json(target: Target, message: Message) -> bytes:
    """The body of `messages`. `biz_opaque_callback_data`, the notice's id, comes back with each copy's statuses."""
    whole: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if target.token.startswith("+") else "recipient": target.token,
        "biz_opaque_callback_data": str(message.notice_id),
    }
    what = _free(message) if message.template is None else _template(message.template)
    return json.dumps(whole | what, ensure_ascii=False).encode()


def _free(message: Message) -> dict[str, Any]:
    parts = [each for each in (message.title, message.text, message.web_link) if each]
    return {"type": "text", "text": {"body": "\n\n".join(parts), "preview_url": False}}


def _template(words: Words) -> dict[str, Any]:
    # Meta refuses line ends, tabs and runs of spaces in what is filled in.
    values = [{"type": "text", "text": " ".join(each.split())} for each in words.values]
    body = {"components": [{"type": "body", "parameters": values}]} if values else {}
    return {"type": "template", "template": {"name": words.name, "language": {"code": words.language}, **body}}


def outcome_of(answer: Answer) -> Outcome:
    """The answer to `messages` as one of the seven. Accepted is not yet delivered: that is reported."""
    if answer.status != _OK:
        return _refused(answer)
    sent = answer.said.get("messages")
    first = sent[0] if isinstance(sent, list) and sent and isinstance(sent[0], dict) else {}
    name, standing = first.get("id"), first.get("message_status", "accepted")
    if not isinstance(name, str) or not name:
        return Outcome(Result.AMBIGUOUS, "odd-answer")
    # A new template of bad repute is held back until its first readers have judged it.
    return Outcome(Result.ACCEPTED, "" if standing == "accepted" else "held-back", provider_id=name)


def _refused(answer: Answer) -> Outcome:
    error = answer.said.get("error")
    error = error if isinstance(error, dict) else {}
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    name = f"http-{answer.status}" if code is None else str(code)
    return Outcome(result_of(answer.status, code, subcode), name, retry_after=answer.retry_after)


def _number(value: object) -> int | None:
    return value if type(value) is int else None
