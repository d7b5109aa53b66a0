"""Who may write to whom: asked first by everything that a signed-in account does in a conversation."""

from chat.reach_sql import reach_sql
from clinic.queries import openers_sql
from clinic.queries.standing import desk_sql
from identity.queries import live_session_sql

# Who calls, and about whose conversation: by its id, by the patient, or (neither) the account's own.
# The one place that decides who may write to whom. Sets the clinic for what follows in the transaction.
# The session is asked too, so one that is over is silent at once.
PARTY = f"""
create function chat_party(
    p_clinic uuid, p_side text, p_account uuid, p_session uuid, p_conversation uuid, p_patient uuid, p_at timestamptz,
    out o_refusal text, out o_person uuid, out o_name text, out o_patient uuid
) language plpgsql as $$
declare
    v_own boolean := coalesce(p_conversation, p_patient) is null;
    v_hears boolean;
    v_setting text;
begin
    v_setting := set_config('enamel.clinic_id', p_clinic::text, true);  -- assigned: `perform` would be a statement
    if not {live_session_sql("p_session", "p_account", "p_at", "p_clinic")} then
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
    select s.id, s.name, case when s.replies then null else 'not-allowed' end
    into o_person, o_name, o_refusal from ({desk_sql()}) s
    where s.clinic_id = p_clinic and s.account_id = p_account;
    if not found then
        o_refusal := 'session-ended';
    elsif o_refusal is null and not exists (
        select from patient p where p.clinic_id = p_clinic and p.id = o_patient
    ) then
        o_refusal := 'not-found';
    elsif o_refusal is null and exists (
        select from conversation c where c.clinic_id = p_clinic and c.patient_id = o_patient
            and not {reach_sql("c.clinic_id", "c.id", "s.id = o_person")}
    ) then
        o_refusal := 'not-found';
    end if;
end $$
"""  # noqa: S608  no word of anybody outside
