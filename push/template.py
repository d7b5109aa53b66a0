"""Texts that a clinic writes itself: for which kind, way, language, tone and variant, and whether they can be said."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from clinic.facts import Language
from core.errors import Fault
from core.values import MaybeText, Value
from push.group import Group
from push.length import as_sent, length_fault
from push.notice import WORDING, NoticeKind
from push.variables import LONGEST, Variable, filled, of_kind, wording_faults

MOST_VALUES = 10
# Words and line ends, no other control character.
_TEXT = r"^[^\x00-\x09\x0b-\x1f\x7f]*$"


class Tone(StrEnum):
    FORMAL = "formal"
    INFORMAL = "informal"


class TemplateDraft(Value):
    """One text. Where several variants stand for one place, each patient gets one of them by its `weight`."""

    kind: NoticeKind = Field(examples=["visit"])
    wording: Annotated[str, StringConstraints(pattern=rf"{WORDING}|^$")] = Field(
        default="",
        description="Of which words of its own a notice has; empty: of all others of the kind.",
        examples=["check-up-recall"],
    )
    channel: Group = Field(examples=["sms"])
    language: Language = Field(examples=["it"])
    tone: Tone = Tone.FORMAL
    variant: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,20}$")] = Field(default="a", examples=["a"])
    weight: Annotated[int, Field(strict=True, ge=1, le=100, json_schema_extra={"format": "int32"})] = 1
    title: MaybeText = Field(default="", description="A push's title, a mail's subject; SMS and messengers have none.")
    text: Annotated[str, StringConstraints(max_length=4000, pattern=_TEXT, strip_whitespace=True)] = Field(
        default="", examples=["{{clinic_name}}: la aspettiamo {{visit_day}} alle {{visit_time}}. {{link}}"]
    )
    approved_name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{0,512}$")] = Field(
        default="", description="Of `whatsapp` alone: the template that WhatsApp approved.", examples=["visit_reminder"]
    )
    approved_language: Annotated[str, StringConstraints(pattern=r"^([a-z]{2,3}(_[A-Z]{2})?)?$")] = Field(
        default="", description="As Meta spells it.", examples=["it"]
    )
    approved_values: list[Variable] = Field(
        default=[], max_length=MOST_VALUES, description="What stands in its places, in order."
    )


def place_of(draft: TemplateDraft) -> tuple[str, ...]:
    """For what it is written; all variants of one text have the same."""
    return (draft.kind.value, draft.wording, draft.channel.value, draft.language, draft.tone.value)


@dataclass(frozen=True, slots=True)
class Template:
    """A draft that is in use, by its name and version."""

    id: UUID
    version: int
    draft: TemplateDraft


def template_faults(draft: TemplateDraft) -> list[Fault]:
    """Everything for which the text could not be sent one day; none: it always can. Sending refuses nothing more."""
    faults = [Fault("/text", code) for code in wording_faults(draft.text, draft.kind, draft.channel)]
    faults += [Fault("/title", code) for code in wording_faults(draft.title, draft.kind, draft.channel, subject=True)]
    faults += _parts_missing(draft)
    if not faults and (code := _too_long(draft)):
        faults.append(Fault("/title" if code == "subject-too-long" else "/text", code))
    return faults


def _parts_missing(draft: TemplateDraft) -> list[Fault]:
    if draft.channel is Group.WHATSAPP:
        return _approved_faults(draft)
    faults = [] if draft.text else [Fault("/text", "missing")]
    if draft.approved_name or draft.approved_language or draft.approved_values:
        faults.append(Fault("/approved_name", "not-of-this-channel"))
    if draft.channel is Group.EMAIL and not draft.title:
        faults.append(Fault("/title", "missing"))
    if draft.channel in {Group.SMS, Group.MESSENGER, Group.CHAT} and draft.title:
        faults.append(Fault("/title", "not-of-this-channel"))
    return faults


def _approved_faults(draft: TemplateDraft) -> list[Fault]:
    """WhatsApp has the words; here stand only their name and what is put into them."""
    faults = [
        Fault(f"/{name}", "missing") for name in ("approved_name", "approved_language") if not getattr(draft, name)
    ]
    said = " ".join(f"{{{{{each.value}}}}}" for each in draft.approved_values)
    faults += [Fault("/approved_values", code) for code in wording_faults(said, draft.kind, Group.WHATSAPP)]
    faults += [Fault(f"/{name}", "not-of-this-channel") for name in ("title", "text") if getattr(draft, name)]
    return faults


def _too_long(draft: TemplateDraft) -> str | None:
    longest = {each: "x" * LONGEST[each] for each in of_kind(draft.kind)}
    whole = as_sent(draft.channel, draft.kind, draft.text, filled(draft.text, longest), longest[Variable.LINK])
    return length_fault(draft.channel, filled(draft.title, longest), whole)


def drawn(key: bytes, notice_id: UUID, patient_id: UUID) -> int:
    """A number that is always the same for this notice and patient, and that nobody without `key` foresees."""
    said = hmac.digest(key, b"variant\0" + notice_id.bytes + patient_id.bytes, hashlib.sha256)
    return int.from_bytes(said[:8], "big")


def chosen(templates: Sequence[Template], draw: int) -> Template | None:
    """The variant that `draw` falls upon, by the weights; None of none."""
    ordered = sorted(templates, key=lambda each: each.draft.variant)
    left = draw % max(sum(each.draft.weight for each in ordered), 1)
    for each in ordered:
        left -= each.draft.weight
        if left < 0:
            return each
    return None
