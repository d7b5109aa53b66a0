"""Leaves of the person: age, birthday, language, branch, ways to reach them, how long they are known."""

from datetime import timedelta

from automation.criteria.leaf import Leaf, in_window, shaped, told
from automation.criteria.meaning import Aged, Ago, All, Birthday, Has, Meaning, Never, On, Registered, Trait
from automation.criteria.said import CriterionKind, Said


def _between(said: Said) -> All:
    return All((Aged(told(said.years)), Never(Aged(told(said.to_years) + 1))))


def _registered(said: Said) -> Meaning:
    if said.within_days is not None:
        return Registered(Ago(said.within_days))
    after = On(told(said.to_day) + timedelta(days=1))
    return All((Registered(On(told(said.from_day))), Never(Registered(after))))


PERSON = (
    Leaf(CriterionKind.AGE_AT_LEAST, shaped("years"), lambda said: Aged(told(said.years)), clinical=False),
    Leaf(CriterionKind.AGE_BETWEEN, shaped("years", "to_years"), _between, clinical=False),
    Leaf(
        CriterionKind.BIRTHDAY_WITHIN,
        shaped("within_days"),
        lambda said: Birthday(told(said.within_days)),
        clinical=False,
    ),
    Leaf(
        CriterionKind.LANGUAGE_IS,
        shaped("language"),
        lambda said: Has(Trait.LANGUAGE, told(said.language)),
        clinical=False,
    ),
    Leaf(
        CriterionKind.BRANCH_IS,
        shaped("branch_id"),
        lambda said: Has(Trait.BRANCH, str(told(said.branch_id))),
        clinical=False,
    ),
    Leaf(
        CriterionKind.CONTACT_KNOWN,
        shaped("contact"),
        lambda said: Has(Trait.CONTACT, told(said.contact).value),
        clinical=False,
    ),
    Leaf(CriterionKind.REGISTERED_WITHIN, in_window(), _registered, clinical=False),
)
