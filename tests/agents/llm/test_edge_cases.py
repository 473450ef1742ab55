"""The table of edge cases names only existing tests."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[2] / "docs" / "edge-cases.md"


def test_every_test_that_the_table_names_exists() -> None:
    source = "".join(path.read_text() for path in HERE.rglob("test_*.py"))
    defined = set(re.findall(r"^(?:async )?def (test_\w+)", source, re.MULTILINE))
    named = re.findall(r"`(test_\w+)`", TABLE.read_text())
    assert named
    assert [name for name in named if name not in defined] == []


def test_every_case_has_its_row() -> None:
    rows = re.findall(r"^\| ([A-D]\d+) \|", TABLE.read_text(), re.MULTILINE)
    assert rows == [
        f"{group}{n}" for group, last in zip("ABCD", (28, 24, 29, 25), strict=True) for n in range(1, last + 1)
    ]
