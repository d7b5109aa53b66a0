"""The texts that come with Enamel for notices whose words have a name: a recall says other than a greeting."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from core.values import Value
from push.group import Group
from push.notice import NoticeKind
from push.ready_wording import LANGUAGES
from push.template import Tone
from push.variables import Mode

_FOLDER = Path(__file__).parent / "data" / "wordings"


class Spoken(Value):
    """In one language and tone. `text` goes to lock screens, by SMS and by messenger, `mail` below the title.

    `when` and `mail_when` are for patients who let it be seen when their visit is; `chat` is read behind the sign-in.
    """

    text: str
    mail: str
    when: str = ""
    mail_when: str = ""
    chat: str = ""


class InLanguage(Value):
    """`title` is a push's title and a mail's subject, in either tone."""

    title: str
    formal: Spoken
    informal: Spoken


class NamedWords(Value):
    """`kind`: of which notices they are meant to be the words; what they may hold is judged by it."""

    kind: NoticeKind
    en: InLanguage
    ru: InLanguage
    it: InLanguage
    zh: InLanguage

    def spoken(self, language: str) -> InLanguage:
        """In English where the language is none of ours."""
        words: InLanguage = getattr(self, language if language in LANGUAGES else "en")
        return words


@cache
def named_words() -> Mapping[str, NamedWords]:
    """All there are, by their keys in order."""
    files = sorted(_FOLDER.glob("*.toml"))
    return {each.stem: NamedWords.model_validate(tomllib.loads(each.read_text(encoding="utf-8"))) for each in files}


def words_named(wording: str, group: Group, language: str, tone: Tone, mode: Mode) -> Sequence[tuple[str, str]]:
    """Title and text with variables, those that tell most first; none of a name that is not ours."""
    named = named_words().get(wording)
    if named is None:
        return ()
    words = named.spoken(language)
    spoken: Spoken = getattr(words, tone.value)
    more = mode is Mode.WHEN
    match group:
        case Group.PUSH:
            return [(words.title, _opened(each)) for each in (spoken.when if more else "", spoken.text) if each]
        case Group.EMAIL:
            return [(words.title, each) for each in (spoken.mail_when if more else "", spoken.mail) if each]
        case Group.CHAT:
            return [("", _opened(each)) for each in (spoken.chat, spoken.text) if each]
        case _:
            return [("", f"{{{{clinic_name}}}}: {each}") for each in (spoken.when if more else "", spoken.text) if each]


def _opened(text: str) -> str:
    """As it stands by itself; after a clinic's name it goes on in small letters."""
    return text[:1].upper() + text[1:]
