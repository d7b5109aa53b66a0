"""The database functions of the chat: a send is one statement, one trip and one commit.

`chat_party` sets the clinic of a send or a mark for its own transaction, so that row-level security holds for
every statement after it; `chat_post` alone runs in its caller's scope and widens nothing. Refusals come back as
a member of the answer and not as an error: nothing failed.
"""

from sqlmodel import SQLModel

from clinic.queries import openers_sql
from core.schema import add_function

# Who calls, and about whose conversation: by its id, by the patient, or (neither) the account's own.
# The one place that decides who may write to whom. The session is asked too, so one that is over is silent at once.
_PARTY = f"""
create function chat_party(
    p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_at timestamptz,
    out o_refusal text, out o_person uuid, out o_name text, out o_patient uuid
) language plpgsql as $$
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
        from ({openers_sql("p_at")}) a
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
end $$
"""  # noqa: S608  no word of anybody outside

# The patient's conversation is found or made by one upsert, so two first messages meet in one row. The row's
# lock gives the numbers: they are dense and stand in commit order. A message that turns out to be sent before
# (by a racing copy, seen only under the lock) gives its numbers back before anybody could see them.
_POST = """
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
"""

_SEND = """
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
"""

# A mark that moves nothing writes nothing, also the first one; one that moves takes a number of the log like a message.
_MARK = """
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
"""

for _definition in (_PARTY, _POST, _SEND, _MARK):
    add_function(SQLModel.metadata, _definition)

# As text: the answer is parsed once, into the value it is.
SEND = "select chat_send($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)::text"
MARK = "select chat_mark($1, $2, $3, $4, $5, $6, $7, $8, $9)::text"
POST = "select chat_post(:clinic, :patient, :side, :sender, :name, :client, :body, :fresh, :event, :cause, :at)"
