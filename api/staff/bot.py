"""`/v1/staff/desk/bot`, `…/starters`, `…/patients/{patient_id}/conversation/cards`: how a chat begins; cards."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.caller import StaffClaims
from api.cards import NEEDS, card_of
from api.messages import SENT_BEFORE, MessageKept, Named, kept, stands
from api.ports import Ports, PortsHere
from api.saying import Saying, speaker_of
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes, standing_staff
from chat.bot import BotKind
from chat.bot_http import SECRETS, bound_to
from chat.card import CardKind
from chat.commands import Target
from chat.commands.bot import set_bot, set_starters
from chat.conversation import MaybeBody
from chat.log import Card
from chat.queries.bot import BotSet, bot_set, starters_of
from chat.queries.sent import sent_before
from chat.starter import MOST_STARTERS, Starter
from core.clock import now
from core.database import Reading, Scope
from core.errors import Fault, Invalid
from core.outside import LONGEST_ADDRESS, outside_fault
from core.sealed import sealed
from core.values import Int32, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["desk"], route_class=StrictRoute)
MaySee = Annotated[StaffReads, staff_reads(Permission.REPLY)]
MaySet = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)]
SHORTEST_SECRET = 32


class StarterList(Value):
    items: list[Starter] = Field(max_length=MOST_STARTERS, description="None: Enamel's usual ones.")


class BotView(Value):
    """Who answers first. The secret is told nobody."""

    kind: BotKind
    address: str
    has_secret: bool


class BotToSet(Value):
    """`address` and `secret` for kind `http`. Without a secret the one that was set for this address stays."""

    kind: BotKind
    address: str = Field(default="", max_length=LONGEST_ADDRESS, examples=["https://bot.example/enamel"])
    secret: str = Field(default="", max_length=200, pattern=r"^[\x21-\x7e]*$")


class CardToSend(Named):
    """A card of one of the patient's things. `id` is the plan's for `plan`, `stage` and (or none) `payment`."""

    kind: CardKind
    id: UUID | None = None
    stage: Annotated[Int32, Field(ge=0)] | None = Field(
        default=None, description="`position` of the plan's stage: of `stage` alone."
    )
    body: MaybeBody = Field(default="", description="Words that stand over it.")


@router.get("/desk/starters", summary="How conversations begin", operation_id="listStarters")
async def starters(call: MaySee) -> StarterList:
    """In all languages, with their forms."""
    return StarterList(items=await starters_of(call.reading, call.clinic_id))


@router.put("/desk/starters", summary="Set how conversations begin", operation_id="setStarters")
async def put_starters(call: MaySet, body: StarterList) -> StarterList:
    """All of them at once, in the order in which patients see them."""
    keys = [each.key for each in body.items]
    twice = [place for place, key in enumerate(keys) if keys.index(key) < place]
    if twice:
        raise Invalid(*(Fault(f"/items/{place}", "given-twice") for place in twice))
    await set_starters(call.writing, call.clinic_id, body.items, call.actor, call.now)
    return StarterList(items=await starters_of(call.writing, call.clinic_id))


@router.get("/desk/bot", summary="The bot", operation_id="getBot")
async def bot(call: MaySee) -> BotView:
    """Which bot answers first, if any."""
    return _view(await bot_set(call.reading, call.clinic_id))


@router.put("/desk/bot", summary="Set the bot", operation_id="setBot")
async def put_bot(ports: PortsHere, call: MaySet, body: BotToSet) -> BotView:
    """New conversations begin with it. Those that another bot has now go on with this one, or to people for `none`."""
    before = await bot_set(call.writing, call.clinic_id)
    if body.kind is not BotKind.HTTP:
        made = BotSet(body.kind)
    else:
        kept = before.sealed_secret if before.address == body.address else ""
        _check(ports, body, kept)
        key, bound = ports.keys.secrets.keyed_hash(SECRETS, ""), bound_to(call.clinic_id, body.address)
        made = BotSet(body.kind, body.address, sealed(key, body.secret, bound) if body.secret else kept)
    await set_bot(call.writing, call.clinic_id, made, call.actor, call.now)
    return _view(made)


@router.post(
    "/patients/{patient_id}/conversation/cards", status_code=201, responses=SENT_BEFORE, operation_id="sendCard",
    summary="Send a patient a card",
)  # fmt: skip
async def send_card(
    ports: PortsHere, claims: StaffClaims, patient_id: UUID, body: CardToSend, response: Response
) -> MessageKept:
    """A thing of the patient's with a button for it, in their conversation. Hidden from guardians: `not-found`."""
    at, speaker, target = now(), speaker_of(claims), Target(patient_id=patient_id)
    asked = body.model_dump(mode="json", exclude={"client_id"})
    async with ports.database.reading(Scope(claims.clinic_id, guarded=True)) as reading:
        await standing_staff(reading, claims, Permission.REPLY)
        before = await sent_before(reading, speaker, target, body.client_id, asked, at)
        if before is not None:
            response.status_code = 200
            return stands(before, body.client_id)
        made = await _card(reading, claims, patient_id, body, at)
    saying = Saying("msg", body.client_id, target, body=body.body, card=made, asked=asked)
    answer = await kept(ports, speaker, saying)
    response.status_code = 200 if answer.duplicate else 201
    return answer


async def _card(reading: Reading, claims: StaffClaims, patient_id: UUID, asked: CardToSend, at: datetime) -> Card:
    needed = NEEDS.get(asked.kind)
    if needed is None:
        raise Invalid(Fault("/kind", "unknown-reference"))
    if asked.stage is not None and asked.kind is not CardKind.STAGE:
        raise Invalid(Fault("/stage", "not-of-this-kind"))
    await standing_staff(reading, claims, needed)
    return await card_of(reading, patient_id, asked.kind, asked.id, asked.stage, at)


def _check(ports: Ports, body: BotToSet, kept_secret: str) -> None:
    faults = []
    if fault := outside_fault(body.address, ports.bot_private_hosts):
        faults.append(Fault("/address", fault))
    if (not kept_secret and len(body.secret) < SHORTEST_SECRET) or 0 < len(body.secret) < SHORTEST_SECRET:
        faults.append(Fault("/secret", "too-short"))
    if faults:
        raise Invalid(*faults)


def _view(bot: BotSet) -> BotView:
    return BotView(kind=bot.kind, address=bot.address, has_secret=bool(bot.sealed_secret))
