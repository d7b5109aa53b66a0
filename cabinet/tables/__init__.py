"""Rows of the cabinet: charts, procedures, plans and promotions."""
