"""pyproject.toml declares what the packages import, in the core or in the extra that imports it."""

import ast
import sys

import pytest

from tests.packaging.declared import OWN, PROJECT, ROOT, closure, declared, modules_of

CORE = {"aiohttp", "msgspec", "openai", "pydantic", "structlog", "thespian"}

DRIVERS = {"aiosqlite", "asyncpg"}
"""SQLAlchemy imports these by the name in a store's URL."""

APART = {"annotated_types", "pydantic_core", "pytest"}
"""pydantic's documentation has its users import the first two. A module for tests has pytest in any case."""


def imported() -> set[str]:
    """Return the top-level names that the three packages import from elsewhere."""
    found: set[str] = set()
    for path in (path for package in OWN for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - set(OWN) - APART


def sharing(names: set[str]) -> set[str]:
    """Return the distributions that share the import name of OpenTelemetry, which one of them alone does not bring."""
    return {name for name in closure(names) if name.startswith("opentelemetry-")}


def test_the_core_installs_six_libraries_and_only_what_they_need() -> None:
    assert declared() >= CORE
    assert closure(declared()) == closure(CORE)


def test_every_import_is_declared_and_every_declaration_imported() -> None:
    every = declared() | declared("daemon") | declared("postgres") | declared("mcp") | declared("bedrock")
    found = imported()
    assert found - modules_of(every | sharing(declared("otel"))) == set()
    assert {name for name in every - DRIVERS if not modules_of({name}) & found} == set()


@pytest.mark.parametrize("extra", ["daemon", "postgres", "mcp", "otel"])
def test_an_extra_repeats_nothing_of_the_core(extra: str) -> None:
    assert declared(extra) & declared() == set()


def test_all_has_every_extra_that_users_need() -> None:
    assert PROJECT["optional-dependencies"]["all"] == ["understudy[daemon,postgres,mcp,otel,bedrock]"]
