"""The programs in docs/ run unchanged. A program that is followed by a block of text prints that text."""

import importlib
import re
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$(?:\n```text\n(?P<output>.*?)^```$)?", re.DOTALL | re.MULTILINE)


class Program(NamedTuple):
    """A program of a page. output: what it prints, if the page shows that."""

    code: str
    output: str | None


def programs(page: Path) -> list[Program]:
    return [Program(match["code"], match["output"]) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


PROGRAMS = [
    pytest.param(program, id=f"{page.relative_to(DOCS)}-{number}")
    for page in sorted(DOCS.rglob("*.md"))
    for number, program in enumerate(programs(page), 1)
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_in_the_docs_runs(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # do not use the user's own daemon
    file = tmp_path / "program.py"
    file.write_text(program.code)
    runpy.run_path(str(file), run_name="__main__")
    if program.output is not None:
        assert capsys.readouterr().out.strip() == program.output.strip()


def test_the_web_program_of_the_tutorial_answers_and_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = programs(DOCS / "tutorial" / "8-your-program.md")
    (tmp_path / "box_office.py").write_text(program.code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    app = importlib.import_module("box_office").app
    try:
        for _run in range(2):
            with TestClient(app) as client:
                assert client.post("/ask", json="Is there room tonight?").text == "Hamlet has 12 seats."
    finally:
        del sys.modules["box_office"]
