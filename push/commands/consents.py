"""Writes down what a patient agrees to and what not, with the proof; nothing is ever altered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.database import Writing
from core.errors import Conflict, Fault, Invalid
from core.events import Actor, Happening, record
from core.ids import new_id
from push.consent import ConsentChannel, channels_of
from push.consent_texts import ConsentText, consent_text, present_version
from push.notice import Purpose
from push.queries import last_word
from push.tables import ConsentRow


class ConsentTextOutdated(Conflict):
    """The words that were agreed to are no longer the ones that are shown."""

    slug = "consent-text-outdated"


@dataclass(frozen=True, slots=True)
class Proof:
    """How a word was given: by whom of the record's people, to which text, in which session, by which act."""

    giver: str
    session_id: UUID | None
    how: str
    text: ConsentText | None


def text_agreed_to(purpose: Purpose, channel: ConsentChannel, version: str | None, language: str | None) -> ConsentText:
    """The text a yes answers. Raises `Invalid` where it names none, `ConsentTextOutdated` for an earlier one."""
    if channel not in channels_of(purpose):
        raise Invalid(Fault("/channel", "not-of-this-purpose"))
    missing = [name for name, given in (("text_version", version), ("language", language)) if given is None]
    if missing or version is None or language is None:
        raise Invalid(*(Fault(f"/{name}", "missing") for name in missing))
    text = consent_text(version, purpose, channel, language)
    if text is None:
        raise Invalid(Fault("/text_version", "unknown-reference"))
    if version != present_version():
        raise ConsentTextOutdated
    return text


async def set_consent(
    writing: Writing, clinic_id: UUID, patient_id: UUID, purpose: Purpose, granted: bool, actor: Actor, now: datetime,
    *, channel: ConsentChannel = ConsentChannel.PUSH, proof: Proof | None = None,
) -> None:  # fmt: skip
    """Append the patient's word on one purpose and one channel; saying the same again adds nothing."""
    if await last_word(writing, clinic_id, patient_id, purpose, channel) is granted:
        return
    row = ConsentRow(
        clinic_id=clinic_id, id=new_id(), patient_id=patient_id, purpose=purpose.value, channel=channel.value,
        granted=granted, actor_kind=actor.kind.value, actor_id=actor.id, at=now, **_proven(proof),
    )  # fmt: skip
    writing.add(row)
    facts = {"purpose": purpose.value, "channel": channel.value}
    kind = "consent.granted" if granted else "consent.withdrawn"
    await record(writing, clinic_id, actor, [Happening(kind, row.id, patient_id=patient_id, facts=facts)], now)


def _proven(proof: Proof | None) -> dict[str, Any]:
    if proof is None:
        return {}
    text = proof.text
    return {
        "giver": proof.giver, "session_id": proof.session_id, "how": proof.how,
        "text_version": text.version if text else None, "text_sha256": text.sha256 if text else None,
        "language": text.language if text else None,
    }  # fmt: skip
