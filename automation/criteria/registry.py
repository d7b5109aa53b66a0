"""Every kind of leaf there is. A new one is a `Leaf` in the file of its area and a word in `CriterionKind`."""

from automation.criteria.answers import ANSWERS
from automation.criteria.leaf import Leaf
from automation.criteria.messages import MESSAGES
from automation.criteria.money import MONEY
from automation.criteria.person import PERSON
from automation.criteria.plans import PLANS
from automation.criteria.procedures import PROCEDURES
from automation.criteria.said import CriterionKind
from automation.criteria.visits import VISITS

LEAVES: dict[CriterionKind, Leaf] = {
    leaf.kind: leaf for area in (PROCEDURES, VISITS, PLANS, MONEY, MESSAGES, ANSWERS, PERSON) for leaf in area
}
