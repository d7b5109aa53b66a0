"""What a line, a stage or a plan costs and who bears it, as it is shown and as it is signed."""

from pydantic import Field

from cabinet.plan import Totals
from core.money import Money
from core.values import Value


class Estimate(Value):
    """What the patient pays where prices are estimates: at least `low`, at most `high`."""

    low: Money
    high: Money


class Cost(Value):
    """`patient = price - discount - promotion - points - insurance`; sums leave items out that will not be done.

    Where there is an `estimate`, nothing here is exact: every other amount is the least that it can be.
    """

    price: Money
    discount: Money
    promotion: Money | None = Field(description="What a promotion takes off; null where none does.")
    points: Money | None = Field(description="What the patient's points pay; null where none are used.")
    insurance: Money
    patient: Money
    estimate: Estimate | None = Field(description="Null where all prices are fixed.")


def cost(totals: Totals) -> Cost:
    exact = totals.patient == totals.patient_high
    return Cost(
        price=totals.price,
        discount=totals.discount,
        promotion=totals.promotion if totals.promotion.amount_minor else None,
        points=totals.points if totals.points.amount_minor else None,
        insurance=totals.insurance,
        patient=totals.patient,
        estimate=None if exact else Estimate(low=totals.patient, high=totals.patient_high),
    )
