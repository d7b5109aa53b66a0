"""The one writer of messages."""

# What a sender's id already names, as the answer that was given then; null where it names nothing yet.
KNOWN = """
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
"""

# A row that nobody can see yet cannot be passed over. So whoever makes a patient's conversation holds this until the
# commit, and who must not wait (`chat_all`) tries it first.
MAKING = """
create function chat_making(p_clinic uuid, p_patient uuid) returns bigint language sql immutable as $$
    select hashtextextended('conversation ' || p_clinic::text || p_patient::text, 0)
$$
"""

# The patient's conversation, found or made, its row locked.
THREAD = """
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
"""

# Takes the next number of one of the logs under the row's lock and writes the event: dense, and in commit order.
# Null where the sender's id names another event, seen only now: the number is given back before anybody saw it.
LOG = """
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
"""

# The patient's conversation is found or made by one upsert, so two first messages meet in one row. The row's
# lock gives the numbers: they are dense and stand in commit order. A message that turns out to be sent before
# gives its numbers back before anybody could see them: that is seldom, so nothing is asked about it beforehand, except
# where more than numbers would be left behind.
POST = """
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
"""
