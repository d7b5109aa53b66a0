"""media in full."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


# What earlier migrations made and this one changes.
REPLACED = [
    'drop trigger appointment_spreads on appointment',
    'drop trigger plan_spreads on plan',
]

# Rights, and the walls between clinics and around what is private (row-level security).
RULES = [
    'grant select, insert, update, delete on dicomweb_source to enamel_app, enamel_worker',
    'alter table dicomweb_source enable row level security',
    "create policy own_clinic on dicomweb_source to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on dicomweb_source to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on file_left to enamel_app, enamel_worker',
    'alter table file_left enable row level security',
    "create policy own_clinic on file_left to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on file_left to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on upload to enamel_app, enamel_worker',
    'alter table upload enable row level security',
    "create policy own_clinic on upload to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid and (not private or current_setting('enamel.viewer', true) in ('clinic', patient_id::text))) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on upload to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on drawing to enamel_app, enamel_worker',
    'alter table drawing enable row level security',
    "create policy own_clinic on drawing to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on drawing to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on picture_dicom to enamel_app, enamel_worker',
    'alter table picture_dicom enable row level security',
    "create policy own_clinic on picture_dicom to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on picture_dicom to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on picture_elsewhere to enamel_app, enamel_worker',
    'alter table picture_elsewhere enable row level security',
    "create policy own_clinic on picture_elsewhere to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on picture_elsewhere to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on series to enamel_app, enamel_worker',
    'alter table series enable row level security',
    "create policy own_clinic on series to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid and (not private or current_setting('enamel.viewer', true) in ('clinic', patient_id::text))) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on series to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on series_view to enamel_app, enamel_worker',
    'alter table series_view enable row level security',
    "create policy own_clinic on series_view to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on series_view to enamel_worker using (true) with check (true)',
]

FUNCTIONS = [
    r"""
create or replace function narrow_copies() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('copies ' || old.clinic_id, 0));
    update privacy_export
       set scopes = scopes || 'hidden_since'::text, state = case state when 'asked' then 'failed' else state end
     where clinic_id = old.clinic_id and patient_id = old.patient_id and (tg_nargs > 0 or not whole)
       and (state = 'ready' or state = 'asked' and lease_until is not null)
       and 'hidden_since' <> all (scopes);
    return null;
end $$
""",
    r"""
create function leave_files() returns trigger language plpgsql as $$
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
end $$
""",
    r"""
create function tell_series() returns trigger language plpgsql as $$
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
end $$
""",
    r"""
create function tell_series_of_picture() returns trigger language plpgsql as $$
begin
  if old.patient_id <> new.patient_id then
    delete from series_view where clinic_id = new.clinic_id and picture_id = new.id;
  else
    update series_view set picture_id = picture_id where clinic_id = new.clinic_id and picture_id = new.id;
  end if;
  return null;
end $$
""",
    r"""
create function hide_pictures_of_series() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'series_view' then
    update picture set private = true, hidden_by = new.series_id
     where clinic_id = new.clinic_id and id = new.picture_id and not private
       and exists (select from series where clinic_id = new.clinic_id and id = new.series_id and private);
    return null;
  end if;
  perform from picture
    where clinic_id = new.clinic_id and patient_id = new.patient_id and (hidden_by = new.id or id in (
      select picture_id from series_view where clinic_id = new.clinic_id and series_id = new.id))
    order by id for update;
  if new.private then
    update picture set private = true, hidden_by = new.id
     where clinic_id = new.clinic_id and patient_id = new.patient_id and not private and id in (
       select picture_id from series_view where clinic_id = new.clinic_id and series_id = new.id);
  else
    update picture set (private, hidden_by) = (
       select count(*) > 0, min(series.id::text)::uuid
         from series_view join series on series.clinic_id = series_view.clinic_id and series.id = series_view.series_id
        where series_view.clinic_id = new.clinic_id and series_view.picture_id = picture.id and series.private)
     where clinic_id = new.clinic_id and patient_id = new.patient_id and hidden_by = new.id;
  end if;
  return null;
end $$
""",
]

TRIGGERS = [
    "create trigger appointment_spreads after update of private on appointment for each row when (old.private is distinct from new.private) execute function spread_private('document', 'appointment_id', 'patient_request', 'subject_id', 'point_lot', 'visit_id', 'ledger_entry', 'appointment_id', 'series', 'appointment_id')",
    "create trigger document_leaves after update on document for each row when ((old.sent_at is not null and old.state <> 'withdrawn') and not ((new.sent_at is not null and new.state <> 'withdrawn') and new.patient_id = old.patient_id)) execute function narrow_copies('whole')",
    "create trigger document_goes after delete on document for each row when (old.sent_at is not null and old.state <> 'withdrawn') execute function narrow_copies('whole')",
    'create trigger picture_lets_go after delete on picture for each row execute function leave_files()',
    "create trigger picture_leaves after update on picture for each row when ((old.state = 'ready' and old.released_at is not null) and not ((new.state = 'ready' and new.released_at is not null) and new.patient_id = old.patient_id)) execute function narrow_copies('whole')",
    "create trigger picture_goes after delete on picture for each row when (old.state = 'ready' and old.released_at is not null) execute function narrow_copies('whole')",
    "create trigger plan_spreads after update of private on plan for each row when (old.private is distinct from new.private) execute function spread_private('document', 'plan_id', 'patient_request', 'subject_id', 'ledger_entry', 'plan_id', 'payment_intent', 'plan_id', 'series', 'plan_id')",
    'create trigger upload_lets_go after delete on upload for each row execute function leave_files()',
    'create trigger upload_hides after update on upload for each row when (new.private and not old.private) execute function narrow_copies()',
    "create trigger series_insert after insert on series referencing new table as told for each statement execute function note_change('series', 'patient_id', 'id', '{}', 'not private')",
    "create trigger series_update after update on series referencing old table as was new table as told for each statement execute function note_change('series', 'patient_id', 'id', '{}', 'not private')",
    "create trigger series_delete after delete on series referencing old table as told for each statement execute function note_change('series', 'patient_id', 'id', '{}', 'not private')",
    'create trigger series_lets_go after delete on series for each row execute function leave_files()',
    'create trigger series_hides after update on series for each row when (new.private and not old.private) execute function narrow_copies()',
    "create trigger series_leaves after update on series for each row when ((old.released_at is not null) and not ((new.released_at is not null) and new.patient_id = old.patient_id)) execute function narrow_copies('whole')",
    "create trigger series_goes after delete on series for each row when (old.released_at is not null) execute function narrow_copies('whole')",
    "create trigger series_inherits before insert or update of appointment_id, plan_id on series for each row execute function inherit_private('appointment_id', 'appointment', 'plan_id', 'plan')",
    'create trigger series_view_tells after insert or update or delete on series_view for each row execute function tell_series()',
    'create trigger series_tells after update of released_at, private on series for each row when ((old.released_at, old.private) is distinct from (new.released_at, new.private)) execute function tell_series()',
    'create trigger picture_tells_series after update of state, released_at, private, patient_id, kind, taken_on on picture for each row when (old.state is distinct from new.state or old.released_at is distinct from new.released_at or old.private is distinct from new.private or old.patient_id is distinct from new.patient_id or old.kind is distinct from new.kind or old.taken_on is distinct from new.taken_on) execute function tell_series_of_picture()',
    'create trigger series_view_hides_picture after insert on series_view for each row when (new.picture_id is not null) execute function hide_pictures_of_series()',
    'create trigger series_hides_pictures after update of private on series for each row when (old.private is distinct from new.private) execute function hide_pictures_of_series()',
]

UNDONE = [
    'drop trigger appointment_spreads on appointment',
    'drop trigger document_leaves on document',
    'drop trigger document_goes on document',
    'drop trigger picture_lets_go on picture',
    'drop trigger picture_leaves on picture',
    'drop trigger picture_goes on picture',
    'drop trigger plan_spreads on plan',
    'drop trigger picture_tells_series on picture',
]

FORGOTTEN = [
    'drop function leave_files',
    'drop function tell_series',
    'drop function tell_series_of_picture',
    'drop function hide_pictures_of_series',
]

# As the earlier migrations made them.
RESTORED = [
    r"""
CREATE OR REPLACE FUNCTION narrow_copies()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('copies ' || new.clinic_id, 0));
    update privacy_export
       set scopes = scopes || 'hidden_since'::text, state = case state when 'asked' then 'failed' else state end
     where clinic_id = new.clinic_id and patient_id = new.patient_id and not whole
       and (state = 'ready' or state = 'asked' and lease_until is not null)
       and 'hidden_since' <> all (scopes);
    return null;
end $function$
""",
    "CREATE TRIGGER appointment_spreads AFTER UPDATE OF private ON appointment FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('document', 'appointment_id', 'patient_request', 'subject_id', 'point_lot', 'visit_id', 'ledger_entry', 'appointment_id')",
    "CREATE TRIGGER plan_spreads AFTER UPDATE OF private ON plan FOR EACH ROW WHEN ((old.private IS DISTINCT FROM new.private)) EXECUTE FUNCTION spread_private('document', 'plan_id', 'patient_request', 'subject_id', 'ledger_entry', 'plan_id', 'payment_intent', 'plan_id')",
]


# What was turned down is held back now: staff sees why and decides.
HELD = "update picture set state = 'quarantined' where state = 'rejected'"
TURNED_DOWN = "update picture set state = 'rejected' where state = 'quarantined'"


def upgrade() -> None:
    for statement in REPLACED:
        op.execute(statement)
    op.create_table('dicomweb_source',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('sign_in', sa.String(), nullable=False),
    sa.Column('user_name', sa.String(), nullable=True),
    sa.Column('secret', sa.String(), nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('trouble', sa.String(), nullable=True),
    sa.Column('rests_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('dicomweb_source_name', 'dicomweb_source', ['clinic_id', 'name'], unique=True, postgresql_where=sa.text('ended_at is null'))
    op.create_table('file_left',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'key', name='file_left_key')
    )
    op.create_index('file_left_since', 'file_left', ['since'], unique=False)
    op.create_table('upload',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('sender_kind', sa.String(), nullable=False),
    sa.Column('sender_id', sa.Uuid(), nullable=True),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('external_id', sa.String(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('media_type', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('part_bytes', sa.Integer(), nullable=False),
    sa.Column('storage_id', sa.String(), nullable=True),
    sa.Column('teeth', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('taken_on', sa.Date(), nullable=True),
    sa.Column('released', sa.Boolean(), nullable=False),
    sa.Column('private', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('picture_id', sa.Uuid(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='upload_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('upload_ends', 'upload', ['expires_at'], unique=False)
    op.create_index('upload_of_file', 'upload', ['clinic_id', 'sha256'], unique=False)
    op.create_index('upload_of_patient', 'upload', ['clinic_id', 'patient_id', 'id'], unique=False)
    op.create_table('drawing',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('picture_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('shapes', sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('made_by', sa.Uuid(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('drawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'picture_id'], ['picture.clinic_id', 'picture.id'], name='drawing_picture', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'picture_id', 'version', name='drawing_version')
    )
    op.create_index('drawing_waiting', 'drawing', ['made_at'], unique=False, postgresql_where=sa.text('drawn_at is null'))
    op.create_table('picture_dicom',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('modality', sa.String(), nullable=False),
    sa.Column('sop_class', sa.String(), nullable=False),
    sa.Column('transfer_syntax', sa.String(), nullable=False),
    sa.Column('study_uid', sa.String(), nullable=True),
    sa.Column('series_uid', sa.String(), nullable=True),
    sa.Column('instance_uid', sa.String(), nullable=True),
    sa.Column('series_number', sa.Integer(), nullable=True),
    sa.Column('instance_number', sa.Integer(), nullable=True),
    sa.Column('acquired_at', sa.DateTime(timezone=True), nullable=True, comment="the device's own clock, as UTC"),
    sa.Column('manufacturer', sa.String(), nullable=True),
    sa.Column('model', sa.String(), nullable=True),
    sa.Column('body_part', sa.String(), nullable=True),
    sa.Column('laterality', sa.String(), nullable=True),
    sa.Column('view', sa.String(), nullable=True),
    sa.Column('photometric', sa.String(), nullable=False),
    sa.Column('bits_stored', sa.Integer(), nullable=False),
    sa.Column('exposure_kv', sa.Float(), nullable=True),
    sa.Column('exposure_uas', sa.Float(), nullable=True),
    sa.Column('burned_in', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'id'], ['picture.clinic_id', 'picture.id'], name='picture_dicom_picture', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('picture_dicom_series', 'picture_dicom', ['clinic_id', 'series_uid'], unique=False)
    op.create_table('picture_elsewhere',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('source_id', sa.Uuid(), nullable=False),
    sa.Column('study_uid', sa.String(), nullable=False),
    sa.Column('series_uid', sa.String(), nullable=False),
    sa.Column('instance_uid', sa.String(), nullable=False),
    sa.Column('frame', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'id'], ['picture.clinic_id', 'picture.id'], name='elsewhere_picture', ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['clinic_id', 'source_id'], ['dicomweb_source.clinic_id', 'dicomweb_source.id'], name='elsewhere_source'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('picture_elsewhere_source', 'picture_elsewhere', ['clinic_id', 'source_id'], unique=False)
    op.create_table('series',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('external_id', sa.String(), nullable=True),
    sa.Column('protocol', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('phase', sa.String(), nullable=True),
    sa.Column('before_id', sa.Uuid(), nullable=True),
    sa.Column('taken_on', sa.Date(), nullable=True),
    sa.Column('appointment_id', sa.Uuid(), nullable=True),
    sa.Column('plan_id', sa.Uuid(), nullable=True),
    sa.Column('plan_stage', sa.Integer(), nullable=True),
    sa.Column('teeth', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('comment', sa.String(), nullable=True),
    sa.Column('private', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('hidden_by', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'appointment_id'], ['appointment.clinic_id', 'appointment.id'], name='series_appointment'),
    sa.ForeignKeyConstraint(['clinic_id', 'before_id'], ['series.clinic_id', 'series.id'], name='series_before'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='series_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'source', 'external_id', name='series_external')
    )
    op.create_index('series_after', 'series', ['clinic_id', 'before_id'], unique=False)
    op.create_index('series_of_patient', 'series', ['clinic_id', 'patient_id', 'id'], unique=False)
    op.create_table('series_view',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('series_id', sa.Uuid(), nullable=False),
    sa.Column('view', sa.String(), nullable=False),
    sa.Column('picture_id', sa.Uuid(), nullable=True),
    sa.Column('left_out', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'picture_id'], ['picture.clinic_id', 'picture.id'], name='series_view_picture', ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['clinic_id', 'series_id'], ['series.clinic_id', 'series.id'], name='series_view_series', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'series_id', 'view', name='series_view_once')
    )
    op.create_index('series_view_of_picture', 'series_view', ['clinic_id', 'picture_id'], unique=False)
    op.add_column('picture', sa.Column('told_hash', sa.String(), nullable=True))
    op.add_column('picture', sa.Column('upload_id', sa.Uuid(), nullable=True))
    op.add_column('picture', sa.Column('frames', sa.Integer(), nullable=True))
    op.add_column('picture', sa.Column('row_spacing_mm', sa.Float(), nullable=True))
    op.add_column('picture', sa.Column('column_spacing_mm', sa.Float(), nullable=True))
    op.add_column('picture', sa.Column('blurhash', sa.String(), nullable=True))
    op.add_column('picture', sa.Column('size_download', sa.BigInteger(), nullable=True))
    op.add_column('picture', sa.Column('teeth', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('picture', sa.Column('comment', sa.String(), nullable=True))
    op.add_column('picture', sa.Column('person_confirmed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('picture', sa.Column('drawn', sa.Integer(), nullable=True))
    op.add_column('picture', sa.Column('size_drawn', sa.Integer(), nullable=True))
    op.add_column('picture', sa.Column('hidden_by', sa.Uuid(), nullable=True))
    op.alter_column('picture', 'size_bytes',
               existing_type=sa.INTEGER(),
               type_=sa.BigInteger(),
               existing_nullable=False)
    op.create_index('picture_held', 'picture', ['clinic_id', 'id'], unique=False, postgresql_where=sa.text("state = 'quarantined'"))
    op.create_index('picture_of_file', 'picture', ['clinic_id', 'sha256'], unique=False)
    op.create_index('picture_sizes', 'picture', ['clinic_id'], unique=False, postgresql_include=['size_bytes'])
    op.execute(HELD)
    for statement in (*RULES, *FUNCTIONS, *TRIGGERS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.execute(TURNED_DOWN)
    for statement in UNDONE:
        op.execute(statement)
    op.drop_index('picture_sizes', table_name='picture', postgresql_include=['size_bytes'])
    op.drop_index('picture_of_file', table_name='picture')
    op.drop_index('picture_held', table_name='picture', postgresql_where=sa.text("state = 'quarantined'"))
    op.alter_column('picture', 'size_bytes',
               existing_type=sa.BigInteger(),
               type_=sa.INTEGER(),
               existing_nullable=False)
    op.drop_column('picture', 'hidden_by')
    op.drop_column('picture', 'size_drawn')
    op.drop_column('picture', 'drawn')
    op.drop_column('picture', 'person_confirmed_at')
    op.drop_column('picture', 'comment')
    op.drop_column('picture', 'teeth')
    op.drop_column('picture', 'size_download')
    op.drop_column('picture', 'blurhash')
    op.drop_column('picture', 'column_spacing_mm')
    op.drop_column('picture', 'row_spacing_mm')
    op.drop_column('picture', 'frames')
    op.drop_column('picture', 'upload_id')
    op.drop_column('picture', 'told_hash')
    op.drop_index('series_view_of_picture', table_name='series_view')
    op.drop_table('series_view')
    op.drop_index('series_of_patient', table_name='series')
    op.drop_index('series_after', table_name='series')
    op.drop_table('series')
    op.drop_index('picture_elsewhere_source', table_name='picture_elsewhere')
    op.drop_table('picture_elsewhere')
    op.drop_index('picture_dicom_series', table_name='picture_dicom')
    op.drop_table('picture_dicom')
    op.drop_index('drawing_waiting', table_name='drawing', postgresql_where=sa.text('drawn_at is null'))
    op.drop_table('drawing')
    op.drop_index('upload_of_patient', table_name='upload')
    op.drop_index('upload_of_file', table_name='upload')
    op.drop_index('upload_ends', table_name='upload')
    op.drop_table('upload')
    op.drop_index('file_left_since', table_name='file_left')
    op.drop_table('file_left')
    op.drop_index('dicomweb_source_name', table_name='dicomweb_source', postgresql_where=sa.text('ended_at is null'))
    op.drop_table('dicomweb_source')
    for statement in FORGOTTEN:
        op.execute(statement)
    for statement in RESTORED:
        op.get_bind().exec_driver_sql(statement)
