"""How a file of an archive tells whose it is and when it was taken: by its folder, its name, a list, or its header."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Protocol

from cabinet.tooth import FDI_PATTERN
from enamel.problems import CannotStart
from media.kinds import MediaType, PictureKind

_SPLIT_TEETH = re.compile(r"[\s,;|]+")
_DELIMITERS = ",;\t"


class NotMatched(Exception):
    """Nobody can be told from it; `reason` is a word of the report."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a file before it is opened, None: nothing says; `patient` is an external id."""

    patient: str
    kind: PictureKind | None = None
    taken_on: date | None = None
    teeth: tuple[str, ...] = ()


class Match(Protocol):
    """A way to tell; `reads_header`: its files are asked themselves, in the darkroom."""

    @property
    def reads_header(self) -> bool: ...

    def tell(self, path: PurePosixPath) -> Told:
        """What this path, from the archive's folder on, says. Raises `NotMatched`."""
        ...

    def left(self, seen: set[str]) -> Iterator[str]:
        """Paths it knows that were not among those `seen`."""
        ...


@dataclass(frozen=True, slots=True)
class ByFolder:
    """The first folder's name is the patient's external id."""

    reads_header: bool = False

    def tell(self, path: PurePosixPath) -> Told:
        if len(path.parts) < 2:  # noqa: PLR2004  folder and file
            raise NotMatched("no-patient")
        return Told(path.parts[0])

    def left(self, seen: set[str]) -> Iterator[str]:  # noqa: ARG002
        return iter(())


@dataclass(frozen=True, slots=True)
class ByName:
    """The file's name has the external id in it, perhaps the day and a tooth: named groups of a pattern."""

    pattern: re.Pattern[str]
    reads_header: bool = False

    def tell(self, path: PurePosixPath) -> Told:
        found = self.pattern.search(path.name)
        if found is None or not found["patient"]:
            raise NotMatched("no-patient")
        said = found.groupdict()
        return Told(found["patient"], None, read_day(said.get("taken_on")), read_teeth(said.get("tooth")))

    def left(self, seen: set[str]) -> Iterator[str]:  # noqa: ARG002
        return iter(())


@dataclass(frozen=True, slots=True)
class ByHeader:
    """A DICOM file says its PatientID itself: what is told here is filled in when it is opened."""

    reads_header: bool = True

    def tell(self, path: PurePosixPath) -> Told:  # noqa: ARG002
        return Told("")

    def left(self, seen: set[str]) -> Iterator[str]:  # noqa: ARG002
        return iter(())


@dataclass(frozen=True, slots=True)
class ByList:
    """A CSV names each file and what is known of it."""

    rows: Mapping[str, Mapping[str, str]]
    twice: frozenset[str] = frozenset()
    reads_header: bool = False

    def tell(self, path: PurePosixPath) -> Told:
        name = _composed(str(path))
        if name in self.twice:
            raise NotMatched("listed-twice")
        row = self.rows.get(name)
        if row is None:
            raise NotMatched("not-listed")
        if not row["patient"]:
            raise NotMatched("no-patient")
        return Told(row["patient"], _kind(row["kind"]), read_day(row["taken_on"]), read_teeth(row["teeth"]))

    def left(self, seen: set[str]) -> Iterator[str]:
        composed = {_composed(name) for name in seen}
        return (name for name in self.rows if name not in composed)


def match_of(words: str) -> Match:
    """`folder`, `name:REGEX`, `dicom` or `csv:FILE`. Raises `CannotStart`."""
    way, _, rest = words.partition(":")
    if words == "folder":
        return ByFolder()
    if words == "dicom":
        return ByHeader()
    if way == "name" and rest:
        return ByName(_pattern(rest))
    if way == "csv" and rest:
        return listed(Path(rest))
    raise CannotStart("--match is folder, name:REGEX, dicom or csv:FILE")


def _pattern(words: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(words)
    except re.error as error:
        raise CannotStart(f"--match name: {error.msg} at letter {error.pos}") from None
    if "patient" not in pattern.groupindex:
        raise CannotStart("--match name: the pattern needs a group (?P<patient>…)")
    return pattern


def listed(file: Path) -> ByList:
    """A CSV in UTF-8 with a heading: path, patient, and perhaps kind, taken_on, teeth. Raises `CannotStart`."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            heading = lines.readline()
            lines.seek(0)
            delimiter = max(_DELIMITERS, key=heading.count)
            rows = list(csv.DictReader(lines, delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotStart(f"--match csv: the list cannot be read ({type(error).__name__})") from None
    if rows and not {"path", "patient"} <= rows[0].keys():
        raise CannotStart("--match csv: the list needs the columns path and patient")
    return _list(rows)


def _list(rows: list[dict[str, str]]) -> ByList:
    known: dict[str, Mapping[str, str]] = {}
    twice = set()
    for row in rows:
        said = {name: (row.get(name) or "").strip() for name in ("path", "patient", "kind", "taken_on", "teeth")}
        path = _composed(said["path"].replace("\\", "/").removeprefix("./"))
        if path in known:
            twice.add(path)
        known[path] = said
    return ByList(known, frozenset(twice))


def _composed(path: str) -> str:
    """A spreadsheet writes é as one letter, a Mac's disk as two."""
    return unicodedata.normalize("NFC", path)


def read_day(words: str | None) -> date | None:
    """ISO 8601, with dashes or without. Raises `NotMatched`."""
    if not words:
        return None
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise NotMatched("bad-day") from None


def read_teeth(words: str | None) -> tuple[str, ...]:
    """FDI codes, parted by blanks, commas or semicolons. Raises `NotMatched`."""
    teeth = tuple(each for each in _SPLIT_TEETH.split(words or "") if each)
    if not all(re.fullmatch(FDI_PATTERN, each) for each in teeth):
        raise NotMatched("bad-tooth")
    return teeth


def _kind(words: str) -> PictureKind | None:
    if not words:
        return None
    if words not in (PictureKind.XRAY, PictureKind.PHOTO):
        raise NotMatched("bad-kind")
    return PictureKind(words)


def kind_of(told: Told, asked: PictureKind | None, media_type: MediaType) -> PictureKind:
    """What the list says, else what was asked for, else by the type: a DICOM file is an X-ray."""
    by_type = PictureKind.XRAY if media_type is MediaType.DICOM else PictureKind.PHOTO
    return told.kind or asked or by_type
