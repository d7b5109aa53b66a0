"""What became of every file: the numbers that are printed, and the report that names the files that stayed out."""

import csv
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


@dataclass(slots=True)
class Tally:
    """`out`: path and reason of each file that is no picture the clinic may show."""

    taken: int = 0
    there: int = 0
    hidden: int = 0
    out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of the process."""
        return 3 if self.out else 0

    def lines(self, *, dry_run: bool) -> list[str]:
        """The summary. No path and no id: they may say somebody's name."""
        reasons = sorted(Counter(reason for _, reason in self.out).items())
        told = [
            ("would be taken" if dry_run else "taken", self.taken),
            ("there already", self.there),
            ("hidden, skipped", self.hidden),
            ("not taken, or held back", len(self.out)),
            *((f"  {reason}", count) for reason, count in reasons),
        ]
        return [f"{count:>9,}  {words}" for words, count in told]

    def write(self, report: Path) -> None:
        """A CSV that only its owner may read: paths may say names."""
        half = report.with_name(f".{report.name}.half")
        half.unlink(missing_ok=True)
        mine = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(mine, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("path", "reason"))
            lines.writerows((_cell(path), reason) for path, reason in sorted(self.out))
        half.replace(report)


def _cell(words: str) -> str:
    return f"'{words}" if words.startswith(_FORMULA) else words
