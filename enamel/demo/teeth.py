"""Teeth of the cast that show what a chart can say: a bridge, an implant, an extra tooth, gums that heal."""

from datetime import date, timedelta
from typing import Any

from enamel.demo.people import Facts

_SITES = ("MB", "B", "DB", "ML", "L", "DL")


def teeth(today: date) -> Facts:
    """Findings and examinations of the gums beside those of the cast."""
    facts, checked = Facts(), today - timedelta(days=200)
    for tooth, code in (("24", "bridge_abutment"), ("25", "pontic"), ("26", "bridge_abutment")):
        _found(facts, "boris", tooth, code, today - timedelta(days=900), group="bridge-24", material="ceramic")
    _found(facts, "boris", "36", "implant", today - timedelta(days=700), material="titanium")
    _found(facts, "boris", "36", "crown", today - timedelta(days=600), material="zirconia")
    _found(facts, "boris", "47", "root_canal", checked, canals=3)
    _found(facts, "boris", "31", "mobility", checked, grade=1)
    for tooth in ("32", "31", "41", "42"):
        _found(facts, "boris", tooth, "splint", checked, group="splint-front")
    _found(facts, "chen", "11s", "impacted", today - timedelta(days=120))
    _found(facts, "chen", "48", "missing_congenital", today - timedelta(days=120))
    _probed(facts, "boris", today - timedelta(days=560), {"16": "535646", "31": "446556", "46": "333434"})
    _probed(facts, "boris", checked, {"16": "424534", "31": "334445", "46": "323323"})
    _probed(facts, "anna", today - timedelta(days=60), {"16": "323223", "36": "434334", "11": "212222"})
    return facts


def _found(facts: Facts, patient: str, tooth: str, code: str, on: date, **more: Any) -> None:
    facts.add(
        "findings", f"{patient}-{tooth}-{code}", patient=patient, notation="fdi", tooth=tooth, code=code,
        observed_on=on.isoformat(), **more,
    )  # fmt: skip


def _probed(facts: Facts, patient: str, on: date, depths: dict[str, str]) -> None:
    """`depths`: by tooth, one digit for each of the six sites; what is deeper than 3 mm bleeds."""
    measured = [
        {
            "tooth": tooth,
            "sites": [
                {"site": site, "probing_mm": int(depth), "margin_mm": 0, "bleeding": depth > "3"}
                for site, depth in zip(_SITES, digits, strict=True)
            ],
        }
        for tooth, digits in depths.items()
    ]
    facts.add(
        "perio_exams", f"{patient}-perio-{on.isoformat()}", patient=patient, examined_on=on.isoformat(),
        notation="fdi", teeth=measured,
    )  # fmt: skip
