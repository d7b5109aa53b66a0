"""Everything that signed-in accounts ask of their conversations at one moment: one statement."""

# Each under the setting of its own clinic, so row-level security holds for every statement inside.
# Rights first, for all; then what may be done, by patient: two batches that make the same conversations meet them in
# the same order. A conversation that somebody else holds, or makes and has not committed, is passed over (a null
# answer) unless `p_wait`: a batch never waits for one conversation, so its neighbours do not either.
# The plans of all that it calls are made once for a connection, perhaps while the tables were empty, when reading them
# whole looks cheapest; each step goes by a key, so that is forbidden, and plans made anew for each value are too.
TOGETHER = """
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
"""
