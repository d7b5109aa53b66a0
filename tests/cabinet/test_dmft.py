"""DMFT and dmft as the World Health Organization counts them."""

from datetime import date

import pytest

from cabinet.dmft import DentitionStatus, caries_index, dentition_status
from cabinet.finding import ABSENT, Finding, FindingCode, FindingStatus, Material
from cabinet.odontogram import odontogram
from cabinet.tooth import DECIDUOUS, PERMANENT

C, S, W, M = FindingCode, FindingStatus, DentitionStatus, Material
DAY = date(2024, 3, 1)


def said(code: FindingCode, status: FindingStatus = S.EXISTING, **more: object) -> Finding:
    return Finding("16", code, DAY, status, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("standing", "status"),
    [
        ([], W.SOUND),
        ([said(C.SOUND)], W.SOUND),
        ([said(C.CARIES)], W.CARIES),
        ([said(C.CARIES, grade=2)], W.SOUND),
        ([said(C.CARIES, grade=3)], W.CARIES),
        ([said(C.CARIES, S.WATCH)], W.SOUND),
        ([said(C.CARIES), said(C.FILLING)], W.FILLED_WITH_CARIES),
        ([said(C.FILLING), said(C.SECONDARY_CARIES)], W.FILLED_WITH_CARIES),
        ([said(C.FILLING)], W.FILLED),
        ([said(C.FILLING, S.PLANNED)], W.SOUND),
        ([said(C.FILLING, S.WATCH)], W.FILLED),
        ([said(C.SEALANT, S.WATCH)], W.SEALED),
        ([said(C.FILLING, material=M.TEMPORARY)], W.CARIES),
        ([said(C.RESTORED)], W.FILLED),
        ([said(C.CROWN)], W.FILLED),
        ([said(C.BRIDGE_ABUTMENT)], W.ABUTMENT_OR_CROWN),
        ([said(C.VENEER)], W.ABUTMENT_OR_CROWN),
        ([said(C.VENEER), said(C.CARIES)], W.CARIES),
        ([said(C.SEALANT)], W.SEALED),
        ([said(C.SEALANT), said(C.CARIES)], W.CARIES),
        ([said(C.ROOT_CARIES)], W.SOUND),
        ([said(C.NOT_ASSESSED)], W.NOT_RECORDED),
    ],
)
def test_what_stands_on_a_tooth_decides_its_code(standing: list[Finding], status: DentitionStatus) -> None:
    assert dentition_status(C.PRESENT, standing) is status


def test_a_place_without_its_crown_has_one_code_whatever_else_was_said() -> None:
    places = {
        C.IMPLANT: W.ABUTMENT_OR_CROWN, C.ROOT_REMNANT: W.CARIES, C.UNERUPTED: W.UNERUPTED, C.IMPACTED: W.UNERUPTED,
        C.EXFOLIATED: W.UNERUPTED, C.NOT_ASSESSED: W.NOT_RECORDED, C.MISSING: W.MISSING_OTHER,
        C.MISSING_CARIES: W.MISSING_CARIES, C.MISSING_DISEASE: W.MISSING_CARIES,
        C.MISSING_PERIODONTAL: W.MISSING_OTHER, C.MISSING_ORTHODONTIC: W.MISSING_OTHER,
    }  # fmt: skip
    for place, status in places.items():
        assert dentition_status(place, [said(C.FILLING), said(C.CARIES)]) is status
    assert all(dentition_status(place, []) not in (W.SOUND, W.FILLED) for place in ABSENT)


def test_every_tooth_counts_once_and_wisdom_teeth_count_too() -> None:
    index = caries_index(dict.fromkeys((*PERMANENT, *DECIDUOUS, "11s"), W.FILLED_WITH_CARIES), 40, deciduous=False)
    assert (index.decayed, index.missing, index.filled, index.total) == (32, 0, 0, 32)
    milk = caries_index(dict.fromkeys((*PERMANENT, *DECIDUOUS, "61s"), W.FILLED), 6, deciduous=True)
    assert (milk.filled, milk.total) == (20, 20)


@pytest.mark.parametrize(("age", "missing"), [(29, 1), (30, 2)])
def test_from_thirty_on_a_tooth_missing_for_any_reason_counts(age: int, missing: int) -> None:
    lost = {"16": W.MISSING_CARIES, "14": W.MISSING_OTHER, "11": W.ABUTMENT_OR_CROWN, "12": W.UNERUPTED}
    assert caries_index(lost, age, deciduous=False).missing == missing


@pytest.mark.parametrize(("age", "missing"), [(5, 1), (10, 0)])
def test_a_missing_milk_tooth_counts_only_before_its_time(age: int, missing: int) -> None:
    lost = {"54": W.MISSING_CARIES, "51": W.MISSING_OTHER}
    assert caries_index(lost, age, deciduous=True).missing == missing


def test_the_chart_carries_both_indices() -> None:
    findings = [
        Finding("16", C.CARIES, DAY), Finding("36", C.FILLING, DAY), Finding("46", C.MISSING_CARIES, DAY),
        Finding("75", C.CARIES, DAY), Finding("85", C.FILLING, DAY), Finding("26", C.SEALANT, DAY),
    ]  # fmt: skip
    chart = odontogram(findings, date(2015, 9, 1), DAY)
    assert (chart.dmft.decayed, chart.dmft.missing, chart.dmft.filled, chart.dmft.total) == (1, 1, 1, 3)
    assert (chart.milk_dmft.decayed, chart.milk_dmft.missing, chart.milk_dmft.filled) == (1, 0, 1)
    assert odontogram([], date(1985, 9, 1), DAY).dmft.total == 0
