"""Finding messages by their words, in the clinic's language.

Two statements. Which messages have the words is asked with the worker's rights, because under row-level security
PostgreSQL uses no index for `@@` (it might tell of rows that a policy hides): that gives numbers and nothing else.
The messages themselves are read by who asks, under the policies, so a number of another clinic would find nothing.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chat.conversation import Side, Via
from chat.reach_sql import reach_sql
from chat.wording import CONFIGS, asked
from core.database import Reading, Sweeping
from core.moments import Moment
from core.values import Int32, Value

Place = tuple[datetime, UUID, int]
"""When a message was written, in which conversation, and its number there."""


class FoundMessage(Value):
    """A message that has the words, and the piece of it that does."""

    conversation_id: UUID
    patient_id: UUID
    patient_name: str
    seq: Int32
    side: Side
    via: Via
    author: str
    at: Moment
    excerpt: str


_ASKED = """
select plainto_tsquery(z.config, :whole) && cast(:single as tsquery) as words, z.config from (
    select cast(coalesce(cast(:configs as jsonb) ->> l.language, 'simple') as regconfig) as config
    from clinic l where l.clinic_id = :clinic
) z
"""
_PLACES = text(f"""
select w.at, w.conversation_id, w.seq from chat_words w
where w.clinic_id = :clinic
    and w.words @@ (select cast(quote_literal('@' || :clinic) as tsquery) && a.words from ({_ASKED}) a
        where numnode(a.words) > 0)
    and (cast(:at as timestamptz) is null or (w.at, w.conversation_id, w.seq) < (:at, :conversation, :seq))
    and {reach_sql("w.clinic_id", "w.conversation_id", "s.id = :reader")}
order by w.at desc, w.conversation_id desc, w.seq desc limit :most
""")  # noqa: S608  no word of anybody outside
_MESSAGES = text(f"""
select m.conversation_id, c.patient_id, p.given_name || ' ' || p.family_name as patient_name, m.seq, m.side, m.via,
    m.sender_name as author, m.at,
    ts_headline(a.config, m.body, a.words, 'StartSel="", StopSel="", MinWords=12, MaxWords=30') as excerpt
from unnest(cast(:conversations as uuid[]), cast(:numbers as int[])) f(conversation_id, seq)
join message m on m.clinic_id = :clinic and m.conversation_id = f.conversation_id and m.seq = f.seq
join conversation c on c.clinic_id = m.clinic_id and c.id = m.conversation_id
join patient p on p.clinic_id = c.clinic_id and p.id = c.patient_id
cross join ({_ASKED}) a
where m.deleted_at is null and {reach_sql("m.clinic_id", "m.conversation_id", "s.id = :reader")}
order by m.at desc, m.conversation_id desc, m.seq desc
""")  # noqa: S608  the same


async def places_found(
    sweeping: Sweeping, clinic_id: UUID, staff_id: UUID, words: str, *, after: Place | None, limit: int
) -> list[Place]:
    """Where messages that this person reaches have all of these words, newest first, past the key `after`."""
    at, conversation_id, seq = after or (None, None, None)
    place = {"reader": staff_id, "at": at, "conversation": conversation_id, "seq": seq, "most": limit}
    rows = await sweeping.execute(_PLACES, {**_asked(clinic_id, words), **place})
    return [tuple(row) for row in rows]


async def found_messages(
    reading: Reading, clinic_id: UUID, staff_id: UUID, words: str, places: Sequence[Place]
) -> list[FoundMessage]:
    """The messages at these places, in that order; what was deleted meanwhile is left out."""
    found = {"conversations": [place[1] for place in places], "numbers": [place[2] for place in places]}
    rows = await reading.execute(_MESSAGES, {**_asked(clinic_id, words), "reader": staff_id, **found})
    return [FoundMessage.model_validate(row._asdict()) for row in rows]


def _asked(clinic_id: UUID, words: str) -> dict[str, Any]:
    whole, single = asked(words)
    prefixes = " & ".join(f"'{one}':*" for one in single)
    return {"clinic": clinic_id, "whole": whole, "single": prefixes, "configs": json.dumps(CONFIGS)}
