"""Writes the OpenAPI documents and the schema of journeys, or says where the committed ones differ."""

import difflib
import sys
from pathlib import Path

from api.app import bare_app
from api.documents import Door, document, text_of
from automation.journey.written import journey_schema

FOLDER = Path(__file__).parent.parent / "openapi"


def write_documents(*, check: bool) -> int:
    """1 where `check` found a difference; the difference is printed."""
    app, differs = bare_app(None), 0
    texts = {f"{door.value}.json": text_of(document(app, door)) for door in Door}
    for name, text in (texts | {"journey.schema.json": text_of(journey_schema())}).items():
        file = FOLDER / name
        if not check:
            file.write_text(text, encoding="utf-8")
            continue
        committed = file.read_text(encoding="utf-8") if file.exists() else ""
        changes = list(difflib.unified_diff(committed.splitlines(), text.splitlines(), file.name, "application", n=2))
        if changes:
            differs = 1
            print("\n".join(changes[:60]))
    if differs:
        print("the documents under openapi/ differ from the application: run `make openapi`", file=sys.stderr)
    return differs
