"""The programs in docs/ run unchanged."""

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [
    "agents.md",
    "context.md",
    "daemon.md",
    "gateway.md",
    "mcp.md",
    "observability.md",
    "processes.md",
    "providers.md",
    "rehearsal.md",
    "sessions.md",
    "sub-agents.md",
    "subscribers.md",
    "testing.md",
    "thespian.md",
    "tools.md",
]

PROGRAMS = [
    pytest.param(program, id=f"{page.name}-{number}")
    for page in map(DOCS.joinpath, PAGES)
    for number, program in enumerate(
        re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE), 1
    )
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_in_the_docs_runs(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # do not use the user's own daemon
    file = tmp_path / "program.py"
    file.write_text(program)
    runpy.run_path(str(file), run_name="__main__")
