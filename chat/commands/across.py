"""Says something in the conversations of many patients of many clinics, with one statement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chat.commands.speaking import Answer, answered, made, named
from chat.conversation import Side, Via
from chat.speaker import Author
from core.database import Writing
from core.errors import Refusal

AUTOMATION = Author(Side.AUTOMATION, UUID("a0707a07-0000-7000-8000-000000000001"))
"""Whom a journey's message is of: the same in every clinic and for every version of every journey."""

_SAID = text("""
select chat_post(r.clinic, r.patient, :side, :sender, :name, r.client, r.digest, r.said, r.fresh, r.event, r.cause,
    :now)::text
from json_to_recordset(cast(:rows as json))
    r(clinic uuid, patient uuid, client uuid, digest uuid, said jsonb, fresh uuid, event uuid, cause uuid)
""")


@dataclass(frozen=True, slots=True)
class Post:
    """Words for one patient. `client_id` is the caller's name for them for ever: posted again they are said once."""

    clinic_id: UUID
    patient_id: UUID
    client_id: UUID
    body: str
    cause_id: UUID | None = None


async def post_across(
    writing: Writing, author: Author, posts: Sequence[Post], now: datetime
) -> dict[Post, Answer | Refusal]:  # fmt: skip
    """What became of each; nodes find them within a second, and a push follows as after any message.

    The conversations stay locked until the commit, in the order in which everybody locks them: commit soon. Erased
    people are to be left out by the caller.
    """
    if not posts:
        return {}
    ordered = sorted(dict.fromkeys(posts), key=lambda each: (each.clinic_id.int, each.patient_id.int))
    values = {
        "rows": json.dumps([_row(each) for each in ordered], default=str), "side": author.side.value,
        "sender": author.id, "name": author.name, "now": now,
    }  # fmt: skip
    raw = (await writing.execute(_SAID, values)).scalars()
    return {post: _answer(each) for post, each in zip(ordered, raw, strict=True)}


def _row(post: Post) -> dict[str, Any]:
    return {
        "clinic": post.clinic_id, "patient": post.patient_id, "cause": post.cause_id,
        "said": {"body": post.body, "via": Via.APP.value}, **made(), **named(post.client_id, "msg", post.body),
    }  # fmt: skip


def _answer(raw: str) -> Answer | Refusal:
    try:
        return answered(raw)
    except Refusal as refusal:
        return refusal
