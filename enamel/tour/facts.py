"""Who the tour is about: a new person each time, last seen 200 days ago, with everything a clinic would know."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from clinic.hours import Hours
from core.clock import now
from enamel.demo.people import Facts, Rows, item
from enamel.demo.radiograph import panoramic
from enamel.tour.caller import TourFailed

_TEETH_OF_AN_ADULT = 32


@dataclass(frozen=True, slots=True)
class Newcomer:
    external_id: str
    phone: str
    zone: str
    facts: Rows
    radiograph: bytes
    taken_on: str
    next_visit: dict[str, Any]
    stages: int
    teeth: int = _TEETH_OF_AN_ADULT


def newcomer(branches: dict[str, str]) -> Newcomer:
    """Somebody of a branch that is open at this hour, because nobody is reminded at night."""
    moment = now()
    branch, zone = _open_branch(branches, moment)
    today = moment.astimezone(ZoneInfo(zone)).date()
    name = f"tour-{secrets.token_hex(4)}"
    phone = f"+39347{secrets.randbelow(10**7):07d}"
    facts = _facts(name, phone, branch, today)
    start = datetime.combine(today + timedelta(days=7), time(10), ZoneInfo(zone))
    visit = {
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=45)).isoformat(),
        "service": "Hygiene",
    }
    rows = {kind: rows for kind, rows in facts.rows.items() if rows}
    stages = len(rows["plans"][0]["stages"])
    return Newcomer(name, phone, zone, rows, panoramic(secrets.randbelow(1000)), today.isoformat(), visit, stages)


def _open_branch(branches: dict[str, str], moment: datetime) -> tuple[str, str]:
    for name, zone in branches.items():
        if Hours(zone, time(9), time(19, 58)).open_at(moment):
            return name, zone
    raise TourFailed("no branch is open at this hour, and nobody is reminded at night: try again in a few minutes")


def _facts(name: str, phone: str, branch: str, today: date) -> Facts:
    facts, seen = Facts(), today - timedelta(days=200)
    facts.person(name, branch, "Greta", "Moretti", date(1988, 2, 29), phone, "en")
    facts.visit(name, branch, seen, 11, "Hygiene", "completed")
    facts.procedure(name, "hygiene", seen, "Professional hygiene")
    facts.finding(name, "16", "filling", "MO", seen, material="composite", status="completed")
    facts.finding(name, "26", "caries", "D", seen)
    facts.finding(name, "36", "crown", "", seen, material="ceramic", status="planned")
    facts.finding(name, "48", "extracted", "", seen)
    stages = [
        {"title": "Hygiene", "visits": 1, "items": [item("Professional hygiene", 9_000)]},
        {"title": "Fillings", "visits": 1, "items": [item("Composite filling", 12_000, "26", "OD")]},
        {"title": "Crown", "visits": 2, "items": [item("Ceramic crown", 60_000, "36", discount_basis_points=1_000)]},
    ]
    facts.add(
        "plans", f"{name}-plan", patient=name, title="Healthy again", currency="EUR", status="proposed", stages=stages
    )
    starts, ends = today - timedelta(days=1), today + timedelta(days=30)
    texts = [{"language": "en", "title": "Two for one", "terms": "Hygiene for two at the price of one."}]
    facts.add("promotions", f"{name}-offer", texts=texts, starts_on=starts.isoformat(), ends_on=ends.isoformat())
    return facts
