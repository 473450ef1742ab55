"""The table of faults names tests that exist."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parent / "docs" / "faults.md"
IDS = [
    *(f"P{number}" for number in range(1, 11)),
    *(f"F{number}" for number in (13, *range(24, 30), 31, 32, 33, 34, 42, 43, 45, 46, 47, 50, 51, 52, 53, 54, 55)),
    *(f"S{number:02}" for number in (*range(1, 15), *range(20, 26), 32, 36, 40, 41, 43, 44, 46, 47)),
    *(f"C{number}" for number in range(1, 14)),
]


def test_every_test_that_the_table_names_exists() -> None:
    source = "".join(path.read_text() for path in HERE.rglob("test_*.py"))
    defined = set(re.findall(r"^(?:async )?def (test_\w+)", source, re.MULTILINE))
    named = re.findall(r"`(test_\w+)`", TABLE.read_text())
    assert [name for name in named if name not in defined] == []


def test_every_fault_has_its_row_and_its_tests() -> None:
    rows = re.findall(r"^\| ([PFSC]\d+) \|(.*)\|$", TABLE.read_text(), re.MULTILINE)
    assert [id_ for id_, _ in rows] == IDS
    assert [id_ for id_, cells in rows if "`test_" not in cells] == []
