"""Every ready journey with something filled in for all that it asks."""

from uuid import UUID

from automation.journey.document import Journey
from automation.templates import TEMPLATES, Filled, Parameter, ParameterKind, Template

ANY_ID = UUID("0198c0de-0000-7000-8000-0000000000aa")
_SAID: dict[ParameterKind, Filled] = {
    ParameterKind.NUMBER: 3,
    ParameterKind.TIME: "10:00",
    ParameterKind.TEXT: "Implant",
}


def value_for(parameter: Parameter) -> Filled:
    return parameter.default if parameter.default is not None else _SAID.get(parameter.kind, ANY_ID)


def least(template: Template) -> dict[str, Filled]:
    """Only what must be said."""
    return {each.key: value_for(each) for each in template.parameters if each.required}


def most(template: Template) -> dict[str, Filled]:
    return {each.key: value_for(each) for each in template.parameters}


def all_drafts(language: str = "en") -> list[Journey]:
    """Each as short and as long as it can be."""
    return [template.draft(language, fill(template)) for template in TEMPLATES.values() for fill in (least, most)]
