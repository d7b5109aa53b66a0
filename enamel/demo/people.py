"""What the demo says of people: rows as a clinic's own system would push them, by kind."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Rows = dict[str, list[dict[str, Any]]]

KINDS = ("patients", "appointments", "procedures", "findings", "perio_exams", "plans", "promotions", "ledger")

# Open from nine to eight somewhere at every hour of the day, so that the demo can show a reminder at night too.
BRANCHES = {
    "Roma Centro": "Europe/Rome",
    "Shanghai Jing'an": "Asia/Shanghai",
    "Los Angeles West": "America/Los_Angeles",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """A heap of rows by kind, in the order in which they must be pushed."""

    rows: Rows = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, heap: str, external_id: str, /, **columns: Any) -> None:
        self.rows[heap].append({"external_id": external_id, "version": 1, **columns})

    def person(
        self, external_id: str, branch: str, given: str, family: str, born: date, phone: str, language: str
    ) -> None:
        self.add(
            "patients", external_id, branch=branch, given_name=given, family_name=family,
            birth_date=born.isoformat(), phone=phone, language=language,
        )  # fmt: skip

    def procedure(self, patient: str, kind: str, on: date, name: str, **more: Any) -> None:
        number = len(self.rows["procedures"])
        self.add(
            "procedures",
            f"{patient}-p{number}",
            patient=patient,
            kind=kind,
            performed_on=on.isoformat(),
            name=name,
            **more,
        )

    def finding(self, patient: str, tooth: str, code: str, surfaces: str, on: date, **more: Any) -> None:
        number = len(self.rows["findings"])
        self.add(
            "findings", f"{patient}-f{number}", patient=patient, notation="fdi", tooth=tooth, code=code,
            surfaces=list(surfaces), observed_on=on.isoformat(), **more,
        )  # fmt: skip

    def visit(self, patient: str, branch: str, on: date, hour: int, service: str, status: str) -> None:
        starts_at = local_moment(on, hour, branch)
        number = len(self.rows["appointments"])
        self.add(
            "appointments", f"{patient}-a{number}", patient=patient, branch=branch, starts_at=starts_at.isoformat(),
            ends_at=(starts_at + timedelta(minutes=45)).isoformat(), service=service, status=status,
            practitioner="Dr. Bianchi",
        )  # fmt: skip


def local_moment(day: date, hour: int, branch: str) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(BRANCHES[branch]))


def euro(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "EUR"}


def item(name: str, minor: int, tooth: str | None = None, surfaces: str = "", **more: Any) -> dict[str, Any]:
    """One line of a plan's stage."""
    place = {"notation": "fdi", "tooth": tooth, "surfaces": list(surfaces)} if tooth else {}
    return {"name": name, "unit_price": euro(minor), **place, **more}
