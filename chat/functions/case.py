"""What a message does to the case of its conversation, and how a case's changes get into the logs."""

# Tells staff how a case now stands, and (`p_shown`) the patient whether it is open. The conversation's row is locked.
CASE_LOG = """
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
"""

# The patient's message that finds no live case: the same matter again where it was closed less than a week ago,
# else a new one, which begins with the clinic's bot where there is one: unless the patient answers a person, who wrote
# since the last case was closed.
CASE_OPENED = """
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
"""

# Called by `chat_post` with the conversation's row locked, once for each new message; whether it wrote into a log.
# A look is all that a message to a waiting case costs, an update one of an ordinary to and fro; the rest is for the
# first and the last of a case.
TOUCHED = """
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
"""
