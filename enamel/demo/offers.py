"""What the demo offers: Boris may choose between an implant and a bridge, each told in plain words."""

from datetime import date, timedelta
from typing import Any

from enamel.demo.people import Facts, euro, item


def offers(today: date) -> Facts:
    """Two plans of one group, as the clinic's system would push them."""
    facts = Facts()
    until = (today + timedelta(days=45)).isoformat()
    told: dict[str, Any] = {"patient": "boris", "group": "boris-46", "currency": "EUR", "valid_until": until}
    facts.add(
        "plans", "boris-implant", title="С имплантом", stages=_implant(), **told,
        pros=["Соседние зубы остаются нетронутыми", "Служит дольше всего"],
        cons=["Лечение занимает около полугода", "Нужна небольшая операция"],
    )  # fmt: skip
    facts.add(
        "plans", "boris-bridge", title="С мостом", stages=_bridge(), **told,
        pros=["Готово за три недели", "Без операции"], cons=["Два соседних зуба придётся обточить"],
    )  # fmt: skip
    return facts


def _implant() -> list[dict[str, Any]]:
    preparing = [
        item("Профессиональная гигиена", 9_000, promotion=euro(1_500), promotion_title="Осенняя гигиена"),
        item("Компьютерная томография", 12_000, explanation="Чтобы увидеть, сколько кости в месте имплантации."),
    ]
    operating = [
        item("Имплант", 98_000, "46", explanation="Титановый корень вместо утраченного зуба."),
        item(
            "Наращивание кости", 20_000, "46", unit_price_high=euro(45_000),
            explanation="Сколько понадобится материала, станет ясно во время операции.",
        ),
    ]  # fmt: skip
    crown = [
        item("Коронка на импланте", 72_000, "46", discount_basis_points=1_000, insurance=euro(10_000),
             explanation="То, что будет видно: зуб из циркония, подобранный по цвету."),
    ]  # fmt: skip
    return [
        {"title": "Подготовка", "visits": 1, "duration_days": 7, "items": preparing},
        {"title": "Имплантация", "visits": 2, "duration_days": 120, "depends_on": [0], "items": operating},
        {"title": "Коронка", "visits": 2, "duration_days": 21, "depends_on": [1], "items": crown},
    ]


def _bridge() -> list[dict[str, Any]]:
    return [
        {"title": "Подготовка", "visits": 1, "duration_days": 7, "items": [item("Профессиональная гигиена", 9_000)]},
        {"title": "Мост", "visits": 3, "duration_days": 21, "depends_on": [0], "items": [
            item("Обточка зуба", 8_000, "45", "MOD"), item("Обточка зуба", 8_000, "47", "MOD"),
            item("Мост из трёх единиц", 135_000, "46", points=euro(5_000),
                 explanation="Искусственный зуб, который держится на двух соседних.")]},
    ]  # fmt: skip
