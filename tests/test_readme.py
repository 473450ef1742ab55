"""README.md: each of its programs runs, and prints the output below it."""

import re
from pathlib import Path

import pytest

from tests import programs

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
PROGRAM = re.compile(r"```python\n(?P<code>.*?)```\n```text\n(?P<output>.*?)```", re.DOTALL)
PROGRAMS = [(match["code"], match["output"]) for match in PROGRAM.finditer(TEXT)]
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def heading_of(code: str) -> str:
    headings: list[str] = HEADING.findall(TEXT[: TEXT.index(code)])
    return headings[-1]


def test_every_block_of_python_is_a_program_with_its_output() -> None:
    assert len(PROGRAMS) == TEXT.count("```python") > 0


def test_the_first_program_has_fifteen_lines_at_most() -> None:
    assert len([line for line in PROGRAMS[0][0].splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize(("code", "output"), PROGRAMS, ids=[heading_of(code) for code, _ in PROGRAMS])
async def test_a_program_prints_the_output_below_it(code: str, output: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(code, encoding="utf-8")
    assert (await programs.output(program)).strip() == output.strip()


@pytest.mark.parametrize("link", sorted(set(LINK.findall(TEXT))))
def test_a_link_leads_to_a_file(link: str) -> None:
    assert (README.parent / link).is_file()
