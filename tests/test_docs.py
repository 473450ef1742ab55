"""The programs in docs/ run unchanged. A program that is followed by a block of text prints that text."""

import importlib
import re
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from agents import agent, application
from agents.configuration import load
from agents.rehearsal import RehearsalServer, parse

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$(?:\n```text\n(?P<output>.*?)^```$)?", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"^```(?:python|erlang|toml)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
PLAYED = "http://127.0.0.1:8080/v1"
"""The address at which the how-to plays a model."""


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
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "program.py"
    file.write_text(program.code)
    runpy.run_path(str(file), run_name="__main__")
    if program.output is not None:
        assert capsys.readouterr().out.strip() == program.output.strip()


@contextmanager
def served(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """Import the web program of a page as a module. Yield its app."""
    (program,) = programs(DOCS / page)
    (folder / "web_program.py").write_text(program.code)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    try:
        yield importlib.import_module("web_program").app
    finally:
        del sys.modules["web_program"]


def test_the_web_program_of_the_tutorial_answers_and_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served("tutorial/8-your-program.md", tmp_path, monkeypatch) as app:
        for _run in range(2):
            with TestClient(app) as client:
                assert client.post("/ask", json="Is there room tonight?").text == "Hamlet has 12 seats."


def test_the_app_with_a_mounted_gateway_has_both_routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        served("how-to/mount-the-gateway.md", tmp_path, monkeypatch) as app,
        TestClient(app, "http://127.0.0.1:8000") as client,
    ):
        assert client.get("/greeting").json() == "Good morning."
        token = {"Authorization": f"Bearer {(tmp_path / 'shop.token').read_text().strip()}"}
        answer = client.post("/gw/agents/helper/chat", json={"message": "Hello"}, headers=token)
        assert answer.json()["response"]["content"] == "Hello"


async def test_the_daemons_files_of_the_how_to_make_an_agent_with_a_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "how-to" / "a-tool-of-the-daemon.md").read_text(encoding="utf-8")
    tools, config, script = (match["code"] for match in FILE.finditer(page))
    (tmp_path / "shop_tools.py").write_text(tools)
    monkeypatch.syspath_prepend(tmp_path)
    async with RehearsalServer(parse(script)) as model:
        assert PLAYED in config
        (tmp_path / "sys.config").write_text(config.replace(PLAYED, model.base_url))
        settings = load(tmp_path / "sys.config", {"SHOP_KEY": "any"}).settings
        try:
            async with application.running(settings):
                assert (await agent.chat("box-office", "Is there room tonight?")).answer == "Hamlet has 12 seats."
        finally:
            del sys.modules["shop_tools"]
