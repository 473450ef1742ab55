"""The interface: what `agents` offers, what help() shows, and where the docs import from."""

import ast
import importlib
import inspect
import pkgutil
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import agents

ROOT = Path(__file__).parents[2]
PACKAGES = {"actors", "agents", "supervisors"}
PUBLIC = [
    "actors",
    "actors.pg",
    "actors.sys",
    "actors.testing",
    "agents",
    "agents.agent",
    "agents.agent_registry",
    "agents.application",
    "agents.client",
    "agents.configuration",
    "agents.gateway",
    "agents.hooks",
    "agents.rehearsal",
    "agents.settings",
    "agents.streaming_function_handler",
    "agents.testing",
    "supervisors",
    "supervisors.agent_supervisor",
    "supervisors.dynamic_supervisor",
]


def sections(text: str) -> dict[str, str]:
    """Return the sections of a help text by their titles."""
    parts = re.split(r"^([A-Z][A-Z ]+)$", re.sub(".\b", "", text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_help_shows_the_names_of_the_interface_and_no_other() -> None:
    shown = sections(pydoc.render_doc(agents))
    classes = set(re.findall(r"^    class (\w+)", shown["CLASSES"], re.MULTILINE))
    functions = set(re.findall(r"^    (?:async )?(\w+)\(", shown["FUNCTIONS"], re.MULTILINE))
    data = set(re.findall(r"^    (\w+) = ", shown["DATA"], re.MULTILINE)) - {"__all__"}
    modules = {name for name in agents.__all__ if find_spec(f"agents.{name}")}
    assert classes | functions | data | modules == set(agents.__all__)
    assert "PACKAGE CONTENTS" in shown  # pydoc's own list of the files of any package


def test_the_description_names_everything_but_single_events_and_reasons() -> None:
    described = agents.__doc__ or ""
    apart = {name for name in agents.__all__ if name.startswith("Stream")}
    reasons = set(agents.core.errors.__dict__)  # type: ignore[attr-defined]  # a submodule, loaded with the package
    assert [name for name in agents.__all__ if name not in apart | reasons and name not in described] == []


def test_dir_is_the_interface() -> None:
    assert {name for name in dir(agents) if not name.startswith("__")} == set(agents.__all__)


@pytest.mark.parametrize("name", sorted({home: name for name, home in agents._LATE.items()}.values()))
def test_one_name_of_each_late_module_is_available_in_a_fresh_program(name: str) -> None:
    code = f"from agents import {name}; import agents; assert agents.{name} is {name}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("name", agents.__all__)
def test_a_name_has_one_value(name: str) -> None:
    assert getattr(agents, name) is getattr(agents, name)
    if name in agents._LATE:
        assert getattr(importlib.import_module(agents._LATE[name]), name) is getattr(agents, name)


def test_a_missing_name_is_an_error_of_its_module() -> None:
    with pytest.raises(AttributeError, match="module 'agents' has no attribute 'chatt'"):
        agents.chatt()  # type: ignore[attr-defined]  # the mistake


def test_the_interface_is_imported_without_a_process_system_or_a_client() -> None:
    heavy = "actors supervisors pydantic thespian openai aiohttp sqlalchemy"
    code = f"import sys, agents; print(*sorted(set('{heavy}'.split()) & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_lists_its_names(name: str) -> None:
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_class_and_function_of_a_public_module_has_a_docstring_of_its_own(name: str) -> None:
    module = importlib.import_module(name)
    values = {each: getattr(module, each) for each in module.__all__}
    classes = [each for each, value in values.items() if inspect.isclass(value) and not vars(value).get("__doc__")]
    assert classes + [each for each, value in values.items() if inspect.isfunction(value) and not value.__doc__] == []


def programs() -> Iterator[tuple[str, str]]:
    """Yield the programs that a user reads, each with its place."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for program in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
            yield page.name, program
    for path in sorted((ROOT / "examples").glob("*.py")):
        yield path.name, path.read_text()


def test_programs_of_the_docs_import_public_names_only() -> None:
    submodules = {
        f"{package}.{each.name}" for package in PACKAGES for each in pkgutil.iter_modules([str(ROOT / package)])
    }
    strange = [
        f"{place}: from {node.module} import {alias.name}"
        for place, program in programs()
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
        for alias in node.names
        if f"{node.module}.{alias.name}" not in submodules
        and (node.module not in PUBLIC or alias.name not in importlib.import_module(node.module).__all__)
    ]
    assert strange == []
