"""The layers: imports go downward, foreign libraries stay in their folders, and the core is pure."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = ["actors", "supervisors", "agents"]

ACTORS = [
    {"log", "slices"},
    {"kernel"},
    {"system"},
    {"server"},
    {"thespian"},
    {"api", "clock", "mailbox", "observer", "pg", "sys", "task", "testing"},
]
SUPERVISORS = [
    {"errors"},
    {"flags"},
    {"child_spec"},
    {"children", "restart"},
    {"api", "child_process", "reports"},
    {"base"},
    {"dynamic_children"},
    {"agent_restarts", "dynamic_restarts"},
    {"dynamic_supervisor", "supervisor"},
    {"agent_supervisor", "crash_log", "root_cause", "tree"},
]
AGENTS = [
    {"core", "extras"},
    {"parts", "traces"},
    {"llm", "timeline", "tools", "agent_registry"},
    {"settings"},
    {"hooks", "node", "sub_agents"},
    {"mcp"},
    {"sessions"},
    {"agent_config", "budgets"},
    {"streams"},
    {"webhooks"},
    {"instance", "telemetry"},
    {"streaming_function_handler"},
    {"agent_instance"},
    {"agent", "starting"},
    {"contract"},
    {"cluster"},
    {"schedules"},
    {"gateway"},
    {"application"},
    {"configuration", "testing"},
    {"client", "daemon"},
    {"cli"},
]
ORDERS = {"actors": ACTORS, "supervisors": SUPERVISORS, "agents": AGENTS}
"""Inside a package: a module may import its own folder, and modules of earlier rows; also for types only."""
APART = {"__init__", "__main__", "rehearsal"}

FOREIGN = {
    "thespian": {"actors"},
    "openai": {"agents/llm/http/openai_client.py", "agents/llm/http/official_client.py"},
    "botocore": {"agents/llm/aws.py"},
    "httpx2": {
        *("agents/tools", "agents/llm/http/openai_client.py", "agents/llm/http/transport.py"),
        "agents/llm/http/official_client.py",
        *("agents/llm/http/request_head.py", "agents/mcp"),
        "agents/webhooks/sender.py",
    },
    "fastapi": {"agents/gateway"},
    "starlette": {"agents/gateway"},
    "uvicorn": {"agents/gateway/serving.py", "agents/gateway/server_connections.py"},
    "websockets": {"agents/gateway/server_connections.py"},
    "rich": {"agents/cli"},
    "markdown_it": {"agents/cli/view/markdown.py"},
    "lark": {"agents/configuration/erlang"},
    "click": {"agents/cli", "agents/rehearsal"},
    "prompt_toolkit": {"agents/cli"},
    "mcp": {"agents/mcp", "agents/cli/remote/mcp.py"},
    "mcp_types": {"agents/mcp"},
    "anyio": {"agents/mcp/lines.py", "agents/mcp/offered.py"},
    "opentelemetry": {"agents/traces/recorded.py", "agents/telemetry"},
    "sqlalchemy": {"agents/sessions"},
    "alembic": {"agents/sessions"},
    "cronsim": {"agents/schedules/due.py", "agents/settings/schedules.py"},
}

IMPURE = {
    "asyncio",
    "time",
    "random",
    "secrets",
    "uuid",
    "logging",
    "structlog",
    "os",
    "socket",
    "threading",
    "datetime",
}


CODE_IN_DATA = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "yaml"}
RUNS_TEXT = {"eval", "exec", "compile", "os.system", "os.popen"}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ({f"{node.module}.{alias.name}" for alias in node.names} if node.level == 0 else ())


def row(module: str) -> int | None:
    """Return the number of a module's row in its package's order, or None."""
    package, *rest = module.split(".")
    if package not in ORDERS or not rest:
        return None
    return next((i for i, names in enumerate(ORDERS[package]) if rest[0] in names), None)


@pytest.mark.parametrize("floor", FLOORS)
def test_a_layer_imports_nothing_above_it(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    for path in sources(floor):
        assert not {name.split(".")[0] for name in imports(path)} & above, path


@pytest.mark.parametrize("package", ORDERS)
def test_every_module_of_a_package_has_its_row(package: str) -> None:
    names = {path.relative_to(ROOT / package).parts[0].removesuffix(".py") for path in sources(package)}
    assert names - APART == set[str]().union(*ORDERS[package])


@pytest.mark.parametrize(
    "path", [path for floor in FLOORS for path in sources(floor)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_inside_a_package_imports_go_downward(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    own, package = row(module), module.partition(".")[0]
    for name in imports(path):
        other = row(name) if name.startswith(f"{package}.") else None
        if own is not None and other is not None:
            same = name.split(".")[1] == module.split(".")[1]
            assert other < own or same, f"{module} imports {name}"


@pytest.mark.parametrize("path", sources("agents/core"), ids=lambda p: p.name)
def test_the_core_imports_no_clock_no_chance_no_io_and_no_process(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        assert top not in IMPURE | {"actors", "supervisors"}, f"{path.name} imports {name}"
        assert top in sys.stdlib_module_names | {"msgspec", "agents"}, f"{path.name} imports {name}"
        assert top != "agents" or name.startswith("agents.core"), f"{path.name} imports {name}"


@pytest.mark.parametrize("library", FOREIGN)
def test_a_foreign_library_stays_where_it_belongs(library: str) -> None:
    for folder in FLOORS:
        for path in sources(folder):
            if library in {name.split(".")[0] for name in imports(path)}:
                where = str(path.relative_to(ROOT))
                assert any(where.startswith(home) for home in FOREIGN[library]), f"{where} imports {library}"


def test_the_rehearsal_server_shares_nothing_with_the_agents() -> None:
    for path in sources("agents/rehearsal"):
        for name in imports(path):
            assert name.split(".")[0] not in {"actors", "supervisors"}, path
            assert not name.startswith("agents.") or name.startswith("agents.rehearsal"), f"{path} imports {name}"


@pytest.mark.parametrize("floor", FLOORS)
def test_no_module_reads_a_format_that_carries_code_or_runs_a_shell(floor: str) -> None:
    for path in sources(floor):
        assert not {name.split(".")[0] for name in imports(path)} & CODE_IN_DATA, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in RUNS_TEXT, f"{path}:{node.lineno}"
                assert "shell" not in ast.unparse(node.func), f"{path}:{node.lineno}"
                assert "shell" not in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
