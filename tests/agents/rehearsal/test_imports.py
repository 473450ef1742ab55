"""The rehearsal server shares no code with the agents."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "agents" / "rehearsal"
FOREIGN = {"aiohttp", "click", "msgspec", "pydantic", "pydantic_core"}


def imported(source: Path) -> set[str]:
    """Return the imported modules by name. A relative import has its dots, which no rule allows."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("source", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_a_module_imports_nothing_of_the_project_but_the_package(source: Path) -> None:
    for name in imported(source):
        root = name.partition(".")[0]
        assert f"{name}.".startswith("agents.rehearsal.") or root in sys.stdlib_module_names | FOREIGN, name
