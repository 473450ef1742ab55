"""README.md: each of its programs runs, and prints the output below it."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

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
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(program), stdout=PIPE, stderr=PIPE, env=environment
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    assert out.decode().strip() == output.strip()


@pytest.mark.parametrize("link", sorted(set(LINK.findall(TEXT))))
def test_a_link_leads_to_a_file(link: str) -> None:
    assert (README.parent / link).is_file()
