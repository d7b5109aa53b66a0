"""What is known of conversations: their state, their log from any revision on, the desk's list."""

from chat.queries.inbox import InboxLine, ToldLine, inbox, lines_of_threads
from chat.queries.log import (
    LogHead,
    check_page,
    event_json,
    events_after,
    head_for_staff,
    log_head,
    log_page,
    messages_before,
    of_event,
    of_known_kind,
    since,
)
from chat.queries.reach import check_reach
from chat.queries.states import badge_of, cursor_now, state_of

__all__ = [
    "InboxLine",
    "LogHead",
    "ToldLine",
    "badge_of",
    "check_page",
    "check_reach",
    "cursor_now",
    "event_json",
    "events_after",
    "head_for_staff",
    "inbox",
    "lines_of_threads",
    "log_head",
    "log_page",
    "messages_before",
    "of_event",
    "of_known_kind",
    "since",
    "state_of",
]
