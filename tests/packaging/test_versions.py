"""Installations as users have them: the core alone, the lowest versions, other Pythons, hosts with other pins."""

from pathlib import Path

import pytest

from tests.packaging.environment import Environment, interpreters, lowest, resolves

pytestmark = [pytest.mark.versions, pytest.mark.timeout(1800)]

TURN = str(Path(__file__).with_name("turn.py"))

TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis")

SUBSET = (
    "tests/packaging/test_private_names.py",
    "tests/actors/thespian",
    "tests/agents/agent_config",
    "tests/agents/cli/test_command.py",
    "tests/agents/configuration/test_loading.py",
    "tests/agents/gateway/test_document.py",
    "tests/agents/gateway/test_websocket.py",
    "tests/agents/llm/http/test_signed_requests.py",
    "tests/agents/llm/test_chat_reasoning.py",
    "tests/agents/sessions/test_store.py",
    "tests/agents/tools/test_run.py",
)
"""Tests that use each library: a few minutes in all."""


def test_the_core_is_small_and_runs_a_turn(tmp_path: Path) -> None:
    core = Environment(tmp_path / "venv").install("--compile-bytecode", ".")
    assert len(core.distributions()) <= 26
    assert core.size_mb() < 70
    ended = core.run(TURN, folder=tmp_path)
    assert (ended.stdout, ended.stderr) == ("42 abab\n", "")


def test_the_lowest_versions_pass_the_tests(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text(lowest("all"))
    environment = Environment(tmp_path / "venv").install("--constraint", str(pins), ".[all]", *TOOLS)
    # An older anyio has a plugin that a newer pytest warns about, and warnings are errors.
    ended = environment.run("-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-p", "no:anyio", *SUBSET)
    assert ended.returncode == 0, ended.stdout[-8000:]


@pytest.mark.parametrize(("version", "interpreter"), list(interpreters()))
def test_the_newest_versions_run_on_each_python(version: str, interpreter: str, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv", interpreter).install(".[all]")
    assert environment.run(TURN, folder=tmp_path).stdout == "42 abab\n"
    ended = environment.run("-m", "agents", "demo", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "host",
    [
        ("openai[realtime]",),
        ("fastapi==0.138.0", "uvicorn==0.53.0"),
        ("fastapi", "uvicorn[standard]"),
        ("httpx<1", "websockets==13.1"),
    ],
)
def test_a_host_with_its_own_pins_installs_beside_the_daemon(host: tuple[str, ...]) -> None:
    assert "uvicorn==" in resolves(*host)
