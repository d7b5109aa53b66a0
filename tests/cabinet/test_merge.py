"""Merge fields: names from a list, filled in once; no value becomes a template or a heading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.merge import FIELDS, NOTHING, Part, PartKind, field_faults, letter, merged


def codes(text: str) -> set[str]:
    return {fault.code for fault in field_faults(text, "/body")}


def test_a_field_is_filled_in_and_an_unknown_thing_is_a_dash() -> None:
    values = {"patient.given_name": "Anna", "patient.phone": ""}
    assert merged("Dear {{patient.given_name}}, {{ visit.starts_at }}, {{patient.phone}}", values) == (
        f"Dear Anna, {NOTHING}, {NOTHING}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}}", "{{patient.__class__}}", "{{patient.given_name.upper()}}", "{{patient['given_name']}}", "{{ }}",
        "{{{{patient.given_name}}}}", "{{patient.given_name|safe}}", "{{patient.given_name", "}}",
        "{{Patient.Given_Name}}",
        "{{patient.\ngiven_name}}",
    ],
)  # fmt: skip
def test_whatever_is_no_name_of_the_list_is_refused(text: str) -> None:
    assert codes(text) & {"unknown-field", "malformed-field"}


def test_a_name_that_is_not_on_the_list_is_refused_and_all_of_the_list_are_taken() -> None:
    assert codes("{{patient.diagnosis}}") == {"unknown-field"}
    assert codes(" ".join("{{" + name + "}}" for name in FIELDS)) == set()
    assert codes("{% if x %} ${y} {z} %(a)s") == set()


@given(st.text())
def test_no_name_of_a_patient_is_ever_read_as_a_template(name: str) -> None:
    told = merged("{{patient.given_name}}|{{clinic.name}}", {"patient.given_name": name, "clinic.name": "Rome"})
    assert told == f"{' '.join(name.split()) or NOTHING}|Rome"


def test_a_name_that_looks_like_a_field_stays_a_name() -> None:
    values = {"patient.given_name": "{{clinic.name}}", "clinic.name": "Rome"}
    assert merged("{{patient.given_name}}", values) == "{{clinic.name}}"


def test_a_letter_is_told_apart_before_its_fields_are_filled_in() -> None:
    body = "# For {{patient.given_name}}\nfirst line\nsecond line\n\n- one\n- two\n\n{{patient.given_name}}"
    parts = letter(body, {"patient.given_name": "# Evil\n- name"})
    assert parts == [
        Part(kind=PartKind.HEADING, text="For # Evil - name"),
        Part(kind=PartKind.PARAGRAPH, text="first line\nsecond line"),
        Part(kind=PartKind.BULLET, text="one"),
        Part(kind=PartKind.BULLET, text="two"),
        Part(kind=PartKind.PARAGRAPH, text="# Evil - name"),
    ]
