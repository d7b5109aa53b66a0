"""Whether a message shows something that the patient keeps from those who act for them."""

from collections.abc import Mapping

from chat.card import CardKind

# By kind of card, the table of what its `id` names. A promotion is the clinic's own.
_THINGS: Mapping[CardKind, str] = {
    CardKind.PLAN: "plan",
    CardKind.STAGE: "plan",
    CardKind.PAYMENT: "plan",
    CardKind.APPOINTMENT: "appointment",
    CardKind.VISIT: "appointment",
    CardKind.PICTURE: "picture",
    CardKind.DOCUMENT: "document",
    CardKind.SURVEY: "document",
}
_CASES = " ".join(f"when '{kind.value}' then '{table}'" for kind, table in _THINGS.items())

# Asked as the clinic sees: to who reads the thread for the patient the private thing is not there at all.
HIDES = f"""
create function chat_hides(p_clinic uuid, p_media jsonb, p_card jsonb) returns boolean language plpgsql as $$
declare
    v_viewer text := coalesce(current_setting('enamel.viewer', true), '');
    v_table text := case p_card ->> 'kind' {_CASES} end;
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
"""  # noqa: S608  no word of anybody outside
