"""Clinics, branches, staff, patients and their visits."""
