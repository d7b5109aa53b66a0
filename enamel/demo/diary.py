"""The demo's diary: free times to book, who waits for one, an offer that stands, and a wish to move a visit."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from clinic.commands.own_visits import ask_to_move
from clinic.commands.slots import take_slots
from clinic.commands.visit_settings import set_branch_booking, set_visit_labels
from clinic.commands.waiting import join_waiting_list
from clinic.queries import branches_by_name, named_patients, named_visits
from clinic.queries.visit_settings import BranchBooking, StateLabel
from clinic.queries.waiting import NewEntry
from clinic.slot import SlotFact
from clinic.waiting_list import WishedDays
from core.database import Writing
from core.events import SYSTEM
from enamel.demo.cast import ROME, SHANGHAI
from enamel.demo.people import local_moment

_DAYS_AHEAD = 14
_SATURDAY = 5
_HOURS = (9, 11, 15)
# Rome books at once, Shanghai wants to be asked first.
_RULES = {
    ROME: {"booking": "direct", "cancel_notice_hours": 24, "most_ahead": 3},
    SHANGHAI: {"booking": "request", "cancel_notice_hours": 48, "most_ahead": 2},
}
_WORDS = (("confirmed", "it", "Ti aspettiamo"), ("no_show", "it", "Non presentato"), ("confirmed", "zh", "恭候光临"))


async def keep_diary(writing: Writing, clinic_id: UUID, system: str, now: datetime) -> None:
    """After the cast is known: what the clinic's system and its patients would have done by now."""
    branches = await branches_by_name(writing)
    for name, rules in _RULES.items():
        body = BranchBooking.model_validate(rules, strict=False)
        await set_branch_booking(writing, clinic_id, branches[name].id, body, SYSTEM, now)
    labels = [StateLabel.model_validate({"status": s, "language": i, "label": w}, strict=False) for s, i, w in _WORDS]
    await set_visit_labels(writing, clinic_id, labels, SYSTEM, now)
    today = now.date()
    people = await named_patients(writing, system, {"anna", "daria"})
    wish = NewEntry(service="Controllo", until=today + timedelta(days=60))
    await join_waiting_list(writing, clinic_id, people["daria"].id, wish, SYSTEM, now)
    done, faults = await take_slots(writing, clinic_id, system, list(enumerate(_slots(today))), SYSTEM, now)
    assert done, faults
    assert not faults, faults
    visit = (await named_visits(writing, system, {"anna-a1"}))["anna-a1"]
    words = {"words": "Preferirei il mattino", "parts": ["morning"]}
    await ask_to_move(writing, clinic_id, people["anna"].id, visit.id, words, WishedDays(), SYSTEM, now)


def _slots(today: date) -> list[SlotFact]:
    """Free hours of two weeks; the first of Rome was freed, and is Daria's to take."""
    days = [today + timedelta(days=ahead) for ahead in range(2, _DAYS_AHEAD)]
    working = [day for day in days if day.weekday() < _SATURDAY]
    rows = [
        _slot(branch, practitioner, services, day, hour)
        for branch, practitioner, services in (
            (ROME, "Dr. Bianchi", ["Igiene", "Controllo"]),
            (SHANGHAI, "李医生", ["洁牙"]),
        )
        for day in working
        for hour in _HOURS
    ]
    return [SlotFact.model_validate(rows[0] | {"freed": True}), *(SlotFact.model_validate(row) for row in rows[1:])]


def _slot(branch: str, practitioner: str, services: list[str], day: date, hour: int) -> dict[str, Any]:
    starts_at = local_moment(day, hour, branch)
    return {
        "external_id": f"{branch}-{day:%Y%m%d}-{hour}", "version": 1, "branch": branch, "practitioner": practitioner,
        "services": services, "starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=45),
    }  # fmt: skip
