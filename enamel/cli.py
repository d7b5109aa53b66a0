"""The command line: one word for each thing Enamel does."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError
from pydantic_settings import SettingsError

from core.embedded_postgres import NoPostgres
from core.settings import Settings
from enamel.journey.command import journey_arguments, journey_command
from enamel.problems import CannotStart


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; ends the process with its status, or with 1 and one plain line that says what to do."""
    parser = argparse.ArgumentParser(prog="enamel", description="The outer layer of a dental clinic.")
    words = parser.add_subparsers(dest="word", required=True, metavar="COMMAND")
    for name, help_text in _WORDS.items():
        word = words.add_parser(name, help=help_text)
        if name in _ARGUMENTS:
            _ARGUMENTS[name](word)
    given = parser.parse_args(arguments)
    try:
        status = _run(given)
    except (NoPostgres, CannotStart) as error:
        status = _complain(str(error))
    sys.exit(status)


def settings() -> Settings:
    """The settings of the environment; `CannotStart` names each variable that is wrong, and never its value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{_variable(each['loc'])}{each['msg']}" for each in error.errors(include_input=False)]
        raise CannotStart("; ".join(wrong)) from None
    except SettingsError as error:
        raise CannotStart(f"{error}: lists are JSON, for example '[\"clinic.example\"]'") from None


def _variable(location: tuple[int | str, ...]) -> str:
    return f"ENAMEL_{str(location[0]).upper()}: " if location else ""


_WORDS = {
    "serve": "API and sockets",
    "work": "the worker: pushes, journeys, previews",
    "migrate": "bring the database to this version's schema",
    "restored": "after a backup was put back: let devices forget what they hold",
    "demo": "a demo clinic: everything in one, on loopback",
    "tour": "walk one patient's story against the running demo",
    "chat": "talk in the terminal, as a patient or as staff",
    "clinic": "found: a new clinic; admit: somebody of its staff; app: a system that brings its facts",
    "media": "import: take a clinic's archive of pictures in",
    "push": "check: prove credentials; dead: what failed for good; replay: send it again once the cause is mended",
    "journey": "validate, publish, list, draw, explain: journeys as documents",
    "openapi": "write the documents under openapi/ (--check: only compare)",
    "migration": "write a new migration from the difference between tables and schema",
}


def _work_arguments(word: argparse.ArgumentParser) -> None:
    word.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started this one")


def _media_arguments(word: argparse.ArgumentParser) -> None:
    words = word.add_subparsers(dest="media_word", required=True, metavar="COMMAND")
    taking = words.add_parser("import", help="take every picture of a folder in; again changes nothing")
    taking.add_argument("folder", type=Path)
    taking.add_argument("--match", required=True, help="whose a file is: folder, name:REGEX, dicom or csv:FILE")
    taking.add_argument("--clinic", required=True, type=UUID, help="id of the clinic")
    taking.add_argument("--source", required=True, help="the system whose external ids the patients are named by")
    taking.add_argument("--kind", choices=("auto", "photo", "xray"), default="auto", help="auto: a DICOM is an X-ray")
    shown = argparse.BooleanOptionalAction
    taking.add_argument("--release", action=shown, default=False, help="patients may see them once they are ready")
    taking.add_argument("--dry-run", action="store_true", help="match and look, take nothing")
    taking.add_argument("--wait", action="store_true", help="until the worker has looked into them all")
    taking.add_argument("--workers", type=int, choices=range(1, 33), default=4, metavar="N", help="files at once, 1-32")
    taking.add_argument("--report", type=Path, metavar="FILE", help="CSV of every file that was not taken, and why")


def _push_arguments(word: argparse.ArgumentParser) -> None:
    words = word.add_subparsers(dest="push_word", required=True, metavar="COMMAND")
    checking = words.add_parser("check", help="a sentence for each line; 1 where one is not as it should be")
    checking.add_argument("name", metavar="LINE|BUILD", help="name or id of a line, or name of an app build")
    checking.add_argument("--clinic", required=True, type=UUID, help="id of the clinic")
    shown = words.add_parser("dead", help="messages that failed for good, by clinic, way and reason")
    again = words.add_parser("replay", help="send what failed for one reason again, under the same ids")
    again.add_argument("--reason", required=True, help="as `enamel push dead` names it")
    for each in (shown, again):
        each.add_argument("--since", required=True, help="2026-11-23, or with a time: 2026-11-23T08:00+01:00")
        each.add_argument("--clinic", type=UUID, help="id of one clinic; all of them if not said")


def _clinic_arguments(word: argparse.ArgumentParser) -> None:
    words = word.add_subparsers(dest="clinic_word", required=True, metavar="COMMAND")
    founding = words.add_parser("found", help="a new clinic with its first branch")
    told = {
        "name": "of the clinic", "country": "ISO 3166-1, as IT", "currency": "ISO 4217, as EUR",
        "language": "of its staff, as it", "branch": "name of its first branch", "zone": "its zone, as Europe/Rome",
    }  # fmt: skip
    for name, text in told.items():
        founding.add_argument(f"--{name}", required=True, help=text)
    admitting = words.add_parser("admit", help="somebody of the staff, with a password that is said once")
    admitting.add_argument("--email", required=True)
    admitting.add_argument("--role", required=True, choices=("operator", "reception", "doctor", "marketer", "owner"))
    app = words.add_parser("app", help="a system that brings facts, with a secret that is said once")
    app.add_argument("--system", required=True, help="the name under which its facts are kept, as mis")
    for each in (admitting, app):
        each.add_argument("--clinic", required=True, type=UUID, help="id of the clinic")
        each.add_argument("--name", required=True)


def _chat_arguments(word: argparse.ArgumentParser) -> None:
    who = word.add_mutually_exclusive_group()
    who.add_argument(
        "--phone", help="a patient, by a code sent there; the demo's numbers stand in what `make run` says"
    )
    who.add_argument("--email", help="staff, by e-mail and password")
    who.add_argument("--token", help="an access token; say --staff where it is one of staff")
    word.add_argument("--staff", action="store_true", help="staff; without --email and --token: the demo's")
    word.add_argument("--url", help="where Enamel answers (default: the running demo)")
    word.add_argument("--clinic", help="id of the clinic (default: the demo's)")
    word.add_argument("--patient", help="staff: write to this patient, also before there is a conversation")
    word.add_argument("--outbox", type=Path, metavar="FILE", help="keep what is not acknowledged here over a restart")


def _openapi_arguments(word: argparse.ArgumentParser) -> None:
    word.add_argument("--check", action="store_true", help="compare with what is committed; 1 where they differ")


def _migration_arguments(word: argparse.ArgumentParser) -> None:
    word.add_argument("message", help="what changes")


_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "work": _work_arguments,
    "media": _media_arguments,
    "clinic": _clinic_arguments,
    "push": _push_arguments,
    "chat": _chat_arguments,
    "journey": journey_arguments,
    "openapi": _openapi_arguments,
    "migration": _migration_arguments,
}


def _run(given: argparse.Namespace) -> int:
    """Each word imports what it needs: the tour need not load the API."""
    return _COMMANDS[given.word](given)


def _serve(_: argparse.Namespace) -> int:
    from enamel.serve import serve

    return serve(settings())


def _work(given: argparse.Namespace) -> int:
    from enamel.work import work

    return work(settings(), until_stdin_closes=given.until_stdin_closes)


def _migrate(_: argparse.Namespace) -> int:
    from enamel.migrate import migrate

    return migrate(settings())


def _restored(_: argparse.Namespace) -> int:
    from enamel.restored import restored

    return restored(settings())


def _demo(_: argparse.Namespace) -> int:
    from enamel.demo.run import run_demo

    return run_demo(settings())


def _tour(_: argparse.Namespace) -> int:
    from enamel.tour.walk import tour

    return tour(settings())


def _chat(given: argparse.Namespace) -> int:
    from enamel.chat_client.command import chat

    return chat(settings(), given)


def _media(given: argparse.Namespace) -> int:
    from enamel.media_import.command import import_media

    return import_media(settings(), given)


def _clinic(given: argparse.Namespace) -> int:
    from enamel.founding import clinic_command

    return clinic_command(settings(), given)


def _push(given: argparse.Namespace) -> int:
    if given.push_word == "check":
        from enamel.push_check import check_lines

        return check_lines(settings(), given.clinic, given.name)
    from enamel.dead_letters import push_command

    return push_command(settings(), given)


def _journey(given: argparse.Namespace) -> int:
    return journey_command(settings(), given)


def _openapi(given: argparse.Namespace) -> int:
    from enamel.contracts import write_documents

    return write_documents(check=given.check)


def _migration(given: argparse.Namespace) -> int:
    from enamel.migrate import write_new_migration

    return write_new_migration(given.message)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "work": _work,
    "migrate": _migrate,
    "restored": _restored,
    "demo": _demo,
    "tour": _tour,
    "media": _media,
    "clinic": _clinic,
    "push": _push,
    "chat": _chat,
    "journey": _journey,
    "openapi": _openapi,
    "migration": _migration,
}


def _complain(reason: str) -> int:
    print(f"enamel: {reason}", file=sys.stderr)
    return 1
