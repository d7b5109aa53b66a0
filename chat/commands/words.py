"""Makes messages findable, some moments after they were written: who writes does not wait for it.

Follows the logs by the transactions that wrote them, up to the oldest that still runs, so nothing is passed over.
Where it stands is kept in the transaction that did the work: killed anywhere, the next round does it again.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from chat.wording import CONFIGS, words
from clinic.queries.desk import languages_of
from core.database import Sweeping

_MARK = text("select xid from chat_words_mark where id = 1 for update skip locked")
_BEGIN = text("insert into chat_words_mark (id, xid) values (1, 0) on conflict do nothing")
_MOVED = text("update chat_words_mark set xid = :bound where id = 1")
_EVENTS = """from chat_event e where e.xid >= cast(cast(:begin as text) as xid8)
    and e.xid < cast(cast(:bound as text) as xid8) and e.kind in ('msg', 'form', 'edit', 'del')"""
_HORIZON = text("select cast(cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as bigint)")
_REACH = text(f"""select count(*), max(t.xid) from (
    select cast(cast(e.xid as text) as bigint) as xid {_EVENTS} order by e.xid limit :most) t""")  # noqa: S608
# Locked against an erasure: it waits for us, or we find nothing any more.
_MESSAGES = text(f"""select m.clinic_id, m.conversation_id, m.seq, m.at, m.body from message m
    where (m.clinic_id, m.conversation_id, m.seq) in (
        select e.clinic_id, e.conversation_id, cast(e.data ->> 'seq' as int) {_EVENTS}
    ) for key share of m""")  # noqa: S608
_KEPT = text("""
insert into chat_words (clinic_id, conversation_id, seq, at, words)
select r.clinic, r.conversation, r.seq, r.at,
    array_to_tsvector(array['@' || r.clinic]) || to_tsvector(cast(r.config as regconfig), r.words)
from json_to_recordset(cast(:rows as json))
    r(clinic uuid, conversation uuid, seq int, at timestamptz, config text, words text)
on conflict (clinic_id, conversation_id, seq) do update set words = excluded.words
""")


async def index_words(sweeping: Sweeping, most: int) -> int:
    """Index what was written, changed or deleted since; of how many messages (0: nothing was to be done)."""
    await sweeping.execute(_BEGIN)
    begin = (await sweeping.execute(_MARK)).scalar_one_or_none()
    if begin is None:
        return 0  # another worker is at it
    horizon = (await sweeping.execute(_HORIZON)).scalar_one()
    if begin > horizon:
        begin = 0  # a database that was restored counts its transactions anew
    found, last = (await sweeping.execute(_REACH, {"begin": str(begin), "bound": str(horizon), "most": most})).one()
    bound = horizon if found < most else max(last, begin + 1)
    rows = (await sweeping.execute(_MESSAGES, {"begin": str(begin), "bound": str(bound)})).all()
    if rows:
        await sweeping.execute(_KEPT, {"rows": await _written(sweeping, rows)})
    await sweeping.execute(_MOVED, {"bound": bound})
    return len(rows)


async def _written(sweeping: Sweeping, rows: Sequence[Row[Any]]) -> str:
    languages = await languages_of(sweeping, {row.clinic_id for row in rows})
    told = [
        {
            "clinic": row.clinic_id, "conversation": row.conversation_id, "seq": row.seq, "at": row.at.isoformat(),
            "config": CONFIGS.get(languages[row.clinic_id], "simple"), "words": words(row.body),
        }
        for row in rows
    ]  # fmt: skip
    return json.dumps(told, default=str)
