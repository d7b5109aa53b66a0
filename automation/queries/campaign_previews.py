"""What a campaign would be if it began now: for how many, reached how, at what cost, in which words."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from automation.campaign import MOST_ARMS, CampaignDraft
from automation.campaign_figures import groups_of, sms_units
from automation.campaign_turns import hours_needed
from automation.queries.segments import segment_statement
from automation.results import told
from core.database import Reading
from core.values import Int32, Int64, Value
from push.consent import ConsentChannel
from push.group import Group
from push.preview import PreviewLine, made_up, previewed
from push.queries.reach import LanguageReach, reach, roads_of
from push.queries.wording import message_templates, tone_of
from push.template import Template
from push.variables import Mode

MOST_TEXTS = 20
MOST_CHANNELS = 10


class PreviewedReach(Value):
    """`people` of the audience could be reached by this way, `first` by none before it."""

    channel: ConsentChannel
    people: Int64 | None
    first: Int64 | None


class CampaignText(Value):
    """An example of what is said in one language and arm, to somebody made up."""

    language: str = Field(max_length=20, examples=["it"])
    arm: str = Field(max_length=1, examples=["a"])
    lines: list[PreviewLine] = Field(max_length=MOST_CHANNELS)


class CampaignPreview(Value):
    """To who may not read clinical facts counts of fewer than five are null, others in whole fives. Nothing is stored.

    Of caps, quiet hours and phones that turn out dead it knows nothing: those are asked as a message goes.
    """

    size: Int64 | None
    held_out: Int64 | None = Field(description="So many of them, roughly, are told nothing.")
    nobody: Int64 | None = Field(description="Whom no way reaches: it stands in the app alone.")
    channels: list[PreviewedReach] = Field(max_length=MOST_CHANNELS)
    sms_units_least: Int64 | None = Field(description="If SMS goes only to who has no way before it.")
    sms_units_most: Int64 | None = Field(description="If it goes to everybody whom it may reach.")
    hours_needed: Int32 = Field(description="At its pace, until the last one's turn has come; 0: at once.")
    texts: list[CampaignText] = Field(max_length=MOST_TEXTS * MOST_ARMS)


async def campaign_preview(
    reading: Reading, clinic_id: UUID, draft: CampaignDraft, now: datetime, *, clinical: bool
) -> CampaignPreview:
    roads = await roads_of(reading, clinic_id, draft.notice_kind)
    member = segment_statement(draft.criteria, lambda patient: patient.clinic_id == clinic_id)
    spoken = await reach(reading, member, {"as_of": now}, draft.notice_kind, roads, now)
    texts = await _texts(reading, clinic_id, draft, [each.language for each in spoken], roads.channels)
    size = sum(each.people for each in spoken)
    least, most = (_units(draft, spoken, texts, name) for name in ("first", "people"))
    shown = told(size, clinical=clinical)
    return CampaignPreview(
        size=shown, held_out=told(size * draft.holdout_percent // 100, clinical=clinical),
        nobody=told(sum(each.nobody for each in spoken), clinical=clinical),
        channels=[_channel(channel, spoken, clinical=clinical) for channel in roads.channels],
        sms_units_least=told(least, clinical=clinical, people=size),
        sms_units_most=told(most, clinical=clinical, people=size),
        hours_needed=hours_needed(draft, shown or 0), texts=texts,
    )  # fmt: skip


def _channel(channel: ConsentChannel, spoken: list[LanguageReach], *, clinical: bool) -> PreviewedReach:
    people, first = (_sum(channel, spoken, name) for name in ("people", "first"))
    return PreviewedReach(
        channel=channel, people=told(people, clinical=clinical), first=told(first, clinical=clinical)
    )  # fmt: skip


def _sum(channel: ConsentChannel, spoken: list[LanguageReach], name: str) -> int:
    found: list[Any] = [line for each in spoken for line in each.channels if line.channel is channel]
    return sum(getattr(line, name) for line in found)


def _units(draft: CampaignDraft, spoken: list[LanguageReach], texts: list[CampaignText], name: str) -> int:
    """Of the languages that there are examples of: all but rare ones."""
    cost: dict[str, dict[str, int]] = {}
    for text in texts:
        [units] = [line.length.cost_units for line in text.lines if line.channel is Group.SMS] or [0]
        cost.setdefault(text.language, {})[text.arm] = units
    return sum(
        sms_units(draft, _sum(ConsentChannel.SMS, [each], name), cost[each.language])
        for each in spoken
        if each.language in cost
    )


async def _texts(
    reading: Reading, clinic_id: UUID, draft: CampaignDraft, languages: list[str], channels: list[ConsentChannel]
) -> list[CampaignText]:
    views = await message_templates(reading, clinic_id)
    templates = [Template(view.template_id, view.version, view.draft) for view in views]
    tone = await tone_of(reading, clinic_id)
    groups = groups_of([channel.value for channel in channels])
    made = []
    for language in languages[:MOST_TEXTS]:
        for arm in draft.arms:
            facts = made_up(draft.notice_kind, language, tone, Mode.GENERIC, arm.wording or "")
            lines = [line for line in previewed(facts, templates) if line.channel in groups]
            made.append(CampaignText(language=language, arm=arm.key, lines=lines))
    return made
