"""A part of Thespian's own suite on our base. `make test-thespian` runs all of it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_quick_part_of_thespians_suite_comes_out_as_on_its_simple_system_base() -> None:
    command = [sys.executable, "-m", "tests.thespian_suite", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
