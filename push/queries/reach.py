"""How many of a group could be reached by which way: who agreed, has an address there, and is not done with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, literal, not_, or_, select, true
from sqlmodel import col

from clinic.queries import openers
from clinic.queries.reaching import reachable_people
from core.database import MOMENT_PARAMETER, Reading
from core.values import Int64, Value
from identity.queries import live_session
from push.channel import Way
from push.consent import GRANTED_UNASKED, ConsentChannel
from push.kinds import KINDS
from push.ladder import Wishes, rungs_of
from push.notice import NoticeKind, Purpose
from push.queries.addresses import may_hear
from push.queries.contacts import contact_policy
from push.queries.devices import fresh_enough
from push.tables import ConsentRow, ContactPreferenceRow, DeadAddress, DeviceRow, LineRow, MessengerLink
from push.ways import WAYS

_C = ConsentChannel
_PERSON = reachable_people()
MOST_LANGUAGES = 50


class ChannelReach(Value):
    """`people` could be reached by this way, `first`: who by none before it."""

    channel: ConsentChannel
    people: Int64
    first: Int64


class LanguageReach(Value):
    """Of those who speak one language."""

    language: str = Field(examples=["it"])
    people: Int64
    nobody: Int64 = Field(description="Whom no way reaches: the message stands in the app alone.")
    channels: list[ChannelReach] = Field(max_length=10, description="In the order in which they are tried.")


@dataclass(frozen=True, slots=True)
class Roads:
    """The channels that a kind of notice takes, one after another, and by which wires the clinic has a line."""

    channels: list[ConsentChannel]
    wires: frozenset[str]


async def roads_of(reading: Reading, clinic_id: UUID, kind: NoticeKind) -> Roads:
    """As far as the clinic has a line. A person's call is none of them here."""
    lines = select(col(LineRow.way)).where(
        col(LineRow.clinic_id) == clinic_id, col(LineRow.enabled), col(LineRow.ended_at).is_(None)
    )
    known = set((await reading.execute(lines.distinct())).scalars())
    there = {_C.PUSH} | {each for each, ways in WAYS.items() if any(way.value in known for way in ways)}
    policy = await contact_policy(reading, clinic_id)
    found = rungs_of(kind, policy.ladders, Wishes(), there)
    return Roads([rung.channel for rung in found], frozenset(known))


async def reach(
    reading: Reading, members: Select[UUID, UUID], values: dict[str, Any], kind: NoticeKind,
    roads: Roads, now: datetime,
) -> list[LanguageReach]:  # fmt: skip
    """By language, of `members` (clinic_id, patient_id) with the `values` of its parameters; one statement.

    It knows nothing of caps, quiet hours and phones that turn out to be dead: those are asked when a message goes.
    """
    channels = roads.channels
    each = _each(members.subquery("member"), KINDS[kind].purpose, roads, now)
    reached: dict[_C, Any] = {channel: each.c[channel.value] for channel in channels}
    counts: list[Any] = [func.count(), func.count().filter(not_(or_(false(), *reached.values())))]
    for place, channel in enumerate(channels):
        before = or_(false(), *(reached[earlier] for earlier in channels[:place]))
        counts += [func.count().filter(reached[channel]), func.count().filter(and_(reached[channel], not_(before)))]
    statement = select(each.c.language, *counts).group_by(each.c.language).order_by(func.count().desc())
    rows = (await reading.execute(statement.limit(MOST_LANGUAGES), values)).all()
    return [_language(row[0], channels, list(row[1:])) for row in rows]


def _language(language: str, channels: list[ConsentChannel], counts: list[int]) -> LanguageReach:
    people, nobody, *rest = counts
    found = [
        ChannelReach(channel=channel, people=rest[2 * place], first=rest[2 * place + 1])
        for place, channel in enumerate(channels)
    ]
    return LanguageReach(language=language, people=people, nobody=nobody, channels=found)


def _each(member: Any, purpose: Purpose, roads: Roads, now: datetime) -> Any:
    """SQL: of each member the language, and by which ways they are reached."""
    person = and_(_PERSON.c.clinic_id == member.c.clinic_id, _PERSON.c.patient_id == member.c.patient_id)
    wishes = and_(
        col(ContactPreferenceRow.clinic_id) == member.c.clinic_id,
        col(ContactPreferenceRow.patient_id) == member.c.patient_id,
    )
    never = func.coalesce(col(ContactPreferenceRow.never), func.string_to_array("", ","))
    columns = [
        and_(
            _agrees(member, purpose, channel), literal(channel.value) != func.all(never),
            _has(member, purpose, channel, roads, now),
        ).label(channel.value)
        for channel in roads.channels
    ]  # fmt: skip
    joined = select(_PERSON.c.language, *columns).select_from(member).join(_PERSON, person)
    return joined.outerjoin(ContactPreferenceRow, wishes).subquery("each")


def _agrees(member: Any, purpose: Purpose, channel: ConsentChannel) -> ColumnElement[bool]:
    """SQL twin of `push.consent.allowed` and `last_words`."""
    said = (
        select(col(ConsentRow.granted))
        .where(
            col(ConsentRow.clinic_id) == member.c.clinic_id, col(ConsentRow.patient_id) == member.c.patient_id,
            col(ConsentRow.purpose) == purpose.value, col(ConsentRow.channel) == channel.value,
        )
        .order_by(col(ConsentRow.at).desc(), col(ConsentRow.granted), col(ConsentRow.id).desc())
        .limit(1)
    )  # fmt: skip
    return func.coalesce(said.correlate(member).scalar_subquery(), (purpose, channel) in GRANTED_UNASKED)


def _has(member: Any, purpose: Purpose, channel: ConsentChannel, roads: Roads, now: datetime) -> ColumnElement[bool]:
    """SQL: there is where to send it."""
    match channel:
        case _C.PUSH:
            return _has_phone(member, purpose, now)
        case _C.SMS:
            return _has_address(member, _PERSON.c.phone, Way.SMS)
        case _C.EMAIL:
            return _has_address(member, _PERSON.c.email, Way.EMAIL)
        case _C.MESSENGER:
            ways = {
                Way.TELEGRAM: _has_chat(member, now),
                Way.WHATSAPP: _has_address(member, _PERSON.c.phone, Way.WHATSAPP),
            }
            return or_(false(), *(there for way, there in ways.items() if way.value in roads.wires))
        case _:
            return true()


def _has_chat(member: Any, now: datetime) -> ColumnElement[bool]:
    return exists().where(
        *_of_member(member, MessengerLink), col(MessengerLink.address).is_not(None),
        col(MessengerLink.ended_at).is_(None), may_hear(literal(now, MOMENT_PARAMETER)),
    )  # fmt: skip


def _has_address(member: Any, address: Any, way: Way) -> ColumnElement[bool]:
    dead = exists().where(
        *_of_member(member, DeadAddress), col(DeadAddress.way) == way.value, col(DeadAddress.address) == address
    )
    return and_(func.coalesce(address, "") != "", ~dead)


def _has_phone(member: Any, purpose: Purpose, now: datetime) -> ColumnElement[bool]:
    at: Any = literal(now, MOMENT_PARAMETER)
    opener = openers(at)
    return exists().where(
        opener.c.hears, opener.c.clinic_id == member.c.clinic_id, opener.c.patient_id == member.c.patient_id,
        col(DeviceRow.clinic_id) == opener.c.clinic_id, col(DeviceRow.account_id) == opener.c.account_id,
        col(DeviceRow.dead_at).is_(None), live_session(DeviceRow.session_id, DeviceRow.account_id, at),
        fresh_enough(literal(purpose.value), at),
    )  # fmt: skip


def _of_member(member: Any, table: Any) -> tuple[ColumnElement[bool], ...]:
    return col(table.clinic_id) == member.c.clinic_id, col(table.patient_id) == member.c.patient_id
