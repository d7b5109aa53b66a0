"""Puts the words into messages that a worker holds: the clinic's own or ready ones, for this patient and this way.

In a transaction of its own between the claim and the send. A crash in between leaves what a crash after the claim
leaves: leased rows and no copy; the next worker words them anew, and the same patient gets the same variant.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from core.database import Database
from push.channel import Message
from push.commands import Due
from push.commands.wording import note_said
from push.consent import ConsentChannel
from push.group import Group, group_of
from push.links import Links, Opening, Stopping
from push.mail_html import MailPage, mail_html, mail_text
from push.queries.wording import Wanted, facts_of, templates_of
from push.ready_wording import LANGUAGES
from push.render import Facts, Rendered, rendered
from push.template import drawn
from push.variables import Variable

Said = tuple[UUID, UUID, UUID, UUID, int, str]


@dataclass(frozen=True, slots=True)
class Words:
    """`key` draws variants; `links` makes what stands below a message."""

    database: Database
    links: Links
    key: bytes = field(repr=False)

    async def __call__(self, due: Sequence[Due]) -> list[Due]:
        """Each with its words; a silent one, and one of a person who is gone, as it is. Two or three statements."""
        wanted = {each.delivery_id: _wanted(each) for each in due if not each.message.silent}
        if not wanted:
            return list(due)
        said: list[Said] = []
        worded = list(due)
        async with self.database.sweeping() as sweeping:
            facts = await facts_of(sweeping, wanted.values())
            templates = await templates_of(sweeping, {each.clinic_id for each in due})
            for place, each in enumerate(due):
                known = facts.get(wanted[each.delivery_id]) if each.delivery_id in wanted else None
                if known is None:
                    continue
                if _group(each) is not Group.PUSH or templates[each.clinic_id]:  # no ready push says it
                    known = self._with_link(each, known)
                draw = drawn(self.key, each.notice_id, each.patient_id)
                words = rendered(known, _group(each), templates[each.clinic_id], draw)
                worded[place] = replace(each, message=self._message(each, known, words))
                if words.template_id is not None and words.version is not None:
                    key = (each.clinic_id, each.delivery_id, each.patient_id)
                    said.append((*key, words.template_id, words.version, words.variant))
            await note_said(sweeping, said)
        return worded

    def _with_link(self, due: Due, facts: Facts) -> Facts:
        return replace(facts, values={**facts.values, Variable.LINK: self._link(due)})

    def _link(self, due: Due) -> str:
        return self.links.web_link(Opening(due.clinic_id, due.notice_id, due.way))

    def _message(self, due: Due, facts: Facts, words: Rendered) -> Message:
        message, group = due.message, _group(due)
        if group is Group.PUSH:
            return replace(message, title=words.title, text=words.text, language=facts.language)
        stop = self.links.stop_link(Stopping(due.clinic_id, due.patient_id, due.purpose, due.channel))
        said = replace(
            message, title=words.title, text=words.text, language=facts.language, template=words.approved,
            web_link="" if words.says_link and group is not Group.EMAIL else self._link(due), stop_link=stop,
        )  # fmt: skip
        return _as_mail(said, facts) if group is Group.EMAIL else said


def _as_mail(message: Message, facts: Facts) -> Message:
    """Both parts of a mail say the same. Over plain http, in development, none has a link: no mail could go."""
    is_open = message.web_link.startswith("https://")
    page = MailPage(
        language=facts.language, title=message.title, text=message.text, link=message.web_link if is_open else "",
        clinic=facts.values.get(Variable.CLINIC_NAME, message.title),
        stop_link=message.stop_link if is_open else "",
    )  # fmt: skip
    return replace(
        message, text=mail_text(page), html=mail_html(page), web_link=page.link, stop_link=page.stop_link
    )  # fmt: skip


def _group(due: Due) -> Group:
    return Group.PUSH if due.channel is ConsentChannel.PUSH else group_of(due.way)


def _wanted(due: Due) -> Wanted:
    """On a phone in the phone's own language, where it is one of ours."""
    spoken = due.language.replace("_", "-").split("-", 1)[0].lower()
    language = spoken if spoken in LANGUAGES and due.channel is ConsentChannel.PUSH else ""
    visit = due.visit_id or due.cause_id
    return Wanted(due.clinic_id, due.patient_id, due.message.kind, visit, language, due.wording)
