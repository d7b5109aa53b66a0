"""A plan on paper says what the screen says, in every language."""

from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from cabinet.offer_answer import Verdict
from cabinet.paper import Letterhead, printed
from cabinet.paper_words import money_text
from cabinet.plan import Item, ItemStatus, PlanStatus, StageStatus, line, total
from cabinet.plan_cost import cost
from cabinet.plan_paper import plan_paper
from cabinet.plan_view import ItemView, OfferView, PlanWithAccount, ProgressView, StageView
from cabinet.plan_words import words
from core.ids import new_id
from core.money import Money

LANGUAGES = ("en", "ru", "it", "zh")
NAMES = {"en": "Crown, ceramic", "ru": "Коронка керамическая", "it": "Corona in ceramica", "zh": "全瓷冠"}


def eur(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


def shown(name: str, item: Item, explanation: str = "", tooth: str | None = "16") -> ItemView:
    return ItemView(
        name=name, explanation=explanation, tooth=tooth, surfaces=["M", "O"] if tooth else [], quantity=item.quantity,
        unit_price=item.unit_price, unit_price_high=item.unit_price_high, promotion_title="", cost=cost(line(item)),
        status=item.status,
    )  # fmt: skip


def a_plan(language: str) -> PlanWithAccount:
    lines = [
        Item(eur(60_000), discount_basis_points=1_000, insurance=eur(10_000)),
        Item(eur(12_000), 2, unit_price_high=eur(15_000), promotion=eur(500), points=eur(300)),
        Item(eur(99_900), status=ItemStatus.CANCELLED),
    ]
    kept = total([line(each) for each in lines[:2]], "EUR")
    items = [
        shown(NAMES[language], lines[0], f"{NAMES[language]}: 1\n2"), shown("Filling", lines[1], tooth=None),
        shown("Never done", lines[2]),
    ]  # fmt: skip
    progress = ProgressView(items=2, items_done=0)
    stages = [
        StageView(
            position=place, title=f"{NAMES[language]} {place}", visits=2, duration_days=14, depends_on=[0] * place,
            status=StageStatus.PENDING, answered=Verdict.ACCEPTED if place == 0 else None, cost=cost(kept),
            progress=progress, items=items,
        )
        for place in range(2)
    ]  # fmt: skip
    offer = OfferView(
        number=3, sha256="c0ffee" + "0" * 58, proposed_at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
        valid_until=date(2026, 12, 31), answered=None,
    )  # fmt: skip
    return PlanWithAccount(
        plan_id=new_id(), group=None, title=NAMES[language], pros=[], cons=[], status=PlanStatus.PROPOSED,
        valid_until=date(2026, 12, 31), visits=4, duration_days=28, offer=offer, cost=cost(total([kept, kept], "EUR")),
        progress=progress, stages=stages, account=None,
    )  # fmt: skip


def read(language: str) -> str:
    letterhead = Letterhead("Rome Dental", ("Centro, Via Roma 1",))
    content = printed(plan_paper(a_plan(language), "Анна Rossi 安娜", "Europe/Rome", letterhead, language))
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_tells_names_prices_and_the_fingerprint_of_the_offer(language: str) -> None:
    told, text = a_plan(language), read(language)
    flat = text.replace("\n", "").replace(" ", "").replace("\u00a0", "")
    assert told.cost.estimate is not None
    for amount in (told.cost.estimate.low, told.cost.estimate.high, told.cost.discount):
        assert money_text(amount, language).replace("\u00a0", "").replace(" ", "") in flat
    for phrase in (NAMES[language], "Анна Rossi 安娜", words(language)["estimate"], "c0ffee"):
        assert phrase.replace(" ", "") in flat
    assert "Neverdone" not in flat


def test_it_was_offered_on_the_day_of_the_branch() -> None:
    assert "23 November 2026" in read("en")


def test_every_language_has_every_word() -> None:
    assert len({frozenset(words(language)) for language in LANGUAGES}) == 1
    assert all(status.value in words("en") for status in PlanStatus)
