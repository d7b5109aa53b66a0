"""Changes of what was said: edited, deleted, reacted to, and noted among staff."""

from chat.conversation import CHANGEABLE_FOR

# Whether this person may still change a message, as a refusal; null where so. Moderators take back what the clinic
# said at any time.
CHANGEABLE = f"""
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
        when p_at - p_message.at > interval '{CHANGEABLE_FOR.total_seconds():.0f} seconds' then 'message-settled'
        when p_op = 'edit' and num_nonnulls(p_message.card, p_message.form) > 0 then 'message-settled'
        when p_op = 'edit' and p_text = '' and p_message.media is null then 'invalid-input'
    end
$$
"""  # noqa: S608  no word of anybody outside

# Every change takes a number, also one that changes nothing: so a late repeat of it never undoes a later one.
CHANGE = """
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
"""

NOTE = """
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
"""
