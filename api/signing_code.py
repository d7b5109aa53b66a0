"""The code that a patient signs with: one way to send it, whether a plan or a document is signed."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import BackgroundTasks, Request

from api.ports import Ports
from api.problems import language_of
from api.texts import signing_code_text
from core.clock import now
from core.database import NOBODY
from core.errors import Conflict
from core.values import Int32, Value
from identity.commands import send_code
from identity.queries import account_phone
from identity.sign_in import CODE_LIFE, RESEND_WAITS
from identity.tokens import Claims


class NoPhone(Conflict):
    """This account signs in without a phone."""

    slug = "no-phone-for-code"


class CodeOnItsWay(Value):
    expires_in_seconds: Int32
    resend_after_seconds: Int32


async def send_signing_code(
    ports: Ports, claims: Claims, request: Request, background: BackgroundTasks,
    expect: Callable[[UUID], Awaitable[None]],
) -> CodeOnItsWay:  # fmt: skip
    """Make a code, note by `expect` (its challenge) what it will sign, then send it. Raises `NoPhone`, `CodeTooSoon`.

    A crash before it is sent costs one "send again".
    """
    address = request.client.host if request.client else ""
    async with ports.database.writing(NOBODY) as writing:
        phone = await account_phone(writing, claims.subject_id)
        if phone is None:
            raise NoPhone
        sent = await send_code(writing, ports.keys, phone, address, now())
    await expect(sent.challenge_id)
    if sent.code is not None:
        text = signing_code_text(sent.code, language_of(request.headers.get("accept-language", "")))
        background.add_task(ports.texts.send, phone, text)
    return CodeOnItsWay(
        expires_in_seconds=int(CODE_LIFE.total_seconds()), resend_after_seconds=int(RESEND_WAITS[0].total_seconds())
    )
