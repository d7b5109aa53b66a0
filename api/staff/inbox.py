"""`/v1/staff/conversations`: the desk's one inbox over all channels, and the search in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, cursor_of, moment_and_id, page_of, place_of
from api.ports import Ports, PortsHere
from api.strict import PlainNumber, StrictRoute
from api.transaction import StaffReads, scope_of, staff_reads, standing_staff
from chat.case import HIGHEST_PRIORITY
from chat.desk_facts import Key, Label
from chat.queries import InboxLine
from chat.queries.inbox import InboxCounts, InboxFilter, InboxState, filtered_inbox
from chat.queries.search import FoundMessage, found_messages, places_found
from chat.queries.search import Place as SearchedPlace
from chat.wording import LONGEST_QUERY
from core.clock import now
from core.events import Actor, ActorKind, Happening, record
from core.values import PLAIN, Value
from identity.permissions import Permission
from identity.tokens import Claims

router = APIRouter(prefix="/v1/staff", tags=["inbox"], route_class=StrictRoute)

Replies = Annotated[StaffReads, staff_reads(Permission.REPLY)]
Priority = Annotated[
    int, PlainNumber, Query(ge=0, le=HIGHEST_PRIORITY, description="At least.", json_schema_extra={"format": "int32"})
]


class Inbox(Value):
    items: list[InboxLine] = Field(max_length=200)
    counts: InboxCounts
    next_cursor: str | None


class SearchedWords(Value):
    """In a body: an address stands in histories and in the logs of what is in front of us, and words name ills."""

    words: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY, pattern=PLAIN)] = Field(
        description="Words that must all be there, in any of their forms.", examples=["mal di denti"]
    )


class FoundMessages(Value):
    items: list[FoundMessage] = Field(max_length=200)
    next_cursor: str | None


async def _wanted(
    state: Annotated[InboxState | None, Query(description="Of the newest case.")] = None,
    assignee_id: Annotated[UUID | None, Query(description="Whose cases.")] = None,
    branch_id: Annotated[UUID | None, Query()] = None,
    label: Annotated[Label | None, Query()] = None,
    topic: Annotated[Key | None, Query()] = None,
    priority: Priority = 0,
    unread: Annotated[bool, Query(description="Only what nobody of the desk has read.")] = False,
) -> InboxFilter:
    return InboxFilter(state, assignee_id, branch_id, label, topic, priority, unread)


@router.get("/conversations", summary="The inbox", operation_id="listConversations")
async def list_all(
    ports: PortsHere,
    call: Replies,
    wanted: Annotated[InboxFilter, Depends(_wanted)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Inbox:
    """Conversations by their last message, newest first, each with its newest case; and how many live cases there are.

    The counts do not follow `state`, `assignee_id` and `unread`: they are what those could be set to.
    """
    counted: list[InboxCounts] = []

    async def after(place: list[str] | None, most: int) -> list[InboxLine]:
        lines, counts = await filtered_inbox(
            call.reading, call.clinic_id, wanted, call.staff.staff_id, after=moment_and_id(place), limit=most
        )
        counted.append(counts)
        return lines

    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"conversations {wanted}", call.clinic_id), cursor, limit, after,
        lambda line: [line.last_at.isoformat(), str(line.conversation_id)],
    )  # fmt: skip
    return Inbox(items=items, counts=counted[0], next_cursor=following)


@router.post("/conversations/search", summary="Search messages", operation_id="searchMessages")
async def search(
    ports: PortsHere, claims: StaffClaims, body: SearchedWords, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> FoundMessages:
    """Messages of all conversations that have the words, newest first; in the clinic's language, so that other forms of
    a word are found too. A message can be found some seconds after it was written. Nothing changes by it, but each
    patient whose words are shown is told who looked.
    """
    mine = List(ports.keys.secrets.cursor_key, f"messages {body.words}", claims.clinic_id)
    told = place_of(mine, cursor)
    place = (datetime.fromisoformat(told[0]), UUID(told[1]), int(told[2])) if told else None
    async with ports.database.reading(scope_of(claims)) as reading:
        staff = await standing_staff(reading, claims, Permission.REPLY)
    async with ports.database.sweeping() as sweeping:
        whose = (claims.clinic_id, staff.staff_id)
        places = await places_found(sweeping, *whose, body.words, after=place, limit=limit + 1)
    found = await _shown(ports, claims, body.words, places[:limit])
    last = places[limit - 1] if len(places) > limit else None
    following = None if last is None else cursor_of(mine, [last[0].isoformat(), str(last[1]), str(last[2])])
    return FoundMessages(items=found, next_cursor=following)


async def _shown(ports: Ports, claims: Claims, words: str, places: Sequence[SearchedPlace]) -> list[FoundMessage]:
    """The messages there; the search and every patient it shows are noted with it, without a word."""
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.REPLY)
        found = await found_messages(writing, claims.clinic_id, staff.staff_id, words, places)
        patients = sorted({message.patient_id for message in found})
        looked = [Happening("chat.read", each, patient_id=each) for each in patients]
        searched = Happening("chat.searched", staff.staff_id)
        await record(writing, claims.clinic_id, Actor(ActorKind.STAFF, staff.staff_id), [searched, *looked], now())
    return found
