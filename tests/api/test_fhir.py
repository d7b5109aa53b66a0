"""FHIR in: the examples of HL7 Dental Data Exchange stand in the chart; what is not understood says why."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.fhir_dental import condition_fact, procedure_facts
from core.errors import Invalid
from tests.world import World, patient_fact

EXAMPLES = sorted((Path(__file__).parents[1] / "data" / "fhir-dental").glob("*.json"))
FDI = {"2": "17", "4": "15", "5": "14", "7": "12", "8": "11", "10": "22", "11": "23", "13": "25", "14": "26"}


def example(name: str) -> dict[str, Any]:
    file = next(file for file in EXAMPLES if name in file.name)
    resource: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return resource


async def put(world: World, resource: dict[str, Any], expect: int = 200) -> dict[str, Any]:
    path = f"/v1/partner/fhir/{resource['resourceType']}/{resource['id']}"
    answer = await world.http.put(path, headers=world.here.partner, json=resource)
    assert answer.status_code == expect, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def admit(world: World) -> str:
    """The examples' patient, and their id."""
    row = patient_fact("example-dental", "Patient", None).model_dump(mode="json")
    taken = await world.post("/v1/partner/sync/patients", world.here.partner, {"items": [row]})
    return str(taken.json()["rows"][0]["id"])


async def chart(world: World, patient_id: str) -> dict[str, dict[str, Any]]:
    seen = await world.get(f"/v1/staff/patients/{patient_id}/chart", world.here.staff)
    return {tooth["tooth"]: tooth for tooth in seen.json()["teeth"]}


def side(tooth: dict[str, Any], letter: str) -> str:
    return next(str(each["condition"]) for each in tooth["surfaces"] if each["surface"] == letter)


async def test_every_example_stands_in_the_chart_on_its_fdi_tooth(world: World) -> None:
    patient_id = await admit(world)
    assert len(EXAMPLES) == 20
    conditions = [file for file in EXAMPLES if file.name.startswith("Condition-")]
    for file in conditions:
        resource = json.loads(file.read_text(encoding="utf-8"))
        universal = resource["id"].split("Tooth")[1].split("-")[0]
        taken = await put(world, resource)
        assert (taken["outcome"], taken["tooth"]) == ("created", FDI[universal])
    teeth = await chart(world, patient_id)
    assert {side(teeth[tooth], "V") for tooth in FDI.values()} == {"caries"}
    assert [line["code"] for line in teeth["11"]["findings"]] == ["caries", "abscess"]
    for file in set(EXAMPLES) - set(conditions):
        taken = await put(world, json.loads(file.read_text(encoding="utf-8")))
        assert taken["finding_id"]
        assert taken["procedure_id"]
    teeth = await chart(world, patient_id)
    assert {side(teeth[tooth], "V") for tooth in FDI.values()} == {"filled"}
    assert (side(teeth["11"], "L"), teeth["11"]["root_canal"]) == ("filled", True)


async def test_putting_again_changes_nothing_and_other_content_needs_a_newer_version(world: World) -> None:
    await admit(world)
    resource = example("CariesTooth8")
    first = await put(world, resource)
    again = await put(world, resource)
    assert (again["outcome"], again["finding_id"]) == ("unchanged", first["finding_id"])
    moved = {**resource, "onsetDateTime": "2020"}
    assert (await put(world, moved, expect=412))["code"] == "stale-version"
    assert (await put(world, {**moved, "meta": {"versionId": "2"}}))["outcome"] == "updated"


async def test_a_voided_procedure_leaves_no_trace_in_the_chart(world: World) -> None:
    patient_id = await admit(world)
    resource = example("RestorationTooth14")
    await put(world, resource)
    assert side((await chart(world, patient_id))["26"], "V") == "filled"
    await put(world, {**resource, "status": "entered-in-error", "meta": {"lastUpdated": "2025-01-01T00:00:00Z"}})
    assert side((await chart(world, patient_id))["26"], "V") == "sound"


async def test_a_procedure_that_leaves_nothing_any_more_withdraws_what_it_left(world: World) -> None:
    patient_id = await admit(world)
    resource = example("RestorationTooth14")
    await put(world, resource)
    exam = {"coding": [{"system": "http://www.ada.org/cdt", "code": "D0120"}]}
    changed = {**resource, "code": exam, "meta": {"lastUpdated": "2025-01-01T00:00:00Z"}}
    assert [(await put(world, changed))[name] for name in ("outcome", "finding_id")] == ["updated", None]
    assert side((await chart(world, patient_id))["26"], "V") == "sound"
    assert (await put(world, changed))["outcome"] == "unchanged"
    assert (await put(world, resource, expect=412))["code"] == "stale-version"
    assert side((await chart(world, patient_id))["26"], "V") == "sound"


async def test_an_unknown_patient_and_a_date_to_come_are_told_in_the_resources_own_words(world: World) -> None:
    unknown = await put(world, example("CariesTooth8"), expect=422)
    assert unknown["errors"] == [{"pointer": "/subject/reference", "code": "unknown-reference"}]
    await admit(world)
    ahead = await put(world, {**example("CariesTooth8"), "onsetDateTime": "2199-01-01"}, expect=422)
    assert ahead["errors"] == [{"pointer": "/onsetDateTime", "code": "in-the-future"}]


def bodies(system: str, code: str) -> list[dict[str, Any]]:
    return [{"coding": [{"system": system, "code": code}]}]


UNIVERSAL = "http://terminology.hl7.org/CodeSystem/ADAUniversalToothDesignationSystem"
CONDITION = example("PeriodontalAbscessTooth8")
REFUSED = [
    ({"resourceType": "Observation"}, "/resourceType", "another-resource"),
    ({"id": "other"}, "/id", "not-the-id-of-the-address"),
    ({"code": bodies("http://snomed.info/sct", "27355003")[0]}, "/code/coding", "code-not-understood"),
    ({"code": None}, "/code/coding", "code-not-understood"),
    ({"bodySite": None}, "/bodySite", "missing"),
    ({"bodySite": bodies(UNIVERSAL, "33")}, "/bodySite/0/coding", "unknown-tooth"),
    ({"bodySite": bodies("http://snomed.info/sct", "422653006")}, "/bodySite/0/coding", "notation-not-understood"),
    ({"bodySite": [*bodies(UNIVERSAL, "8"), *bodies(UNIVERSAL, "9")]}, "/bodySite/1", "more-than-one-tooth"),
    ({"subject": {"reference": "Group/1"}}, "/subject/reference", "not-a-patient"),
    ({"onsetDateTime": "yesterday"}, "/onsetDateTime", "not-a-date"),
    ({"onsetDateTime": "2019-02-30"}, "/onsetDateTime", "not-a-date"),
    ({"onsetDateTime": None}, "/onsetDateTime", "missing"),
    ({"meta": {"lastUpdated": "soon"}}, "/meta/lastUpdated", "not-a-date"),
    ({"verificationStatus": {"coding": []}}, "/verificationStatus", "code-not-understood"),
    ({"modifierExtension": []}, "/modifierExtension", "not-understood"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "pointer", "code"), REFUSED)
def test_what_is_not_understood_is_refused_with_its_place(change: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        condition_fact({**CONDITION, **change}, CONDITION["id"])
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]


def test_a_surface_the_tooth_has_not_and_an_unknown_one_are_refused() -> None:
    resource = example("CariesTooth14")
    for display, code in (("Incisal surface", "surface-not-on-this-tooth"), ("Cervical region", "code-not-understood")):
        structure = json.loads(json.dumps(resource["contained"][0]))
        structure["locationQualifier"] = [
            {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": display}]}
        ]
        with pytest.raises(Invalid) as refused:
            condition_fact({**resource, "contained": [structure]}, resource["id"])
        assert refused.value.faults[0].code == code


@pytest.mark.parametrize(
    ("cdt", "kind", "finding"),
    [("D1110", "hygiene", None), ("D2740", "crown", "crown"), ("D7140", "extraction", "extracted"),
     ("D6010", "implant", "implant"), ("D3330", "root_canal", "root_canal"), ("D2150", "filling", "filling")],
)  # fmt: skip
def test_cdt_codes_say_what_was_done_and_what_it_leaves(cdt: str, kind: str, finding: str | None) -> None:
    resource = example("RootCanalTooth8")
    code = {"coding": [{"system": "http://www.ada.org/cdt", "code": cdt}]}
    leaves, procedure = procedure_facts({**resource, "code": code}, resource["id"])
    assert (procedure.kind, leaves.code if leaves else None) == (kind, finding)


def test_a_procedure_that_was_not_done_is_refused() -> None:
    resource = example("RootCanalTooth8")
    with pytest.raises(Invalid) as refused:
        procedure_facts({**resource, "status": "in-progress"}, resource["id"])
    assert refused.value.faults[0].code == "not-performed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, each in inner for deeper in paths(each, (*path, key)))]


@given(st.sampled_from([example("CariesTooth8"), example("RestorationTooth8")]), st.data(), JSON)
def test_any_member_may_be_anything_and_is_at_worst_refused(
    whole: dict[str, Any], data: st.DataObject, odd: Any
) -> None:
    path = data.draw(st.sampled_from([path for path in paths(whole) if path]))
    resource = json.loads(json.dumps(whole))
    holder = resource
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = odd
    read = condition_fact if whole["resourceType"] == "Condition" else procedure_facts
    with suppress(Invalid):
        read(resource, whole["id"])


async def test_a_body_that_is_no_object_is_refused(world: World) -> None:
    answer = await world.http.put("/v1/partner/fhir/Condition/x", headers=world.here.partner, json=[])
    assert answer.status_code == 422, answer.text
