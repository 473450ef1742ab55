"""The private names of Thespian and uvicorn that this project uses, each in one file.

A failure says which name another version moved, and which file uses the name. The tests import that file as late as
they can, since a moved name keeps it from being imported.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from tests.packaging.declared import OWN, ROOT

THESPIAN = "actors/kernel/thespian_private.py"
UVICORN = "agents/gateway/server_connections.py"


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of each `from module import name`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def private(library: str, module: str, name: str) -> bool:
    """Return True for a name that the library does not document as its own interface."""
    if library == "thespian":
        return module.startswith("thespian.") and module != "thespian.actors"
    return module.startswith("uvicorn.")


@pytest.mark.parametrize(("library", "home"), [("thespian", THESPIAN), ("uvicorn", UVICORN)])
def test_private_names_are_imported_by_one_file(library: str, home: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in OWN
        for path in (ROOT / package).rglob("*.py")
        if any(private(library, *each) for each in imports(path))
    }
    assert users == {home}


@pytest.mark.parametrize(("library", "home"), [("thespian", THESPIAN), ("uvicorn", UVICORN)])
def test_each_private_name_is_where_it_is_imported_from(library: str, home: str) -> None:
    for module, name in imports(ROOT / home):
        if private(library, module, name):
            assert has(module, name), f"{library} {version(library)} has no {module}.{name}, which {home} imports"


def has(module: str, name: str) -> bool:
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False


ATTRIBUTES = {
    "Server": """config server_state should_exit started main_loop startup shutdown capture_signals""",
    "HttpConnection": """conn connections connection_lost connection_made cycle data_received limit_concurrency loop
        server_state transport""",
    "SocketConnection": """app close_sent conn disconnected frames handle_cont handle_parser_exception handle_ping
        handshake_complete loop queue run_asgi transport writable pause_writing resume_writing""",
}


@pytest.mark.parametrize("kind", ATTRIBUTES)
async def test_each_private_attribute_of_uvicorn_is_there(kind: str) -> None:
    made = _made(kind)
    for name in ATTRIBUTES[kind].split():
        owner = f"{type(made).__mro__[1].__name__}.{name}"
        assert hasattr(made, name), f"uvicorn {version('uvicorn')} has no {owner}: see {UVICORN}"


CYCLE = "conn disconnected flow response_complete response_started scope transport"
"""The attributes of one answer: HttpConnection.cycle, which exists only during a request."""


def test_each_private_attribute_of_uvicorns_answers_is_there() -> None:
    cycle = import_module(UVICORN.removesuffix(".py").replace("/", ".")).RequestResponseCycle
    for name in CYCLE.split():
        assert name in cycle.__init__.__code__.co_names, f"uvicorn {version('uvicorn')} has no {name}: see {UVICORN}"


def _class(kind: str) -> Any:
    """Return a class of the gateway's server. serving.py imports all three."""
    return getattr(import_module("agents.gateway.serving"), kind)


def _made(kind: str) -> Any:
    import uvicorn
    from uvicorn.server import ServerState

    config = uvicorn.Config(app=lambda: None, log_config=None)
    config.load()
    return _class(kind)(config, 0) if kind == "Server" else _class(kind)(config, ServerState(), {})


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_each_method_that_replaces_one_of_uvicorn_still_replaces_one(kind: str) -> None:
    own = {"end", "take", "cut", "abort", "direct", "_await_head", "_head_came"}
    made: type = _class(kind)
    for name in (name for name, value in vars(made).items() if isinstance(value, FunctionType)):
        replaced = any(name in vars(base) for base in made.__mro__[1:-1])
        assert replaced or name in own, f"uvicorn {version('uvicorn')} has no {name} to replace: see {UVICORN}"
