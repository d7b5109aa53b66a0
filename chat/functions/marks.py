"""How far somebody has read."""

# A mark that moves nothing writes nothing, also the first one; one that others can see moves takes a number of the log
# like a message. That a device was looked at meanwhile is nobody's news.
MARK = """
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
"""
