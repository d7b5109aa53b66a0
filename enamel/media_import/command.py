"""What was typed behind `enamel media import`, as an import to run."""

import argparse
import os
from pathlib import Path

from core.settings import Settings
from enamel.media_import.match import match_of
from enamel.media_import.run import Import, run_import
from enamel.media_import.take import Order
from enamel.problems import CannotStart
from media.kinds import PictureKind


def import_media(settings: Settings, given: argparse.Namespace) -> int:
    """The process's exit status. Raises `CannotStart` for what cannot be meant."""
    if given.wait and given.dry_run:
        raise CannotStart("--wait has nothing to wait for with --dry-run")
    if given.report is not None and not _can_be_written(given.report.resolve()):
        raise CannotStart("--report: no file can be written there")
    kind = None if given.kind == "auto" else PictureKind(given.kind)
    order = Order(given.clinic, given.source, match_of(given.match), kind, given.release, given.dry_run)
    asked = Import(given.folder, order, given.workers, _ours(given), given.report, given.wait)
    return run_import(settings, asked)


def _can_be_written(report: Path) -> bool:
    """Asked before the first file: an archive may take a night."""
    return not report.is_dir() and os.access(report.parent, os.W_OK | os.X_OK)


def _ours(given: argparse.Namespace) -> frozenset[Path]:
    way, _, rest = given.match.partition(":")
    named = [given.report] if given.report else []
    return frozenset(path.resolve() for path in [*named, *([Path(rest)] if way == "csv" else [])])
