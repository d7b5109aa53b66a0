"""What the demo's books say: Anna has paid for what was done, but for one filling whose day has passed."""

from datetime import date, timedelta
from typing import Any

from enamel.demo.people import Facts, euro


def books(today: date) -> Facts:
    """The ledger of the cast, as the clinic's system would push it."""
    facts = Facts()
    ago = today - timedelta(days=30)
    _entry(facts, "anna-c1", "charge", 9_000, ago, text="Igiene professionale", plan="anna-plan", stage=0)
    _entry(facts, "anna-c2", "charge", 4_500, ago, text="Panoramica", plan="anna-plan", stage=0)
    _entry(facts, "anna-y1", "payment", 13_500, ago, text="Carta", plan="anna-plan", stage=0)
    due = (today - timedelta(days=5)).isoformat()
    _entry(facts, "anna-c3", "charge", 12_000, ago, text="Otturazione 16", plan="anna-plan", stage=1, due_on=due)
    _entry(facts, "anna-d1", "deposit", 5_000, ago, text="Acconto", plan="anna-plan")
    return facts


def _entry(facts: Facts, name: str, kind: str, minor: int, on: date, **more: Any) -> None:
    facts.add("ledger", name, patient="anna", kind=kind, amount=euro(minor), posted_on=on.isoformat(), **more)
