"""foundation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


class Xid8(sa.types.UserDefinedType):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_):
        return "xid8"


# Two roles that own nothing and cannot log in; every connection becomes one of them in its first packet.
ROLES = [
    "do $$ begin create role enamel_app nologin; exception when duplicate_object then null; end $$",
    "do $$ begin create role enamel_worker nologin; exception when duplicate_object then null; end $$",
    "grant usage on schema public to enamel_app, enamel_worker",
    "grant select on alembic_version to enamel_app",
]

# Rights, and the wall between clinics (row-level security).
RULES = [
    "grant select, insert, update, delete on account to enamel_app, enamel_worker",
    "grant select, insert, update, delete on branch to enamel_app, enamel_worker",
    "alter table branch enable row level security",
    "create policy own_clinic on branch to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on branch to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on clinic to enamel_app, enamel_worker",
    "alter table clinic enable row level security",
    "create policy own_clinic on clinic to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on clinic to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on code_challenge to enamel_app, enamel_worker",
    "grant select, insert on event to enamel_app, enamel_worker",
    "alter table event enable row level security",
    "create policy own_clinic on event to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on event to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on journey to enamel_app, enamel_worker",
    "alter table journey enable row level security",
    "create policy own_clinic on journey to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on journey to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on partner_app to enamel_app, enamel_worker",
    "grant select, insert, update, delete on password_try to enamel_app, enamel_worker",
    "grant select, insert, update, delete on promotion to enamel_app, enamel_worker",
    "alter table promotion enable row level security",
    "create policy own_clinic on promotion to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on promotion to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on device to enamel_app, enamel_worker",
    "alter table device enable row level security",
    "create policy own_clinic on device to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on device to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on patient to enamel_app, enamel_worker",
    "alter table patient enable row level security",
    "create policy own_clinic on patient to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on patient to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on session to enamel_app, enamel_worker",
    "grant select, insert, update, delete on staff to enamel_app, enamel_worker",
    "alter table staff enable row level security",
    "create policy own_clinic on staff to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on staff to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on access to enamel_app, enamel_worker",
    "alter table access enable row level security",
    "create policy own_clinic on access to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on access to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on appointment to enamel_app, enamel_worker",
    "alter table appointment enable row level security",
    "create policy own_clinic on appointment to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on appointment to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on chart to enamel_app, enamel_worker",
    "alter table chart enable row level security",
    "create policy own_clinic on chart to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on chart to enamel_worker using (true) with check (true)",
    "grant select, insert on consent to enamel_app, enamel_worker",
    "alter table consent enable row level security",
    "create policy own_clinic on consent to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on consent to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on conversation to enamel_app, enamel_worker",
    "alter table conversation enable row level security",
    "create policy own_clinic on conversation to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on conversation to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on enrolment to enamel_app, enamel_worker",
    "alter table enrolment enable row level security",
    "create policy own_clinic on enrolment to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on enrolment to enamel_worker using (true) with check (true)",
    "grant select, insert on finding to enamel_app, enamel_worker",
    "alter table finding enable row level security",
    "create policy own_clinic on finding to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on finding to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on link_code to enamel_app, enamel_worker",
    "alter table link_code enable row level security",
    "create policy own_clinic on link_code to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on link_code to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on notice to enamel_app, enamel_worker",
    "alter table notice enable row level security",
    "create policy own_clinic on notice to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on notice to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on picture to enamel_app, enamel_worker",
    "alter table picture enable row level security",
    "create policy own_clinic on picture to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on picture to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on plan to enamel_app, enamel_worker",
    "alter table plan enable row level security",
    "create policy own_clinic on plan to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on plan to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on procedure to enamel_app, enamel_worker",
    "alter table procedure enable row level security",
    "create policy own_clinic on procedure to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on procedure to enamel_worker using (true) with check (true)",
    "grant select, insert on chat_event to enamel_app, enamel_worker",
    "alter table chat_event enable row level security",
    "create policy own_clinic on chat_event to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on chat_event to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on delivery to enamel_app, enamel_worker",
    "alter table delivery enable row level security",
    "create policy own_clinic on delivery to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on delivery to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on mark to enamel_app, enamel_worker",
    "alter table mark enable row level security",
    "create policy own_clinic on mark to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on mark to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on message to enamel_app, enamel_worker",
    "alter table message enable row level security",
    "create policy own_clinic on message to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on message to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on plan_stage to enamel_app, enamel_worker",
    "alter table plan_stage enable row level security",
    "create policy own_clinic on plan_stage to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on plan_stage to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on timer to enamel_app, enamel_worker",
    "alter table timer enable row level security",
    "create policy own_clinic on timer to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on timer to enamel_worker using (true) with check (true)",
    "grant select, insert on touchpoint to enamel_app, enamel_worker",
    "alter table touchpoint enable row level security",
    "create policy own_clinic on touchpoint to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on touchpoint to enamel_worker using (true) with check (true)",
    "grant select, insert, update, delete on plan_item to enamel_app, enamel_worker",
    "alter table plan_item enable row level security",
    "create policy own_clinic on plan_item to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    "create policy every_clinic on plan_item to enamel_worker using (true) with check (true)",
]

FUNCTIONS = [
    r"""
create function chat_party(
    p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_at timestamptz,
    out o_refusal text, out o_person uuid, out o_name text, out o_patient uuid
) language plpgsql as $$
begin
    perform set_config('enamel.clinic_id', p_clinic::text, true);
    if not exists (
        select from session s
        where s.id = p_session and s.account_id = p_account and s.clinic_id = p_clinic
            and s.revoked_at is null and s.idle_until > p_at and s.ends_at > p_at
    ) then
        o_refusal := 'session-ended';
        return;
    end if;
    o_patient := p_patient;
    if p_conversation is not null then
        select c.patient_id into o_patient from conversation c where c.clinic_id = p_clinic and c.id = p_conversation;
        if not found then
            o_refusal := 'not-found';
            return;
        end if;
    end if;
    if p_side = 'patient' then
        select a.account_id, '', a.patient_id into o_person, o_name, o_patient from access a
        where a.clinic_id = p_clinic and a.account_id = p_account and a.revoked_at is null
            and (a.ends_at is null or a.ends_at > p_at)
            and case when o_patient is null then a.relation = 'self' else a.patient_id = o_patient end
        limit 1;
        if not found then
            o_refusal := 'not-found';
            if coalesce(p_conversation, p_patient) is null then
                o_refusal := 'no-record-linked';
            end if;
        end if;
        return;
    end if;
    select s.id, s.name, case when 'chat.reply' = any (s.permissions) then null else 'not-allowed' end
    into o_person, o_name, o_refusal from staff s
    where s.clinic_id = p_clinic and s.account_id = p_account and s.left_at is null;
    if not found then
        o_refusal := 'session-ended';
    elsif o_refusal is null and not exists (
        select from patient p where p.clinic_id = p_clinic and p.id = o_patient
    ) then
        o_refusal := 'not-found';
    end if;
end $$
""",
    r"""
create function chat_post(
    p_clinic uuid, p_patient uuid, p_side text, p_sender uuid, p_name text, p_client uuid, p_body text,
    p_fresh uuid, p_event uuid, p_cause uuid, p_at timestamptz
) returns json language plpgsql as $$
declare
    v_patient int := (p_side = 'patient')::int;
    v_thread conversation%rowtype;
    v_message message%rowtype;
    v_new boolean := false;
begin
    select * into v_message from message m
    where m.clinic_id = p_clinic and m.sender_id = p_sender and m.client_id = p_client;
    if not found then
        update conversation c set last_seq = c.last_seq + 1, last_rev = c.last_rev + 1, last_at = p_at,
            n_patient = c.n_patient + v_patient, n_clinic = c.n_clinic + 1 - v_patient
        where c.clinic_id = p_clinic and c.patient_id = p_patient returning * into v_thread;
        if not found then
            insert into conversation as c (clinic_id, id, patient_id, last_seq, last_rev, n_patient, n_clinic, last_at)
            values (p_clinic, p_fresh, p_patient, 1, 1, v_patient, 1 - v_patient, p_at)
            on conflict (clinic_id, patient_id) do update set last_seq = c.last_seq + 1, last_rev = c.last_rev + 1,
                last_at = p_at, n_patient = c.n_patient + v_patient, n_clinic = c.n_clinic + 1 - v_patient
            returning * into v_thread;
        end if;
        insert into message (
            clinic_id, conversation_id, seq, rev, ordinal, side, sender_id, sender_name, client_id, body, at
        ) values (
            p_clinic, v_thread.id, v_thread.last_seq, v_thread.last_rev,
            case when v_patient = 1 then v_thread.n_patient else v_thread.n_clinic end,
            p_side, p_sender, p_name, p_client, p_body, p_at
        )
        on conflict (clinic_id, sender_id, client_id) do nothing returning * into v_message;
        v_new := found;
        if v_new then
            insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at)
            values (p_clinic, v_thread.id, 's', v_thread.last_rev, 'msg',
                jsonb_build_object('seq', v_thread.last_seq), p_at);
            insert into event (clinic_id, id, kind, subject_id, patient_id, actor_kind, actor_id, cause_id, facts, at)
            values (p_clinic, p_event, 'message.posted', v_thread.id, p_patient,
                case p_side when 'clinic' then 'staff' else p_side end, p_sender, p_cause,
                jsonb_build_object('side', p_side, 'seq', v_thread.last_seq), p_at);
        else
            update conversation c set last_seq = c.last_seq - 1, last_rev = c.last_rev - 1,
                n_patient = c.n_patient - v_patient, n_clinic = c.n_clinic - 1 + v_patient
            where c.clinic_id = p_clinic and c.id = v_thread.id;
            select * into v_message from message m
            where m.clinic_id = p_clinic and m.sender_id = p_sender and m.client_id = p_client;
        end if;
    end if;
    if not v_new and (v_message.body <> p_body or not exists (
        select from conversation c
        where c.clinic_id = p_clinic and c.id = v_message.conversation_id and c.patient_id = p_patient
    )) then
        return json_build_object('refusal', 'id-reused');
    end if;
    return json_build_object('conversation_id', v_message.conversation_id, 'patient_id', p_patient, 'name', p_name,
        'seq', v_message.seq, 'rev', v_message.rev, 'at', v_message.at, 'dup', not v_new);
end $$
""",
    r"""
create function chat_send(
    p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid,
    p_client uuid, p_body text, p_fresh uuid, p_event uuid, p_at timestamptz
) returns json language plpgsql as $$
declare
    v_party record;
begin
    select * into v_party from chat_party(p_clinic, p_side, p_account, p_session, p_conversation, p_patient, p_at);
    if v_party.o_refusal is not null then
        return json_build_object('refusal', v_party.o_refusal);
    end if;
    return chat_post(p_clinic, v_party.o_patient, p_side, v_party.o_person, v_party.o_name, p_client, p_body,
        p_fresh, p_event, null, p_at);
end $$
""",
    r"""
create function chat_mark(
    p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid,
    p_delivered int, p_read int, p_at timestamptz
) returns json language plpgsql as $$
declare
    v_party record;
    v_thread conversation%rowtype;
    v_mark mark%rowtype;
begin
    select * into v_party from chat_party(p_clinic, p_side, p_account, p_session, p_conversation, p_patient, p_at);
    if v_party.o_refusal is not null then
        return json_build_object('refusal', v_party.o_refusal);
    end if;
    select * into v_thread from conversation c
    where c.clinic_id = p_clinic and c.patient_id = v_party.o_patient for no key update;
    if not found then
        return json_build_object('refusal', 'not-found');
    end if;
    insert into mark as k (clinic_id, conversation_id, person_id, side, delivered, read)
    select p_clinic, v_thread.id, v_party.o_person, p_side, least(greatest(p_delivered, p_read), v_thread.last_seq),
        least(p_read, v_thread.last_seq)
    where least(greatest(p_delivered, p_read), v_thread.last_seq) > 0
    on conflict (clinic_id, conversation_id, person_id) do update
    set delivered = greatest(k.delivered, excluded.delivered), read = greatest(k.read, excluded.read)
    where excluded.delivered > k.delivered or excluded.read > k.read
    returning * into v_mark;
    if not found then
        return json_build_object('conversation_id', v_thread.id, 'patient_id', v_party.o_patient, 'moved', false);
    end if;
    update conversation c set last_rev = c.last_rev + 1 where c.clinic_id = p_clinic and c.id = v_thread.id
    returning * into v_thread;
    insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at)
    values (p_clinic, v_thread.id, 's', v_thread.last_rev, 'mark',
        jsonb_build_object('side', p_side, 'delivered', v_mark.delivered, 'read', v_mark.read), p_at);
    return json_build_object('conversation_id', v_thread.id, 'patient_id', v_party.o_patient, 'moved', true,
        'rev', v_thread.last_rev, 'delivered', v_mark.delivered, 'read', v_mark.read);
end $$
""",
    r"""
create function id_made_at(at timestamptz) returns uuid language sql volatile as $$
        select encode(set_bit(set_bit(
            overlay(
                uuid_send(gen_random_uuid())
                placing substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6
            ), 52, 1), 53, 1), 'hex')::uuid
    $$
""",
]


def upgrade() -> None:
    for statement in ROLES:
        op.execute(statement)
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("phone"),
    )
    op.create_table(
        "branch",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_index("branch_name", "branch", ["clinic_id", "name"], unique=True)
    op.create_table(
        "clinic",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id"),
    )
    op.create_table(
        "code_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("code_challenge_created", "code_challenge", ["created_at"], unique=False)
    op.create_index("code_challenge_phone", "code_challenge", ["phone", "created_at"], unique=False)
    op.create_table(
        "event",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("cause_id", sa.Uuid(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        info={"append_only": True},
    )
    op.create_index("event_kind", "event", ["clinic_id", "kind", "at"], unique=False)
    op.create_index("event_of_patient", "event", ["clinic_id", "patient_id", "at"], unique=False)
    op.create_index("event_xid", "event", ["xid"], unique=False)
    op.create_table(
        "journey",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_index(
        "journey_active", "journey", ["clinic_id", "key"], unique=True, postgresql_where=sa.text("state = 'active'")
    )
    op.create_index("journey_version", "journey", ["clinic_id", "key", "version"], unique=True)
    op.create_table(
        "partner_app",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "password_try",
        sa.Column("bucket", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket"),
    )
    op.create_index("password_try_failed", "password_try", ["failed_at"], unique=False)
    op.create_table(
        "promotion",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("default_language", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("min_age", sa.Integer(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", name="promotion_external"),
    )
    op.create_index("promotion_ends", "promotion", ["clinic_id", "ends_on"], unique=False)
    op.create_table(
        "device",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("app_build", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("app_version", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "app_build", "token_hash", name="device_token"),
    )
    op.create_index(
        "device_account",
        "device",
        ["clinic_id", "account_id"],
        unique=False,
        postgresql_where=sa.text("dead_at is null"),
    )
    op.create_table(
        "patient",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="patient_branch"),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", name="patient_external"),
    )
    op.create_index("patient_phone", "patient", ["clinic_id", "phone"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("device_key", sa.String(), nullable=False),
        sa.Column("device_name", sa.String(), nullable=False),
        sa.Column("refresh_seed", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("session_account", "session", ["account_id"], unique=False)
    op.create_table(
        "staff",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_index("staff_account", "staff", ["clinic_id", "account_id"], unique=True)
    op.create_table(
        "access",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="access_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_index("access_account", "access", ["clinic_id", "account_id", "patient_id"], unique=True)
    op.create_index(
        "access_own",
        "access",
        ["clinic_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("relation = 'self' and revoked_at is null"),
    )
    op.create_index("access_patient", "access", ["clinic_id", "patient_id"], unique=False)
    op.create_table(
        "appointment",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="appointment_branch"
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="appointment_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", name="appointment_external"),
    )
    op.create_index("appointment_of_patient", "appointment", ["clinic_id", "patient_id", "starts_at"], unique=False)
    op.create_table(
        "chart",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("teeth", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("holds_until", sa.Date(), nullable=True),
        sa.Column("shape", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="chart_patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_table(
        "consent",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="consent_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        info={"append_only": True},
    )
    op.create_index(
        "consent_of_patient", "consent", ["clinic_id", "patient_id", "purpose", "channel", "at"], unique=False
    )
    op.create_table(
        "conversation",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("last_rev", sa.Integer(), nullable=False),
        sa.Column("n_patient", sa.Integer(), nullable=False),
        sa.Column("n_clinic", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="conversation_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "patient_id", name="conversation_of_patient"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "enrolment",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("journey_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("entry_no", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exit_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "journey_id"], ["journey.clinic_id", "journey.id"], name="enrolment_journey"
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="enrolment_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_index(
        "enrolment_active",
        "enrolment",
        ["clinic_id", "journey_id", "patient_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("enrolment_entry", "enrolment", ["clinic_id", "journey_id", "patient_id", "entry_no"], unique=True)
    op.create_index("enrolment_of_patient", "enrolment", ["clinic_id", "patient_id", "entered_at"], unique=False)
    op.create_table(
        "finding",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("tooth", sa.String(), nullable=False),
        sa.Column("surfaces", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("material", sa.String(), nullable=True),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="finding_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", "source_version", name="finding_external"),
        info={"append_only": True},
    )
    op.create_index("finding_of_patient", "finding", ["clinic_id", "patient_id", "observed_on"], unique=False)
    op.create_index("finding_series", "finding", ["clinic_id", "series_id", "source_version"], unique=False)
    op.create_table(
        "link_code",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="link_code_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
    )
    op.create_index("link_code_hash", "link_code", ["clinic_id", "code_hash"], unique=True)
    op.create_table(
        "notice",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hours_zone", sa.String(), nullable=True),
        sa.Column("hours_opens", sa.Time(), nullable=True),
        sa.Column("hours_closes", sa.Time(), nullable=True),
        sa.Column("hours_weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("cause_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="notice_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "dedupe_key", name="notice_dedupe"),
    )
    op.create_index("notice_due", "notice", ["next_at"], unique=False, postgresql_where=sa.text("next_at is not null"))
    op.create_index("notice_of_cause", "notice", ["clinic_id", "cause_id"], unique=False)
    op.create_index("notice_of_patient", "notice", ["clinic_id", "patient_id", "not_before"], unique=False)
    op.create_table(
        "picture",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("size_1024", sa.Integer(), nullable=True),
        sa.Column("size_256", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("taken_on", sa.Date(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="picture_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", name="picture_external"),
    )
    op.create_index("picture_of_patient", "picture", ["clinic_id", "patient_id", "id"], unique=False)
    op.create_index(
        "picture_waiting", "picture", ["uploaded_at"], unique=False, postgresql_where=sa.text("state = 'uploaded'")
    )
    op.create_table(
        "plan",
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("insurance_minor", sa.BigInteger(), nullable=False),
        sa.Column("patient_minor", sa.BigInteger(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("choice_group", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("stages_hash", sa.String(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("items_done", sa.Integer(), nullable=False),
        sa.Column("stages", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="plan_patient"),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", name="plan_external"),
    )
    op.create_index("plan_of_patient", "plan", ["clinic_id", "patient_id", "id"], unique=False)
    op.create_table(
        "procedure",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("performed_on", sa.Date(), nullable=False),
        sa.Column("tooth", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("entered_in_error", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name="procedure_patient"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint("clinic_id", "source", "external_id", name="procedure_external"),
    )
    op.create_index("procedure_last", "procedure", ["clinic_id", "kind", "patient_id", "performed_on"], unique=False)
    op.create_index("procedure_of_patient", "procedure", ["clinic_id", "patient_id", "performed_on"], unique=False)
    op.create_table(
        "chat_event",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "conversation_id"],
            ["conversation.clinic_id", "conversation.id"],
            name="chat_event_conversation",
        ),
        sa.PrimaryKeyConstraint("clinic_id", "conversation_id", "log", "rev"),
        info={"append_only": True},
    )
    op.create_index("chat_event_xid", "chat_event", ["xid"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id", "device_id"], ["device.clinic_id", "device.id"], name="delivery_device"),
        sa.ForeignKeyConstraint(["clinic_id", "notice_id"], ["notice.clinic_id", "notice.id"], name="delivery_notice"),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        sa.UniqueConstraint(
            "clinic_id", "notice_id", "device_id", name="delivery_once", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(
        "delivery_due", "delivery", ["next_at"], unique=False, postgresql_where=sa.text("state in ('due', 'leased')")
    )
    op.create_table(
        "mark",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "conversation_id"], ["conversation.clinic_id", "conversation.id"], name="mark_conversation"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "conversation_id", "person_id"),
    )
    op.create_table(
        "message",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("sender_name", sa.String(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice_decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "conversation_id"], ["conversation.clinic_id", "conversation.id"], name="message_conversation"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "conversation_id", "seq"),
        sa.UniqueConstraint("clinic_id", "sender_id", "client_id", name="message_client_id"),
    )
    op.create_index(
        "message_undecided",
        "message",
        ["at"],
        unique=False,
        postgresql_where=sa.text("side <> 'patient' and notice_decided_at is null"),
    )
    op.create_table(
        "plan_stage",
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("insurance_minor", sa.BigInteger(), nullable=False),
        sa.Column("patient_minor", sa.BigInteger(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("items_done", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id", "plan_id"], ["plan.clinic_id", "plan.id"], name="stage_plan"),
        sa.PrimaryKeyConstraint("clinic_id", "plan_id", "position"),
    )
    op.create_table(
        "timer",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "enrolment_id"], ["enrolment.clinic_id", "enrolment.id"], name="timer_enrolment"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "enrolment_id"),
    )
    op.create_index("timer_due", "timer", ["due_at"], unique=False)
    op.create_table(
        "touchpoint",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "enrolment_id"], ["enrolment.clinic_id", "enrolment.id"], name="touchpoint_enrolment"
        ),
        sa.PrimaryKeyConstraint("clinic_id", "id"),
        info={"append_only": True},
    )
    op.create_index("touchpoint_seq", "touchpoint", ["clinic_id", "enrolment_id", "seq"], unique=True)
    op.create_table(
        "plan_item",
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("insurance_minor", sa.BigInteger(), nullable=False),
        sa.Column("patient_minor", sa.BigInteger(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tooth", sa.String(), nullable=True),
        sa.Column("surfaces", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_basis_points", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "plan_id", "stage"],
            ["plan_stage.clinic_id", "plan_stage.plan_id", "plan_stage.position"],
            name="item_stage",
        ),
        sa.PrimaryKeyConstraint("clinic_id", "plan_id", "stage", "position"),
    )
    for statement in (*RULES, *FUNCTIONS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.execute("drop function chat_party")
    op.execute("drop function chat_post")
    op.execute("drop function chat_send")
    op.execute("drop function chat_mark")
    op.execute("drop function id_made_at")
    op.drop_table("plan_item")
    op.drop_index("touchpoint_seq", table_name="touchpoint")
    op.drop_table("touchpoint")
    op.drop_index("timer_due", table_name="timer")
    op.drop_table("timer")
    op.drop_table("plan_stage")
    op.drop_index(
        "message_undecided",
        table_name="message",
        postgresql_where=sa.text("side <> 'patient' and notice_decided_at is null"),
    )
    op.drop_table("message")
    op.drop_table("mark")
    op.drop_index("delivery_due", table_name="delivery", postgresql_where=sa.text("state in ('due', 'leased')"))
    op.drop_table("delivery")
    op.drop_index("chat_event_xid", table_name="chat_event")
    op.drop_table("chat_event")
    op.drop_index("procedure_of_patient", table_name="procedure")
    op.drop_index("procedure_last", table_name="procedure")
    op.drop_table("procedure")
    op.drop_index("plan_of_patient", table_name="plan")
    op.drop_table("plan")
    op.drop_index("picture_waiting", table_name="picture", postgresql_where=sa.text("state = 'uploaded'"))
    op.drop_index("picture_of_patient", table_name="picture")
    op.drop_table("picture")
    op.drop_index("notice_of_patient", table_name="notice")
    op.drop_index("notice_of_cause", table_name="notice")
    op.drop_index("notice_due", table_name="notice", postgresql_where=sa.text("next_at is not null"))
    op.drop_table("notice")
    op.drop_index("link_code_hash", table_name="link_code")
    op.drop_table("link_code")
    op.drop_index("finding_series", table_name="finding")
    op.drop_index("finding_of_patient", table_name="finding")
    op.drop_table("finding")
    op.drop_index("enrolment_of_patient", table_name="enrolment")
    op.drop_index("enrolment_entry", table_name="enrolment")
    op.drop_index("enrolment_active", table_name="enrolment", postgresql_where=sa.text("state = 'active'"))
    op.drop_table("enrolment")
    op.drop_table("conversation")
    op.drop_index("consent_of_patient", table_name="consent")
    op.drop_table("consent")
    op.drop_table("chart")
    op.drop_index("appointment_of_patient", table_name="appointment")
    op.drop_table("appointment")
    op.drop_index("access_patient", table_name="access")
    op.drop_index(
        "access_own", table_name="access", postgresql_where=sa.text("relation = 'self' and revoked_at is null")
    )
    op.drop_index("access_account", table_name="access")
    op.drop_table("access")
    op.drop_index("staff_account", table_name="staff")
    op.drop_table("staff")
    op.drop_index("session_account", table_name="session")
    op.drop_table("session")
    op.drop_index("patient_phone", table_name="patient")
    op.drop_table("patient")
    op.drop_index("device_account", table_name="device", postgresql_where=sa.text("dead_at is null"))
    op.drop_table("device")
    op.drop_index("promotion_ends", table_name="promotion")
    op.drop_table("promotion")
    op.drop_index("password_try_failed", table_name="password_try")
    op.drop_table("password_try")
    op.drop_table("partner_app")
    op.drop_index("journey_version", table_name="journey")
    op.drop_index("journey_active", table_name="journey", postgresql_where=sa.text("state = 'active'"))
    op.drop_table("journey")
    op.drop_index("event_xid", table_name="event")
    op.drop_index("event_of_patient", table_name="event")
    op.drop_index("event_kind", table_name="event")
    op.drop_table("event")
    op.drop_index("code_challenge_phone", table_name="code_challenge")
    op.drop_index("code_challenge_created", table_name="code_challenge")
    op.drop_table("code_challenge")
    op.drop_table("clinic")
    op.drop_index("branch_name", table_name="branch")
    op.drop_table("branch")
    op.drop_table("account")
