"""The chat in full: cases, notes, changes of messages, the desk and its bot, presence, a price list."""

from hashlib import blake2b
from uuid import UUID

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


class Xid8(sa.types.UserDefinedType):
    """PostgreSQL's 64-bit transaction id, which SQLAlchemy has no name for."""

    cache_ok = True

    def get_col_spec(self, **_):
        return "xid8"


# What earlier migrations made and this one changes.
REPLACED = [
    'drop trigger picture_insert on picture',
    'drop trigger picture_update on picture',
    'drop trigger picture_delete on picture',
    'drop function chat_post',
    'drop function chat_mark',
    'drop function chat_send',
]

# What was said would be lost, or left where the version before cannot read it.
NO_VOICES = """
do $$ begin
    if exists (select from picture where kind = 'voice') then
        raise exception 'there are voice messages: erase them before going back';
    end if;
end $$
"""

IDS = postgresql.ARRAY(sa.Uuid())
NAMED = sa.text(
    "update chat_event e set sender_id = n.sender_id, client_id = n.client_id, digest = n.digest"
    " from unnest(:clinic_id, :conversation_id, :rev, :sender_id, :client_id, :digest)"
    " as n(clinic_id, conversation_id, rev, sender_id, client_id, digest)"
    " where e.clinic_id = n.clinic_id and e.conversation_id = n.conversation_id and e.log = 's' and e.rev = n.rev"
    " and e.kind = 'msg'"
).bindparams(
    sa.bindparam("clinic_id", type_=IDS),
    sa.bindparam("conversation_id", type_=IDS),
    sa.bindparam("rev", type_=postgresql.ARRAY(sa.Integer())),
    sa.bindparam("sender_id", type_=IDS),
    sa.bindparam("client_id", type_=IDS),
    sa.bindparam("digest", type_=IDS),
)

# Rights, and the walls between clinics and around what is private (row-level security).
RULES = [
    "grant update (digest, data) on chat_event to enamel_worker",
    'grant select, insert, update, delete on canned_reply to enamel_app, enamel_worker',
    'alter table canned_reply enable row level security',
    "create policy own_clinic on canned_reply to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on canned_reply to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_desk to enamel_app, enamel_worker',
    'alter table chat_desk enable row level security',
    "create policy own_clinic on chat_desk to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_desk to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_node to enamel_app, enamel_worker',
    'grant select, insert, update, delete on chat_pace to enamel_app, enamel_worker',
    'alter table chat_pace enable row level security',
    "create policy own_clinic on chat_pace to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_pace to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_words_mark to enamel_app, enamel_worker',
    'grant select, insert on epoch_mark to enamel_app, enamel_worker',
    'grant select, insert, update, delete on price to enamel_app, enamel_worker',
    'alter table price enable row level security',
    "create policy own_clinic on price to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on price to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_address to enamel_app, enamel_worker',
    'alter table chat_address enable row level security',
    "create policy own_clinic on chat_address to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_address to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_presence to enamel_app, enamel_worker',
    'alter table chat_presence enable row level security',
    "create policy own_clinic on chat_presence to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_presence to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_rota to enamel_app, enamel_worker',
    'alter table chat_rota enable row level security',
    "create policy own_clinic on chat_rota to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_rota to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on bot_turn to enamel_app, enamel_worker',
    'alter table bot_turn enable row level security',
    "create policy own_clinic on bot_turn to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on bot_turn to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_case to enamel_app, enamel_worker',
    'alter table chat_case enable row level security',
    "create policy own_clinic on chat_case to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_case to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_note to enamel_app, enamel_worker',
    'alter table chat_note enable row level security',
    "create policy own_clinic on chat_note to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_note to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on chat_words to enamel_app, enamel_worker',
    'alter table chat_words enable row level security',
    "create policy own_clinic on chat_words to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on chat_words to enamel_worker using (true) with check (true)',
    'grant select, insert, update, delete on reaction to enamel_app, enamel_worker',
    'alter table reaction enable row level security',
    "create policy own_clinic on reaction to enamel_app using (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid) with check (clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid)",
    'create policy every_clinic on reaction to enamel_worker using (true) with check (true)',
]

FUNCTIONS = [
    r"""
create or replace function chat_party(
    p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_at timestamptz,
    out o_refusal text, out o_person uuid, out o_name text, out o_patient uuid
) language plpgsql as $$
declare
    v_own boolean := coalesce(p_conversation, p_patient) is null;
    v_hears boolean;
    v_setting text;
begin
    v_setting := set_config('enamel.clinic_id', p_clinic::text, true);  -- assigned: `perform` would be a statement
    if not EXISTS (SELECT session.id 
FROM session 
WHERE session.id = p_session AND session.account_id = p_account AND session.revoked_at IS NULL AND session.idle_until > p_at AND session.ends_at > p_at AND session.clinic_id = p_clinic) then
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
        select a.account_id, '', a.patient_id, a.hears into o_person, o_name, o_patient, v_hears
        from (SELECT access.clinic_id, access.patient_id, access.account_id, access.relation, access.relation = 'self' OR 'chat' = any(access.scopes) AS hears, access.relation = 'self' OR 'view_media' = any(access.scopes) AS sees 
FROM access 
WHERE access.revoked_at IS NULL AND access.blocked_at IS NULL AND (access.ends_at IS NULL OR access.ends_at > p_at) AND (access.relation != 'guardian' OR (EXISTS (SELECT patient.id 
FROM patient JOIN branch ON branch.clinic_id = patient.clinic_id AND branch.id = patient.branch_id JOIN clinic ON clinic.clinic_id = patient.clinic_id 
WHERE patient.clinic_id = access.clinic_id AND patient.id = access.patient_id AND date(timezone(branch.zone, p_at)) < CAST(patient.birth_date + make_interval(CASE clinic.country WHEN 'KR' THEN 19 WHEN 'TH' THEN 20 WHEN 'NZ' THEN 20 WHEN 'SG' THEN 21 WHEN 'ID' THEN 21 ELSE 18 END) AS DATE))))) a
        where a.clinic_id = p_clinic and a.account_id = p_account
            and case when v_own then a.relation = 'self' else a.patient_id = o_patient end
        limit 1;
        if not found then
            o_refusal := case when v_own then 'no-record-linked' else 'not-found' end;
        elsif not v_hears then
            o_refusal := 'access-too-narrow';
        end if;
        return;
    end if;
    select s.id, s.name, case when s.replies then null else 'not-allowed' end
    into o_person, o_name, o_refusal from (SELECT staff.clinic_id, staff.account_id, staff.id, staff.name, 'chat.reply' = any(staff.permissions) AS replies 
FROM staff 
WHERE staff.left_at IS NULL) s
    where s.clinic_id = p_clinic and s.account_id = p_account;
    if not found then
        o_refusal := 'session-ended';
    elsif o_refusal is null and not exists (
        select from patient p where p.clinic_id = p_clinic and p.id = o_patient
    ) then
        o_refusal := 'not-found';
    elsif o_refusal is null and exists (
        select from conversation c where c.clinic_id = p_clinic and c.patient_id = o_patient
            and not not exists (
    select from staff s cross join lateral (
        select k.branch_id, k.assignee_id from chat_case k
        where k.clinic_id = c.clinic_id and k.conversation_id = c.id
        order by k.opened_at desc, k.id desc limit 1
    ) n
    where s.clinic_id = c.clinic_id and s.id = o_person and s.branch_ids <> '{}'
        and not (s.branch_ids = '{}' or n.branch_id is null or n.branch_id = any (s.branch_ids) or n.assignee_id is not distinct from s.id)
)
    ) then
        o_refusal := 'not-found';
    end if;
end $$
""",
    r"""
create function chat_making(p_clinic uuid, p_patient uuid) returns bigint language sql immutable as $$
    select hashtextextended('conversation ' || p_clinic::text || p_patient::text, 0)
$$
""",
    r"""
create function chat_thread(p_clinic uuid, p_patient uuid, p_fresh uuid, p_at timestamptz)
returns conversation language plpgsql as $$
declare
    v_thread conversation%rowtype;
begin
    select * into v_thread from conversation c
    where c.clinic_id = p_clinic and c.patient_id = p_patient for no key update;
    if not found then
        perform pg_advisory_xact_lock(chat_making(p_clinic, p_patient));
        insert into conversation as c (
            clinic_id, id, patient_id, last_seq, last_rev, last_srev, n_patient, n_clinic, n_deleted, last_at
        ) values (p_clinic, p_fresh, p_patient, 0, 0, 0, 0, 0, 0, p_at)
        on conflict (clinic_id, patient_id) do update set last_at = c.last_at returning * into v_thread;
    end if;
    return v_thread;
end $$
""",
    r"""
create function chat_log(
    p_clinic uuid, p_conversation uuid, p_log text, p_kind text, p_data jsonb, p_at timestamptz,
    p_sender uuid default null, p_client uuid default null, p_digest uuid default null
) returns int language plpgsql as $$
declare
    v_shared int := (p_log = 's')::int;
    v_rev int;
begin
    update conversation c set last_rev = c.last_rev + v_shared, last_srev = c.last_srev + 1 - v_shared
    where c.clinic_id = p_clinic and c.id = p_conversation
    returning case v_shared when 1 then c.last_rev else c.last_srev end into v_rev;
    insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at, sender_id, client_id, digest)
    values (p_clinic, p_conversation, p_log, v_rev, p_kind, p_data, p_at, p_sender, p_client, p_digest)
    on conflict (clinic_id, sender_id, client_id) do nothing;
    if found then
        return v_rev;
    end if;
    update conversation c set last_rev = c.last_rev - v_shared, last_srev = c.last_srev - 1 + v_shared
    where c.clinic_id = p_clinic and c.id = p_conversation;
    return null;
end $$
""",
    r"""
create function chat_known(
    p_clinic uuid, p_patient uuid, p_sender uuid, p_name text, p_client uuid, p_digest uuid
) returns json language plpgsql as $$
declare
    v_event chat_event%rowtype;
begin
    select * into v_event from chat_event e
    where e.clinic_id = p_clinic and e.sender_id = p_sender and e.client_id = p_client;
    if not found then
        return null;
    end if;
    if v_event.digest is distinct from p_digest or not exists (
        select from conversation c
        where c.clinic_id = p_clinic and c.id = v_event.conversation_id and c.patient_id = p_patient
    ) then
        return json_build_object('refusal', 'id-reused');
    end if;
    return json_build_object('conversation_id', v_event.conversation_id, 'patient_id', p_patient, 'name', p_name,
        'person_id', p_sender, 'seq', coalesce((v_event.data ->> 'seq')::int, 0), 'rev', v_event.rev,
        'at', v_event.at, 'dup', true);
end $$
""",
    r"""
create function chat_case_log(
    p_clinic uuid, p_case uuid, p_kind text, p_by uuid, p_shown boolean, p_at timestamptz
) returns int language plpgsql as $$
declare
    v_case chat_case%rowtype;
begin
    select * into v_case from chat_case k where k.clinic_id = p_clinic and k.id = p_case;
    if p_shown then
        perform chat_log(p_clinic, v_case.conversation_id, 's', 'state', jsonb_build_object(
            'case_id', p_case, 'open', v_case.closed_at is null,
            'ask_score', v_case.closed_at is not null and v_case.first_reply_at is not null and v_case.score is null
                and coalesce((select d.asks_score from chat_desk d where d.clinic_id = p_clinic), true)), p_at);
    end if;
    return chat_log(p_clinic, v_case.conversation_id, 'p', p_kind, jsonb_build_object(
        'case_id', p_case, 'state', v_case.state, 'assignee_id', v_case.assignee_id, 'branch_id', v_case.branch_id,
        'topic', v_case.topic, 'labels', v_case.labels, 'priority', v_case.priority, 'snoozed_until',
        to_char(v_case.snoozed_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'escalated', v_case.escalated_at is not null, 'by_id', p_by, 'score', v_case.score), p_at);
end $$
""",
    r"""
create function chat_case_opened(p_clinic uuid, p_conversation uuid, p_waiting timestamptz, p_at timestamptz)
returns uuid language plpgsql as $$
declare
    v_case uuid;
    v_bot boolean := p_waiting is not null and exists (
        select from chat_desk d where d.clinic_id = p_clinic and d.bot <> 'none'
    ) and 'clinic' is distinct from (
        select case when not exists (
            select from chat_case k
            where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at >= m.at
        ) then m.side end
        from message m
        join conversation c on c.clinic_id = m.clinic_id and c.id = m.conversation_id and m.seq < c.last_seq
        where m.clinic_id = p_clinic and m.conversation_id = p_conversation and m.side in ('patient', 'clinic', 'bot')
        order by m.seq desc limit 1
    );
begin
    update chat_case k set closed_at = null, waiting_since = p_waiting, escalates_at = null, escalated_at = null,
        snoozed_until = null, assignee_id = s.id, state = case when s.id is null then 'open' else 'assigned' end
    from (
        select l.id, l.closed_at, l.assignee_id from chat_case l
        where l.clinic_id = p_clinic and l.conversation_id = p_conversation order by l.opened_at desc, l.id desc limit 1
    ) last left join staff s on s.clinic_id = p_clinic and s.id = last.assignee_id and s.left_at is null
        and 'chat.reply' = any (s.permissions)
    where k.clinic_id = p_clinic and k.id = last.id and last.closed_at > p_at - interval '7 days'
    returning k.id into v_case;
    if found then
        perform chat_case_log(p_clinic, v_case, 'state', null, true, p_at);
        return v_case;
    end if;
    insert into chat_case (
        clinic_id, id, conversation_id, state, branch_id, topic, opened_at, queued_at, waiting_since
    )
    select p_clinic, encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
            placing substring(int8send((extract(epoch from p_at) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1),
            'hex')::uuid,
        c.id, case when v_bot then 'bot' else 'open' end, p.branch_id, '', p_at, case when not v_bot then p_at end,
        p_waiting
    from conversation c join patient p on p.clinic_id = c.clinic_id and p.id = c.patient_id
    where c.clinic_id = p_clinic and c.id = p_conversation
    returning id into v_case;
    perform chat_case_log(p_clinic, v_case, 'state', null, false, p_at);
    return v_case;
end $$
""",
    r"""
create function chat_case_touched(p_clinic uuid, p_conversation uuid, p_side text, p_at timestamptz)
returns boolean language plpgsql as $$
declare
    v_case uuid;
    v_state text;
begin
    if p_side = 'patient' then
        if exists (
            select from chat_case k
            where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at is null
                and k.waiting_since is not null and k.state <> 'snoozed'
        ) then
            return false;
        end if;
        update chat_case k set waiting_since = p_at
        where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at is null
            and k.waiting_since is null and k.state <> 'snoozed';
        if found then
            return false;
        end if;
        select k.id, k.state into v_case, v_state from chat_case k
        where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at is null;
        if not found then
            perform chat_case_opened(p_clinic, p_conversation, p_at, p_at);
            return true;
        elsif v_state <> 'snoozed' then
            return false;
        end if;
        update chat_case k set waiting_since = coalesce(k.waiting_since, p_at), snoozed_until = null,
            state = case when k.assignee_id is null then 'open' else 'assigned' end
        where k.clinic_id = p_clinic and k.id = v_case;
        perform chat_case_log(p_clinic, v_case, 'state', null, false, p_at);
        return true;
    elsif p_side = 'bot' then
        update chat_case k set waiting_since = null, escalates_at = null
        where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at is null
            and k.state = 'bot' and k.waiting_since is not null;
        return false;
    elsif p_side <> 'clinic' then
        return false;
    end if;
    update chat_case k set waiting_since = null, escalates_at = null, first_reply_at = coalesce(k.first_reply_at, p_at)
    where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at is null
        and k.escalated_at is null and k.state <> 'bot' and (k.waiting_since is not null
            or k.first_reply_at is null and exists (  -- who put it off ended the wait without an answer
                select from message m where m.clinic_id = p_clinic and m.conversation_id = p_conversation
                    and m.side = 'patient' and m.at >= k.opened_at
            ));
    if found then
        return false;
    end if;
    update chat_case k set waiting_since = null, escalates_at = null, escalated_at = null,
        first_reply_at = coalesce(k.first_reply_at, p_at), queued_at = coalesce(k.queued_at, p_at),
        state = case k.state when 'bot' then 'open' else k.state end
    where k.clinic_id = p_clinic and k.conversation_id = p_conversation and k.closed_at is null
        and (k.escalated_at is not null or k.state = 'bot')
    returning k.id into v_case;
    if found then
        perform chat_case_log(p_clinic, v_case, 'state', null, false, p_at);
    end if;
    return v_case is not null;
end $$
""",
    r"""
create function chat_media(
    p_clinic uuid, p_patient uuid, p_side text, p_sender uuid, p_media jsonb, p_at timestamptz
) returns jsonb language plpgsql stable as $$
declare
    v_pictures jsonb;
    v_voices jsonb;
begin
    v_voices := voices_attached(p_clinic, p_patient, p_media);
    if exists (
        select from jsonb_to_recordset(v_voices) as v(id uuid) join picture p on p.clinic_id = p_clinic and p.id = v.id
        where not p.said and p.spoken_by is distinct from p_sender
    ) then
        return null;
    end if;
    if jsonb_array_length(v_voices) = jsonb_array_length(p_media) then
        return jsonb_build_object('pictures', '[]'::jsonb, 'voices', v_voices);
    end if;
    if p_side = 'patient' and not exists (
        select from (SELECT access.clinic_id, access.patient_id, access.account_id, access.relation, access.relation = 'self' OR 'chat' = any(access.scopes) AS hears, access.relation = 'self' OR 'view_media' = any(access.scopes) AS sees 
FROM access 
WHERE access.revoked_at IS NULL AND access.blocked_at IS NULL AND (access.ends_at IS NULL OR access.ends_at > p_at) AND (access.relation != 'guardian' OR (EXISTS (SELECT patient.id 
FROM patient JOIN branch ON branch.clinic_id = patient.clinic_id AND branch.id = patient.branch_id JOIN clinic ON clinic.clinic_id = patient.clinic_id 
WHERE patient.clinic_id = access.clinic_id AND patient.id = access.patient_id AND date(timezone(branch.zone, p_at)) < CAST(patient.birth_date + make_interval(CASE clinic.country WHEN 'KR' THEN 19 WHEN 'TH' THEN 20 WHEN 'NZ' THEN 20 WHEN 'SG' THEN 21 WHEN 'ID' THEN 21 ELSE 18 END) AS DATE))))) a
        where a.clinic_id = p_clinic and a.account_id = p_sender and a.patient_id = p_patient and a.sees
    ) or p_side = 'clinic' and not exists (
        select from staff s where s.clinic_id = p_clinic and s.id = p_sender and 'media.read' = any (s.permissions)
    ) then
        return null;
    end if;
    v_pictures := pictures_attached(p_clinic, p_patient, p_media);
    if jsonb_array_length(v_pictures) + jsonb_array_length(v_voices) <> jsonb_array_length(p_media) then
        return null;
    end if;
    return jsonb_build_object('pictures', v_pictures, 'voices', v_voices);
end $$
""",
    r"""
create function chat_voices_said(p_clinic uuid, p_media jsonb, p_patient uuid) returns void language plpgsql as $$
declare
    v_viewer text := coalesce(current_setting('enamel.viewer', true), '');
begin
    perform set_config('enamel.viewer', 'clinic', true);
    update picture p set said = p.patient_id is not distinct from p_patient or exists (
        select from conversation c join message m on m.clinic_id = c.clinic_id and m.conversation_id = c.id
        where c.clinic_id = p_clinic and c.patient_id = p.patient_id and m.media ? p.id::text
    )
    where p.clinic_id = p_clinic and p.kind = 'voice'
        and p.id in (select i.id::uuid from jsonb_array_elements_text(p_media) as i(id));
    perform set_config('enamel.viewer', v_viewer, true);
end $$
""",
    r"""
create function chat_hides(p_clinic uuid, p_media jsonb, p_card jsonb) returns boolean language plpgsql as $$
declare
    v_viewer text := coalesce(current_setting('enamel.viewer', true), '');
    v_table text := case p_card ->> 'kind' when 'plan' then 'plan' when 'stage' then 'plan' when 'payment' then 'plan' when 'appointment' then 'appointment' when 'visit' then 'appointment' when 'picture' then 'picture' when 'document' then 'document' when 'survey' then 'document' end;
    v_hides boolean := false;
begin
    perform set_config('enamel.viewer', 'clinic', true);
    if v_table is not null and p_card ->> 'id' is not null then
        execute format('select exists (select from %I where clinic_id = $1 and id = $2 and private)', v_table)
            into v_hides using p_clinic, (p_card ->> 'id')::uuid;
    end if;
    if not v_hides and p_media is not null then
        v_hides := exists (
            select from picture p where p.clinic_id = p_clinic and p.private
                and p.id::text in (select jsonb_array_elements_text(p_media))
        );
    end if;
    perform set_config('enamel.viewer', v_viewer, true);
    return v_hides;
end $$
""",
    r"""
create function chat_post(
    p_clinic uuid, p_patient uuid, p_side text, p_sender uuid, p_name text, p_client uuid, p_digest uuid, p_said jsonb,
    p_fresh uuid, p_event uuid, p_cause uuid, p_at timestamptz
) returns json language plpgsql as $$
declare
    v_patient int := (p_side = 'patient')::int;
    v_media jsonb := p_said -> 'media';
    v_form jsonb := p_said -> 'form';
    v_re int := p_said ->> 're';
    v_thread conversation%rowtype;
    v_known json;
    v_attached jsonb;
    v_new boolean := false;
    v_last int;
    v_last_staff int;
begin
    if v_media is not null then
        v_known := chat_known(p_clinic, p_patient, p_sender, p_name, p_client, p_digest);
        if v_known is not null then
            return v_known;
        end if;
        v_attached := chat_media(p_clinic, p_patient, p_side, p_sender, v_media, p_at);
        if v_attached is null then
            return json_build_object('refusal', 'media-unknown');
        end if;
    end if;
    update conversation c set last_seq = c.last_seq + 1, last_rev = c.last_rev + 1, last_at = p_at,
        n_patient = c.n_patient + v_patient, n_clinic = c.n_clinic + 1 - v_patient
    where c.clinic_id = p_clinic and c.patient_id = p_patient returning * into v_thread;
    if not found then
        v_known := chat_known(p_clinic, p_patient, p_sender, p_name, p_client, p_digest);
        if v_known is not null then
            return v_known;
        end if;
        perform pg_advisory_xact_lock(chat_making(p_clinic, p_patient));
        insert into conversation as c (
            clinic_id, id, patient_id, last_seq, last_rev, last_srev, n_patient, n_clinic, n_deleted, last_at
        ) values (p_clinic, p_fresh, p_patient, 1, 1, 0, v_patient, 1 - v_patient, 0, p_at)
        on conflict (clinic_id, patient_id) do update set last_seq = c.last_seq + 1, last_rev = c.last_rev + 1,
            last_at = p_at, n_patient = c.n_patient + v_patient, n_clinic = c.n_clinic + 1 - v_patient
        returning * into v_thread;
    end if;
    if v_re is null or v_re between 1 and v_thread.last_seq - 1 then
        insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at, sender_id, client_id, digest)
        values (p_clinic, v_thread.id, 's', v_thread.last_rev, case when v_form is null then 'msg' else 'form' end,
            jsonb_build_object('seq', v_thread.last_seq), p_at, p_sender, p_client, p_digest)
        on conflict (clinic_id, sender_id, client_id) do nothing;
        v_new := found;
    end if;
    if not v_new then
        update conversation c set last_seq = c.last_seq - 1, last_rev = c.last_rev - 1,
            n_patient = c.n_patient - v_patient, n_clinic = c.n_clinic - 1 + v_patient
        where c.clinic_id = p_clinic and c.id = v_thread.id;
        return coalesce(chat_known(p_clinic, p_patient, p_sender, p_name, p_client, p_digest),
            json_build_object('refusal', 'not-found'));
    end if;
    insert into message (
        clinic_id, conversation_id, seq, rev, ordinal, side, via, sender_id, sender_name, client_id,
        body, media, card, form, re, at
    ) values (
        p_clinic, v_thread.id, v_thread.last_seq, v_thread.last_rev,
        case when v_patient = 1 then v_thread.n_patient else v_thread.n_clinic end,
        p_side, coalesce(p_said ->> 'via', 'app'), p_sender, p_name, p_client,
        p_said ->> 'body', v_media, p_said -> 'card', v_form, v_re, p_at
    );
    if v_attached -> 'voices' <> '[]'::jsonb then
        perform chat_voices_said(p_clinic, v_media, p_patient);
    end if;
    insert into event (clinic_id, id, kind, subject_id, patient_id, actor_kind, actor_id, cause_id, facts, at)
    values (p_clinic, p_event, 'message.posted', v_thread.id, p_patient,
        case p_side when 'clinic' then 'staff' when 'bot' then 'automation' else p_side end, p_sender, p_cause,
        jsonb_build_object('side', p_side, 'seq', v_thread.last_seq), p_at);
    v_last := v_thread.last_rev;
    v_last_staff := v_thread.last_srev;
    if chat_case_touched(p_clinic, v_thread.id, p_side, p_at) then
        select c.last_rev, c.last_srev into v_last, v_last_staff from conversation c
        where c.clinic_id = p_clinic and c.id = v_thread.id;
    end if;
    return json_build_object('conversation_id', v_thread.id, 'patient_id', p_patient, 'name', p_name,
        'person_id', p_sender, 'seq', v_thread.last_seq, 'rev', v_thread.last_rev, 'at', p_at, 'dup', false,
        'last_rev', v_last, 'last_srev', v_last_staff,
        'pictures', v_attached -> 'pictures', 'voices', v_attached -> 'voices');
end $$
""",
    r"""
create function chat_unchangeable(
    p_message message, p_op text, p_side text, p_person uuid, p_text text, p_at timestamptz
) returns text language sql stable as $$
    select case
        when p_message.deleted_at is not null then 'message-deleted'
        when p_op = 'react' then null
        when p_op = 'del' and p_side = 'clinic' and p_message.side <> 'patient' and exists (
            select from staff s where s.clinic_id = p_message.clinic_id and s.id = p_person
                and 'clinic.manage' = any (s.permissions)
        ) then null
        when p_message.side <> p_side or p_message.sender_id <> p_person then 'message-not-yours'
        when p_at - p_message.at > interval '86400 seconds' then 'message-settled'
        when p_op = 'edit' and num_nonnulls(p_message.card, p_message.form) > 0 then 'message-settled'
        when p_op = 'edit' and p_text = '' and p_message.media is null then 'invalid-input'
    end
$$
""",
    r"""
create function chat_change(
    p_clinic uuid, p_patient uuid, p_side text, p_person uuid, p_name text, p_client uuid, p_digest uuid,
    p_op text, p_seq int, p_text text, p_at timestamptz
) returns json language plpgsql as $$
declare
    v_thread conversation%rowtype;
    v_message message%rowtype;
    v_known json;
    v_refusal text;
    v_data jsonb := jsonb_build_object('seq', p_seq);
    v_rev int;
begin
    select * into v_thread from conversation c
    where c.clinic_id = p_clinic and c.patient_id = p_patient for no key update;
    v_known := chat_known(p_clinic, p_patient, p_person, p_name, p_client, p_digest);
    if v_known is not null then
        return v_known;
    end if;
    select * into v_message from message m
    where m.clinic_id = p_clinic and m.conversation_id = v_thread.id and m.seq = p_seq;
    v_refusal := case when found then chat_unchangeable(v_message, p_op, p_side, p_person, p_text, p_at)
        else 'not-found' end;
    if v_refusal is not null then
        return json_build_object('refusal', v_refusal);
    end if;
    if p_op = 'react' then
        v_data := v_data || jsonb_build_object('person_id', p_person, 'side', p_side, 'emoji', p_text);
    end if;
    v_rev := chat_log(p_clinic, v_thread.id, 's', p_op, v_data, p_at, p_person, p_client, p_digest);
    if v_rev is null then
        return chat_known(p_clinic, p_patient, p_person, p_name, p_client, p_digest);
    end if;
    if p_op = 'edit' then
        update message m set body = p_text, edited_at = p_at
        where m.clinic_id = p_clinic and m.conversation_id = v_thread.id and m.seq = p_seq;
    elsif p_op = 'del' then
        update message m set body = '', media = null, card = null, form = null, deleted_at = p_at
        where m.clinic_id = p_clinic and m.conversation_id = v_thread.id and m.seq = p_seq;
        if v_message.media is not null then
            perform chat_voices_said(p_clinic, v_message.media, null);
        end if;
        delete from reaction r where r.clinic_id = p_clinic and r.conversation_id = v_thread.id and r.seq = p_seq;
        update conversation c set n_deleted = c.n_deleted + 1 where c.clinic_id = p_clinic and c.id = v_thread.id;
    elsif p_text = '' then
        delete from reaction r where r.clinic_id = p_clinic and r.conversation_id = v_thread.id and r.seq = p_seq
            and r.person_id = p_person;
    else
        insert into reaction (clinic_id, conversation_id, seq, person_id, side, emoji)
        values (p_clinic, v_thread.id, p_seq, p_person, p_side, p_text)
        on conflict (clinic_id, conversation_id, seq, person_id) do update set emoji = excluded.emoji;
    end if;
    return json_build_object('conversation_id', v_thread.id, 'patient_id', p_patient, 'name', p_name,
        'person_id', p_person, 'seq', p_seq, 'rev', v_rev, 'at', p_at, 'dup', false,
        'last_rev', v_rev, 'last_srev', v_thread.last_srev);
end $$
""",
    r"""
create function chat_note_down(
    p_clinic uuid, p_patient uuid, p_staff uuid, p_name text, p_client uuid, p_digest uuid, p_text text, p_fresh uuid,
    p_at timestamptz
) returns json language plpgsql as $$
declare
    v_thread conversation%rowtype := chat_thread(p_clinic, p_patient, p_fresh, p_at);
    v_known json := chat_known(p_clinic, p_patient, p_staff, p_name, p_client, p_digest);
    v_rev int;
begin
    if v_known is not null then
        return v_known;
    end if;
    v_rev := chat_log(p_clinic, v_thread.id, 'p', 'note', '{}', p_at, p_staff, p_client, p_digest);
    if v_rev is null then
        return chat_known(p_clinic, p_patient, p_staff, p_name, p_client, p_digest);
    end if;
    insert into chat_note (clinic_id, conversation_id, rev, staff_id, author, body, at)
    values (p_clinic, v_thread.id, v_rev, p_staff, p_name, p_text, p_at);
    return json_build_object('conversation_id', v_thread.id, 'patient_id', p_patient, 'name', p_name,
        'person_id', p_staff, 'seq', 0, 'rev', v_rev, 'at', p_at, 'dup', false,
        'last_rev', v_thread.last_rev, 'last_srev', v_rev);
end $$
""",
    r"""
create function chat_mark(
    p_clinic uuid, p_patient uuid, p_side text, p_person uuid,
    p_delivered int, p_read int, p_front boolean, p_session uuid, p_at timestamptz
) returns json language plpgsql as $$
declare
    v_thread conversation%rowtype;
    v_old mark%rowtype;
    v_read int;
    v_delivered int;
    v_front int;
    v_rev int;
    v_told boolean;
begin
    select * into v_thread from conversation c
    where c.clinic_id = p_clinic and c.patient_id = p_patient for no key update;
    if not found then
        return json_build_object('refusal', 'not-found');
    end if;
    select * into v_old from mark k
    where k.clinic_id = p_clinic and k.conversation_id = v_thread.id and k.person_id = p_person;
    v_read := least(p_read, v_thread.last_seq);
    v_delivered := least(greatest(p_delivered, p_read), v_thread.last_seq);
    v_front := greatest(case when p_front then v_delivered else 0 end, v_old.front, 0);
    v_read := greatest(v_read, v_old.read);
    v_delivered := greatest(v_delivered, v_old.delivered);
    if v_delivered > coalesce(v_old.delivered, 0) or v_read > coalesce(v_old.read, 0)
        or v_front > coalesce(v_old.front, 0)
    then
        v_told := p_side = 'patient' and v_read > coalesce(v_old.read, 0) and exists (
            select from message m where m.clinic_id = p_clinic and m.conversation_id = v_thread.id
                and m.seq > coalesce(v_old.read, 0) and m.seq <= v_read and m.told
        );
        insert into mark as k (
            clinic_id, conversation_id, person_id, side, delivered, read, front, read_session_id, clear_due
        )
        values (p_clinic, v_thread.id, p_person, p_side, v_delivered, v_read, v_front,
            case when v_told then p_session end, v_told)
        on conflict (clinic_id, conversation_id, person_id) do update
        set delivered = excluded.delivered, read = excluded.read, front = excluded.front,
            read_session_id = case when v_told then excluded.read_session_id else k.read_session_id end,
            clear_due = k.clear_due or excluded.clear_due;
    end if;
    if v_delivered = coalesce(v_old.delivered, 0) and v_read = coalesce(v_old.read, 0) then
        return json_build_object('conversation_id', v_thread.id, 'patient_id', p_patient, 'dup', true);
    end if;
    v_rev := chat_log(p_clinic, v_thread.id, 's', 'mark',
        jsonb_build_object('side', p_side, 'delivered', v_delivered, 'read', v_read), p_at);
    return json_build_object('conversation_id', v_thread.id, 'patient_id', p_patient, 'dup', false, 'rev', v_rev,
        'at', p_at, 'delivered', v_delivered, 'read', v_read);
end $$
""",
    r"""
create function chat_all(p_items json, p_wait boolean) returns json language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_item record;
    v_clinic uuid;
    v_setting text;
    v_answer json;
    v_answers json[] := array_fill(null::json, array[json_array_length(p_items)]);
begin
    for v_item in
        select i.*, p.* from rows from (json_to_recordset(p_items) as (
            op text, clinic uuid, side text, account uuid, session uuid, conversation uuid, patient uuid,
            client uuid, digest uuid, at timestamptz, said jsonb, fresh uuid, event uuid, seq int,
            words text, delivered int, read int, front boolean
        )) with ordinality as i(
            op, clinic, side, account, session, conversation, patient, client, digest, at, said, fresh, event, seq,
            words, delivered, read, front, place
        )
        cross join lateral chat_party(i.clinic, i.side, i.account, i.session, i.conversation, i.patient, i.at) p
        order by i.clinic, p.o_patient, i.place
    loop
        if v_item.o_refusal is null and v_item.op = 'note' and v_item.side <> 'clinic' then
            v_item.o_refusal := 'not-allowed';
        end if;
        if v_item.o_refusal is not null then
            v_answers[v_item.place] := json_build_object('refusal', v_item.o_refusal);
            continue;
        end if;
        if v_clinic is distinct from v_item.clinic then
            v_clinic := v_item.clinic;
            v_setting := set_config('enamel.clinic_id', v_clinic::text, true);
        end if;
        if not p_wait then
            perform from conversation c
            where c.clinic_id = v_clinic and c.patient_id = v_item.o_patient for no key update skip locked;
            if not found then
                if not pg_try_advisory_xact_lock(chat_making(v_clinic, v_item.o_patient)) then
                    continue;
                end if;
                if exists (
                    select from conversation c where c.clinic_id = v_clinic and c.patient_id = v_item.o_patient
                ) then
                    continue;
                end if;
            end if;
        end if;
        case v_item.op
            when 'msg' then
                v_answer := chat_post(v_clinic, v_item.o_patient, v_item.side, v_item.o_person, v_item.o_name,
                    v_item.client, v_item.digest, v_item.said, v_item.fresh, v_item.event, null, v_item.at);
            when 'mark' then
                v_answer := chat_mark(v_clinic, v_item.o_patient, v_item.side, v_item.o_person, v_item.delivered,
                    v_item.read, v_item.front, v_item.session, v_item.at);
            when 'note' then
                v_answer := chat_note_down(v_clinic, v_item.o_patient, v_item.o_person, v_item.o_name, v_item.client,
                    v_item.digest, v_item.words, v_item.fresh, v_item.at);
            else
                v_answer := chat_change(v_clinic, v_item.o_patient, v_item.side, v_item.o_person, v_item.o_name,
                    v_item.client, v_item.digest, v_item.op, v_item.seq, v_item.words, v_item.at);
        end case;
        v_answers[v_item.place] := v_answer;
    end loop;
    return array_to_json(v_answers);
end $$
""",
    r"""
create function present_epoch() returns text language plpgsql stable as $$
declare
    v_known text := (select concat_ws(' ', 'epoch_mark'::regclass::oid, string_agg(concat_ws('.', xmin, id), ' '
        order by id)) from epoch_mark);
begin
    if has_function_privilege('pg_control_system()', 'execute') then
        v_known := v_known || ' ' || (select system_identifier from pg_control_system());
    end if;
    if pg_is_in_recovery() then
        v_known := v_known || ' recovering';
    else
        v_known := v_known || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8);
    end if;
    return encode(substring(sha256(convert_to(v_known, 'UTF8')) for 6), 'hex');
end $$
""",
    r"""
create function pictures_attached(p_clinic uuid, p_patient uuid, p_ids jsonb) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'kind', p.kind, 'width', p.width, 'height', p.height, 'blurhash', p.blurhash
    ) order by i.place), '[]'::jsonb)
    from jsonb_array_elements_text(p_ids) with ordinality as i(id, place)
    join picture p on p.clinic_id = p_clinic and p.id = i.id::uuid and p.patient_id = p_patient
    where p.state = 'ready' and p.released_at is not null and not p.private and p.kind <> 'voice'
$$
""",
    r"""
create function voices_attached(p_clinic uuid, p_patient uuid, p_ids jsonb) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'kind', p.kind, 'seconds', p.seconds, 'waveform', to_jsonb(p.waveform)
    ) order by i.place), '[]'::jsonb)
    from jsonb_array_elements_text(p_ids) with ordinality as i(id, place)
    join picture p on p.clinic_id = p_clinic and p.id = i.id::uuid and p.patient_id = p_patient
    where p.state = 'ready' and p.released_at is not null and not p.private and p.kind = 'voice'
$$
""",
]

TRIGGERS = [
    "create trigger picture_insert after insert on picture referencing new table as told for each statement execute function note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null and touched.kind <> ''voice''')",
    "create trigger picture_update after update on picture referencing old table as was new table as told for each statement execute function note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null and touched.kind <> ''voice''')",
    "create trigger picture_delete after delete on picture referencing old table as told for each statement execute function note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null and touched.kind <> ''voice''')",
    "create trigger picture_voice_insert after insert on picture referencing new table as told for each statement execute function note_change('voice', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null and touched.kind = ''voice'' and touched.said')",
    "create trigger picture_voice_update after update on picture referencing old table as was new table as told for each statement execute function note_change('voice', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null and touched.kind = ''voice'' and touched.said')",
    "create trigger picture_voice_delete after delete on picture referencing old table as told for each statement execute function note_change('voice', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null and touched.kind = ''voice'' and touched.said')",
]

UNDONE = [
    'drop trigger picture_insert on picture',
    'drop trigger picture_update on picture',
    'drop trigger picture_delete on picture',
    'drop trigger picture_voice_insert on picture',
    'drop trigger picture_voice_update on picture',
    'drop trigger picture_voice_delete on picture',
]

FORGOTTEN = [
    'drop function chat_post',
    'drop function chat_mark',
    'drop function chat_making',
    'drop function chat_thread',
    'drop function chat_log',
    'drop function chat_known',
    'drop function chat_case_log',
    'drop function chat_case_opened',
    'drop function chat_case_touched',
    'drop function chat_media',
    'drop function chat_voices_said',
    'drop function chat_hides',
    'drop function chat_unchangeable',
    'drop function chat_change',
    'drop function chat_note_down',
    'drop function chat_all',
    'drop function present_epoch',
    'drop function pictures_attached',
    'drop function voices_attached',
]

# As the earlier migrations made them.
RESTORED = [
    r"""
CREATE OR REPLACE FUNCTION chat_party(p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_at timestamp with time zone, OUT o_refusal text, OUT o_person uuid, OUT o_name text, OUT o_patient uuid)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
declare
    v_own boolean := coalesce(p_conversation, p_patient) is null;
    v_hears boolean;
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
        select a.account_id, '', a.patient_id, a.hears into o_person, o_name, o_patient, v_hears
        from (SELECT access.clinic_id, access.patient_id, access.account_id, access.relation, access.relation = 'self' OR 'chat' = any(access.scopes) AS hears 
FROM access 
WHERE access.revoked_at IS NULL AND access.blocked_at IS NULL AND (access.ends_at IS NULL OR access.ends_at > p_at) AND (access.relation != 'guardian' OR (EXISTS (SELECT patient.id 
FROM patient JOIN branch ON branch.clinic_id = patient.clinic_id AND branch.id = patient.branch_id JOIN clinic ON clinic.clinic_id = patient.clinic_id 
WHERE patient.clinic_id = access.clinic_id AND patient.id = access.patient_id AND date(timezone(branch.zone, p_at)) < CAST(patient.birth_date + make_interval(CASE clinic.country WHEN 'KR' THEN 19 WHEN 'TH' THEN 20 WHEN 'NZ' THEN 20 WHEN 'SG' THEN 21 WHEN 'ID' THEN 21 ELSE 18 END) AS DATE))))) a
        where a.clinic_id = p_clinic and a.account_id = p_account
            and case when v_own then a.relation = 'self' else a.patient_id = o_patient end
        limit 1;
        if not found then
            o_refusal := case when v_own then 'no-record-linked' else 'not-found' end;
        elsif not v_hears then
            o_refusal := 'access-too-narrow';
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
end $function$
""",
    r"""
CREATE OR REPLACE FUNCTION chat_post(p_clinic uuid, p_patient uuid, p_side text, p_sender uuid, p_name text, p_client uuid, p_body text, p_fresh uuid, p_event uuid, p_cause uuid, p_at timestamp with time zone)
 RETURNS json
 LANGUAGE plpgsql
AS $function$
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
end $function$
""",
    r"""
CREATE OR REPLACE FUNCTION chat_mark(p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_delivered integer, p_read integer, p_at timestamp with time zone)
 RETURNS json
 LANGUAGE plpgsql
AS $function$
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
end $function$
""",
    r"""
CREATE OR REPLACE FUNCTION chat_send(p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_client uuid, p_body text, p_fresh uuid, p_event uuid, p_at timestamp with time zone)
 RETURNS json
 LANGUAGE plpgsql
AS $function$
declare
    v_party record;
begin
    select * into v_party from chat_party(p_clinic, p_side, p_account, p_session, p_conversation, p_patient, p_at);
    if v_party.o_refusal is not null then
        return json_build_object('refusal', v_party.o_refusal);
    end if;
    return chat_post(p_clinic, v_party.o_patient, p_side, v_party.o_person, v_party.o_name, p_client, p_body,
        p_fresh, p_event, null, p_at);
end $function$
""",
    "CREATE TRIGGER picture_insert AFTER INSERT ON picture REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null')",
    "CREATE TRIGGER picture_update AFTER UPDATE ON picture REFERENCING OLD TABLE AS was NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null')",
    "CREATE TRIGGER picture_delete AFTER DELETE ON picture REFERENCING OLD TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION note_change('picture', 'patient_id', 'id', '{lease_until,attempts}', 'not private', 'touched.state = ''ready'' and touched.released_at is not null')",
]


def keep_names() -> None:
    """What was sent keeps its name for ever, and a digest of what was asked, as `chat.commands.speaking.named` has it."""
    connection = op.get_bind()
    asked = sa.text("select clinic_id, conversation_id, rev, sender_id, client_id, body from message")
    for messages in connection.execute(asked).mappings().partitions(5_000):
        columns = {name: [row[name] for row in messages] for name in messages[0] if name != "body"}
        connection.execute(NAMED, {**columns, "digest": [digest(row["body"]) for row in messages]})


def digest(body: str) -> UUID:
    return UUID(bytes=blake2b(msgspec.json.encode(("msg", body, None, None, None)), digest_size=16).digest())


def upgrade() -> None:
    for statement in REPLACED:
        op.execute(statement)
    op.create_table('canned_reply',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('canned_reply_title', 'canned_reply', ['clinic_id', 'title'], unique=False)
    op.create_table('chat_desk',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('starters', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('topics', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('away', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('labels', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('weekdays', postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{0,1,2,3,4,5,6}'"), nullable=False),
    sa.Column('assigning', sa.String(), server_default=sa.text("'by_hand'"), nullable=False),
    sa.Column('escalate_minutes', sa.Integer(), nullable=True),
    sa.Column('escalate_to', sa.Uuid(), nullable=True),
    sa.Column('asks_score', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('bot', sa.String(), server_default=sa.text("'none'"), nullable=False),
    sa.Column('bot_url', sa.String(), nullable=True),
    sa.Column('bot_secret', sa.LargeBinary(), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id')
    )
    op.create_table('chat_node',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('chat_pace',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('answers', sa.Integer(), nullable=False),
    sa.Column('counted_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id')
    )
    op.create_table('chat_words_mark',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('xid', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('epoch_mark',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('price',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('names', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.Column('up_to_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('clinic_id', 'place')
    )
    op.create_table('chat_address',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('via', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='chat_address_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'via', 'address')
    )
    op.create_index('chat_address_patient', 'chat_address', ['clinic_id', 'patient_id'], unique=False)
    op.create_table('chat_presence',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('patient_id', sa.Uuid(), nullable=True),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('front', sa.Boolean(), nullable=False),
    sa.Column('connection_id', sa.Uuid(), nullable=False),
    sa.Column('device', sa.String(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'patient_id'], ['patient.clinic_id', 'patient.id'], name='chat_presence_patient'),
    sa.PrimaryKeyConstraint('clinic_id', 'id')
    )
    op.create_index('chat_presence_of_device', 'chat_presence', ['clinic_id', 'account_id', 'device'], unique=False)
    op.create_index('chat_presence_of_node', 'chat_presence', ['node_id'], unique=False)
    op.create_index('chat_presence_of_patient', 'chat_presence', ['clinic_id', 'patient_id'], unique=False)
    op.create_index('chat_presence_since', 'chat_presence', ['since'], unique=False)
    op.create_table('chat_rota',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('branch_ids', postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('topics', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('paused', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('turn', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'staff_id'], ['staff.clinic_id', 'staff.id'], name='chat_rota_staff'),
    sa.PrimaryKeyConstraint('clinic_id', 'staff_id')
    )
    op.create_table('bot_turn',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('case_id', sa.Uuid(), nullable=False),
    sa.Column('conversation_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'conversation_id'], ['conversation.clinic_id', 'conversation.id'], name='bot_turn_conversation'),
    sa.PrimaryKeyConstraint('clinic_id', 'case_id')
    )
    op.create_table('chat_case',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('conversation_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('assignee_id', sa.Uuid(), nullable=True),
    sa.Column('branch_id', sa.Uuid(), nullable=True),
    sa.Column('topic', sa.String(), nullable=False),
    sa.Column('labels', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('priority', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('queued_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('waiting_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('first_reply_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reply_minutes', sa.Integer(), nullable=True),
    sa.Column('snoozed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('escalates_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('escalated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('away_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('score_words', sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column('scored_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id', 'assignee_id'], ['staff.clinic_id', 'staff.id'], name='chat_case_assignee'),
    sa.ForeignKeyConstraint(['clinic_id', 'branch_id'], ['branch.clinic_id', 'branch.id'], name='chat_case_branch'),
    sa.ForeignKeyConstraint(['clinic_id', 'conversation_id'], ['conversation.clinic_id', 'conversation.id'], name='chat_case_conversation'),
    sa.PrimaryKeyConstraint('clinic_id', 'id'),
    postgresql_with={'fillfactor': 70}
    )
    op.create_index('chat_case_live', 'chat_case', ['clinic_id', 'conversation_id'], unique=True, postgresql_where=sa.text('closed_at is null'))
    op.create_index('chat_case_of_conversation', 'chat_case', ['clinic_id', 'conversation_id', 'opened_at'], unique=False)
    op.create_index('chat_case_uncounted', 'chat_case', ['first_reply_at'], unique=False, postgresql_where=sa.text('first_reply_at is not null and reply_minutes is null'))
    op.create_table('chat_note',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('conversation_id', sa.Uuid(), nullable=False),
    sa.Column('rev', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'conversation_id'], ['conversation.clinic_id', 'conversation.id'], name='chat_note_conversation'),
    sa.PrimaryKeyConstraint('clinic_id', 'conversation_id', 'rev')
    )
    op.create_table('chat_words',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('conversation_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('words', postgresql.TSVECTOR(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'conversation_id'], ['conversation.clinic_id', 'conversation.id'], name='chat_words_conversation'),
    sa.PrimaryKeyConstraint('clinic_id', 'conversation_id', 'seq')
    )
    op.create_index('chat_words_words', 'chat_words', ['words'], unique=False, postgresql_using='gin')
    op.create_table('reaction',
    sa.Column('clinic_id', sa.Uuid(), nullable=False),
    sa.Column('conversation_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('side', sa.String(), nullable=False),
    sa.Column('emoji', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['clinic_id', 'conversation_id', 'seq'], ['message.clinic_id', 'message.conversation_id', 'message.seq'], name='reaction_message'),
    sa.PrimaryKeyConstraint('clinic_id', 'conversation_id', 'seq', 'person_id')
    )
    op.add_column('chat_event', sa.Column('sender_id', sa.Uuid(), nullable=True))
    op.add_column('chat_event', sa.Column('client_id', sa.Uuid(), nullable=True))
    op.add_column('chat_event', sa.Column('digest', sa.Uuid(), nullable=True))
    op.create_unique_constraint('chat_event_client_id', 'chat_event', ['clinic_id', 'sender_id', 'client_id'])
    op.add_column('conversation', sa.Column('last_srev', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('conversation', sa.Column('n_deleted', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('mark', sa.Column('front', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('mark', sa.Column('read_session_id', sa.Uuid(), nullable=True))
    op.add_column('mark', sa.Column('clear_due', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_index('mark_clear_due', 'mark', ['clinic_id'], unique=False, postgresql_where=sa.text('clear_due'))
    op.add_column('message', sa.Column('via', sa.String(), server_default=sa.text("'app'"), nullable=False))
    op.add_column('message', sa.Column('media', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('message', sa.Column('card', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('message', sa.Column('form', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('message', sa.Column('re', sa.Integer(), nullable=True))
    op.add_column('message', sa.Column('edited_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('message', sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('message', sa.Column('told', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.drop_constraint(op.f('message_client_id'), 'message', type_='unique')
    op.create_index('message_deleted', 'message', ['clinic_id', 'conversation_id', 'seq'], unique=False, postgresql_where=sa.text('deleted_at is not null'))
    op.add_column('notice', sa.Column('silent', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('notice', sa.Column('account_id', sa.Uuid(), nullable=True))
    op.add_column('notice', sa.Column('spared_session_id', sa.Uuid(), nullable=True))
    op.add_column('notice', sa.Column('seq', sa.Integer(), nullable=True))
    op.add_column('notice', sa.Column('badges', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('picture', sa.Column('seconds', sa.Integer(), nullable=True))
    op.add_column('picture', sa.Column('waveform', postgresql.ARRAY(sa.SmallInteger()), nullable=True))
    op.create_check_constraint('picture_sound_is_voice', 'picture', "(kind = 'voice') = (media_type like 'audio/%')")
    op.create_check_constraint('picture_voice_is_heard', 'picture', "kind <> 'voice' or state <> 'ready' or (seconds between 1 and 900 and cardinality(waveform) = 64 and 0 <= all (waveform) and 31 >= all (waveform)) is true")
    op.add_column('picture', sa.Column('spoken_by', sa.Uuid(), nullable=True))
    op.add_column('picture', sa.Column('said', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('staff', sa.Column('branch_ids', postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('staff', sa.Column('tied_xid', Xid8(), server_default=sa.text("'0'"), nullable=False))
    op.alter_column('conversation', 'last_srev', server_default=None)
    op.alter_column('conversation', 'n_deleted', server_default=None)
    op.alter_column('mark', 'front', server_default=None)
    op.alter_column('message', 'via', server_default=None)
    op.alter_column('notice', 'silent', server_default=None)
    keep_names()
    op.execute('insert into epoch_mark (id, at) values (gen_random_uuid(), now())')
    for statement in (*RULES, *FUNCTIONS, *TRIGGERS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.execute(NO_VOICES)
    op.execute("delete from change where kind = 'voice'")
    op.execute("revoke update (data) on chat_event from enamel_worker")
    for statement in UNDONE:
        op.execute(statement)
    op.drop_column('staff', 'tied_xid')
    op.drop_column('staff', 'branch_ids')
    op.drop_column('picture', 'said')
    op.drop_column('picture', 'spoken_by')
    op.drop_constraint('picture_voice_is_heard', 'picture')
    op.drop_constraint('picture_sound_is_voice', 'picture')
    op.drop_column('picture', 'waveform')
    op.drop_column('picture', 'seconds')
    op.drop_column('notice', 'badges')
    op.drop_column('notice', 'seq')
    op.drop_column('notice', 'spared_session_id')
    op.drop_column('notice', 'account_id')
    op.drop_column('notice', 'silent')
    op.drop_index('message_deleted', table_name='message', postgresql_where=sa.text('deleted_at is not null'))
    op.create_unique_constraint(op.f('message_client_id'), 'message', ['clinic_id', 'sender_id', 'client_id'], postgresql_nulls_not_distinct=False)
    op.drop_column('message', 'told')
    op.drop_column('message', 'deleted_at')
    op.drop_column('message', 'edited_at')
    op.drop_column('message', 're')
    op.drop_column('message', 'form')
    op.drop_column('message', 'card')
    op.drop_column('message', 'media')
    op.drop_column('message', 'via')
    op.drop_index('mark_clear_due', table_name='mark', postgresql_where=sa.text('clear_due'))
    op.drop_column('mark', 'clear_due')
    op.drop_column('mark', 'read_session_id')
    op.drop_column('mark', 'front')
    op.drop_column('conversation', 'n_deleted')
    op.drop_column('conversation', 'last_srev')
    op.drop_constraint('chat_event_client_id', 'chat_event', type_='unique')
    op.drop_column('chat_event', 'digest')
    op.drop_column('chat_event', 'client_id')
    op.drop_column('chat_event', 'sender_id')
    op.drop_table('reaction')
    op.drop_index('chat_words_words', table_name='chat_words', postgresql_using='gin')
    op.drop_table('chat_words')
    op.drop_table('chat_note')
    op.drop_index('chat_case_uncounted', table_name='chat_case', postgresql_where=sa.text('first_reply_at is not null and reply_minutes is null'))
    op.drop_index('chat_case_of_conversation', table_name='chat_case')
    op.drop_index('chat_case_live', table_name='chat_case', postgresql_where=sa.text('closed_at is null'))
    op.drop_table('chat_case')
    op.drop_table('bot_turn')
    op.drop_table('chat_rota')
    op.drop_index('chat_presence_since', table_name='chat_presence')
    op.drop_index('chat_presence_of_patient', table_name='chat_presence')
    op.drop_index('chat_presence_of_node', table_name='chat_presence')
    op.drop_index('chat_presence_of_device', table_name='chat_presence')
    op.drop_table('chat_presence')
    op.drop_index('chat_address_patient', table_name='chat_address')
    op.drop_table('chat_address')
    op.drop_table('price')
    op.drop_table('epoch_mark')
    op.drop_table('chat_words_mark')
    op.drop_table('chat_pace')
    op.drop_table('chat_node')
    op.drop_table('chat_desk')
    op.drop_index('canned_reply_title', table_name='canned_reply')
    op.drop_table('canned_reply')
    for statement in FORGOTTEN:
        op.execute(statement)
    for statement in RESTORED:
        op.get_bind().exec_driver_sql(statement)
