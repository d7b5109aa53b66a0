"""The teeth of the demo: rows that the clinic's own system could push, and charts without contradictions."""

import json
from datetime import date
from uuid import NAMESPACE_OID, uuid5

import pytest

from cabinet.facts import FindingFact
from cabinet.finding import Finding
from cabinet.odontogram import odontogram
from cabinet.perio_facts import PerioExamFact
from enamel.demo.cast import cast
from enamel.demo.teeth import teeth

TODAY = date(2026, 11, 23)


def findings(patient: str) -> list[Finding]:
    rows = [row for facts in (cast(TODAY), teeth(TODAY)) for row in facts.rows["findings"]]
    told = [FindingFact.model_validate_json(json.dumps(row)) for row in rows if row["patient"] == patient]
    return [
        Finding(
            fact.fdi, fact.code, fact.observed_on, fact.status, fact.canonical, fact.material, fact.group, fact.grade,
            fact.canals, uuid5(NAMESPACE_OID, fact.external_id),
        )
        for fact in told
    ]  # fmt: skip


def test_no_row_has_the_name_of_another() -> None:
    rows = [row for facts in (cast(TODAY), teeth(TODAY)) for row in facts.rows["findings"]]
    assert len({row["external_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize(("patient", "spans"), [("boris", ["bridge", "splint"]), ("chen", []), ("anna", [])])
def test_the_teeth_of_the_cast_make_sense(patient: str, spans: list[str]) -> None:
    chart = odontogram(findings(patient), date(1985, 1, 1), TODAY)
    assert chart.contradictions == 0
    assert [span.kind for span in chart.spans] == spans


def test_the_examinations_of_the_demo_are_taken() -> None:
    rows = teeth(TODAY).rows["perio_exams"]
    exams = [PerioExamFact.model_validate_json(json.dumps(row)) for row in rows]
    assert {exam.patient for exam in exams} == {"anna", "boris"}
    assert all(len(tooth["sites"]) == 6 for exam in exams for tooth in exam.measured())
