"""A national survey through the door: every code of NHANES is taken in, stands on the chart and in the picture.

8,100 people were examined by dentists (`enamel/demo/SOURCES.md`); each code of each assessment of each tooth goes
through the command that the sync route calls, and comes back through the API. None is lost, and no two codes give the
same tooth unless they mean the same.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cabinet.nhanes import findings_of_nhanes
from clinic.queries import named_patients
from core.clock import now
from tests.world import DAY, World, patient_fact

SURVEY = Path(__file__).parents[2] / "enamel" / "demo" / "nhanes-2017-2018-dentition.csv"
SVG = "{http://www.w3.org/2000/svg}"
SEEN = (now() - DAY).date()

# Pairs of codes that are the same tooth to a patient, and why. Texts differ where the survey says more.
MEAN_THE_SAME = {
    ("tooth_count 5", "coronal_caries J"): "a root fragment; J adds that nothing replaces it, which a chart shows by "
    "showing nothing there",
}
# Pairs that are drawn alike although the chart and its words tell them apart, and why.
LOOK_THE_SAME = {
    ("tooth_count 1", "coronal_caries D"): "a milk tooth with nothing on it; D was looked at and found healthy",
    ("tooth_count 2", "coronal_caries S"): "a permanent tooth with nothing on it; S was looked at and found healthy",
    **MEAN_THE_SAME,
}


def survey() -> list[dict[str, str]]:
    with SURVEY.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def code_of(row: dict[str, str]) -> str:
    return f"{row['assessment']} {row['code']}"


def person_of(code: str) -> str:
    return code.replace(" ", ":")


Told = dict[str, dict[str, Any]]
"""Code → position (FDI of the permanent tooth) → what is told of the tooth there."""


@pytest.fixture
async def surveyed(world: World) -> World:
    """One patient for each code: every tooth of theirs had it."""
    rows = survey()
    codes = sorted({code_of(row) for row in rows})
    people = [patient_fact(person_of(code), "Pat", None).model_dump(mode="json") for code in codes]
    await world.post("/v1/partner/sync/patients", world.here.partner, {"items": people})
    facts = [fact for row in rows for fact in facts_of(row)]
    taken = 0
    for start in range(0, len(facts), 1000):
        answer = await world.post(
            "/v1/partner/sync/findings", world.here.partner, {"items": facts[start : start + 1000]}
        )
        assert answer.json()["refused"] == 0, answer.text
        taken += answer.json()["created"]
    assert taken == len(facts) >= len(rows) == 1088
    return world


def facts_of(row: dict[str, str]) -> Iterable[dict[str, Any]]:
    for part, finding in enumerate(findings_of_nhanes(row["assessment"], row["fdi"], row["code"], SEEN)):
        yield {
            "external_id": f"{code_of(row)} {row['fdi']} {part}", "version": 1, "patient": person_of(code_of(row)),
            "notation": "fdi", "tooth": finding.tooth, "code": finding.code, "surfaces": list(finding.surfaces),
            "material": finding.material, "observed_on": SEEN.isoformat(),
        }  # fmt: skip


async def everything_told(world: World) -> tuple[Told, Told, Told]:
    """By code and position: the tooth of the chart, its words, and its drawing without words."""
    positions: dict[str, dict[str, str]] = defaultdict(dict)
    for row in survey():
        findings = findings_of_nhanes(row["assessment"], row["fdi"], row["code"], SEEN)
        positions[code_of(row)][row["fdi"]] = findings[-1].tooth
    async with world.database.reading(world.here.scope) as reading:
        known = await named_patients(reading, "mis", {person_of(code) for code in positions})
    charts, texts, drawings = defaultdict(dict), defaultdict(dict), defaultdict(dict)  # type: ignore[var-annotated]
    for code, teeth in positions.items():
        patient = known[person_of(code)].id
        chart = (await world.get(f"/v1/staff/patients/{patient}/chart", world.here.staff)).json()
        picture = ElementTree.fromstring(  # noqa: S314  our own text
            (await world.get(f"/v1/staff/patients/{patient}/chart.svg", world.here.staff)).text
        )
        assert chart["contradictions"] == 0, code
        states = {tooth["tooth"]: tooth for tooth in chart["teeth"]}
        groups = {group.get("data-tooth"): group for group in picture.iter(f"{SVG}g")}
        for position, tooth in teeth.items():
            charts[code][position] = _plain(states[tooth])
            texts[code][position] = groups[tooth].findtext(f"{SVG}title")
            drawings[code][position] = (tooth, _shapes(groups[tooth]))
    return charts, texts, drawings


def _plain(state: dict[str, Any]) -> str:
    """A tooth without the ids of its findings."""
    lines = [{name: value for name, value in line.items() if name != "finding_id"} for line in state["findings"]]
    return str({**state, "findings": lines})


def _shapes(group: ElementTree.Element) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """What is drawn of a tooth from both sides, wherever in the picture it stands: without its words and its number."""
    views = [each for each in group if each.get("transform", "").startswith("translate(")]
    assert len(views) == 2
    return tuple(
        (each.tag, tuple(sorted(each.attrib.items()))) for view in views for part in view for each in part.iter()
    )


def equal_pairs(told: Told) -> dict[tuple[str, str], set[str]]:
    """Codes that are told alike, and at which positions."""
    alike: dict[tuple[str, str], set[str]] = defaultdict(set)
    codes = sorted(told, key=lambda code: (code.startswith("surface"), not code.startswith("tooth"), code))
    for place, one in enumerate(codes):
        for other in codes[place + 1 :]:
            same = {each for each in told[one].keys() & told[other].keys() if told[one][each] == told[other][each]}
            if same:
                alike[one, other] = same
    return alike


async def test_no_code_of_the_survey_is_lost_and_no_two_are_merged(surveyed: World) -> None:
    charts, texts, drawings = await everything_told(surveyed)
    assert sum(len(teeth) for teeth in charts.values()) == 1088
    for row in survey():
        told = charts[code_of(row)][row["fdi"]]
        for finding in findings_of_nhanes(row["assessment"], row["fdi"], row["code"], SEEN):
            assert f"'code': '{finding.code}'" in told, row
    assert set(equal_pairs(charts)) == set(MEAN_THE_SAME)
    assert set(equal_pairs(texts)) == set(MEAN_THE_SAME)
    assert set(equal_pairs(drawings)) == set(LOOK_THE_SAME)
