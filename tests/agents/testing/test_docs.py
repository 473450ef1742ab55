"""The tests of docs/testing.md pass in the project of a user."""

import re
from pathlib import Path

import pytest

from tests.agents.testing.test_plugin import BARE, PLUGIN

pytest_plugins = ("pytester",)

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
TESTS = [program for program in PROGRAMS if "understudy" in program]
LINES_OF_THE_FIRST = 10


def test_the_tests_of_the_page_pass_without_an_asyncio_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{f"test_page_{number}": program for number, program in enumerate(TESTS)})
    pytester.runpytest_subprocess(*PLUGIN, *BARE).assert_outcomes(passed=7)


def test_the_first_test_of_the_page_is_ten_lines_and_its_script() -> None:
    without_script = re.sub(r'""".*?"""', '""', TESTS[0], flags=re.DOTALL)
    assert len([line for line in without_script.splitlines() if line.strip()]) <= LINES_OF_THE_FIRST
