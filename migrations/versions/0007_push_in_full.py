"""Push and the other channels in full: lines, builds, the ladder and its caps, words, receipts, stops."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


# Rights, and the walls between clinics and around what is private (row-level security).
RULES = [
    'grant select, insert, update, delete on app_build to enamel_app, enamel_worker',
    'alter table app_build enable row level security',
    "create policy own_clinic on app_build to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on app_build to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on clinic_pace to enamel_app, enamel_worker',
    'alter table clinic_pace enable row level security',
    "create policy own_clinic on clinic_pace to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on clinic_pace to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on contact_policy to enamel_app, enamel_worker',
    'alter table contact_policy enable row level security',
    "create policy own_clinic on contact_policy to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on contact_policy to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on line to enamel_app, enamel_worker',
    'alter table line enable row level security',
    "create policy own_clinic on line to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on line to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on message_template to enamel_app, enamel_worker',
    'alter table message_template enable row level security',
    "create policy own_clinic on message_template to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on message_template to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on report to enamel_app, enamel_worker',
    'alter table report enable row level security',
    "create policy own_clinic on report to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on report to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on stop_confirmation to enamel_app, enamel_worker',
    'alter table stop_confirmation enable row level security',
    "create policy own_clinic on stop_confirmation to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on stop_confirmation to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on stranger_message to enamel_app, enamel_worker',
    'alter table stranger_message enable row level security',
    "create policy own_clinic on stranger_message to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on stranger_message to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on clinic_wording to enamel_app, enamel_worker',
    'alter table clinic_wording enable row level security',
    "create policy own_clinic on clinic_wording to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on clinic_wording to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on line_host to enamel_app, enamel_worker',
    'alter table line_host enable row level security',
    "create policy own_clinic on line_host to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on line_host to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on line_minute to enamel_app, enamel_worker',
    'alter table line_minute enable row level security',
    "create policy own_clinic on line_minute to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on line_minute to enamel_worker using (true) with check (true)',
    'grant select, insert on message_template_version to enamel_app, enamel_worker',
    'alter table message_template_version enable row level security',
    "create policy own_clinic on message_template_version to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on message_template_version to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on contact_preference to enamel_app, enamel_worker',
    'alter table contact_preference enable row level security',
    "create policy own_clinic on contact_preference to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on contact_preference to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on contact_ring to enamel_app, enamel_worker',
    'alter table contact_ring enable row level security',
    "create policy own_clinic on contact_ring to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on contact_ring to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on dead_address to enamel_app, enamel_worker',
    'alter table dead_address enable row level security',
    "create policy own_clinic on dead_address to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on dead_address to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on inbox_read to enamel_app, enamel_worker',
    'alter table inbox_read enable row level security',
    "create policy own_clinic on inbox_read to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on inbox_read to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on lock_screen to enamel_app, enamel_worker',
    'alter table lock_screen enable row level security',
    "create policy own_clinic on lock_screen to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on lock_screen to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on messenger_link to enamel_app, enamel_worker',
    'alter table messenger_link enable row level security',
    "create policy own_clinic on messenger_link to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on messenger_link to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on call_task to enamel_app, enamel_worker',
    'alter table call_task enable row level security',
    "create policy own_clinic on call_task to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on call_task to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on said to enamel_app, enamel_worker',
    'alter table said enable row level security',
    "create policy own_clinic on said to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on said to enamel_worker using (true) with check (true)',
]


# What was enqueued before goes on in its lane (`push.kinds`), and a notice that was spread over phones has tried them.
CARRIED = [
    """update notice set lane = case when kind in ('visit', 'freed_time', 'chat') then 0
        when kind in ('survey', 'recall', 'offer') then 2 else 1 end where state = 'due'""",
    "update notice set tried = '{push}' where state = 'due' and next_at is null",
    """update delivery d set lane = n.lane from notice n
        where n.clinic_id = d.clinic_id and n.id = d.notice_id and d.state in ('due', 'leased')""",
    """update staff set permissions = array_append(permissions, 'channels.manage')
        where 'clinic.manage' = any (permissions) and not 'channels.manage' = any (permissions)""",
]

# What the schema before has no room for: other ways than FCM, and kinds that it does not know.
DROPPED = [
    "update device set dead_at = now() where way <> 'fcm' and dead_at is null",
    "delete from delivery where channel <> 'push'",
    """delete from delivery d using notice n where n.clinic_id = d.clinic_id and n.id = d.notice_id and n.kind in
        ('confirming', 'reminding', 'advertising', 'greeting', 'combined', 'organisational', 'care')""",
    """delete from notice where kind in
        ('confirming', 'reminding', 'advertising', 'greeting', 'combined', 'organisational', 'care')""",
    """delete from delivery d using delivery e where e.clinic_id = d.clinic_id and e.notice_id = d.notice_id
        and d.device_id is not distinct from e.device_id and e.id < d.id""",
    """update staff set permissions = array_remove(permissions, 'channels.manage')
        where 'channels.manage' = any (permissions)""",
]


# An update of quiet columns alone is found out by one planned statement.
NOTE_CHANGE = r"""
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
    -- Most of what a worker writes are leases and tries: found out by a statement that is planned once.
    if tg_op = 'UPDATE' and tg_argv[3] <> '{}' then
        perform 1 from told join was using (clinic_id, id)
        where to_jsonb(told) - tg_argv[3]::text[] is distinct from to_jsonb(was) - tg_argv[3]::text[] limit 1;
        if not found then
            return null;
        end if;
    end if;
    execute format(
        'insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
         select clinic_id, %s, pg_current_xact_id(), %L, %s, bool_or(%s) from %s as touched where %s group by 1, 2, 5
         on conflict (clinic_id, patient_id, xid, kind, subject_id)
         do update set was_open = change.was_open or excluded.was_open',
        tg_argv[1], tg_argv[0], tg_argv[2], tg_argv[4], v_rows, coalesce(tg_argv[5], 'true')
    );
    return null;
end $$
"""

# As 0002 made it.
NOTE_CHANGE_BEFORE = r"""
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
         select clinic_id, %s, pg_current_xact_id(), %L, %s, bool_or(%s) from %s as touched group by 1, 2, 5
         on conflict (clinic_id, patient_id, xid, kind, subject_id)
         do update set was_open = change.was_open or excluded.was_open',
        tg_argv[1], tg_argv[0], tg_argv[2], tg_argv[4], v_rows
    );
    return null;
end $$
"""


def upgrade() -> None:
    op.create_table('app_build',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('shown', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('minimum_version', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'name', name='app_build_name')
    )
    op.create_table('clinic_pace',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('rate_per_minute', sa.Integer(), nullable=False),
    sa.Column('tokens', sa.Float(), nullable=False),
    sa.Column('filled_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', name='clinic_pace_once')
    )
    op.create_table('contact_policy',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('caps', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('ladders', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('quiet_from', sa.Time(), nullable=True),
    sa.Column('quiet_to', sa.Time(), nullable=True),
    sa.Column('closed_on', postgresql.ARRAY(sa.Date()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('calls', sa.Boolean(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id')
    )
    op.create_table('line',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('way', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('sealed', sa.String(), nullable=False),
    sa.Column('fingerprint', sa.String(), nullable=False),
    sa.Column('rate_per_minute', sa.Integer(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('check_result', sa.String(), nullable=False),
    sa.Column('check_code', sa.String(), nullable=False),
    sa.Column('faults', sa.Integer(), nullable=False),
    sa.Column('opens', sa.Integer(), nullable=False),
    sa.Column('open_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('open_reason', sa.String(), nullable=False),
    sa.Column('probe_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tokens', sa.Float(), nullable=False),
    sa.Column('filled_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('bulk_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('line_id', 'line', ['id'], unique=False)
    op.create_index('line_name', 'line', ['clinic_id', 'way', 'name'], unique=True, postgresql_where=sa.text('ended_at is null'))
    op.create_table('message_template',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('tone', sa.String(), nullable=False),
    sa.Column('variant', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('draft', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('message_template_place', 'message_template', ['clinic_id', 'kind', 'channel', 'language', 'tone', 'variant'], unique=True, postgresql_where=sa.text('archived_at is null'))
    op.create_table('report',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('dedupe_key', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=False),
    sa.Column('reported', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'line_id', 'dedupe_key', name='report_once')
    )
    op.create_index('report_waiting', 'report', ['taken_at'], unique=False, postgresql_where=sa.text("joined_at is null and provider_id <> ''"))
    op.create_table('stop_confirmation',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('way', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('wish', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'line_id', 'address', 'wish', name='stop_confirmation_once')
    )
    op.create_index('stop_confirmation_due', 'stop_confirmation', ['asked_at'], unique=False, postgresql_where=sa.text('claimed_at is null'))
    op.create_table('stranger_message',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('way', sa.String(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by', sa.Uuid(), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'line_id', 'external_id', name='stranger_message_once')
    )
    op.create_index('stranger_message_open', 'stranger_message', ['clinic_id', 'id'], unique=False, postgresql_where=sa.text('settled_at is null'))
    op.create_table('clinic_wording',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('tone', sa.String(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.clinic_id'], ),
    sa.PrimaryKeyConstraint('clinic_id')
    )
    op.create_table('line_host',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('paused_until', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'line_id'], ['line.clinic_id', 'line.id'], name='line_host_line'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'line_id', 'host', name='line_host_once')
    )
    op.create_index('line_host_until', 'line_host', ['paused_until'], unique=False)
    op.create_table('line_minute',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('accepted', sa.Integer(), nullable=False),
    sa.Column('dead', sa.Integer(), nullable=False),
    sa.Column('bad_message', sa.Integer(), nullable=False),
    sa.Column('config', sa.Integer(), nullable=False),
    sa.Column('throttled', sa.Integer(), nullable=False),
    sa.Column('not_sent', sa.Integer(), nullable=False),
    sa.Column('ambiguous', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'line_id'], ['line.clinic_id', 'line.id'], name='line_minute_line'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'line_id', 'at', name='line_minute_once')
    )
    op.create_index('line_minute_at', 'line_minute', ['at'], unique=False)
    op.create_table('message_template_version',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('template_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('draft', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('made_by', sa.Uuid(), nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'template_id'], ['message_template.clinic_id', 'message_template.id'], name='message_template_version_of'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'template_id', 'version', name='message_template_version_once')
    )
    op.create_table('contact_preference',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('zone', sa.String(), nullable=True),
    sa.Column('quiet_from', sa.Time(), nullable=True),
    sa.Column('quiet_to', sa.Time(), nullable=True),
    sa.Column('mute_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('channel_order', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('never', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='contact_preference_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'patient_id')
    )
    op.create_table('contact_ring',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('sent_at', postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='contact_ring_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'patient_id', 'purpose', 'channel')
    )
    op.create_table('dead_address',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('way', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('dead_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='dead_address_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('dead_address_of_patient', 'dead_address', ['clinic_id', 'patient_id', 'way', 'address'], unique=True)
    op.create_table('inbox_read',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('read_through', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='inbox_read_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    sa.UniqueConstraint('clinic_id', 'patient_id', 'account_id', name='inbox_read_once')
    )
    op.create_table('lock_screen',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('mode', sa.String(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='lock_screen_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'patient_id')
    )
    op.create_table('messenger_link',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('way', sa.String(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('address', sa.String(), nullable=True),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], ),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='messenger_link_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('messenger_link_of_chat', 'messenger_link', ['clinic_id', 'way', 'address'], unique=False, postgresql_where=sa.text('address is not null'))
    op.create_index('messenger_link_of_patient', 'messenger_link', ['clinic_id', 'patient_id'], unique=False)
    op.create_index('messenger_link_start', 'messenger_link', ['clinic_id', 'token_hash'], unique=True)
    op.create_table('call_task',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('notice_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('cause_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('taken_by', sa.Uuid(), nullable=True),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(), nullable=True),
    sa.Column('ended_by', sa.Uuid(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'notice_id'], ['notice.clinic_id', 'notice.id'], name='call_task_notice'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='call_task_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('call_task_once', 'call_task', ['clinic_id', 'notice_id'], unique=True)
    op.create_index('call_task_open', 'call_task', ['clinic_id', 'due_until', 'id'], unique=False, postgresql_where=sa.text("state in ('open', 'taken')"))
    op.create_table('said',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('template_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('variant', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'id'], ['delivery.clinic_id', 'delivery.id'], name='said_delivery'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='said_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('said_template', 'said', ['clinic_id', 'template_id', 'version'], unique=False)
    op.add_column('delivery', sa.Column('channel', sa.String(), server_default=sa.text("'push'"), nullable=False))
    op.add_column('delivery', sa.Column('way', sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column('delivery', sa.Column('line_id', sa.Uuid(), nullable=True))
    op.add_column('delivery', sa.Column('address', sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column('delivery', sa.Column('lane', sa.SmallInteger(), server_default=sa.text('1'), nullable=False))
    op.add_column('delivery', sa.Column('maybe_arrived', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.drop_index(op.f('delivery_due'), table_name='delivery', postgresql_where="((state)::text = ANY ((ARRAY['due'::character varying, 'leased'::character varying])::text[]))")
    op.create_index('delivery_due', 'delivery', ['lane', 'next_at'], unique=False, postgresql_where=sa.text("state in ('due', 'leased')"))
    op.drop_constraint(op.f('delivery_once'), 'delivery', type_='unique')
    op.create_unique_constraint('delivery_once', 'delivery', ['clinic_id', 'notice_id', 'channel', 'device_id', 'address'], postgresql_nulls_not_distinct=True)
    op.create_index('delivery_of_provider', 'delivery', ['clinic_id', 'provider_id'], unique=False, postgresql_where=sa.text('provider_id is not null'))
    op.add_column('device', sa.Column('way', sa.String(), server_default='fcm', nullable=False))
    op.add_column('device', sa.Column('permission', sa.String(), server_default='unknown', nullable=False))
    op.create_index('device_unseen', 'device', ['last_seen_at'], unique=False, postgresql_where=sa.text("token <> ''"))
    op.add_column('notice', sa.Column('lane', sa.SmallInteger(), server_default=sa.text('1'), nullable=False))
    op.add_column('notice', sa.Column('tried', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('notice', sa.Column('rings', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.drop_index(op.f('notice_due'), table_name='notice', postgresql_where='(next_at IS NOT NULL)')
    op.create_index('notice_due', 'notice', ['lane', 'next_at'], unique=False, postgresql_where=sa.text('next_at is not null'))
    op.add_column('patient', sa.Column('email', sa.String(), nullable=True))
    for statement in (*CARRIED, *RULES, NOTE_CHANGE):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_index('said_template', table_name='said')
    op.drop_table('said')
    op.drop_index('call_task_open', table_name='call_task', postgresql_where=sa.text("state in ('open', 'taken')"))
    op.drop_index('call_task_once', table_name='call_task')
    op.drop_table('call_task')
    for statement in DROPPED:
        op.execute(statement)
    op.get_bind().exec_driver_sql(NOTE_CHANGE_BEFORE)
    op.drop_column('patient', 'email')
    op.drop_index('notice_due', table_name='notice', postgresql_where=sa.text('next_at is not null'))
    op.create_index(op.f('notice_due'), 'notice', ['next_at'], unique=False, postgresql_where='(next_at IS NOT NULL)')
    op.drop_column('notice', 'rings')
    op.drop_column('notice', 'tried')
    op.drop_column('notice', 'lane')
    op.drop_index('device_unseen', table_name='device', postgresql_where=sa.text("token <> ''"))
    op.drop_column('device', 'permission')
    op.drop_column('device', 'way')
    op.drop_index('delivery_of_provider', table_name='delivery', postgresql_where=sa.text('provider_id is not null'))
    op.drop_constraint('delivery_once', 'delivery', type_='unique')
    op.create_unique_constraint(op.f('delivery_once'), 'delivery', ['clinic_id', 'notice_id', 'device_id'], postgresql_nulls_not_distinct=True)
    op.drop_index('delivery_due', table_name='delivery', postgresql_where=sa.text("state in ('due', 'leased')"))
    op.create_index(op.f('delivery_due'), 'delivery', ['next_at'], unique=False, postgresql_where="((state)::text = ANY ((ARRAY['due'::character varying, 'leased'::character varying])::text[]))")
    op.drop_column('delivery', 'maybe_arrived')
    op.drop_column('delivery', 'lane')
    op.drop_column('delivery', 'address')
    op.drop_column('delivery', 'line_id')
    op.drop_column('delivery', 'way')
    op.drop_column('delivery', 'channel')
    op.drop_index('messenger_link_start', table_name='messenger_link')
    op.drop_index('messenger_link_of_patient', table_name='messenger_link')
    op.drop_index('messenger_link_of_chat', table_name='messenger_link', postgresql_where=sa.text('address is not null'))
    op.drop_table('messenger_link')
    op.drop_table('lock_screen')
    op.drop_table('inbox_read')
    op.drop_index('dead_address_of_patient', table_name='dead_address')
    op.drop_table('dead_address')
    op.drop_table('contact_ring')
    op.drop_table('contact_preference')
    op.drop_table('message_template_version')
    op.drop_index('line_minute_at', table_name='line_minute')
    op.drop_table('line_minute')
    op.drop_index('line_host_until', table_name='line_host')
    op.drop_table('line_host')
    op.drop_table('clinic_wording')
    op.drop_index('stranger_message_open', table_name='stranger_message', postgresql_where=sa.text('settled_at is null'))
    op.drop_table('stranger_message')
    op.drop_index('stop_confirmation_due', table_name='stop_confirmation', postgresql_where=sa.text('claimed_at is null'))
    op.drop_table('stop_confirmation')
    op.drop_index('report_waiting', table_name='report', postgresql_where=sa.text("joined_at is null and provider_id <> ''"))
    op.drop_table('report')
    op.drop_index('message_template_place', table_name='message_template', postgresql_where=sa.text('archived_at is null'))
    op.drop_table('message_template')
    op.drop_index('line_name', table_name='line', postgresql_where=sa.text('ended_at is null'))
    op.drop_index('line_id', table_name='line')
    op.drop_table('line')
    op.drop_table('contact_policy')
    op.drop_table('clinic_pace')
    op.drop_table('app_build')
