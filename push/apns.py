"""Speaks to Apple directly: one request for each message over one HTTP/2 connection, one of seven outcomes.

Source: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns.
"""

import asyncio
import json
import re
import ssl
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr, StringConstraints, field_validator

from core import clock
from core.ids import new_id
from core.values import Value
from push.apns_answer import outcome_of
from push.apns_token import ApnsToken
from push.channel import Message, Target
from push.es256 import p256_key
from push.http2 import Answer, Lost, Unsent
from push.http2_line import Http2Line
from push.http_answer import retry_after
from push.outcome import Outcome, Result
from push.phone_message import apns_headers, aps, facts, words

PRODUCTION, SANDBOX = ("api.push.apple.com", 443), ("api.sandbox.push.apple.com", 443)
LARGEST_PAYLOAD = 4096
_TOKEN = re.compile(r"[0-9a-fA-F]{64,200}")
_NOBODY = "0" * 64
_STALE = "expired-provider-token"

_Ten = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{10}$")]


class ApnsLine(Value):
    """One app's way to Apple: a key of its team (the text of the .p8 file), and the app's bundle id."""

    model_config = ConfigDict(hide_input_in_errors=True)

    key: SecretStr
    key_id: _Ten = Field(examples=["ABC123DEFG"])
    team_id: _Ten = Field(examples=["DEF123GHIJ"])
    topic: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,155}$")] = Field(examples=["it.example.clinic"])
    sandbox: bool = Field(default=False, description="Builds from Xcode have tokens of Apple's sandbox.")

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        p256_key(key.get_secret_value())
        return key


class Apns:
    """The channel of one app build. Make it where the event loop runs; `close` it there."""

    def __init__(
        self, line: ApnsLine, address: tuple[str, int] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        host, port = address or (SANDBOX if line.sandbox else PRODUCTION)
        self._authority = host if port == PRODUCTION[1] else f"{host}:{port}"
        self._topic = line.topic
        self._token = ApnsToken(line.key.get_secret_value(), line.key_id, line.team_id)
        self._http = Http2Line(host, port, tls)
        self._proved = False

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        if not _TOKEN.fullmatch(target.token):
            return Outcome(Result.DEAD, "not-a-token")
        body = apns_json(message)
        if len(body) > LARGEST_PAYLOAD:
            return Outcome(Result.BAD_MESSAGE, "payload-too-large")
        outcome = await self._posted(target.token, message.notice_id, apns_headers(message), body, deadline)
        self._proved = self._proved or outcome.result is Result.ACCEPTED
        return outcome

    async def check(self, deadline: timedelta) -> Outcome:
        """A background push to a token that nobody has: Apple looks at it when key, team and topic are right."""
        headers = {"apns-push-type": "background", "apns-priority": "5", "apns-expiration": "0"}
        outcome = await self._posted(_NOBODY, new_id(), headers, b'{"aps":{"content-available":1}}', deadline)
        return Outcome(Result.ACCEPTED) if outcome.code == "bad-device-token" else outcome

    async def close(self) -> None:
        await self._http.close()

    async def _posted(
        self, token: str, notice_id: UUID, headers: dict[str, str], body: bytes, deadline: timedelta
    ) -> Outcome:
        until = asyncio.get_running_loop().time() + deadline.total_seconds()
        pass_ = self._token.current(clock.now())
        lines = [
            (":method", "POST"), (":scheme", "https"), (":authority", self._authority),
            (":path", f"/3/device/{token.lower()}"), ("authorization", f"bearer {pass_}"),
            ("apns-topic", self._topic), ("apns-id", str(notice_id)), *headers.items(),
        ]  # fmt: skip
        try:
            answer = await self._http.post(lines, body, until)
        except Unsent as error:
            return Outcome(Result.NOT_SENT, str(error))
        except Lost as error:
            return Outcome(Result.AMBIGUOUS, str(error))
        outcome = self._outcome(answer, str(notice_id))
        if outcome.code == _STALE:
            self._token.drop(pass_, clock.now())
        return outcome

    def _outcome(self, answer: Answer, notice_id: str) -> Outcome:
        pause = retry_after(answer.headers.get("retry-after", ""), clock.now())
        return outcome_of(answer.status, answer.body, notice_id, pause, proved=self._proved)


def apns_json(message: Message) -> bytes:
    """The payload: what the system draws, and beside it the ids that the app reads."""
    alert: dict[str, Any] = {} if message.silent else {"alert": words(message)}
    return json.dumps({"aps": {**alert, **aps(message)}, **facts(message)}, ensure_ascii=False).encode()
