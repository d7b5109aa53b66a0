"""The contracts of imports hold: calls go down the ladder, vendors live in one room each."""

import subprocess
import sys

from tests.architecture.house import ROOT


def test_every_contract_is_kept() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 broken" in ran.stdout
