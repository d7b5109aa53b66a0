"""Teeth in bodies that speak FDI alone: pictures and series name teeth as the chart keeps them."""

from typing import Annotated

from pydantic import StringConstraints

from cabinet.tooth import FDI_PATTERN, in_chart_order

FdiTooth = Annotated[str, StringConstraints(pattern=FDI_PATTERN, max_length=4)]


def fdi_codes(teeth: list[str]) -> tuple[str, ...]:
    """Each once, in the order of the chart."""
    return tuple(in_chart_order(set(teeth)))
