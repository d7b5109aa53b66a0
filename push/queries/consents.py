"""What was agreed to, what counts now, and the proof of it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from core.database import Reading
from core.events import ActorKind
from core.moments import Moment
from core.values import Value
from push.consent import Agreed, ConsentChannel, Word, allowed, channels_of, everything_asked, last_words
from push.consent_texts import consent_text, present_version
from push.notice import Purpose
from push.tables import ConsentRow

MOST_WORDS = 5_000
# Of two words said at once the no counts, as in `push.consent.last_words`.
_LATEST_FIRST = (col(ConsentRow.at).desc(), col(ConsentRow.granted), col(ConsentRow.id).desc())


class ConsentState(Value):
    """What counts now for one purpose on one channel, and the words a yes to it answers."""

    purpose: Purpose
    channel: ConsentChannel
    granted: bool
    said_at: Moment | None = Field(description="When the patient said so; null where nobody asked and a default holds.")
    text_version: str
    language: str
    text: str


class ConsentProof(Value):
    """One word with its proof: who gave it, in which session, to exactly which text."""

    consent_id: UUID
    purpose: Purpose
    channel: ConsentChannel
    granted: bool
    at: Moment
    giver: str | None
    account_id: UUID | None
    session_id: UUID | None
    how: str | None
    text_version: str | None
    language: str | None
    text_sha256: str | None
    text: str | None


async def last_word(
    reading: Reading, clinic_id: UUID, patient_id: UUID, purpose: Purpose, channel: ConsentChannel
) -> bool | None:
    """The patient's last word on `purpose` by `channel`; None where they never said any."""
    mine = (col(ConsentRow.clinic_id) == clinic_id, col(ConsentRow.patient_id) == patient_id)
    about = (col(ConsentRow.purpose) == purpose.value, col(ConsentRow.channel) == channel.value)
    statement = select(col(ConsentRow.granted)).where(*mine, *about).order_by(*_LATEST_FIRST).limit(1)
    return (await reading.execute(statement)).scalar_one_or_none()


async def agreeing(
    reading: Reading, whom: Collection[tuple[UUID, UUID]], purpose: Purpose
) -> set[tuple[UUID, UUID]]:  # fmt: skip
    """Of these patients, of (clinic_id, patient_id), those who agree to `purpose` on any channel; one statement."""
    columns: list[Any] = [col(ConsentRow.clinic_id), col(ConsentRow.patient_id), col(ConsentRow.channel)]
    theirs = (
        col(ConsentRow.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in whom})),
        col(ConsentRow.patient_id) == func.any(sorted({patient_id for _, patient_id in whom})),
        col(ConsentRow.purpose) == purpose.value,
    )
    latest: Select[Any] = select(*columns, col(ConsentRow.granted)).where(*theirs).ext(distinct_on(*columns))
    rows = await reading.execute(latest.order_by(*columns, *_LATEST_FIRST))
    said: dict[tuple[UUID, UUID, str], bool] = {(row[0], row[1], row[2]): row[3] for row in rows}
    ways = channels_of(purpose)
    return {who for who in whom if any(allowed(purpose, way, said.get((who[0], who[1], way.value))) for way in ways)}


def consent_word(notice: Any, channel: ConsentChannel) -> ScalarSelect[bool | None]:
    """SQL: the same, for the patient and purpose of a notice's row."""
    return (
        select(col(ConsentRow.granted))
        .where(
            col(ConsentRow.clinic_id) == notice.clinic_id,
            col(ConsentRow.patient_id) == notice.patient_id,
            col(ConsentRow.purpose) == notice.purpose,
            col(ConsentRow.channel) == channel.value,
        )
        .order_by(*_LATEST_FIRST)
        .limit(1)
        .scalar_subquery()
    )


async def consent_states(reading: Reading, patient_id: UUID, language: str) -> list[ConsentState]:
    """Everything one can agree to, with what counts now and the words to agree to."""
    rows = (await reading.execute(_said(patient_id))).scalars().all()
    last = last_words(Word(Purpose(r.purpose), ConsentChannel(r.channel), r.granted, r.at) for r in rows)
    return [_state(agreed, last.get(agreed), language) for agreed in everything_asked()]


def _state(agreed: Agreed, word: Word | None, language: str) -> ConsentState:
    purpose, channel = agreed
    shown = consent_text(present_version(), purpose, channel, language)
    assert shown is not None  # a test holds every text in every language
    return ConsentState(
        purpose=purpose, channel=channel, granted=allowed(purpose, channel, word.granted if word else None),
        said_at=word.at if word else None, text_version=shown.version, language=shown.language, text=shown.text,
    )  # fmt: skip


async def consent_proofs(reading: Reading, patient_id: UUID) -> list[ConsentProof]:
    """Every word ever said, oldest first, each with exactly the text that was shown."""
    return [_proof(row) for row in (await reading.execute(_said(patient_id))).scalars()]


def _said(patient_id: UUID) -> Select[ConsentRow]:
    statement = select(ConsentRow).where(col(ConsentRow.patient_id) == patient_id)
    return statement.order_by(col(ConsentRow.at), col(ConsentRow.id)).limit(MOST_WORDS)


def _proof(row: ConsentRow) -> ConsentProof:
    purpose, channel = Purpose(row.purpose), ConsentChannel(row.channel)
    shown = consent_text(row.text_version, purpose, channel, row.language or "") if row.text_version else None
    return ConsentProof(
        consent_id=row.id, purpose=purpose, channel=channel, granted=row.granted, at=row.at, giver=row.giver,
        account_id=row.actor_id if row.actor_kind == ActorKind.PATIENT.value else None, session_id=row.session_id,
        how=row.how, text_version=row.text_version, language=row.language, text_sha256=row.text_sha256,
        text=shown.text if shown else None,
    )  # fmt: skip
