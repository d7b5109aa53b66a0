"""`/v1/surveys/{token}`: a survey in the browser. Nobody signs in; the address itself is the proof, for one answer.

The page holds the clinic's questions and ours, and no word of the patient. Everybody gets the form and, where the
clinic has one, the address for public reviews: before and after answering, whatever the answer.
"""

from html import escape
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from api.pages import form_page, page, plain_page
from api.ports import Ports, PortsHere
from api.problems import Malformed, language_of
from api.strict import StrictRoute
from api.survey_words import SurveyWords, survey_words
from automation.commands.surveys import SurveyOver, answer_survey
from automation.queries.surveys import Asked, asked
from automation.survey import (
    HIGHEST_NPS,
    LONGEST_ANSWER,
    MOST_STARS,
    SurveyQuestion,
    SurveyQuestionKind,
    SurveyReply,
    text_in,
)
from core.clock import now
from core.database import Scope
from core.errors import Fault, Invalid, TooLarge
from core.events import Actor, ActorKind
from push.link_words import link_words
from push.short_token import LENGTH, Named, named_by, token_of

router = APIRouter(tags=["surveys"], route_class=StrictRoute, include_in_schema=False)

LARGEST_FORM = 256 * 1024
_MOST_FIELDS = 100
_PURPOSE = "survey"
_APP_PATH = "/surveys/"


def survey_link(ports: Ports, clinic_id: UUID, invitation_id: UUID) -> str:
    return f"{ports.public_url}/v1/surveys/{token_of(_key(ports), Named(clinic_id, invitation_id, _PURPOSE))}"


def page_of_path(ports: Ports, clinic_id: UUID, path: str) -> str | None:
    """The page of a survey, where `path` leads to one in the app: a link of a message needs no app."""
    try:
        return survey_link(ports, clinic_id, UUID(path.removeprefix(_APP_PATH))) if path.startswith(_APP_PATH) else None
    except ValueError:
        return None


def _key(ports: Ports) -> bytes:
    return ports.keys.secrets.keyed_hash("links of surveys", "")


@router.api_route("/v1/surveys/{token}", methods=["GET", "HEAD"], operation_id="showSurvey")
async def show(ports: PortsHere, request: Request, token: str) -> Response:
    """The form. Looking at it changes nothing: mail programs and scanners look at every link."""
    words = _words(request)
    asking = await _asked(ports, token)
    if asking is None:
        return _nowhere(words)
    _, found = asking
    return _form(words, found, words.lead) if found.open_at(now()) else _over(words, found)


@router.post("/v1/surveys/{token}", operation_id="answerByLink")
async def answer(ports: PortsHere, request: Request, token: str) -> Response:
    """One answer, once; sent again it changes nothing."""
    given = _fields(await _bounded(request))
    words = _words(request)
    asking = await _asked(ports, token)
    if asking is None:
        return _nowhere(words)
    clinic_id, found = asking
    try:
        answers = [each for question in found.survey.questions if (each := _answer(question, given))]
        async with ports.database.writing(Scope(clinic_id)) as writing:
            await answer_survey(writing, clinic_id, found, answers, Actor(ActorKind.PATIENT), now())
    except (Invalid, ValidationError):
        return _form(words, found, words.wrong)
    except SurveyOver:
        return _over(words, found)
    return plain_page(words.language, words.thanks_title, words.thanks, _review(words, found))


async def _asked(ports: Ports, token: str) -> tuple[UUID, Asked] | None:
    named = named_by(_key(ports), token[:LENGTH], [_PURPOSE])
    if named is None:
        return None
    async with ports.database.reading(Scope(named.clinic_id)) as reading:
        found = await asked(reading, named.clinic_id, named.thing_id)
    return None if found is None else (named.clinic_id, found)


def _nowhere(words: SurveyWords) -> Response:
    told = link_words(words.language)
    return page(words.language, told.gone_title, told.gone_text, status=404)


async def _bounded(request: Request) -> bytes:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > LARGEST_FORM:
            raise TooLarge
    return bytes(raw)


def _fields(form: bytes) -> dict[str, list[str]]:
    """Raises `Malformed` for more fields than any form of ours has."""
    try:
        return parse_qs(form.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed(Fault("", "too-many-members")) from None


def _answer(question: SurveyQuestion, given: dict[str, list[str]]) -> SurveyReply | None:
    """None where nothing was said. Raises ValidationError for what could be no answer to any question."""
    said = given.get(question.key, [""])[0].replace("\r\n", "\n").strip()
    if not said:
        return None
    member = {SurveyQuestionKind.CHOICE: "choice", SurveyQuestionKind.TEXT: "text"}.get(question.kind, "number")
    is_number = member == "number" and said.isascii() and said.isdigit() and len(said) <= len(str(HIGHEST_NPS))
    return SurveyReply.model_validate({"question": question.key, member: int(said) if is_number else said})


def _words(request: Request) -> SurveyWords:
    return survey_words(language_of(request.headers.get("accept-language", "")))


def _over(words: SurveyWords, found: Asked) -> Response:
    return plain_page(words.language, words.over_title, words.over, _review(words, found))


def _form(words: SurveyWords, found: Asked, lead: str) -> Response:
    fields = "".join(_field(question, words.language) for question in found.survey.questions)
    title = text_in(found.survey.titles, words.language)
    return form_page(words.language, title, lead, fields, words.button, _review(words, found))


def _review(words: SurveyWords, found: Asked) -> str:
    url = found.survey.review_url
    return f'<p><a href="{escape(url)}" rel="noreferrer">{escape(words.review)}</a></p>' if url else ""


def _field(question: SurveyQuestion, language: str) -> str:
    label, name = escape(text_in(question.texts, language)), escape(question.key)
    required = " required" if question.required else ""
    if question.kind is SurveyQuestionKind.TEXT:
        box = f'<textarea name="{name}" maxlength="{LONGEST_ANSWER}" rows="4"{required}></textarea>'
    else:
        options = "".join(
            f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in _options(question, language)
        )
        box = f'<select name="{name}"{required}><option value=""></option>{options}</select>'
    return f"<p><label>{label}<br>{box}</label></p>"


def _options(question: SurveyQuestion, language: str) -> list[tuple[str, str]]:
    if question.kind is SurveyQuestionKind.CHOICE:
        return [(choice.key, text_in(choice.texts, language)) for choice in question.choices]
    low, high = (0, HIGHEST_NPS) if question.kind is SurveyQuestionKind.NPS else (1, MOST_STARS)
    return [(str(number), str(number)) for number in range(low, high + 1)]
