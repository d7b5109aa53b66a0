"""Whom to reach, when and how."""
