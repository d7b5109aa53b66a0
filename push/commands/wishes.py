"""Writes down stops and starts that come without a sign-in: they count at once, for what is queued too, with proof."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from clinic.queries import patient_card
from core.database import Writing
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id
from push.channel import Way
from push.commands.confirmations import ask_confirmation
from push.consent import ConsentChannel, allowed
from push.links import Stopping
from push.notice import Purpose
from push.queries.addresses import holders
from push.stop_words import Wish
from push.stopping import How, Said, restored, taken
from push.tables import ConsentRow, ReportRow
from push.ways import CHANNEL_OF

# Whoever holds the address said it: the patient, or who reads their messages.
_SPEAKER = Actor(ActorKind.PATIENT)
_GIVER = "holder"


@dataclass(frozen=True, slots=True)
class Heard:
    """A stop or a start: on which line, from which address, and which message of there it was."""

    line_id: UUID
    way: Way
    address: str
    external_id: str

    @property
    def proof(self) -> dict[str, str]:
        """Ids alone: what stands in an event is kept for ever."""
        digest = hashlib.sha256(self.external_id.encode()).hexdigest()[:32]
        return {"line_id": str(self.line_id), "message": digest}


async def take_wish(
    writing: Writing, clinic_id: UUID, heard: Heard, wish: Wish, now: datetime, *,
    patient_ids: Collection[UUID] | None = None, whole: bool = False,
) -> int:  # fmt: skip
    """Do what somebody wrote by word alone; how many words of consent it came to.

    It counts for everybody who is reached there (`patient_ids` where it is known whose address it is), and is
    confirmed once, if it changed anything. `whole`: they want nothing at all on this channel. The same message again
    changes nothing, also when another was heard in between.
    """
    if not await _first_heard(writing, clinic_id, heard, wish, now):
        return 0
    who = sorted(
        await holders(writing, clinic_id, heard.way, heard.address, now) if patient_ids is None else patient_ids
    )
    channel = CHANNEL_OF[heard.way]
    if wish is Wish.STOP:
        purposes = taken(channel, whole=whole)
        said = await withdraw(writing, clinic_id, who, channel, purposes, How.STOP_WORD, now, heard.proof)
    else:
        said = await _give_back(writing, clinic_id, who, channel, heard.proof, now)
    if said:
        card = await patient_card(writing, who[0])
        await ask_confirmation(
            writing, clinic_id, heard.line_id, heard.way, heard.address, wish, card.language if card else "en", now
        )
    return said


async def _first_heard(writing: Writing, clinic_id: UUID, heard: Heard, wish: Wish, now: datetime) -> bool:
    key = f"word {heard.proof['message']}"
    values = {
        "clinic_id": clinic_id, "id": new_id(), "line_id": heard.line_id, "dedupe_key": key,
        "provider_id": "", "reported": wish.value, "code": "", "at": now, "taken_at": now, "joined_at": now,
    }  # fmt: skip
    row = upsert(ReportRow).values(values)
    once = row.on_conflict_do_nothing(index_elements=["clinic_id", "line_id", "dedupe_key"])
    return (await writing.execute(once.returning(col(ReportRow.id)))).scalar_one_or_none() is not None


async def stop_by_link(writing: Writing, stopping: Stopping, now: datetime) -> int:
    """End one purpose on one channel, as the link below a message says. Doing it again changes nothing."""
    return await withdraw(
        writing, stopping.clinic_id, [stopping.patient_id], stopping.channel, {stopping.purpose}, How.STOP_LINK, now
    )


async def withdraw(
    writing: Writing, clinic_id: UUID, patient_ids: Sequence[UUID], channel: ConsentChannel,
    purposes: Collection[Purpose], how: How, now: datetime, proof: dict[str, str] | None = None,
) -> int:  # fmt: skip
    """A no to each purpose for each patient where a yes, or a default, counted until now; how many that were."""
    said = await _said(writing, clinic_id, patient_ids, channel)
    ended: list[tuple[UUID, Said]] = []
    for patient_id in patient_ids:
        for purpose in sorted(purposes):
            last = [each.granted for each in said.get(patient_id, []) if each.purpose is purpose]
            if allowed(purpose, channel, last[-1] if last else None) or (how is not How.PROVIDER and not last):
                ended.append((patient_id, Said(purpose, False, now, how)))
    await _write(writing, clinic_id, channel, ended, how, now, proof)
    return len(ended)


async def _give_back(
    writing: Writing, clinic_id: UUID, patient_ids: Sequence[UUID], channel: ConsentChannel, proof: dict[str, str],
    now: datetime,
) -> int:  # fmt: skip
    said = await _said(writing, clinic_id, patient_ids, channel)
    again = [(each, word) for each in patient_ids for word in restored(said.get(each, []), channel)]
    await _write(writing, clinic_id, channel, again, How.START_WORD, now, proof)
    return len(again)


async def _said(
    writing: Writing, clinic_id: UUID, patient_ids: Sequence[UUID], channel: ConsentChannel
) -> dict[UUID, list[Said]]:
    """Everything these patients said on the channel, oldest first; two stops of one moment wait for each other."""
    if not patient_ids:
        return {}
    name = f"consents {clinic_id} {min(patient_ids)}"
    await writing.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    mine = (col(ConsentRow.clinic_id) == clinic_id, col(ConsentRow.patient_id) == func.any(sorted(patient_ids)))
    # Of two words said at once the no counts: it comes last.
    order = (col(ConsentRow.at), col(ConsentRow.granted).desc(), col(ConsentRow.id))
    statement = select(ConsentRow).where(*mine, col(ConsentRow.channel) == channel.value).order_by(*order)
    found: dict[UUID, list[Said]] = {}
    for row in (await writing.execute(statement)).scalars():
        word = Said(Purpose(row.purpose), row.granted, row.at, row.how, row.text_version, row.text_sha256, row.language)
        found.setdefault(row.patient_id, []).append(word)
    return found


async def _write(
    writing: Writing, clinic_id: UUID, channel: ConsentChannel, words: Sequence[tuple[UUID, Said]], how: How,
    now: datetime, proof: dict[str, str] | None,
) -> None:  # fmt: skip
    if not words:
        return
    rows: list[dict[str, Any]] = [
        {
            "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "purpose": word.purpose.value,
            "channel": channel.value, "granted": word.granted, "actor_kind": _SPEAKER.kind.value, "actor_id": None,
            "at": now, "giver": _GIVER, "how": how.value, "text_version": word.text_version,
            "text_sha256": word.text_sha256, "language": word.language, "session_id": None,
        }
        for patient_id, word in words
    ]  # fmt: skip
    await writing.execute(insert(ConsentRow).execution_options(render_nulls=True), rows)
    happenings = [
        Happening(
            "consent.granted" if row["granted"] else "consent.withdrawn", row["id"], row["patient_id"],
            {"purpose": row["purpose"], "channel": channel.value, "how": how.value, **(proof or {})},
        )
        for row in rows
    ]  # fmt: skip
    await record(writing, clinic_id, _SPEAKER, happenings, now)
