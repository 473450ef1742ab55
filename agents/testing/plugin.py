"""The pytest plugin: fixtures, and a loop for the coroutines of the tests that use them.

The entry point pytest11 loads this module in every pytest run of the environment, so it imports only pytest, and the
rest in a fixture. A coroutine test, or a coroutine fixture of function scope, runs on the loop of the test's stage.
Other tests are left alone, also by pytest-asyncio and anyio, in each of their modes.
"""

import inspect
from collections.abc import Callable, Generator, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

if TYPE_CHECKING:
    from agents.rehearsal import RehearsalServer, Script
    from agents.settings import Settings
    from agents.testing.stage import Stage

STAGES: Final = ("understudy", "simulated_understudy")


@pytest.fixture
def rehearsal_script() -> "Script | str | Path":
    """The script of the rehearsal: a Script, its TOML text, or its file's path. Override it with your own."""
    from agents.rehearsal import builtin

    return builtin()


@pytest.fixture
def understudy_settings() -> "Settings":
    """The settings of the test's application. Override them with your own."""
    from agents.settings import Settings, ToolSettings

    return Settings(tools=ToolSettings(workers=1))


@pytest.fixture
def simulation_seed() -> int:
    """The seed of simulated_understudy. Parametrize a test with several seeds to run it in several orders."""
    return 0


@pytest.fixture
def rehearsal_server(rehearsal_script: "Script | str | Path") -> "Iterator[RehearsalServer]":
    """A rehearsal server on loopback, with its own thread. Any code, of any loop or OS process, can ask it."""
    from agents.rehearsal import RehearsalServer

    with RehearsalServer(_script(rehearsal_script)) as server:
        yield server


@pytest.fixture
def understudy(rehearsal_server: "RehearsalServer", understudy_settings: "Settings") -> "Iterator[Stage]":
    """An application in real time. Its provider is the rehearsal server."""
    from agents.testing.stage import real_stage

    with real_stage(rehearsal_server, understudy_settings) as stage:
        yield stage


@pytest.fixture
def simulated_understudy(
    rehearsal_script: "Script | str | Path", understudy_settings: "Settings", simulation_seed: int
) -> "Iterator[Stage]":
    """An application in virtual time, without network, threads and OS processes."""
    from agents.testing.stage import simulated_stage

    with simulated_stage(_script(rehearsal_script), understudy_settings, simulation_seed) as stage:
        yield stage


def _script(given: "Script | str | Path") -> "Script":
    from agents.rehearsal import Script, load, parse

    match given:
        case Script():
            return given
        case Path():
            return load(given)
        case str():
            return parse(given, "rehearsal_script")
    raise pytest.UsageError(f"rehearsal_script: expected a Script, TOML text or a Path, got {type(given).__name__}")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Turn a coroutine test with a stage into a plain test, before another plugin sees a coroutine."""
    made = yield
    for item in made if isinstance(made, list) else [made]:
        if (name := _stage_of(item)) and inspect.iscoroutinefunction(item.obj):
            item.obj = _on_stage(item.obj, partial(_stage_in, item, name))
    return made


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: "pytest.FixtureDef[Any]", request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Run a coroutine fixture of a test with a stage on the stage's loop, before another plugin sees a coroutine."""
    name = _stage_of(request.node) if fixturedef.scope == "function" else None
    yields = inspect.isasyncgenfunction(fixturedef.func)
    if name is None or not (yields or inspect.iscoroutinefunction(fixturedef.func)):
        return (yield)
    stage, function = request.getfixturevalue(name), _bound(fixturedef.func, request.instance)
    with pytest.MonkeyPatch.context() as patch:
        on_stage = _yielding(function, stage) if yields else _on_stage(function, lambda: stage)
        patch.setattr(fixturedef, "func", on_stage)
        return (yield)


def _stage_of(node: object) -> str | None:
    """Return the name of the stage that a test uses, itself or by its fixtures, or None."""
    if not isinstance(node, pytest.Function):
        return None
    used = [name for name in STAGES if name in node.fixturenames and _is_ours(node, name)]
    if len(used) > 1:
        raise pytest.Collector.CollectError(f"{node.name}: expected one of {' and '.join(used)} in a test, got both")
    return used[0] if used else None


def _is_ours(test: pytest.Function, name: str) -> bool:
    """Return whether the fixture is this module's, or extends it. A user's own fixture may have the same name."""
    for definition in reversed(test._fixtureinfo.name2fixturedefs[name]):  # noqa: SLF001 (pytest has no public name)
        if definition.func.__module__ == __name__:
            return True
        if name not in definition.argnames:
            return False
    return False


def _bound(function: Callable[..., Any], instance: object) -> Callable[..., Any]:
    """Return a fixture of a class as a method of the test's own instance, as pytest does."""
    if instance is not None and inspect.ismethod(function) and isinstance(instance, type(function.__self__)):
        return cast("Callable[..., Any]", function.__func__.__get__(instance))
    return function


def _stage_in(test: pytest.Function, name: str) -> "Stage":
    return cast("Stage", test.funcargs[name])


def _on_stage(coroutine: Callable[..., Any], stage: "Callable[[], Stage]") -> Callable[..., Any]:
    @wraps(coroutine)
    def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return stage().run(coroutine(*args, **kwargs))

    return run


def _yielding(generator: Callable[..., Any], stage: "Stage") -> Callable[..., Any]:
    @wraps(generator)
    def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
        values = generator(*args, **kwargs)
        yield stage.run(anext(values))
        if stage.run(anext(values, run)) is not run:
            raise pytest.UsageError(f"{generator.__qualname__}: expected a fixture with one yield, got several")

    return run
