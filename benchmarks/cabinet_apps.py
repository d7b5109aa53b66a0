"""The three applications that give a cabinet: Enamel's own, the floor under it, and a route over an asyncpg pool."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from api.app import create_app
from api.ports import Ports
from benchmarks.cabinet_people import SECRET
from cabinet.seal import Seal
from chat.hub import Hub
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.database import Database
from identity.commands import Keys
from media.folder import FolderStorage
from push.printed import Printed, PrintedTexts

POOL = 8


def enamel() -> ASGIApp:
    """The whole API, as it is served."""
    database, folder = Database(os.environ["BENCH_URL"], pool=POOL), Path(os.environ["BENCH_FOLDER"])
    ports = Ports(
        database=database,
        keys=Keys(SECRET),
        texts=PrintedTexts(Printed(folder / "printed.jsonl")),
        storage=FolderStorage(folder / "files"),
        hub=Hub(database, MemoryWakeups()),
        public_url="http://127.0.0.1",
        seal=Seal.from_secret(SECRET),
    )
    return create_app(ports, {"127.0.0.1"})


# What somebody would write by hand who owns the tables: no session, no right, no policy is looked at. A plan is
# built from its rows, as PostGraphile and the usual way build it.
_BY_HAND = """
select json_build_object(
  'chart', (select teeth_it from chart where clinic_id = $1 and id = $2), 'hidden', '[]'::json,
  'patient', json_build_object('patient_id', p.id, 'given_name', p.given_name, 'family_name', p.family_name,
    'birth_date', p.birth_date, 'relation', 'self'),
  'next_visit', (select json_build_object('appointment_id', a.id, 'patient_id', a.patient_id, 'branch_id', b.id,
      'branch_name', b.name, 'zone', b.zone, 'starts_at', to_char(a.starts_at at time zone 'UTC', $4),
      'ends_at', to_char(a.ends_at at time zone 'UTC', $4), 'status', a.status, 'service', a.service,
      'practitioner', a.practitioner, 'status_label', 'Prenotato',
      'starts_local', to_char(a.starts_at at time zone b.zone, $5) || '+01:00',
      'ends_local', to_char(a.ends_at at time zone b.zone, $5) || '+01:00', 'elsewhere', null,
      'cancel_until', to_char((a.starts_at - interval '24 hours') at time zone 'UTC', $4),
      'confirmed_by_patient_at', null, 'booked_here', false)
    from appointment a join branch b on b.clinic_id = a.clinic_id and b.id = a.branch_id
    where a.clinic_id = $1 and a.patient_id = $2 and a.starts_at > $3
      and a.status in ('requested', 'booked', 'confirmed') order by a.starts_at limit 1),
  'offers', (select coalesce(json_agg(o.id), '[]') from slot_offer o
    where o.clinic_id = $1 and o.patient_id = $2 and o.status = 'open' and o.expires_at > $3),
  'plans', (select coalesce(json_agg(json_build_object('plan_id', l.id, 'group', l.choice_group, 'title', l.title,
      'pros', l.pros, 'cons', l.cons, 'status', l.status, 'valid_until', l.valid_until, 'visits', l.visits,
      'duration_days', l.duration_days, 'offer', json_build_object('number', l.offer_number,
        'sha256', l.offer_sha256, 'proposed_at', to_char(l.offered_at at time zone 'UTC', $4),
        'valid_until', l.valid_until, 'answered', l.answer),
      'cost', json_build_object(
        'price', json_build_object('amount_minor', l.price_minor, 'currency', l.currency),
        'discount', json_build_object('amount_minor', l.discount_minor, 'currency', l.currency),
        'promotion', null, 'points', null,
        'insurance', json_build_object('amount_minor', l.insurance_minor, 'currency', l.currency),
        'patient', json_build_object('amount_minor', l.patient_minor, 'currency', l.currency), 'estimate', null),
      'progress', json_build_object('items', l.items, 'items_done', l.items_done),
      'stages', (select json_agg(json_build_object('position', s.position, 'title', s.title, 'visits', s.visits,
          'duration_days', s.duration_days, 'depends_on', s.depends_on, 'status', s.status, 'answered', null,
          'cost', json_build_object(
            'price', json_build_object('amount_minor', s.price_minor, 'currency', l.currency),
            'discount', json_build_object('amount_minor', s.discount_minor, 'currency', l.currency),
            'promotion', null, 'points', null,
            'insurance', json_build_object('amount_minor', s.insurance_minor, 'currency', l.currency),
            'patient', json_build_object('amount_minor', s.patient_minor, 'currency', l.currency), 'estimate', null),
          'progress', json_build_object('items', s.items, 'items_done', s.items_done),
          'items', (select json_agg(json_build_object('name', i.name, 'explanation', i.explanation, 'tooth', i.tooth,
              'surfaces', i.surfaces, 'quantity', i.quantity,
              'unit_price', json_build_object('amount_minor', i.unit_price_minor, 'currency', l.currency),
              'unit_price_high', null, 'promotion_title', i.promotion_title,
              'cost', json_build_object(
            'price', json_build_object('amount_minor', i.price_minor, 'currency', l.currency),
            'discount', json_build_object('amount_minor', i.discount_minor, 'currency', l.currency),
            'promotion', null, 'points', null,
            'insurance', json_build_object('amount_minor', i.insurance_minor, 'currency', l.currency),
            'patient', json_build_object('amount_minor', i.patient_minor, 'currency', l.currency),
              'estimate', null), 'status', i.status) order by i.position)
            from plan_item i where i.clinic_id = $1 and i.plan_id = l.id and i.stage = s.position))
          order by s.position)
        from plan_stage s where s.clinic_id = $1 and s.plan_id = l.id)) order by l.id desc), '[]')
    from plan l where l.clinic_id = $1 and l.patient_id = $2 and l.status not in ('draft', 'superseded')),
  'pictures', (select coalesce(json_agg(json_build_object('picture_id', m.id, 'kind', m.kind, 'state', m.state,
      'taken_on', m.taken_on, 'teeth', m.teeth, 'width', m.width, 'height', m.height, 'frames', m.frames,
      'row_spacing_mm', m.row_spacing_mm, 'column_spacing_mm', m.column_spacing_mm, 'blurhash', m.blurhash,
      'comment', m.comment, 'has_drawing', m.drawn is not null, 'acquired', null,
      'download', json_build_object('media_type', m.media_type, 'size_bytes', m.size_bytes)) order by m.id desc), '[]')
    from picture m where m.clinic_id = $1 and m.patient_id = $2 and m.state = 'ready' and m.released_at is not null),
  'promotions', (select coalesce(json_agg(json_build_object('promotion_id', o.id,
      'title', o.texts -> p.language -> 'title', 'terms', o.texts -> p.language -> 'terms', 'ends_on', o.ends_on,
      'reduction', null, 'with_coupon', o.with_coupon, 'left', null, 'coupon', null) order by o.ends_on, o.id), '[]')
    from promotion o where o.clinic_id = $1 and o.starts_on <= $3::date and o.ends_on >= $3::date),
  'documents', (select coalesce(json_agg(json_build_object('document_id', d.id, 'kind', d.kind, 'title', d.title,
      'asks', d.asks, 'state', d.state, 'sent_at', to_char(d.sent_at at time zone 'UTC', $4), 'seen_at', null,
      'closed_at', null, 'expires_at', null, 'issued_on', d.issued_on, 'appointment_id', d.appointment_id,
      'plan_id', d.plan_id, 'private', d.private) order by d.sent_at desc, d.id desc), '[]')
    from document d where d.clinic_id = $1 and d.patient_id = $2 and d.state in ('sent', 'seen', 'filled')),
  'balances', (select coalesce(json_agg(json_build_object(
      'charged', json_build_object('amount_minor', e.charged, 'currency', e.currency),
      'paid', json_build_object('amount_minor', e.paid, 'currency', e.currency),
      'insured', json_build_object('amount_minor', 0, 'currency', e.currency),
      'owed', json_build_object('amount_minor', e.charged - e.paid, 'currency', e.currency),
      'overdue', json_build_object('amount_minor', 0, 'currency', e.currency),
      'pending', json_build_object('amount_minor', 0, 'currency', e.currency),
      'payable', json_build_object('amount_minor', e.charged - e.paid, 'currency', e.currency))), '[]')
    from (select currency, (sum(effect_minor) filter (where kind = 'charge'))::bigint as charged,
        (-sum(effect_minor) filter (where kind = 'payment'))::bigint as paid
      from ledger_entry where clinic_id = $1 and patient_id = $2 and not voided group by currency) e),
  'points', (select sum(left_points)::bigint from point_lot
    where clinic_id = $1 and patient_id = $2 and left_points > 0)
)::text from patient p where p.clinic_id = $1 and p.id = $2
"""
_LOCAL = 'YYYY-MM-DD"T"HH24:MI:SS'
_RFC3339 = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'


async def _as_it_is(_: asyncpg.Connection) -> None:
    """Nothing to reset after one statement; asyncpg would make a trip of it, which Enamel's pool does not pay."""


_CHANGES_BY_HAND = """
select json_build_object('running', pg_snapshot_xmin(pg_current_snapshot())::text, 'items', (
  select coalesce(json_agg(json_build_object('xid', xid::text, 'kind', kind, 'id', subject_id)), '[]')
  from change where clinic_id = $1 and patient_id = $2 and xid >= pg_snapshot_xmin(pg_current_snapshot())))::text
"""


def floor() -> ASGIApp:
    """A bare route over a bare pool: one statement, as the owner of the tables."""
    return _bare("/{clinic}/{patient}", _BY_HAND, lambda: [now(), _RFC3339, _LOCAL])


def changes_floor() -> ASGIApp:
    """The same for what changed: no session, no right, no cursor to prove."""
    return _bare("/changes/{clinic}/{patient}", _CHANGES_BY_HAND, list)


def _bare(path: str, statement: str, more: Callable[[], list[Any]]) -> ASGIApp:
    pools: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def with_pool(_: Starlette) -> AsyncIterator[None]:
        settings = {"jit": "off", "timezone": "UTC"}
        async with asyncpg.create_pool(
            os.environ["BENCH_URL"], min_size=POOL, max_size=POOL, server_settings=settings, reset=_as_it_is
        ) as pool:
            pools.append(pool)
            yield

    async def document(request: Request) -> Response:
        clinic_id, patient_id = UUID(request.path_params["clinic"]), UUID(request.path_params["patient"])
        async with pools[0].acquire() as connection:
            found = await connection.fetchval(statement, clinic_id, patient_id, *more())
        return Response(found, media_type="application/json")

    return Starlette(routes=[Route(path, document)], lifespan=with_pool)
