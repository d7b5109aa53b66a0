"""What is known of the clinic: who stands before us, whose record is whose, which visits there are."""

from clinic.queries.fragments import (
    birth_date_of,
    next_visit_json,
    openers,
    patient_name,
    person_row,
    record_row,
    same_patient,
)
from clinic.queries.people import (
    Named,
    PatientCard,
    Record,
    StaffStanding,
    home_branch,
    named_patients,
    opened_record,
    patient_card,
    patients_by_phone,
    records,
    staff_of_account,
    staff_standing,
)
from clinic.queries.places import Place, any_clinic, branches_by_name, clinic_exists
from clinic.queries.visits import Visit, visit_value, visits

__all__ = [
    "Named",
    "PatientCard",
    "Place",
    "Record",
    "StaffStanding",
    "Visit",
    "any_clinic",
    "birth_date_of",
    "branches_by_name",
    "clinic_exists",
    "home_branch",
    "named_patients",
    "next_visit_json",
    "opened_record",
    "openers",
    "patient_card",
    "patient_name",
    "patients_by_phone",
    "person_row",
    "record_row",
    "records",
    "same_patient",
    "staff_of_account",
    "staff_standing",
    "visit_value",
    "visits",
]
