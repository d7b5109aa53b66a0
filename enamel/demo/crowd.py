"""A few hundred people around the cast, whose teeth are drawn from the frequencies of a national survey."""

import csv
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from enamel.demo.people import Facts

_SURVEY = Path(__file__).parent / "nhanes-2017-2018-dentition.csv"
SIZE = 300
_SEED = 20261123

# Of the survey's codes, those that an adult's tooth can have (the survey saw children too).
_ABSENCE = {"3": "implant", "4": "missing", "5": "root_remnant"}
_SURFACES = {
    "-8": ("caries", "D"), "-7": ("caries", "M"), "-6": ("caries", "V"), "-5": ("caries", "O"), "-4": ("caries", "L"),
    "-1": ("crown", ""), "0": ("filling", "L"), "1": ("filling", "O"), "2": ("filling", "V"), "3": ("filling", "M"),
    "4": ("filling", "D"), "5": ("filling", "L"), "6": ("filling", "O"), "7": ("filling", "V"), "8": ("filling", "M"),
    "9": ("filling", "D"),
}  # fmt: skip
_AMALGAM = {"0", "1", "2", "3", "4"}

_NAMES = {
    "it": (("Marco", "Giulia", "Luca", "Sara", "Paolo", "Elena"), ("Ferrari", "Russo", "Romano", "Gallo", "Conti")),
    "zh": (("敏", "磊", "静", "涛", "丽", "强"), ("王", "李", "张", "刘", "杨", "黄")),
    "en": (("Grace", "James", "Olivia", "Noah", "Emily", "Jack"), ("Smith", "Brown", "Miller", "Davis", "Moore")),
}  # fmt: skip
_HOME = {"it": "Roma Centro", "zh": "Shanghai Jing'an", "en": "Los Angeles West"}
_PHONES = {"it": "+39347130{:04d}", "zh": "+861381301{:04d}", "en": "+1213400{:04d}"}


@dataclass(frozen=True, slots=True)
class Survey:
    """Per tooth (FDI): how many had it in which state, and of the teeth present how many had which surface code."""

    counts: dict[str, dict[str, int]]
    surfaces: dict[str, dict[str, int]]


def survey() -> Survey:
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    surfaces: dict[str, dict[str, int]] = defaultdict(dict)
    with _SURVEY.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["assessment"] == "tooth_count" and row["code"] in {"2", *_ABSENCE}:
                counts[row["fdi"]][row["code"]] = int(row["persons"])
            elif row["assessment"] == "surface_condition" and row["code"] in _SURFACES:
                surfaces[row["fdi"]][row["code"]] = int(row["persons"])
    return Survey(counts, surfaces)


def crowd(today: date, size: int = SIZE) -> Facts:
    """`size` adults, the same on every machine for one `today`."""
    chance = random.Random(_SEED)  # noqa: S311  people of a demo need no secret
    known, facts = survey(), Facts()
    for number in range(size):
        _somebody(facts, known, chance, number, today)
    return facts


def _somebody(facts: Facts, known: Survey, chance: random.Random, number: int, today: date) -> None:
    language = chance.choice(list(_NAMES))
    given, family = (chance.choice(names) for names in _NAMES[language])
    name, branch = f"crowd-{number:04d}", _HOME[language]
    born = today - timedelta(days=chance.randrange(20 * 365, 80 * 365))
    facts.person(name, branch, given, family, born, _PHONES[language].format(number), language)
    seen = today - timedelta(days=chance.randrange(5, 420))
    facts.visit(name, branch, seen, chance.randrange(9, 18), "Hygiene", "completed")
    facts.procedure(name, "hygiene", seen, "Professional hygiene")
    if chance.random() < 0.35:  # noqa: PLR2004  a third have booked
        facts.visit(name, branch, today + timedelta(days=chance.randrange(2, 90)), 10, "Hygiene", "booked")
    for tooth, counts in known.counts.items():
        _draw_tooth(facts, known, chance, name, tooth, counts, seen)


def _draw_tooth(
    facts: Facts, known: Survey, chance: random.Random, name: str, tooth: str, counts: dict[str, int], seen: date
) -> None:
    state = chance.choices(list(counts), weights=list(counts.values()))[0]
    if state in _ABSENCE:
        facts.finding(name, tooth, _ABSENCE[state], "", seen)
        return
    present = counts["2"]
    for code, persons in known.surfaces[tooth].items():
        if chance.random() < persons / present:
            finding, surface = _SURFACES[code]
            material = {"material": "amalgam" if code in _AMALGAM else "composite"} if finding == "filling" else {}
            facts.finding(name, tooth, finding, _legal(surface, tooth), seen, **material)


def _legal(surface: str, tooth: str) -> str:
    """The survey says occlusal of every tooth; incisors and canines have an incisal edge."""
    return "I" if surface == "O" and tooth[1] in "123" else surface
