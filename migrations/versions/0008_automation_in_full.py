"""Automation in full: tags and segments, journeys in their second format, campaigns, tasks, calls, surveys, webhooks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


class Xid8(sa.types.UserDefinedType):
    """PostgreSQL's 64-bit transaction id, which SQLAlchemy has no name for."""

    cache_ok = True

    def get_col_spec(self, **_):
        return "xid8"


# Rights, and the walls between clinics and around what is private (row-level security).
RULES = [
    'grant select, insert, update, delete on campaign to enamel_app, enamel_worker',
    'alter table campaign enable row level security',
    "create policy own_clinic on campaign to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on campaign to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on campaign_policy to enamel_app, enamel_worker',
    'alter table campaign_policy enable row level security',
    "create policy own_clinic on campaign_policy to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on campaign_policy to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on journey_mark to enamel_app, enamel_worker',
    'grant select, insert, update, delete on segment to enamel_app, enamel_worker',
    'alter table segment enable row level security',
    "create policy own_clinic on segment to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on segment to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on survey to enamel_app, enamel_worker',
    'alter table survey enable row level security',
    "create policy own_clinic on survey to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on survey to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on team to enamel_app, enamel_worker',
    'alter table team enable row level security',
    "create policy own_clinic on team to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on team to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on webhook_endpoint to enamel_app, enamel_worker',
    'alter table webhook_endpoint enable row level security',
    "create policy own_clinic on webhook_endpoint to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on webhook_endpoint to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on phone_exchange to enamel_app, enamel_worker',
    'alter table phone_exchange enable row level security',
    "create policy own_clinic on phone_exchange to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on phone_exchange to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on segment_mark to enamel_app, enamel_worker',
    'alter table segment_mark enable row level security',
    "create policy own_clinic on segment_mark to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on segment_mark to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on campaign_member to enamel_app, enamel_worker',
    'alter table campaign_member enable row level security',
    "create policy own_clinic on campaign_member to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on campaign_member to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on phone_call to enamel_app, enamel_worker',
    'alter table phone_call enable row level security',
    "create policy own_clinic on phone_call to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on phone_call to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on phone_extension to enamel_app, enamel_worker',
    'alter table phone_extension enable row level security',
    "create policy own_clinic on phone_extension to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on phone_extension to enamel_worker using (true) with check (true)',
    'grant select, insert on segment_change to enamel_app, enamel_worker',
    'alter table segment_change enable row level security',
    "create policy own_clinic on segment_change to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on segment_change to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on segment_member to enamel_app, enamel_worker',
    'alter table segment_member enable row level security',
    "create policy own_clinic on segment_member to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on segment_member to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on survey_invitation to enamel_app, enamel_worker',
    'alter table survey_invitation enable row level security',
    "create policy own_clinic on survey_invitation to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on survey_invitation to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on task to enamel_app, enamel_worker',
    'alter table task enable row level security',
    "create policy own_clinic on task to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on task to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on webhook_call to enamel_app, enamel_worker',
    'alter table webhook_call enable row level security',
    "create policy own_clinic on webhook_call to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on webhook_call to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on survey_answer to enamel_app, enamel_worker',
    'alter table survey_answer enable row level security',
    "create policy own_clinic on survey_answer to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on survey_answer to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on task_try to enamel_app, enamel_worker',
    'alter table task_try enable row level security',
    "create policy own_clinic on task_try to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on task_try to enamel_worker using (true) with check (true)',
]


# Journeys are read in their second format; who is on one stays where they stood. A call that nobody made yet is one that
# automation has not heard of.
CARRIED = [
    "update journey set made_at = started_at, changed_at = started_at",
    r"""
    update journey set definition = jsonb_build_object(
        'format', 'enamel/journey/2', 'key', definition -> 'key', 'version', definition -> 'version',
        'name', initcap(replace(definition ->> 'key', '-', ' ')), 'purpose', definition -> 'purpose',
        'trigger', jsonb_build_object('kind', 'segment', 'criteria', definition -> 'trigger'),
        'again_after_days', definition -> 'again_after_days', 'rank', 500, 'takes_over', false,
        'exits', (select coalesce(jsonb_agg(jsonb_build_object('kind', way) order by place), '[]')
            from jsonb_array_elements(definition -> 'exits') with ordinality as said(way, place)),
        'holdout_percent', 0, 'opens', left(definition ->> 'opens', 5), 'closes', left(definition ->> 'closes', 5),
        'weekdays', '[0, 1, 2, 3, 4, 5, 6]'::jsonb,
        'steps', (select jsonb_agg(
                case step ->> 'kind'
                    when 'push' then jsonb_build_object('id', step -> 'id', 'kind', 'message', 'notice', step -> 'notice')
                    when 'wait_for' then jsonb_build_object('id', step -> 'id', 'kind', 'wait', 'days', step -> 'days')
                    else jsonb_build_object('id', step -> 'id', 'kind', 'exit')
                end order by place)
            from jsonb_array_elements(definition -> 'steps') with ordinality as said(step, place)))
    where definition ->> 'format' = 'enamel/journey/1'
    """,
    """update enrolment e set journey_key = j.key, step_since = e.entered_at from journey j
        where j.clinic_id = e.clinic_id and j.id = e.journey_id""",
    "update touchpoint set reason = ''",
    # Of what happened before the upgrade no journey hears.
    "insert into journey_mark (name, xid) values ('events', pg_snapshot_xmin(pg_current_snapshot())::text::bigint)",
    "update call_task set handed_over = state not in ('open', 'taken'), "
    "state = case state when 'taken' then 'open' else state end",
]
REQUIRED = {
    "journey": ("made_at", "changed_at"),
    "enrolment": ("journey_key", "step_since"),
    "touchpoint": ("reason",),
}
# What the schema before has no room for: ways about one visit, shares held out, versions that do not run. Documents of
# the second format stay as they are: they take nobody in there.
_GONE = """select e.clinic_id, e.id from enrolment e join journey j on j.clinic_id = e.clinic_id and j.id = e.journey_id
    where e.subject_id is not null or e.state = 'held_out' or j.state <> 'active'"""
DROPPED = [
    f"delete from timer t using ({_GONE}) g where t.clinic_id = g.clinic_id and t.enrolment_id = g.id",
    f"delete from touchpoint t using ({_GONE}) g where t.clinic_id = g.clinic_id and t.enrolment_id = g.id",
    f"delete from enrolment e using ({_GONE}) g where e.clinic_id = g.clinic_id and e.id = g.id",
    "delete from journey where state <> 'active'",
    "update enrolment set exit_reason = 'left_segment' where exit_reason not in ('booked', 'left_segment')",
    """delete from message_template_version v using message_template t
        where t.clinic_id = v.clinic_id and t.id = v.template_id and t.wording <> ''""",
    "delete from message_template where wording <> ''",
]


def upgrade() -> None:
    op.create_table('campaign',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('definition', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('asked_by', sa.Uuid(), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_by', sa.Uuid(), nullable=True),
    sa.Column('begins_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('size', sa.Integer(), nullable=True),
    sa.Column('handed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('paced_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finding', sa.String(), nullable=True),
    sa.Column('winner', sa.String(), nullable=True),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('follow_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('campaign_due', 'campaign', ['next_at'], unique=False, postgresql_where=sa.text('next_at is not null'))
    op.create_index('campaign_follow_up', 'campaign', ['follow_at'], unique=False, postgresql_where=sa.text('follow_at is not null'))
    op.create_index('campaign_of_clinic', 'campaign', ['clinic_id', 'made_at', 'id'], unique=False)
    op.create_table('campaign_policy',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('confirm_above', sa.Integer(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id')
    )
    op.create_table('journey_mark',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('xid', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('segment',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('criteria', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('clinical', sa.Boolean(), nullable=False),
    sa.Column('colour', sa.String(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('segment_key', 'segment', ['clinic_id', 'key'], unique=True, postgresql_where=sa.text('archived_at is null'))
    op.create_index('segment_name', 'segment', ['clinic_id', 'name', 'id'], unique=False)
    op.create_table('survey',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('definition', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('survey_of_clinic', 'survey', ['clinic_id', 'made_at', 'id'], unique=False)
    op.create_table('team',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('staff_ids', postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('team_name', 'team', ['clinic_id', 'name'], unique=True)
    op.create_table('webhook_endpoint',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('rest_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('webhook_endpoint_live', 'webhook_endpoint', ['clinic_id', 'id'], unique=False, postgresql_where=sa.text('ended_at is null'))
    op.create_table('phone_exchange',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('branch_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'branch_id'], ['branch.clinic_id', 'branch.id'], name='phone_exchange_branch'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_table('segment_mark',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('segment_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('horizon', Xid8(), server_default=sa.text("'0'"), nullable=False),
    sa.Column('refreshed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('audited_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'segment_id'], ['segment.clinic_id', 'segment.id'], name='segment_mark_segment'),
    sa.PrimaryKeyConstraint('clinic_id', 'segment_id')
    )
    op.create_table('campaign_member',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('campaign_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('arm', sa.String(), nullable=True),
    sa.Column('handed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('notice_id', sa.Uuid(), nullable=True),
    sa.Column('tasked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'campaign_id'], ['campaign.clinic_id', 'campaign.id'], name='campaign_member_campaign'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='campaign_member_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('campaign_member_of_patient', 'campaign_member', ['clinic_id', 'patient_id'], unique=False)
    op.create_index('campaign_member_once', 'campaign_member', ['clinic_id', 'campaign_id', 'patient_id'], unique=True)
    op.create_index('campaign_member_waiting', 'campaign_member', ['clinic_id', 'campaign_id', 'id'], unique=False, postgresql_where=sa.text('handed_at is null'))
    op.create_table('phone_call',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('exchange_id', sa.Uuid(), nullable=False),
    sa.Column('call_key', sa.String(), nullable=False),
    sa.Column('direction', sa.String(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=True),
    sa.Column('number', sa.String(), nullable=True),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('missed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('recording_url', sa.String(), nullable=True),
    sa.Column('verdict', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'exchange_id'], ['phone_exchange.clinic_id', 'phone_exchange.id'], name='phone_call_exchange'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='phone_call_patient'),
    sa.ForeignKeyConstraint(['clinic_id', 'staff_id'], ['staff.clinic_id', 'staff.id'], name='phone_call_staff'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('phone_call_of_patient', 'phone_call', ['clinic_id', 'patient_id', 'first_at', 'id'], unique=False)
    op.create_index('phone_call_once', 'phone_call', ['clinic_id', 'exchange_id', 'call_key'], unique=True)
    op.create_index('phone_call_stranger', 'phone_call', ['first_at'], unique=False, postgresql_where=sa.text('number is not null'))
    op.create_table('phone_extension',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('exchange_id', sa.Uuid(), nullable=False),
    sa.Column('extension', sa.String(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'exchange_id'], ['phone_exchange.clinic_id', 'phone_exchange.id'], name='phone_extension_exchange'),
    sa.ForeignKeyConstraint(['clinic_id', 'staff_id'], ['staff.clinic_id', 'staff.id'], name='phone_extension_staff'),
    sa.PrimaryKeyConstraint('clinic_id', 'exchange_id', 'extension')
    )
    op.create_table('segment_change',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('segment_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('joined', sa.Boolean(), nullable=False),
    sa.Column('cause', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('xid', Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='segment_change_patient'),
    sa.ForeignKeyConstraint(['clinic_id', 'segment_id'], ['segment.clinic_id', 'segment.id'], name='segment_change_segment'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('segment_change_of_patient', 'segment_change', ['clinic_id', 'patient_id', 'at'], unique=False)
    op.create_index('segment_change_of_segment', 'segment_change', ['clinic_id', 'segment_id', 'at'], unique=False)
    op.create_index('segment_change_xid', 'segment_change', ['xid'], unique=False)
    op.create_table('segment_member',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('segment_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='segment_member_patient'),
    sa.ForeignKeyConstraint(['clinic_id', 'segment_id'], ['segment.clinic_id', 'segment.id'], name='segment_member_segment'),
    sa.PrimaryKeyConstraint('clinic_id', 'segment_id', 'patient_id')
    )
    op.create_index('segment_member_of_patient', 'segment_member', ['clinic_id', 'patient_id'], unique=False)
    op.create_table('survey_invitation',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('survey_id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('cause_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('appointment_id', sa.Uuid(), nullable=True),
    sa.Column('branch_id', sa.Uuid(), nullable=True),
    sa.Column('practitioner', sa.String(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='survey_invitation_patient'),
    sa.ForeignKeyConstraint(['clinic_id', 'survey_id'], ['survey.clinic_id', 'survey.id'], name='survey_invitation_survey'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('survey_invitation_answered', 'survey_invitation', ['clinic_id', 'survey_id', 'answered_at'], unique=False)
    op.create_index('survey_invitation_of_patient', 'survey_invitation', ['clinic_id', 'patient_id', 'asked_at'], unique=False)
    op.create_index('survey_invitation_once', 'survey_invitation', ['clinic_id', 'survey_id', 'patient_id', 'cause_id', 'seq'], unique=True)
    op.create_table('task',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('description', sa.String(), nullable=False),
    sa.Column('script', sa.String(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=True),
    sa.Column('branch_id', sa.Uuid(), nullable=True),
    sa.Column('assignee_id', sa.Uuid(), nullable=True),
    sa.Column('preset', sa.String(), nullable=True),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('cause_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('about', sa.Uuid(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('remind_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('tries', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('calls_back', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.Uuid(), nullable=True),
    sa.Column('taken_by', sa.Uuid(), nullable=True),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(), nullable=True),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('said_by_call', sa.Boolean(), nullable=False),
    sa.Column('ended_by', sa.Uuid(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'assignee_id'], ['staff.clinic_id', 'staff.id'], name='task_assignee'),
    sa.ForeignKeyConstraint(['clinic_id', 'branch_id'], ['branch.clinic_id', 'branch.id'], name='task_branch'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='task_patient'),
    sa.ForeignKeyConstraint(['clinic_id', 'taken_by'], ['staff.clinic_id', 'staff.id'], name='task_taker'),
    sa.ForeignKeyConstraint(['clinic_id', 'team_id'], ['team.clinic_id', 'team.id'], name='task_team'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('task_about', 'task', ['clinic_id', 'origin', 'about'], unique=True, postgresql_where=sa.text("state in ('open', 'taken')"))
    op.create_index('task_ended', 'task', ['clinic_id', 'ended_at'], unique=False, postgresql_where=sa.text('ended_at is not null'))
    op.create_index('task_live', 'task', ['clinic_id', 'due_at', 'id'], unique=False, postgresql_where=sa.text("state in ('open', 'taken')"))
    op.create_index('task_of_patient', 'task', ['clinic_id', 'patient_id', 'due_at'], unique=False)
    op.create_index('task_once', 'task', ['clinic_id', 'origin', 'cause_id', 'seq'], unique=True)
    op.create_index('task_to_expire', 'task', ['expires_at'], unique=False, postgresql_where=sa.text("state in ('open', 'taken')"))
    op.create_index('task_to_remind', 'task', ['remind_at'], unique=False, postgresql_where=sa.text('remind_at is not null and reminded_at is null'))
    op.create_table('webhook_call',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('endpoint_id', sa.Uuid(), nullable=False),
    sa.Column('enrolment_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.Column('journey', sa.String(), nullable=False),
    sa.Column('step', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'endpoint_id'], ['webhook_endpoint.clinic_id', 'webhook_endpoint.id'], name='webhook_call_endpoint'),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='webhook_call_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('webhook_call_due', 'webhook_call', ['clinic_id', 'endpoint_id', 'next_at'], unique=False, postgresql_where=sa.text("state = 'due'"))
    op.create_index('webhook_call_of_endpoint', 'webhook_call', ['clinic_id', 'endpoint_id', 'id'], unique=False)
    op.create_index('webhook_call_of_patient', 'webhook_call', ['clinic_id', 'patient_id'], unique=False)
    op.create_index('webhook_call_once', 'webhook_call', ['clinic_id', 'enrolment_id', 'seq'], unique=True)
    op.create_index('webhook_call_over', 'webhook_call', ['ended_at'], unique=False, postgresql_where=sa.text('ended_at is not null'))
    op.create_table('survey_answer',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('invitation_id', sa.Uuid(), nullable=False),
    sa.Column('question', sa.String(), nullable=False),
    sa.Column('number', sa.SmallInteger(), nullable=True),
    sa.Column('choice', sa.String(), nullable=True),
    sa.Column('text', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'invitation_id'], ['survey_invitation.clinic_id', 'survey_invitation.id'], name='survey_answer_invitation'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('survey_answer_once', 'survey_answer', ['clinic_id', 'invitation_id', 'question'], unique=True)
    op.create_table('task_try',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('task_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.SmallInteger(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'task_id'], ['task.clinic_id', 'task.id'], name='task_try_task'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('task_try_number', 'task_try', ['clinic_id', 'task_id', 'number'], unique=True)
    op.add_column('call_task', sa.Column('handed_over', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.drop_index(op.f('call_task_open'), table_name='call_task', postgresql_where="((state)::text = ANY ((ARRAY['open'::character varying, 'taken'::character varying])::text[]))")
    op.create_index('call_task_new', 'call_task', ['made_at'], unique=False, postgresql_where=sa.text('not handed_over'))
    op.drop_column('call_task', 'taken_by')
    op.drop_column('call_task', 'ended_by')
    op.drop_column('call_task', 'taken_at')
    op.drop_column('call_task', 'outcome')
    op.create_index('change_xid', 'change', ['xid'], unique=False)
    op.add_column('enrolment', sa.Column('journey_key', sa.String(), nullable=True))
    op.add_column('enrolment', sa.Column('subject_id', sa.Uuid(), nullable=True))
    op.add_column('enrolment', sa.Column('exclusive_group', sa.String(), nullable=True))
    op.add_column('enrolment', sa.Column('step_since', sa.DateTime(timezone=True), nullable=True))
    op.add_column('enrolment', sa.Column('waiting', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('enrolment', sa.Column('hops', sa.SmallInteger(), server_default=sa.text('0'), nullable=False))
    op.add_column('enrolment', sa.Column('outcome', sa.String(), nullable=True))
    op.add_column('enrolment', sa.Column('goal_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('enrolment', sa.Column('goal_event_id', sa.Uuid(), nullable=True))
    op.add_column('enrolment', sa.Column('failures', sa.SmallInteger(), server_default=sa.text('0'), nullable=False))
    op.drop_index(op.f('enrolment_active'), table_name='enrolment', postgresql_where="((state)::text = 'active'::text)")
    op.create_index('enrolment_active', 'enrolment', ['clinic_id', 'journey_key', 'patient_id', 'subject_id'], unique=True, postgresql_nulls_not_distinct=True, postgresql_where=sa.text("state = 'active'"))
    op.drop_index(op.f('enrolment_entry'), table_name='enrolment')
    op.create_index('enrolment_entry', 'enrolment', ['clinic_id', 'journey_key', 'patient_id', 'subject_id', 'entry_no'], unique=True, postgresql_nulls_not_distinct=True)
    op.create_index('enrolment_about', 'enrolment', ['clinic_id', 'subject_id'], unique=False, postgresql_where=sa.text('subject_id is not null'))
    op.create_index('enrolment_group', 'enrolment', ['clinic_id', 'patient_id', 'exclusive_group'], unique=True, postgresql_where=sa.text("state = 'active' and exclusive_group is not null"))
    op.create_index('enrolment_of_journey', 'enrolment', ['clinic_id', 'journey_id', 'entered_at'], unique=False)
    op.add_column('journey', sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('journey', sa.Column('made_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('journey', sa.Column('made_by', sa.Uuid(), nullable=True))
    op.add_column('journey', sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('journey', sa.Column('counted_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('journey', sa.Column('carries', sa.String(), nullable=True))
    op.alter_column('journey', 'started_at',
               existing_type=postgresql.TIMESTAMP(timezone=True),
               nullable=True)
    op.create_index('journey_running', 'journey', ['state'], unique=False, postgresql_where=sa.text("state in ('active', 'paused', 'draining')"))
    op.add_column('message_template', sa.Column('wording', sa.String(), server_default=sa.text("''"), nullable=False))
    op.drop_index(op.f('message_template_place'), table_name='message_template', postgresql_where='(archived_at IS NULL)')
    op.create_index('message_template_place', 'message_template', ['clinic_id', 'kind', 'wording', 'channel', 'language', 'tone', 'variant'], unique=True, postgresql_where=sa.text('archived_at is null'))
    op.add_column('notice', sa.Column('wording', sa.String(), nullable=True))
    op.add_column('notice', sa.Column('visit_id', sa.Uuid(), nullable=True))
    op.add_column('notice', sa.Column('visit_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('notice_of_visits', 'notice', ['expires_at'], unique=False, postgresql_where=sa.text("state = 'due' and kind in ('confirming', 'freed_time', 'reminding', 'visit')"))
    op.add_column('touchpoint', sa.Column('reason', sa.String(), nullable=True))
    op.add_column('touchpoint', sa.Column('thing_id', sa.Uuid(), nullable=True))
    for statement in CARRIED:
        op.get_bind().exec_driver_sql(statement)
    for table, columns in REQUIRED.items():
        for column in columns:
            op.alter_column(table, column, nullable=False)
    op.drop_index('procedure_last', table_name='procedure')
    op.create_index('procedure_last', 'procedure', ['clinic_id', 'kind', 'patient_id', 'performed_on'], postgresql_include=['entered_in_error'])
    op.drop_index('journey_active', table_name='journey')
    op.create_index('journey_active', 'journey', ['clinic_id', 'key'], unique=True, postgresql_where=sa.text("state in ('active', 'paused')"))
    for statement in RULES:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in DROPPED:
        op.get_bind().exec_driver_sql(statement)
    op.drop_index('procedure_last', table_name='procedure')
    op.create_index('procedure_last', 'procedure', ['clinic_id', 'kind', 'patient_id', 'performed_on'])
    op.drop_index('journey_active', table_name='journey')
    op.create_index('journey_active', 'journey', ['clinic_id', 'key'], unique=True, postgresql_where=sa.text("state = 'active'"))
    op.drop_column('touchpoint', 'thing_id')
    op.drop_column('touchpoint', 'reason')
    op.drop_index('notice_of_visits', table_name='notice', postgresql_where=sa.text("state = 'due' and kind in ('confirming', 'freed_time', 'reminding', 'visit')"))
    op.drop_column('notice', 'visit_at')
    op.drop_column('notice', 'visit_id')
    op.drop_column('notice', 'wording')
    op.drop_index('message_template_place', table_name='message_template', postgresql_where=sa.text('archived_at is null'))
    op.create_index(op.f('message_template_place'), 'message_template', ['clinic_id', 'kind', 'channel', 'language', 'tone', 'variant'], unique=True, postgresql_where='(archived_at IS NULL)')
    op.drop_column('message_template', 'wording')
    op.drop_index('journey_running', table_name='journey', postgresql_where=sa.text("state in ('active', 'paused', 'draining')"))
    op.alter_column('journey', 'started_at',
               existing_type=postgresql.TIMESTAMP(timezone=True),
               nullable=False)
    op.drop_column('journey', 'carries')
    op.drop_column('journey', 'counted_at')
    op.drop_column('journey', 'changed_at')
    op.drop_column('journey', 'made_by')
    op.drop_column('journey', 'made_at')
    op.drop_column('journey', 'ended_at')
    op.drop_index('enrolment_of_journey', table_name='enrolment')
    op.drop_index('enrolment_group', table_name='enrolment', postgresql_where=sa.text("state = 'active' and exclusive_group is not null"))
    op.drop_index('enrolment_about', table_name='enrolment', postgresql_where=sa.text('subject_id is not null'))
    op.drop_index('enrolment_entry', table_name='enrolment', postgresql_nulls_not_distinct=True)
    op.create_index(op.f('enrolment_entry'), 'enrolment', ['clinic_id', 'journey_id', 'patient_id', 'entry_no'], unique=True)
    op.drop_index('enrolment_active', table_name='enrolment', postgresql_nulls_not_distinct=True, postgresql_where=sa.text("state = 'active'"))
    op.create_index(op.f('enrolment_active'), 'enrolment', ['clinic_id', 'journey_id', 'patient_id'], unique=True, postgresql_where="((state)::text = 'active'::text)")
    op.drop_column('enrolment', 'failures')
    op.drop_column('enrolment', 'goal_event_id')
    op.drop_column('enrolment', 'goal_at')
    op.drop_column('enrolment', 'outcome')
    op.drop_column('enrolment', 'hops')
    op.drop_column('enrolment', 'waiting')
    op.drop_column('enrolment', 'step_since')
    op.drop_column('enrolment', 'exclusive_group')
    op.drop_column('enrolment', 'subject_id')
    op.drop_column('enrolment', 'journey_key')
    op.drop_index('change_xid', table_name='change')
    op.add_column('call_task', sa.Column('outcome', sa.VARCHAR(), autoincrement=False, nullable=True))
    op.add_column('call_task', sa.Column('taken_at', postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=True))
    op.add_column('call_task', sa.Column('ended_by', sa.UUID(), autoincrement=False, nullable=True))
    op.add_column('call_task', sa.Column('taken_by', sa.UUID(), autoincrement=False, nullable=True))
    op.drop_index('call_task_new', table_name='call_task', postgresql_where=sa.text('not handed_over'))
    op.create_index(op.f('call_task_open'), 'call_task', ['clinic_id', 'due_until', 'id'], unique=False, postgresql_where="((state)::text = ANY ((ARRAY['open'::character varying, 'taken'::character varying])::text[]))")
    op.drop_column('call_task', 'handed_over')
    op.drop_index('task_try_number', table_name='task_try')
    op.drop_table('task_try')
    op.drop_index('survey_answer_once', table_name='survey_answer')
    op.drop_table('survey_answer')
    op.drop_index('webhook_call_over', table_name='webhook_call', postgresql_where=sa.text('ended_at is not null'))
    op.drop_index('webhook_call_once', table_name='webhook_call')
    op.drop_index('webhook_call_of_patient', table_name='webhook_call')
    op.drop_index('webhook_call_of_endpoint', table_name='webhook_call')
    op.drop_index('webhook_call_due', table_name='webhook_call', postgresql_where=sa.text("state = 'due'"))
    op.drop_table('webhook_call')
    op.drop_index('task_to_remind', table_name='task', postgresql_where=sa.text('remind_at is not null and reminded_at is null'))
    op.drop_index('task_to_expire', table_name='task', postgresql_where=sa.text("state in ('open', 'taken')"))
    op.drop_index('task_once', table_name='task')
    op.drop_index('task_of_patient', table_name='task')
    op.drop_index('task_live', table_name='task', postgresql_where=sa.text("state in ('open', 'taken')"))
    op.drop_index('task_ended', table_name='task', postgresql_where=sa.text('ended_at is not null'))
    op.drop_index('task_about', table_name='task', postgresql_where=sa.text("state in ('open', 'taken')"))
    op.drop_table('task')
    op.drop_index('survey_invitation_once', table_name='survey_invitation')
    op.drop_index('survey_invitation_of_patient', table_name='survey_invitation')
    op.drop_index('survey_invitation_answered', table_name='survey_invitation')
    op.drop_table('survey_invitation')
    op.drop_index('segment_member_of_patient', table_name='segment_member')
    op.drop_table('segment_member')
    op.drop_index('segment_change_xid', table_name='segment_change')
    op.drop_index('segment_change_of_segment', table_name='segment_change')
    op.drop_index('segment_change_of_patient', table_name='segment_change')
    op.drop_table('segment_change')
    op.drop_table('phone_extension')
    op.drop_index('phone_call_stranger', table_name='phone_call', postgresql_where=sa.text('number is not null'))
    op.drop_index('phone_call_once', table_name='phone_call')
    op.drop_index('phone_call_of_patient', table_name='phone_call')
    op.drop_table('phone_call')
    op.drop_index('campaign_member_waiting', table_name='campaign_member', postgresql_where=sa.text('handed_at is null'))
    op.drop_index('campaign_member_once', table_name='campaign_member')
    op.drop_index('campaign_member_of_patient', table_name='campaign_member')
    op.drop_table('campaign_member')
    op.drop_table('segment_mark')
    op.drop_table('phone_exchange')
    op.drop_index('webhook_endpoint_live', table_name='webhook_endpoint', postgresql_where=sa.text('ended_at is null'))
    op.drop_table('webhook_endpoint')
    op.drop_index('team_name', table_name='team')
    op.drop_table('team')
    op.drop_index('survey_of_clinic', table_name='survey')
    op.drop_table('survey')
    op.drop_index('segment_name', table_name='segment')
    op.drop_index('segment_key', table_name='segment', postgresql_where=sa.text('archived_at is null'))
    op.drop_table('segment')
    op.drop_table('journey_mark')
    op.drop_table('campaign_policy')
    op.drop_index('campaign_of_clinic', table_name='campaign')
    op.drop_index('campaign_follow_up', table_name='campaign', postgresql_where=sa.text('follow_at is not null'))
    op.drop_index('campaign_due', table_name='campaign', postgresql_where=sa.text('next_at is not null'))
    op.drop_table('campaign')
