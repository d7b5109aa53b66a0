"""What a clinic keeps is weighed as it is written; what was never shown is not told of; what is private spreads."""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


# What earlier migrations made and this one changes.
REPLACED = [
    'drop trigger appointment_spreads on appointment',
    'drop trigger document_spreads on document',
    'drop trigger picture_insert on picture',
    'drop trigger picture_update on picture',
    'drop trigger picture_delete on picture',
    'drop trigger plan_spreads on plan',
    'drop trigger point_lot_spreads on point_lot',
    'drop trigger ledger_entry_spreads on ledger_entry',
    'drop trigger series_insert on series',
    'drop trigger series_update on series',
    'drop trigger series_delete on series',
    'drop trigger series_tells on series',
    'drop trigger series_hides_pictures on series',
]

# What is kept now, before triggers weigh what comes and goes. An upload of no bytes was never to be taken.
WEIGHED = [
    "delete from upload where size_bytes <= 0 and state = 'open'",
    'update upload set size_bytes = 1 where size_bytes <= 0',
    """update picture_elsewhere e set size_bytes = p.size_bytes from picture p
        where p.clinic_id = e.clinic_id and p.id = e.id""",
    """insert into kept_bytes (clinic_id, id, bytes)
        select clinic_id, gen_random_uuid(), sum(bytes) from (
            select clinic_id, size_bytes as bytes from picture
            union all select clinic_id, size_bytes from upload where state = 'open'
            union all select clinic_id, -size_bytes from picture_elsewhere
        ) as kept group by 1""",
]

# Rights, and the walls between clinics and around what is private (row-level security).
RULES = [
    'grant select, insert, update, delete on kept_bytes to enamel_app, enamel_worker',
    'alter table kept_bytes enable row level security',
    "create policy own_clinic on kept_bytes to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on kept_bytes to enamel_worker using (true) with check (true)',
]

FUNCTIONS = [
    r"""
create or replace function note_change() returns trigger language plpgsql as $$
declare
    v_rows text := case
        when tg_op <> 'UPDATE' then 'told'
        when tg_argv[3] = '{}' then '(table was union all table told)'
        else format(
            '(select side.* from told join was using (clinic_id, id)
              cross join lateral (select was.* union all select told.*) as side
              where to_jsonb(told) - %1$L::text[] is distinct from to_jsonb(was) - %1$L::text[])', tg_argv[3]
        ) end;
begin
    execute format(
        'insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
         select clinic_id, %s, pg_current_xact_id(), %L, %s, bool_or(%s) from %s as touched where %s group by 1, 2, 5
         on conflict (clinic_id, patient_id, xid, kind, subject_id)
         do update set was_open = change.was_open or excluded.was_open',
        tg_argv[1], tg_argv[0], tg_argv[2], tg_argv[4], v_rows, coalesce(tg_argv[5], 'true')
    );
    return null;
end $$
""",
    r"""
create function weigh() returns trigger language plpgsql as $$
declare
  v_was jsonb := to_jsonb(old);
  v_is jsonb := to_jsonb(new);
  v_bytes bigint := 0;
begin
  if tg_argv[1] in ('', v_is ->> 'state') then
    v_bytes := coalesce((v_is ->> 'size_bytes')::bigint, 0);
  end if;
  if tg_argv[1] in ('', v_was ->> 'state') then
    v_bytes := v_bytes - coalesce((v_was ->> 'size_bytes')::bigint, 0);
  end if;
  if v_bytes <> 0 then
    insert into kept_bytes (clinic_id, id, bytes)
    values (coalesce(new.clinic_id, old.clinic_id), gen_random_uuid(), tg_argv[0]::bigint * v_bytes);
  end if;
  return null;
end $$
""",
    r"""
create or replace function leave_files() returns trigger language plpgsql as $$
declare
  mine text[];
begin
  if tg_table_name = 'picture' then
    mine := array['files/' || old.sha256, 'drawn/' || old.id];
  elsif tg_table_name = 'upload' then
    mine := array['files/' || old.sha256, 'uploads/' || old.id];
  else
    mine := array['sheets/' || old.id];
  end if;
  insert into file_left (clinic_id, id, key, since)
  select old.clinic_id, gen_random_uuid(), old.clinic_id || '/' || each, now() from unnest(mine) each;
  return null;
end $$
""",
    r"""
create or replace function tell_series() returns trigger language plpgsql as $$
declare
  v_series uuid;
begin
  if tg_table_name = 'series' then
    v_series := new.id;
  elsif tg_op = 'DELETE' then
    v_series := old.series_id;
  else
    v_series := new.series_id;
  end if;
  insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
  select clinic_id, patient_id, pg_current_xact_id(), 'series', id, not private from series
   where clinic_id = coalesce(new.clinic_id, old.clinic_id) and (id = v_series or before_id = v_series)
     and released_at is not null
  on conflict (clinic_id, patient_id, xid, kind, subject_id)
  do update set was_open = change.was_open or excluded.was_open;
  insert into file_left (clinic_id, id, key, since)
  select coalesce(new.clinic_id, old.clinic_id), gen_random_uuid(),
         coalesce(new.clinic_id, old.clinic_id) || '/sheets/' || v_series, now()
   where not exists (select from file_left where clinic_id = coalesce(new.clinic_id, old.clinic_id)
     and key = clinic_id || '/sheets/' || v_series and since >= now());
  return null;
end $$
""",
]

TRIGGERS = [
    "create trigger appointment_spreads after update on appointment for each row when (old.private is distinct from new.private) execute function spread_private('document', 'appointment_id', 'patient_request', 'subject_id', 'point_lot', 'visit_id', 'ledger_entry', 'appointment_id', 'series', 'appointment_id')",
    "create trigger document_spreads after update on document for each row when (old.private is distinct from new.private) execute function spread_private('patient_request', 'subject_id')",
    "create trigger picture_insert after insert on picture referencing new table as told for each statement execute function note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null')",
    "create trigger picture_update after update on picture referencing old table as was new table as told for each statement execute function note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null')",
    "create trigger picture_delete after delete on picture referencing old table as told for each statement execute function note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null')",
    "create trigger picture_weighs after insert or delete or update of size_bytes on picture for each row execute function weigh('1', '')",
    "create trigger plan_spreads after update on plan for each row when (old.private is distinct from new.private) execute function spread_private('document', 'plan_id', 'patient_request', 'subject_id', 'ledger_entry', 'plan_id', 'payment_intent', 'plan_id', 'series', 'plan_id')",
    "create trigger point_lot_spreads after update on point_lot for each row when (old.private is distinct from new.private) execute function spread_private('point_entry', 'lot_id')",
    "create trigger upload_weighs after insert or delete or update of state, size_bytes on upload for each row execute function weigh('1', 'open')",
    "create trigger ledger_entry_spreads after update on ledger_entry for each row when (old.private is distinct from new.private) execute function spread_private('point_lot', 'payment_id')",
    "create trigger picture_elsewhere_weighs after insert or delete or update of size_bytes on picture_elsewhere for each row execute function weigh('-1', '')",
    "create trigger series_insert after insert on series referencing new table as told for each statement execute function note_change('series', 'patient_id', 'id', '{}', 'not private', 'touched.released_at is not null')",
    "create trigger series_update after update on series referencing old table as was new table as told for each statement execute function note_change('series', 'patient_id', 'id', '{}', 'not private', 'touched.released_at is not null')",
    "create trigger series_delete after delete on series referencing old table as told for each statement execute function note_change('series', 'patient_id', 'id', '{}', 'not private', 'touched.released_at is not null')",
    'create trigger series_tells after update on series for each row when ((old.released_at, old.private) is distinct from (new.released_at, new.private)) execute function tell_series()',
    'create trigger series_hides_pictures after update on series for each row when (old.private is distinct from new.private) execute function hide_pictures_of_series()',
]

UNDONE = [
    'drop trigger appointment_spreads on appointment',
    'drop trigger document_spreads on document',
    'drop trigger picture_insert on picture',
    'drop trigger picture_update on picture',
    'drop trigger picture_delete on picture',
    'drop trigger picture_weighs on picture',
    'drop trigger plan_spreads on plan',
    'drop trigger point_lot_spreads on point_lot',
    'drop trigger upload_weighs on upload',
    'drop trigger ledger_entry_spreads on ledger_entry',
    'drop trigger picture_elsewhere_weighs on picture_elsewhere',
    'drop trigger series_insert on series',
    'drop trigger series_update on series',
    'drop trigger series_delete on series',
    'drop trigger series_tells on series',
    'drop trigger series_hides_pictures on series',
]

# A key was marked once before: the newest mark stays.
ONE_OF_EACH = """
delete from file_left a using file_left b
where a.clinic_id = b.clinic_id and a.key = b.key and (a.since, a.id) < (b.since, b.id)
"""

FORGOTTEN = [
    'drop function weigh',
]

# As the earlier migrations made them.
RESTORED = [
    r"""
CREATE OR REPLACE FUNCTION note_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
    v_rows text := case
        when tg_op <> 'UPDATE' then 'told'
        when tg_argv[3] = '{}' then '(table was union all table told)'
        else format(
            '(select side.* from told join was using (clinic_id, id)
              cross join lateral (select was.* union all select told.*) as side
              where to_jsonb(told) - %1$L::text[] is distinct from to_jsonb(was) - %1$L::text[])', tg_argv[3]
        ) end;
begin
    execute format(
        'insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
         select clinic_id, %s, pg_current_xact_id(), %L, %s, bool_or(%s) from %s as touched group by 1, 2, 5
         on conflict (clinic_id, patient_id, xid, kind, subject_id)
         do update set was_open = change.was_open or excluded.was_open',
        tg_argv[1], tg_argv[0], tg_argv[2], tg_argv[4], v_rows
    );
    return null;
end $function$
""",
    r"""
CREATE OR REPLACE FUNCTION leave_files()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  mine text[];
begin
  if tg_table_name = 'picture' then
    mine := array['files/' || old.sha256, 'drawn/' || old.id];
  elsif tg_table_name = 'upload' then
    mine := array['files/' || old.sha256, 'uploads/' || old.id];
  else
    mine := array['sheets/' || old.id];
  end if;
  insert into file_left (clinic_id, id, key, since)
  select old.clinic_id, gen_random_uuid(), old.clinic_id || '/' || each, now() from unnest(mine) each
  on conflict (clinic_id, key) do update set since = excluded.since;
  return null;
end $function$
""",
    r"""
CREATE OR REPLACE FUNCTION tell_series()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_series uuid;
begin
  if tg_table_name = 'series' then
    v_series := new.id;
  elsif tg_op = 'DELETE' then
    v_series := old.series_id;
  else
    v_series := new.series_id;
  end if;
  insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
  select clinic_id, patient_id, pg_current_xact_id(), 'series', id, not private from series
   where clinic_id = coalesce(new.clinic_id, old.clinic_id) and (id = v_series or before_id = v_series)
  on conflict (clinic_id, patient_id, xid, kind, subject_id)
  do update set was_open = change.was_open or excluded.was_open;
  insert into file_left (clinic_id, id, key, since)
  select coalesce(new.clinic_id, old.clinic_id), gen_random_uuid(),
         coalesce(new.clinic_id, old.clinic_id) || '/sheets/' || v_series, now()
  on conflict (clinic_id, key) do nothing;
  return null;
end $function$
""",
    "CREATE TRIGGER appointment_spreads AFTER UPDATE OF private ON appointment FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('document', 'appointment_id', 'patient_request', 'subject_id', 'point_lot', 'visit_id', 'ledger_entry', 'appointment_id', 'series', 'appointment_id')",
    "CREATE TRIGGER document_spreads AFTER UPDATE OF private ON document FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('patient_request', 'subject_id')",
    "CREATE TRIGGER picture_insert AFTER INSERT ON picture REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private')",
    "CREATE TRIGGER picture_update AFTER UPDATE ON picture REFERENCING OLD TABLE AS was NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private')",
    "CREATE TRIGGER picture_delete AFTER DELETE ON picture REFERENCING OLD TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private')",
    "CREATE TRIGGER plan_spreads AFTER UPDATE OF private ON plan FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('document', 'plan_id', 'patient_request', 'subject_id', 'ledger_entry', 'plan_id', 'payment_intent', 'plan_id', 'series', 'plan_id')",
    "CREATE TRIGGER point_lot_spreads AFTER UPDATE OF private ON point_lot FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('point_entry', 'lot_id')",
    "CREATE TRIGGER ledger_entry_spreads AFTER UPDATE OF private ON ledger_entry FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('point_lot', 'payment_id')",
    "CREATE TRIGGER series_insert AFTER INSERT ON series REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('series', 'patient_id', 'id', '{}', 'not private')",
    "CREATE TRIGGER series_update AFTER UPDATE ON series REFERENCING OLD TABLE AS was NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('series', 'patient_id', 'id', '{}', 'not private')",
    "CREATE TRIGGER series_delete AFTER DELETE ON series REFERENCING OLD TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('series', 'patient_id', 'id', '{}', 'not private')",
    'CREATE TRIGGER series_tells AFTER UPDATE OF released_at, private ON series FOR EACH ROW WHEN (((old.released_at IS DISTINCT FROM new.released_at) OR (old.private IS DISTINCT FROM new.private))) EXECUTE FUNCTION tell_series()',
    'CREATE TRIGGER series_hides_pictures AFTER UPDATE OF private ON series FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION hide_pictures_of_series()',
]


def upgrade() -> None:
    for statement in REPLACED:
        op.execute(statement)
    op.create_table('kept_bytes',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.drop_constraint(op.f('file_left_key'), 'file_left', type_='unique')
    op.create_index('file_left_key', 'file_left', ['clinic_id', 'key', 'since'], unique=False)
    op.drop_index(op.f('picture_sizes'), table_name='picture', postgresql_include=['size_bytes'])
    op.add_column('picture_elsewhere', sa.Column('size_bytes', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    for statement in (*WEIGHED, *RULES, *FUNCTIONS, *TRIGGERS):
        op.get_bind().exec_driver_sql(statement)
    op.create_check_constraint('upload_has_bytes', 'upload', 'size_bytes > 0')


def downgrade() -> None:
    for statement in UNDONE:
        op.execute(statement)
    op.drop_constraint('upload_has_bytes', 'upload', type_='check')
    op.execute(ONE_OF_EACH)
    op.drop_column('picture_elsewhere', 'size_bytes')
    op.create_index(op.f('picture_sizes'), 'picture', ['clinic_id'], unique=False, postgresql_include=['size_bytes'])
    op.drop_index('file_left_key', table_name='file_left')
    op.create_unique_constraint(op.f('file_left_key'), 'file_left', ['clinic_id', 'key'], postgresql_nulls_not_distinct=False)
    op.drop_table('kept_bytes')
    for statement in FORGOTTEN:
        op.execute(statement)
    for statement in RESTORED:
        op.get_bind().exec_driver_sql(statement)
