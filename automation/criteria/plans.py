"""Leaves of plans, papers and the chart: unanswered, stalled, dropped, finished, waiting, and found but untreated."""

from automation.criteria.leaf import Leaf, lately, older, shaped
from automation.criteria.meaning import All, Never, Some, Source, Where, Without, says
from automation.criteria.said import CriterionKind, EventKind, Said
from automation.criteria.visits import AHEAD, CAME, visits
from cabinet.document import DocumentState
from cabinet.facts import ServiceKind
from cabinet.finding import DAMAGE, PULP, FindingCode, FindingStatus
from cabinet.plan import PlanStatus

_P = PlanStatus
UNFINISHED = frozenset({"none", "some"})
_ACCEPTED = frozenset({EventKind.PLAN_ACCEPTED.value, EventKind.STAGE_ACCEPTED.value})

# What is better not left as it is.
TO_TREAT = DAMAGE | PULP | {
    FindingCode.ROOT_CARIES, FindingCode.APICAL_LESION, FindingCode.ABSCESS, FindingCode.ROOT_REMNANT,
    FindingCode.PERI_IMPLANTITIS,
}  # fmt: skip
_WAITS = frozenset({DocumentState.SENT.value, DocumentState.SEEN.value, DocumentState.FILLED.value})
_STANDS = frozenset({FindingStatus.EXISTING.value, FindingStatus.WATCH.value})
# Looking at a tooth treats nothing.
TREATING = frozenset(kind.value for kind in ServiceKind) - {ServiceKind.EXAM.value, ServiceKind.IMAGING.value}


def _pending(said: Said) -> Some:
    return Some(Source.PLAN, says(status=_P.PROPOSED.value), (older(said),))


def _stalled(said: Said) -> All:
    """Begun or accepted and not finished; and for so long nothing done, held, accepted, or booked."""
    going: Where = says(status=frozenset({_P.ACCEPTED.value, _P.IN_PROGRESS.value}), done=UNFINISHED)
    return All((
        Some(Source.PLAN, going, (older(said),)),
        Never(Some(Source.PROCEDURE, lines=(lately(said),))),
        Never(visits(CAME, lately(said))),
        Never(Some(Source.EVENT, says(kind=_ACCEPTED), (lately(said),))),
        Never(AHEAD),
    ))  # fmt: skip


def _dropped(_: Said) -> Some:
    return Some(Source.PLAN, says(status=frozenset({_P.STOPPED.value, _P.DECLINED.value})))


def _finished(_: Said) -> Some:
    return Some(Source.PLAN, says(status=_P.COMPLETED.value))


def _waiting(said: Said) -> Some:
    return Some(Source.DOCUMENT, says(state=_WAITS), (older(said),))


def _untreated(said: Said) -> Some:
    codes = {said.finding} if said.finding else TO_TREAT
    found = says(code=frozenset(code.value for code in codes), status=_STANDS)
    treated = Without(Source.PROCEDURE, says(kind=TREATING), at_once=True, same="tooth")
    return Some(Source.FINDING, found, (older(said),), (treated,))


PLANS = (
    Leaf(CriterionKind.ESTIMATE_PENDING, shaped("older_than_days"), _pending, clinical=True),
    Leaf(CriterionKind.PLAN_STALLED, shaped("older_than_days"), _stalled, clinical=True),
    Leaf(CriterionKind.PLAN_DROPPED, shaped(), _dropped, clinical=True),
    Leaf(CriterionKind.PLAN_FINISHED, shaped(), _finished, clinical=True),
    Leaf(CriterionKind.DOCUMENT_WAITING, shaped("older_than_days"), _waiting, clinical=True),
    Leaf(CriterionKind.FINDING_UNTREATED, shaped("older_than_days", may="finding"), _untreated, clinical=True),
)
