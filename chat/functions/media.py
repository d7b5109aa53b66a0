"""Which pictures and voice messages may stand in a message, and what standing in one does to them."""

from clinic.queries import openers_sql

# What is known of them, in order; null where the sender may not look at pictures of this patient (to hear a voice
# message, the right to chat is enough), or one of them may not be shown to everybody who reads the thread: why is not
# said. A voice message that was not said yet is its speaker's alone to say. Nothing is locked: a picture that is hidden
# at the same moment is gone wherever the message is read after that.
ATTACHED = f"""
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
        select from ({openers_sql("p_at")}) a
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
"""  # noqa: S608  no word of anybody outside

# Whether messages carry these voice messages: nobody but who spoke one is told of it or hears it otherwise.
# `p_patient`: in whose thread they were just said; null: look. Each is locked, whosever it is by now, so one that is
# moved at the same moment (`chat.commands.voices`) is looked for in the thread that it ends up with. As the clinic
# sees: what was made private since is taken back all the same.
VOICES_SAID = """
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
"""
