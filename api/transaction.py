"""Where a request's transaction begins and ends, and with whose rights.

Each dependency below opens one transaction, asks once whether the caller still stands (session not
revoked, right still given), and commits before the answer leaves: `scope="function"`, because a plain
FastAPI `yield` dependency ends after it, and a failing commit would still have answered 200.
A refusal raised by a route rolls everything back; what must stay counted is committed by a command that
returns its verdict instead of raising.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request

from api.caller import PartnerClaims, PatientClaims, StaffClaims
from api.ports import PortsHere
from clinic.commands import AccessTooNarrow, NoRecordLinked
from clinic.household import AccessScope
from clinic.queries import StaffStanding, opened_record, staff_standing
from clinic.queries.people import Opened
from core import clock
from core.database import NOBODY, Reading, Scope, Writing
from core.errors import NotAllowed, NotFound
from core.events import Actor, ActorKind, Happening, record
from identity.commands import SessionEnded
from identity.permissions import PartnerScope, Permission
from identity.queries import PartnerStanding, partner_standing, session_lives
from identity.sign_in import Audience
from identity.tokens import Claims


@dataclass(frozen=True, slots=True)
class PatientReads:
    """A read of one patient record, by somebody who may open it, as far as `scopes` go."""

    reading: Reading
    claims: Claims
    patient_id: UUID
    now: datetime
    scopes: frozenset[AccessScope] = frozenset()

    @property
    def clinic_id(self) -> UUID:
        return self.claims.clinic_id


@dataclass(frozen=True, slots=True)
class PatientWrites:
    writing: Writing
    claims: Claims
    patient_id: UUID
    now: datetime
    scopes: frozenset[AccessScope] = frozenset()

    @property
    def clinic_id(self) -> UUID:
        return self.claims.clinic_id

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.PATIENT, self.claims.subject_id)


@dataclass(frozen=True, slots=True)
class StaffReads:
    reading: Reading
    clinic_id: UUID
    staff: StaffStanding
    now: datetime


@dataclass(frozen=True, slots=True)
class StaffWrites:
    writing: Writing
    clinic_id: UUID
    staff: StaffStanding
    now: datetime

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.STAFF, self.staff.staff_id)

    async def note_read(self, what: str, patient_id: UUID) -> None:
        """That clinical data of this patient were looked at, by whom and when: an event `<what>.read`."""
        looked = Happening(f"{what}.read", patient_id, patient_id=patient_id)
        await record(self.writing, self.clinic_id, self.actor, [looked], self.now)


@dataclass(frozen=True, slots=True)
class PartnerWrites:
    writing: Writing
    app: PartnerStanding
    now: datetime

    @property
    def clinic_id(self) -> UUID:
        return self.app.clinic_id

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.PARTNER, self.app.app_id)


def scope_of(claims: Claims) -> Scope:
    """A patient's call sees nothing that is private until it opens the record it belongs to."""
    return Scope(claims.clinic_id, guarded=claims.audience is Audience.PATIENT)


async def record_to_open(
    reading: Reading, claims: Claims, patient_id: UUID | None, now: datetime, scope: AccessScope | None = None
) -> UUID:
    """The record, or the refusal: own records answer with what to do, others' as if they were not there."""
    return (await record_opened(reading, claims, patient_id, now, scope)).patient_id


async def record_opened(
    reading: Reading, claims: Claims, patient_id: UUID | None, now: datetime, scope: AccessScope | None = None
) -> Opened:
    """The same, with how far the caller's access to it goes."""
    opened = await opened_record(reading, claims.subject_id, claims.session_id, patient_id, now)
    if opened is None:
        await standing_session(reading, claims)
        raise NoRecordLinked if patient_id is None else NotFound
    if scope is not None and scope not in opened.scopes:
        raise AccessTooNarrow
    return opened


async def standing_session(reading: Reading, claims: Claims) -> None:
    """Raises `SessionEnded` for a token that outlived its sign-out."""
    if not await session_lives(reading, claims.subject_id, claims.session_id, clock.now()):
        raise SessionEnded


PatientId = Annotated[UUID, Path(description="A record this account may open, see `GET /v1/me`.")]


async def _own_reads(ports: PortsHere, claims: PatientClaims) -> AsyncIterator[PatientReads]:
    async with ports.database.reading(scope_of(claims)) as reading:
        now = clock.now()
        yield PatientReads(reading, claims, await record_to_open(reading, claims, None, now), now)


async def _own_writes(ports: PortsHere, claims: PatientClaims) -> AsyncIterator[PatientWrites]:
    async with ports.database.writing(scope_of(claims)) as writing:
        now = clock.now()
        yield PatientWrites(writing, claims, await record_to_open(writing, claims, None, now), now)


# Opens no record: ids are UUIDv7.
_NO_RECORD = UUID(int=0)


def record_asked(request: Request) -> UUID | None:
    """The record a path names, None where it is the caller's own; a malformed name is nobody's."""
    named = request.path_params.get("patient_id")
    try:
        return None if named is None else UUID(named)
    except ValueError:
        return _NO_RECORD


async def _record_of_path(request: Request) -> UUID | None:
    return record_asked(request)  # FastAPI would send a plain function through a thread: 100 us a request


RecordAsked = Annotated[UUID | None, Depends(_record_of_path)]
"""For routes of `api.patient.record` that open more than one transaction: what to hand to `record_to_open`."""


def record_reads(scope: AccessScope | None) -> Any:
    """A dependency for routes of `api.patient.record`: a record, own or a ward's, read-only.

    A guardian needs `scope` (None: whoever may open the record may read this of it).
    """

    async def reads(ports: PortsHere, claims: PatientClaims, request: Request) -> AsyncIterator[PatientReads]:
        async with ports.database.reading(scope_of(claims)) as reading:
            now = clock.now()
            opened = await record_opened(reading, claims, record_asked(request), now, scope)
            yield PatientReads(reading, claims, opened.patient_id, now, opened.scopes)

    return Depends(reads, scope="function")


def record_writes(scope: AccessScope | None) -> Any:
    """The same, in a transaction that may change the record."""

    async def writes(ports: PortsHere, claims: PatientClaims, request: Request) -> AsyncIterator[PatientWrites]:
        async with ports.database.writing(scope_of(claims)) as writing:
            now = clock.now()
            opened = await record_opened(writing, claims, record_asked(request), now, scope)
            yield PatientWrites(writing, claims, opened.patient_id, now, opened.scopes)

    return Depends(writes, scope="function")


OwnReads = Annotated[PatientReads, Depends(_own_reads, scope="function")]
"""The caller's own record, read-only: for `/v1/me/…`."""
OwnWrites = Annotated[PatientWrites, Depends(_own_writes, scope="function")]


async def standing_staff(reading: Reading, claims: Claims, permission: Permission) -> StaffStanding:
    staff = await staff_standing(reading, claims.subject_id, claims.session_id, clock.now())
    if staff is None:
        raise SessionEnded
    if permission not in staff.permissions:
        raise NotAllowed
    return staff


def staff_reads(permission: Permission) -> Any:
    """A dependency: staff with this permission, in a read-only transaction of their clinic."""

    async def reads(ports: PortsHere, claims: StaffClaims) -> AsyncIterator[StaffReads]:
        async with ports.database.reading(scope_of(claims)) as reading:
            staff = await standing_staff(reading, claims, permission)
            yield StaffReads(reading, claims.clinic_id, staff, clock.now())

    return Depends(reads, scope="function")


def staff_writes(permission: Permission) -> Any:
    """A dependency: staff with this permission, in a transaction of their clinic."""

    async def writes(ports: PortsHere, claims: StaffClaims) -> AsyncIterator[StaffWrites]:
        async with ports.database.writing(scope_of(claims)) as writing:
            staff = await standing_staff(writing, claims, permission)
            yield StaffWrites(writing, claims.clinic_id, staff, clock.now())

    return Depends(writes, scope="function")


async def standing_partner(reading: Reading, claims: Claims, scope: PartnerScope) -> PartnerStanding:
    app = await partner_standing(reading, claims.subject_id)
    if app is None:
        raise SessionEnded
    if scope not in app.scopes:
        raise NotAllowed
    return app


async def _partner_writes(ports: PortsHere, claims: PartnerClaims) -> AsyncIterator[PartnerWrites]:
    async with ports.database.writing(scope_of(claims)) as writing:
        app = await standing_partner(writing, claims, PartnerScope.WRITE)
        yield PartnerWrites(writing, app, clock.now())


PartnerCall = Annotated[PartnerWrites, Depends(_partner_writes, scope="function")]


async def _nobodys_writing(ports: PortsHere) -> AsyncIterator[Writing]:
    async with ports.database.writing(NOBODY) as writing:
        yield writing


NobodysWriting = Annotated[Writing, Depends(_nobodys_writing, scope="function")]
"""Before anybody is known: only accounts, codes and sessions are in reach."""
