"""proven guardians, narrowed copies."""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


# Who took up an invitation of the desk has proved who they are; rows made by a block alone prove nobody. The second half
# finds those whose bounds a later sync overwrote.
PROVEN = """
update access a set proven_at = granted_at
where (guardian_id is null and revoked_at is distinct from granted_at)
    or exists (select from link_code c where c.clinic_id = a.clinic_id and c.patient_id = a.patient_id
        and c.used_at = a.granted_at)
"""

FUNCTIONS = [
    r"""
create function narrow_copies() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('copies ' || new.clinic_id, 0));
    update privacy_export
       set scopes = scopes || 'hidden_since'::text, state = case state when 'asked' then 'failed' else state end
     where clinic_id = new.clinic_id and patient_id = new.patient_id and not whole
       and (state = 'ready' or state = 'asked' and lease_until is not null)
       and 'hidden_since' <> all (scopes);
    return null;
end $$
""",
    r"""
create or replace function inherit_private() returns trigger language plpgsql as $$
declare
    v_row jsonb := to_jsonb(new);
    v_parent uuid;
    v_private boolean;
    v_moved boolean := tg_op = 'INSERT' or pg_trigger_depth() > 1;
    v_viewer text := coalesce(current_setting('enamel.viewer', true), '');
begin
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        v_moved := v_moved or v_row ->> tg_argv[v_at] is distinct from to_jsonb(old) ->> tg_argv[v_at];
    end loop;
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        v_parent := v_row ->> tg_argv[v_at];
        continue when new.private or v_parent is null or not v_moved;
        perform pg_advisory_xact_lock_shared(hashtextextended('private ' || new.clinic_id, 0));
        perform set_config('enamel.viewer', 'clinic', true);
        execute format('select exists (select from %I where clinic_id = $1 and id = $2 and private)', tg_argv[v_at + 1])
            into v_private using new.clinic_id, v_parent;
        perform set_config('enamel.viewer', v_viewer, true);
        if v_private then
            new.private := true;
            new := jsonb_populate_record(new, jsonb_build_object('hidden_by', v_parent));
        end if;
    end loop;
    return new;
end $$
""",
]

TRIGGERS = [
    'create trigger appointment_hides after update on appointment for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger document_hides after update on document for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger patient_request_hides after update on patient_request for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger picture_hides after update on picture for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger plan_hides after update on plan for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger point_lot_hides after update on point_lot for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger ledger_entry_hides after update on ledger_entry for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger payment_intent_hides after update on payment_intent for each row when (new.private and not old.private) execute function narrow_copies()',
    'create trigger point_entry_hides after update on point_entry for each row when (new.private and not old.private) execute function narrow_copies()',
]

UNDONE = [
    'drop trigger appointment_hides on appointment',
    'drop trigger document_hides on document',
    'drop trigger patient_request_hides on patient_request',
    'drop trigger picture_hides on picture',
    'drop trigger plan_hides on plan',
    'drop trigger point_lot_hides on point_lot',
    'drop trigger ledger_entry_hides on ledger_entry',
    'drop trigger payment_intent_hides on payment_intent',
    'drop trigger point_entry_hides on point_entry',
]

FORGOTTEN = [
    'drop function narrow_copies',
]

# As the earlier migrations made them.
RESTORED = [
    r"""
CREATE OR REPLACE FUNCTION inherit_private()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
    v_row jsonb := to_jsonb(new);
    v_parent uuid;
    v_private boolean;
    v_moved boolean := tg_op = 'INSERT' or pg_trigger_depth() > 1;
begin
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        v_moved := v_moved or v_row ->> tg_argv[v_at] is distinct from to_jsonb(old) ->> tg_argv[v_at];
    end loop;
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        v_parent := v_row ->> tg_argv[v_at];
        continue when new.private or v_parent is null or not v_moved;
        perform pg_advisory_xact_lock_shared(hashtextextended('private ' || new.clinic_id, 0));
        execute format('select exists (select from %I where clinic_id = $1 and id = $2 and private)', tg_argv[v_at + 1])
            into v_private using new.clinic_id, v_parent;
        if v_private then
            new.private := true;
            new := jsonb_populate_record(new, jsonb_build_object('hidden_by', v_parent));
        end if;
    end loop;
    return new;
end $function$
""",
]


def upgrade() -> None:
    op.add_column('access', sa.Column('proven_at', sa.DateTime(timezone=True), nullable=True))
    op.execute(PROVEN)
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in UNDONE:
        op.execute(statement)
    op.drop_column('access', 'proven_at')
    for statement in FORGOTTEN:
        op.execute(statement)
    for statement in RESTORED:
        op.get_bind().exec_driver_sql(statement)
