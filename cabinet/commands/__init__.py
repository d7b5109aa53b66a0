"""The verbs of the cabinet."""
