"""Rows of the clinic: itself, its branches, staff, patients, who may see whom, visits, free times and requests."""

from clinic.tables.calendar import CalendarFeed
from clinic.tables.people import Access, Guardian, LinkCode, Patient
from clinic.tables.places import Branch, Clinic, Staff
from clinic.tables.privacy import Erased, Erasure, LegalHold, PrivacyExport, PrivacyPolicy
from clinic.tables.requests import PatientRequest
from clinic.tables.slots import SlotOffer, SlotRow, WaitingEntry
from clinic.tables.visits import Appointment, VisitLabel

__all__ = [
    "Access",
    "Appointment",
    "Branch",
    "CalendarFeed",
    "Clinic",
    "Erased",
    "Erasure",
    "Guardian",
    "LegalHold",
    "LinkCode",
    "Patient",
    "PatientRequest",
    "PrivacyExport",
    "PrivacyPolicy",
    "SlotOffer",
    "SlotRow",
    "Staff",
    "VisitLabel",
    "WaitingEntry",
]
