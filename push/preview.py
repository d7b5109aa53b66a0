"""What each channel would show of a notice: for a patient, or for somebody made up."""

from collections.abc import Sequence

from pydantic import Field

from core.values import Value
from push.group import Group
from push.length import Length, as_sent, length_of
from push.notice import NoticeKind
from push.render import Facts, rendered
from push.short_token import LENGTH
from push.template import MOST_VALUES, Template, Tone
from push.variables import Mode, Variable, of_kind

_NAMES = {"en": "Anna", "ru": "Анна", "it": "Anna", "zh": "安娜"}
_DAYS = {"en": "25 November 2026", "ru": "25 ноября 2026 г.", "it": "25 novembre 2026", "zh": "2026年11月25日"}

# As long as those that are sent.
_LINK = "https://clinic.example/l/" + "AbCdEfGh" * (LENGTH // 8)


class PreviewLine(Value):
    """`own`: in the clinic's words; false where Enamel's stand for them: none are written, or they tell too much."""

    channel: Group
    own: bool
    title: str
    text: str
    approved_name: str
    approved_values: list[str] = Field(max_length=MOST_VALUES)
    length: Length


def made_up(kind: NoticeKind, language: str, tone: Tone, mode: Mode, wording: str = "") -> Facts:
    """A notice to somebody whom there is not."""
    values = {
        Variable.CLINIC_NAME: "Studio Rossi", Variable.BRANCH_NAME: "Centro", Variable.BRANCH_PHONE: "+390255501234",
        Variable.LINK: _LINK, Variable.VISIT_DAY: _DAYS.get(language, _DAYS["en"]),
        Variable.VISIT_TIME: "10:30", Variable.PATIENT_NAME: _NAMES.get(language, "Anna"),
        Variable.DOCTOR_NAME: "Dr. Bianchi", Variable.COUPON: "AUTUMN", Variable.SERVICE: "Hygiene",
    }  # fmt: skip
    known = of_kind(kind)
    return Facts(kind, language, tone, mode, {name: value for name, value in values.items() if name in known}, wording)


def previewed(facts: Facts, templates: Sequence[Template]) -> list[PreviewLine]:
    """A line for every channel; of several variants the first."""
    return [_line(facts, group, templates) for group in Group]


def _line(facts: Facts, group: Group, templates: Sequence[Template]) -> PreviewLine:
    said = rendered(facts, group, templates, 0)
    approved, link = said.approved, facts.values.get(Variable.LINK, "")
    written = f"{{{{{Variable.LINK}}}}}" if said.says_link else ""
    text = as_sent(group, facts.kind, written, said.text, link)
    return PreviewLine(
        channel=group, own=said.template_id is not None, title=said.title, text=text,
        approved_name=approved.name if approved else "", approved_values=list(approved.values) if approved else [],
        length=length_of(group, said.title, text),
    )  # fmt: skip
