"""What the code bounds, the contract bounds: of `Field(ge=…)` beside a bounded alias pydantic keeps the alias's."""

import ast
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from tests.architecture.house import Module, modules

SAID = {
    "ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "pattern": "pattern",
    "min_length": ("minLength", "minItems", "minProperties"), "max_length": ("maxLength", "maxItems", "maxProperties"),
}  # fmt: skip
CALLED = {"Field", "StringConstraints"}


def models(module: Module) -> Iterator[tuple[ast.ClassDef, type[BaseModel], Any]]:
    """Classes of this module that check or describe what goes over the wire."""
    classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef)]
    if not classes or module.name.endswith("__main__"):
        return
    there = importlib.import_module(module.name)
    for node in classes:
        model = getattr(there, node.name)
        if isinstance(model, type) and issubclass(model, BaseModel) and not hasattr(model, "__table__"):
            yield node, model, there


def bounds(field: ast.AnnAssign, there: Any) -> Iterator[tuple[str, object]]:
    """Which bounds stand at a field itself; those of what its list holds stand elsewhere in the schema."""
    outer = [field.value, *_annotated(field.annotation)]
    for call in outer:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in CALLED:
            for keyword in call.keywords:
                if keyword.arg in SAID:
                    code = compile(ast.Expression(keyword.value), there.__name__, "eval")
                    yield keyword.arg, eval(code, vars(there))  # noqa: S307  an expression of our own code


def _annotated(annotation: ast.expr) -> list[ast.expr]:
    is_annotated = isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated"
    if not is_annotated or not isinstance(annotation, ast.Subscript) or not isinstance(annotation.slice, ast.Tuple):
        return []
    return annotation.slice.elts[1:]


def said(schema: dict[str, Any], bound: str, definitions: dict[str, Any]) -> set[object]:
    """What the schema of a field says of this bound, in whichever of its alternatives."""
    names = SAID[bound]
    words = {schema[name] for name in ([names] if isinstance(names, str) else names) if name in schema}
    inner = [*schema.get("anyOf", []), *schema.get("allOf", [])]
    if "$ref" in schema:
        inner.append(definitions[schema["$ref"].rsplit("/", 1)[-1]])
    return words.union(*(said(each, bound, definitions) for each in inner))


BOUNDED = [
    pytest.param(model, field.target.id, bound, value, id=f"{module.name}.{node.name}.{field.target.id}.{bound}")
    for module in modules()
    for node, model, there in models(module)
    for field in node.body
    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    for bound, value in bounds(field, there)
]  # fmt: skip


def test_fields_with_bounds_are_found() -> None:
    assert len(BOUNDED) > 100


@pytest.mark.parametrize(("model", "field", "bound", "value"), BOUNDED)
def test_what_the_code_bounds_the_contract_bounds(
    model: type[BaseModel], field: str, bound: str, value: object
) -> None:
    schema = model.model_json_schema(mode="validation")
    definitions = schema.get("$defs", {})
    own = definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    told = own["properties"][model.model_fields[field].alias or field]
    assert said(told, bound, definitions) == {value}
