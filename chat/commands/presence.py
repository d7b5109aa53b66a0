"""What a node says of its sockets: who came, who left, who is looked at, and that it still lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from core.database import Database

NODE_LIVES = timedelta(seconds=60)
BEAT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one socket listens: a patient's thread, or the desk without one."""

    clinic_id: UUID
    connection_id: UUID
    account_id: UUID
    patient_id: UUID | None
    device: str = ""
    since: datetime | None = None
    """When it was seated, by PostgreSQL's clock; None: as it is told."""

    @property
    def id(self) -> UUID:
        return uuid5(self.connection_id, str(self.patient_id or ""))


# One row of a patient who was erased meanwhile must not spoil the others: only standing ones are taken.
_TOLD = """
with gone as (
    delete from chat_presence p using unnest($7::uuid[], $8::uuid[]) as g(clinic_id, id)
    where p.clinic_id = g.clinic_id and p.id = g.id
), told as (
    insert into chat_presence as p (
        clinic_id, id, patient_id, account_id, node_id, front, connection_id, device, since
    )
    select h.clinic_id, h.id, h.patient_id, h.account_id, $1::uuid, h.front, h.connection_id, h.device,
        coalesce(h.since, clock_timestamp())
    from unnest(
        $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bool[], $9::uuid[], $10::text[], $11::timestamptz[]
    ) as h(clinic_id, id, patient_id, account_id, front, connection_id, device, since)
    where h.patient_id is null
        or exists (select from patient t where t.clinic_id = h.clinic_id and t.id = h.patient_id)
    on conflict (clinic_id, id) do update set front = excluded.front, node_id = excluded.node_id
)
select ''
"""
# What dead nodes said is forgotten by whoever lives. True where this node was not known (any more).
_BEAT = """
with dead as (
    delete from chat_node n where n.until < $3 and n.id <> $1 returning n.id
), orphaned as (
    delete from chat_presence p where p.node_id in (select id from dead)
        or p.node_id <> $1 and not exists (select from chat_node n where n.id = p.node_id)
)
insert into chat_node as n (id, until) values ($1, $2)
on conflict (id) do update set until = excluded.until returning (xmax = 0)::text
"""
_END = "with left_ as (delete from chat_presence where node_id = $1) delete from chat_node where id = $1"


async def tell_presence(
    database: Database, node_id: UUID, here: Sequence[tuple[Place, bool]], gone: Sequence[Place]
) -> None:
    """Who is connected to this node (and whether looked at), and who no longer is, in one statement."""
    columns = (
        [place.clinic_id for place, _ in here],
        [place.id for place, _ in here],
        [place.patient_id for place, _ in here],
        [place.account_id for place, _ in here],
        [front for _, front in here],
        [place.clinic_id for place in gone],
        [place.id for place in gone],
        [place.connection_id for place, _ in here],
        [place.device for place, _ in here],
        [place.since for place, _ in here],
    )
    await database.trip(_TOLD, node_id, *columns, sweeping=True)


async def beat(database: Database, node_id: UUID, now: datetime) -> bool:
    """This node lives on. True where nobody knew: then everything it said is forgotten and must be told anew."""
    return await database.trip(_BEAT, node_id, now + NODE_LIVES, now, sweeping=True) == b"true"


async def end_node(database: Database, node_id: UUID) -> None:
    """This node stops: nobody is connected to it any more."""
    await database.trip(_END, node_id, sweeping=True)
