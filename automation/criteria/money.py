"""Leaves of money and of what the clinic gives back: debts, coupons, cards, points, tiers, friends."""

from automation.criteria.leaf import Leaf, shaped, told
from automation.criteria.meaning import NOW, TODAY, Ago, Counted, Line, Overdue, Some, Source, says, since, until
from automation.criteria.said import CriterionKind, Said

_AHEAD = since(NOW)


def _ahead(said: Said) -> Line:
    """At most so many days ahead."""
    return until(Ago(-told(said.within_days)))


def _owes(said: Said) -> Some:
    """What stands in the books, in this currency, is more than the amount."""
    amount = told(said.amount)
    more = amount.amount_minor + 1
    return Some(Source.LEDGER, says(currency=amount.currency), at_least=more, counted=Counted.AMOUNT)


def _points(said: Said) -> Some:
    return Some(Source.POINTS, lines=(_AHEAD,), at_least=told(said.at_least), counted=Counted.AMOUNT)


MONEY = (
    Leaf(CriterionKind.BALANCE_OVER, shaped("amount"), _owes, clinical=True),
    Leaf(
        CriterionKind.BILL_OVERDUE,
        shaped("older_than_days"),
        lambda said: Overdue(Ago(told(said.older_than_days))),
        clinical=True,
    ),
    Leaf(
        CriterionKind.COUPON_EXPIRING,
        shaped("within_days"),
        lambda said: Some(Source.COUPON, lines=(_AHEAD, _ahead(said))),
        clinical=False,
    ),
    Leaf(
        CriterionKind.CARD_EXPIRING,
        shaped("within_days"),
        lambda said: Some(Source.CARD, lines=(since(TODAY), _ahead(said))),
        clinical=True,
    ),
    Leaf(CriterionKind.POINTS_AT_LEAST, shaped("at_least"), _points, clinical=False),
    Leaf(
        CriterionKind.TIER_IS,
        shaped("tier"),
        lambda said: Some(Source.TIER, says(name=told(said.tier))),
        clinical=False,
    ),
    Leaf(
        CriterionKind.REFERRALS_AT_LEAST,
        shaped("at_least"),
        lambda said: Some(Source.REFERRAL, at_least=told(said.at_least)),
        clinical=False,
    ),
)
