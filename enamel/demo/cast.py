"""The small named cast of the demo: each person stands for one thing that clinics know well."""

from dataclasses import dataclass
from datetime import date, timedelta

from enamel.demo.people import Facts, item

ROME, SHANGHAI = "Roma Centro", "Shanghai Jing'an"


@dataclass(frozen=True, slots=True)
class Role:
    """Who somebody of the cast is; `guardian_of` names a ward's external id."""

    external_id: str
    phone: str
    stands_for: str
    guardian_of: str | None = None


ROLES = (
    Role("anna", "+393471200001", "mid-plan: two of five stages done, next visit booked", guardian_of="emma"),
    Role("boris", "+79031200002", "unseen for 200 days, nothing booked: due for recall"),
    Role("chen", "+8613812000003", "did not come to the last visit"),
    Role("daria", "+79031200004", "signed up, has never had a visit"),
    Role("giulia", "+393471200005", "sixteen: her mother Anna acts for her, and one visit is hers alone"),
)


def cast(today: date) -> Facts:
    """Everything the clinic's system knows of the cast on `today`."""
    facts = Facts()
    _anna(facts, today)
    _emma(facts, today)
    facts.person("boris", ROME, "Борис", "Иванов", date(1969, 11, 3), "+79031200002", "ru")
    facts.visit("boris", ROME, today - timedelta(days=200), 11, "Igiene", "completed")
    facts.procedure("boris", "hygiene", today - timedelta(days=200), "Professional hygiene")
    facts.finding("boris", "37", "crown", "", today - timedelta(days=200), material="ceramic")
    facts.finding("boris", "46", "missing_disease", "", today - timedelta(days=200))
    facts.person("chen", SHANGHAI, "伟", "陈", date(1992, 7, 19), "+8613812000003", "zh")
    facts.visit("chen", SHANGHAI, today - timedelta(days=9), 15, "洁牙", "no_show")
    facts.procedure("chen", "hygiene", today - timedelta(days=120), "洁牙")
    facts.person("giulia", ROME, "Giulia", "Rossi", date(today.year - 16, 1, 15), "+393471200005", "it")
    facts.person("daria", ROME, "Дарья", "Соколова", date(2001, 1, 30), "+79031200004", "ru")
    facts.add(
        "promotions", "autumn-hygiene", starts_on=(today - timedelta(days=10)).isoformat(),
        ends_on=(today + timedelta(days=50)).isoformat(),
        texts=[
            {"language": "it", "title": "Igiene d'autunno", "terms": "Seconda seduta in famiglia a metà prezzo."},
            {"language": "ru", "title": "Осенняя гигиена", "terms": "Второй член семьи — за полцены."},
            {"language": "zh", "title": "秋季洁牙", "terms": "家庭第二人半价。"},
            {"language": "en", "title": "Autumn hygiene", "terms": "The second of a family at half price."},
        ],
    )  # fmt: skip
    return facts


def _anna(facts: Facts, today: date) -> None:
    ago = timedelta(days=30)
    facts.person("anna", ROME, "Anna", "Rossi", date(1985, 5, 17), "+393471200001", "it")
    facts.visit("anna", ROME, today - ago, 10, "Otturazione 16", "completed")
    facts.visit("anna", ROME, today + timedelta(days=6), 17, "Devitalizzazione 36", "confirmed")
    facts.procedure("anna", "hygiene", today - timedelta(days=60), "Igiene professionale")
    facts.procedure("anna", "filling", today - ago, "Otturazione", notation="fdi", tooth="16")
    facts.finding("anna", "16", "filling", "MO", today - ago, material="composite", status="completed")
    facts.finding("anna", "25", "caries", "D", today - ago)
    facts.finding("anna", "36", "caries", "MOD", today - ago)
    facts.finding("anna", "36", "root_canal", "", today - ago, status="planned")
    facts.finding("anna", "36", "crown", "", today - ago, status="planned", material="zirconia")
    facts.finding("anna", "46", "missing_disease", "", today - timedelta(days=400))
    facts.finding("anna", "46", "implant", "", today - ago, status="planned", material="titanium")
    facts.finding("anna", "18", "extracted", "", today - timedelta(days=1500))
    facts.finding("anna", "11", "veneer", "", today - timedelta(days=700), material="ceramic")
    stages = [
        {"title": "Igiene e controllo", "visits": 1, "items": [
            item("Igiene professionale", 9_000, status="completed"), item("Panoramica", 4_500, status="completed")]},
        {"title": "Carie", "visits": 1, "items": [
            item("Otturazione in composito", 12_000, "16", "MO", status="completed"),
            item("Otturazione in composito", 11_000, "25", "OD", discount_basis_points=1_000)]},
        {"title": "Devitalizzazione", "visits": 2, "items": [item("Terapia canalare", 28_000, "36")]},
        {"title": "Corona", "visits": 2, "items": [item("Corona in zirconia", 65_000, "36")]},
        {"title": "Impianto", "visits": 3, "items": [
            item("Impianto", 98_000, "46"), item("Corona su impianto", 72_000, "46")]},
    ]  # fmt: skip
    facts.add(
        "plans", "anna-plan", patient="anna", group="anna-2026", title="Con impianto", currency="EUR",
        status="in_progress", valid_until=(today + timedelta(days=60)).isoformat(), stages=stages,
    )  # fmt: skip
    bridge = [{"title": "Ponte", "visits": 3, "items": [item("Ponte di tre elementi", 135_000, "46")]}]
    facts.add(
        "plans", "anna-bridge", patient="anna", group="anna-2026", title="Con ponte", currency="EUR",
        status="declined", stages=bridge,
    )  # fmt: skip


def _emma(facts: Facts, today: date) -> None:
    """Eight years old: first molars and lower incisors are through, the milk molars still stand."""
    born = date(today.year - 8, 3, 12)
    facts.person("emma", ROME, "Emma", "Rossi", born, "+393471200001", "it")
    seen = today - timedelta(days=40)
    facts.visit("emma", ROME, seen, 16, "Controllo", "completed")
    facts.procedure("emma", "exam", seen, "Controllo")
    for tooth in ("16", "26", "36", "46", "11", "21", "31", "32", "41", "42"):
        facts.finding("emma", tooth, "present", "", seen)
    for tooth in ("51", "61", "71", "72", "81", "82"):
        facts.finding("emma", tooth, "exfoliated", "", seen)
    facts.finding("emma", "12", "erupting", "", seen)
    facts.finding("emma", "36", "sealant", "O", seen)
    facts.finding("emma", "75", "filling", "O", seen, material="glass_ionomer")
    facts.finding("emma", "84", "caries", "D", seen)
