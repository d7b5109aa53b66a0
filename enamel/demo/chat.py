"""What the demo's chat begins with: the rules bot, a price list, and a visit to confirm in Anna's thread."""

from datetime import datetime
from uuid import UUID, uuid5

from api.cards import card_of
from chat.bot import BotKind
from chat.card import CardKind
from chat.commands import Author, Enclosed, post_message
from chat.commands.bot import set_bot
from chat.conversation import Side
from chat.log import Thread
from chat.queries.bot import BotSet
from clinic.commands.prices import set_price_list
from clinic.price import PriceLine
from clinic.queries import Viewer, When, named_patients, visits
from core.database import Database, Scope
from core.events import SYSTEM

_PRICES = (
    ({"en": "Check-up", "it": "Visita di controllo", "ru": "Осмотр", "zh": "口腔检查"}, 5_000, None),
    ({"en": "Professional cleaning", "it": "Igiene, pulizia", "ru": "Чистка зубов", "zh": "专业洁牙"}, 9_000, None),
    ({"en": "Filling", "it": "Otturazione", "ru": "Пломба", "zh": "补牙"}, 9_000, 18_000),
    ({"en": "Crown", "it": "Corona", "ru": "Коронка", "zh": "牙冠"}, 60_000, 95_000),
)  # fmt: skip


async def open_chat(database: Database, clinic_id: UUID, source: str, now: datetime) -> None:
    """The bot is on; Anna's next visit, if she has one, waits in her thread to be confirmed."""
    async with database.writing(Scope(clinic_id)) as writing:
        await set_price_list(writing, clinic_id, [_line(*each) for each in _PRICES], SYSTEM, now)
        await set_bot(writing, clinic_id, BotSet(BotKind.RULES), SYSTEM, now)
        anna = (await named_patients(writing, source, {"anna"}))["anna"].id
    async with database.writing(Scope(clinic_id, guarded=True)) as writing:
        coming = await visits(writing, anna, When.UPCOMING, Viewer(), now, after=None, limit=1)
        for visit in coming:
            card = await card_of(writing, anna, CardKind.APPOINTMENT, visit.appointment_id, None, now)
            name = uuid5(visit.appointment_id, "demo card")
            await post_message(
                writing,
                Thread(clinic_id, anna),
                Author(Side.SYSTEM, clinic_id),
                name,
                "",
                None,
                now,
                enclosed=Enclosed(card=card),
            )


def _line(names: dict[str, str], low: int, high: int | None) -> PriceLine:
    told = [{"language": language, "name": name} for language, name in names.items()]
    upper = None if high is None else {"amount_minor": high, "currency": "EUR"}
    return PriceLine.model_validate({
        "names": told, "price": {"amount_minor": low, "currency": "EUR"}, "up_to": upper
    })  # fmt: skip
