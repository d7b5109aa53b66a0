"""The words of `enamel journey`, and where each of them is: a module with `run(settings, given)`, loaded when said."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from uuid import UUID

from core.settings import Settings

_CARRYING = ("newcomers", "move", "restart", "leave")
_LONGEST_PRICE = len("999999")
_LANGUAGES = ("en", "ru", "it", "zh")


@dataclass(frozen=True, slots=True)
class Word:
    """What it does, and what it takes. `module`: of this folder."""

    module: str
    help: str
    takes: Callable[[argparse.ArgumentParser], None]


def journey_arguments(word: argparse.ArgumentParser) -> None:
    words = word.add_subparsers(dest="journey_word", required=True, metavar="COMMAND")
    for name, each in WORDS.items():
        each.takes(words.add_parser(name, help=each.help))


def journey_command(settings: Settings, given: argparse.Namespace) -> int:
    word = WORDS[given.journey_word]
    run: Callable[[Settings, argparse.Namespace], int] = import_module(f"enamel.journey.{word.module}").run
    return run(settings, given)


def _clinic(word: argparse.ArgumentParser, *, required: bool = True) -> None:
    word.add_argument("--clinic", type=UUID, required=required, help="id of the clinic")


def _file(word: argparse.ArgumentParser) -> None:
    word.add_argument("file", type=Path, metavar="FILE", help="a journey in YAML or JSON")


def _validate(word: argparse.ArgumentParser) -> None:
    _file(word)
    _clinic(word, required=False)


def _publish(word: argparse.ArgumentParser) -> None:
    _file(word)
    _clinic(word)
    word.add_argument("--carrying", choices=_CARRYING, default="newcomers", help="who is on an older version")
    word.add_argument("--preview", action="store_true", help="only say what it would do")


def _draw(word: argparse.ArgumentParser) -> None:
    word.add_argument("journey", metavar="FILE|KEY", help="a file, or with --clinic the key of a journey of it")
    _clinic(word, required=False)
    word.add_argument("--language", choices=_LANGUAGES, default="en")
    word.add_argument("--out", type=Path, metavar="FILE", help="instead of the terminal")


def _explain(word: argparse.ArgumentParser) -> None:
    word.add_argument("patient", type=UUID, metavar="PATIENT", help="id of the patient")
    _clinic(word)


def _dry_run(word: argparse.ArgumentParser) -> None:
    word.add_argument(
        "journey", metavar="FILE|KEY", help="a .yaml or .json file, or the key of a journey of the clinic"
    )
    _clinic(word)


def _simulate(word: argparse.ArgumentParser) -> None:
    _dry_run(word)
    word.add_argument("--months", type=int, choices=range(1, 37), default=12, metavar="N", help="1-36, of 30 days")
    word.add_argument("--price", type=_cents, default=0, metavar="CENTS", help="what a message costs at most")


def _cents(said: str) -> int:
    if not said.isascii() or not said.isdigit() or len(said) > _LONGEST_PRICE:
        raise argparse.ArgumentTypeError("a number of cents, below a million")
    return int(said)


WORDS: dict[str, Word] = {
    "validate": Word("validate", "what is wrong with a document; with --clinic also what is missing", _validate),
    "publish": Word("publish", "publish a document as the next version of its journey", _publish),
    "list": Word("listed", "the journeys of a clinic with their counts", _clinic),
    "draw": Word("draw", "a picture (SVG), with live counts where the journey is one of a clinic", _draw),
    "dry-run": Word("dry_run", "who would come in now, and what would stand against it", _dry_run),
    "simulate": Word("simulate", "what it would have done over the clinic's past", _simulate),
    "explain": Word("explain", "why a patient is on each journey or not, and what was done for them", _explain),
}  # fmt: skip
"""Another word is one line here and a module beside."""
