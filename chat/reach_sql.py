"""The one rule of who of the staff reaches which conversation, as SQL: nobody else writes it down.

Somebody tied to no branch reaches all. Who is tied reaches a conversation whose newest case stands in one of their
branches or in none, that has no case, or whose case is theirs. What is not reached is as what is not there.
"""

_LOOKS_BACK = 50


def stands_sql(branch: str, assignee: str, member: str) -> str:
    """SQL: a case of this branch and assignee is one that `member` (a row of `staff`) may see."""
    return (
        f"({member}.branch_ids = '{{}}' or {branch} is null or {branch} = any ({member}.branch_ids)"
        f" or {assignee} is not distinct from {member}.id)"
    )


def reach_sql(clinic: str, conversation: str, who: str) -> str:
    """SQL: whoever `who` (a condition on the row `s` of `staff`) finds reaches this conversation."""
    return f"""not exists (
    select from staff s cross join lateral (
        select k.branch_id, k.assignee_id from chat_case k
        where k.clinic_id = {clinic} and k.conversation_id = {conversation}
        order by k.opened_at desc, k.id desc limit 1
    ) n
    where s.clinic_id = {clinic} and {who} and s.branch_ids <> '{{}}'
        and not {stands_sql("n.branch_id", "n.assignee_id", "s")}
)"""  # noqa: S608  no word of anybody outside


def lost_sql(event: str, who: str) -> str:
    """SQL: whoever `who` (as in `reach_sql`) finds reached the conversation just before `event`, a row of `chat_event`
    that tells of its case. One that began without a case was reached by all.
    """
    return f"""exists (
    select from staff s where s.clinic_id = {event}.clinic_id and {who} and coalesce((
        select {stands_sql("(e.data ->> 'branch_id')::uuid", "(e.data ->> 'assignee_id')::uuid", "s")}
        from chat_event e where e.clinic_id = {event}.clinic_id and e.conversation_id = {event}.conversation_id
            and e.log = 'p' and e.rev < {event}.rev and e.kind in ('state', 'assign', 'label')
        order by e.rev desc limit 1
    ), not exists (
        select from chat_event e where e.clinic_id = {event}.clinic_id and e.conversation_id = {event}.conversation_id
            and e.log = 's' and e.rev = 1 and e.xid = {event}.xid
    ))
)"""  # noqa: S608  the same


def beyond_sql(newest: str) -> str:
    """SQL: the accounts of those who do not reach the row `conversation`, whose newest case `newest` is, each with
    whether they did within the last minute, as the staff's log has it: JSON.
    """
    return f"""(
    select coalesce(json_agg(json_build_array(s.account_id, exists (
        select from (
            select (e.data ->> 'branch_id')::uuid as branch_id, (e.data ->> 'assignee_id')::uuid as assignee_id,
                lead(e.at) over (order by e.rev) as until
            from chat_event e where e.clinic_id = conversation.clinic_id and e.conversation_id = conversation.id
                and e.log = 'p' and e.rev > conversation.last_srev - {_LOOKS_BACK}
                and e.kind in ('state', 'assign', 'label')
        ) w where w.until > now() - interval '1 minute' and {stands_sql("w.branch_id", "w.assignee_id", "s")}
    ))), '[]')
    from staff s
    where s.clinic_id = conversation.clinic_id and s.left_at is null and s.branch_ids <> '{{}}'
        and not {stands_sql(f"{newest}.branch_id", f"{newest}.assignee_id", "s")}
)"""  # noqa: S608  the same
