"""A treatment plan as a paper that the patient can keep."""

from zoneinfo import ZoneInfo

from cabinet.paper_blocks import Block, Bullets, Column, Facts, Heading, Letterhead, Paper, Paragraph, Table, Together
from cabinet.paper_words import day_text, money_text
from cabinet.plan import DROPPED
from cabinet.plan_cost import Cost
from cabinet.plan_view import ItemView, PlanWithAccount, StageView
from cabinet.plan_words import words
from core.money import Money


def plan_paper(plan: PlanWithAccount, patient_name: str, zone: str, letterhead: Letterhead, language: str) -> Paper:
    """What will be done and what it costs, stage by stage, without what will not be done; `zone` is the branch's."""
    stages = [stage for stage in plan.stages if any(item.status not in DROPPED for item in stage.items)]
    blocks: list[Block] = [_opening(plan, patient_name, zone, language)]
    for stage in stages:
        blocks += _stage(stage, language)
    blocks.append(_whole(plan, language))
    footer = f"{letterhead.name} · {plan.title}"
    return Paper(plan.title, language, letterhead, tuple(blocks), footer[:90])


def _opening(plan: PlanWithAccount, patient_name: str, zone: str, language: str) -> Facts:
    said = words(language)
    rows = [(said["patient"], patient_name), (said["status"], said[plan.status.value])]
    if plan.offer:
        made = day_text(plan.offer.proposed_at.astimezone(ZoneInfo(zone)).date(), language)
        rows.append((said["offer"], said["offered"].format(number=plan.offer.number, day=made)))
    if plan.valid_until:
        rows.append((said["valid_until"], day_text(plan.valid_until, language)))
    if plan.visits:
        rows.append((said["visits"], str(plan.visits)))
    if plan.duration_days:
        rows.append((said["days"], str(plan.duration_days)))
    return Facts(tuple(rows))


def _stage(stage: StageView, language: str) -> list[Block]:
    said = words(language)
    kept = [item for item in stage.items if item.status not in DROPPED]
    columns = (
        Column(said["service"], 5),
        Column(said["tooth"], 2),
        Column(said["quantity"]),
        Column(said["price"], 3, amount=True),
        Column(said["off"], 3, amount=True),
        Column(said["to_pay"], 4, amount=True),
    )
    sums = (said["sum"], "", "", *_amounts(stage.cost, language))
    blocks: list[Block] = [Heading(f"{stage.position + 1}. {stage.title}")]
    if facts := _stage_facts(stage, language):
        blocks.append(Paragraph(facts, quiet=True))
    blocks.append(Table(columns, tuple(_row(item, language) for item in kept), (sums,)))
    reasons = tuple(f"{item.name}: {item.explanation}" for item in kept if item.explanation)
    return [*blocks, Bullets(reasons)] if reasons else blocks


def _stage_facts(stage: StageView, language: str) -> str:
    said = words(language)
    told = []
    if stage.visits:
        told.append(said["stage_visits"].format(count=stage.visits))
    if stage.duration_days:
        told.append(said["stage_days"].format(count=stage.duration_days))
    if stage.depends_on:
        told.append(said["after"].format(places=", ".join(str(place + 1) for place in stage.depends_on)))
    if stage.answered:
        told.append(said[stage.answered.value])
    return " · ".join(told)


def _row(item: ItemView, language: str) -> tuple[str, ...]:
    tooth = " ".join([item.tooth or "", "".join(item.surfaces)]).strip()
    return (item.name, tooth, str(item.quantity), *_amounts(item.cost, language))


def _amounts(price: Cost, language: str) -> tuple[str, str, str]:
    """Price, what is taken off it, and what is left to pay."""
    off = Money(amount_minor=price.price.amount_minor - price.patient.amount_minor, currency=price.price.currency)
    listed = money_text(price.price, language)
    if price.estimate:
        listed = words(language)["from"].format(amount=listed)
    return listed, money_text(off, language) if off.amount_minor else "", _to_pay(price, language)


def _to_pay(price: Cost, language: str) -> str:
    if price.estimate is None:
        return money_text(price.patient, language)
    low, high = (money_text(amount, language) for amount in (price.estimate.low, price.estimate.high))
    return words(language)["range"].format(low=low, high=high)


def _whole(plan: PlanWithAccount, language: str) -> Together:
    said, price = words(language), plan.cost
    taken = {"discount": price.discount, "promotion": price.promotion, "points": price.points}
    taken["insurance"] = price.insurance
    listed = money_text(price.price, language)
    rows = [(said["price"], said["from"].format(amount=listed) if price.estimate else listed)]
    rows += [
        (said[name], money_text(amount.times(-1), language))
        for name, amount in taken.items()
        if amount and amount.amount_minor
    ]
    rows.append((said["to_pay"], _to_pay(price, language)))
    if plan.account:
        rows.append((said["paid"], money_text(plan.account.paid, language)))
        rows.append((said["owed"], money_text(plan.account.owed, language)))
    blocks: list[Block] = [Heading(said["whole"]), Facts(tuple(rows))]
    if price.estimate:
        blocks.append(Paragraph(said["estimate"]))
    if plan.offer:
        blocks.append(Paragraph(said["sealed"].format(sha256=plan.offer.sha256), quiet=True))
    return Together(tuple(blocks))
