"""What the demo says of offers and points: a coupon that was picked up, a tier nearly reached, a card, a friend."""

from datetime import date, datetime, timedelta
from uuid import UUID

from automation.commands.audiences import list_all
from automation.templates import OVERDUE_FOR_HYGIENE
from cabinet.commands.cards import issue_card
from cabinet.commands.coupons import PickUp, pick_up
from cabinet.commands.points import Accrual, accrue
from cabinet.commands.programme import set_programme
from cabinet.commands.promotions import draft_promotion, publish_promotion
from cabinet.commands.referrals import open_referral_code
from cabinet.loyalty_facts import ProgrammeTerms
from cabinet.prepaid_facts import CardTerms
from cabinet.promotion_facts import PromotionTerms
from clinic.queries import named_patients
from core.database import Writing
from core.events import SYSTEM
from core.ids import new_id
from identity.secrets import Secrets

_PROGRAMME = {
    "worth": {"amount_minor": 100, "currency": "EUR"}, "basis_points": 300, "per_visit": 10,
    "tiers": [{"name": "Argento", "from_points": 100}, {"name": "Oro", "from_points": 500}],
    "referrer_points": 50, "friend_points": 25,
}  # fmt: skip
_WHITENING = [
    {"language": "it", "title": "Sbiancamento -15%", "terms": "Non cumulabile. Venti buoni in tutto."},
    {"language": "ru", "title": "Отбеливание -15%", "terms": "Не суммируется. Всего двадцать купонов."},
    {"language": "zh", "title": "美白85折", "terms": "不可与其他优惠同享。共二十张。"},
    {"language": "en", "title": "Whitening -15%", "terms": "Not with other offers. Twenty coupons in all."},
]
_WELCOME_BACK = [
    {"language": "it", "title": "Bentornato: 20 euro per l'igiene", "terms": "Per chi non viene da sei mesi."},
    {"language": "ru", "title": "С возвращением: 20 евро на гигиену", "terms": "Для тех, кто не был полгода."},
    {"language": "zh", "title": "欢迎回来：洁牙立减20欧元", "terms": "适用于半年未到诊的患者。"},
    {"language": "en", "title": "Welcome back: 20 euro off hygiene", "terms": "For who has not come for half a year."},
]


async def be_generous(writing: Writing, secrets: Secrets, clinic_id: UUID, system: str, now: datetime) -> None:
    """After the cast is known. The programme is a month old, so that visits of the last weeks earn points."""
    people = await named_patients(writing, system, {"anna"})
    anna = people["anna"].id
    programme = ProgrammeTerms.model_validate(_PROGRAMME).programme()
    await set_programme(writing, clinic_id, programme, SYSTEM, now - timedelta(days=31))
    await accrue(writing, [Accrual(clinic_id, anna, "opening", 80, "Saldo iniziale")], SYSTEM, now)
    await _offer(writing, clinic_id, _terms(_WELCOME_BACK, now.date(), {"amount": _euro(2_000)}), now, overdue=True)
    whitening = _terms(_WHITENING, now.date(), {"basis_points": 1_500, "combinable": False}, stock=20)
    offered = await _offer(writing, clinic_id, whitening, now, overdue=False)
    await pick_up(writing, secrets, PickUp(clinic_id, anna, offered), SYSTEM, now)
    hygiene = CardTerms(title="Cinque igieni", service="Igiene", sessions=5, expires_on=now.date() + timedelta(days=25))
    await issue_card(writing, clinic_id, anna, new_id(), hygiene, SYSTEM, now)
    await open_referral_code(writing, clinic_id, anna)


def _euro(minor: int) -> dict[str, object]:
    return {"amount_minor": minor, "currency": "EUR"}


def _terms(
    texts: list[dict[str, str]], today: date, reduction: dict[str, object], stock: int | None = None
) -> PromotionTerms:
    return PromotionTerms.model_validate({
        "texts": texts, "starts_on": today - timedelta(days=1), "ends_on": today + timedelta(days=60),
        "reduction": reduction, "with_coupon": True, "stock": stock,
    })  # fmt: skip


async def _offer(writing: Writing, clinic_id: UUID, terms: PromotionTerms, now: datetime, *, overdue: bool) -> UUID:
    criteria = OVERDUE_FOR_HYGIENE.model_dump(mode="json", exclude_defaults=True) if overdue else None
    made = await draft_promotion(writing, clinic_id, terms, criteria, SYSTEM, now)
    await writing.flush()
    await publish_promotion(writing, clinic_id, made, SYSTEM, now)
    if overdue:
        await list_all(writing, now, made)
    return made
