"""The pytest plugin, in the project of a user: with each asyncio plugin, without one, and with xdist."""

import tomllib
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

PLUGIN = ("-p", "agents.testing.plugin", "-W", "error")
BARE = ("-p", "no:asyncio", "-p", "no:anyio")
SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
ENTRY_POINTS: dict[str, str] = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["pytest11"]

PROJECT = '''
import pytest
from agents import agent, tool
from agents.testing import record
from supervisors.agent_supervisor import start_agent

PRICES = {"tea": 250}

@pytest.fixture
def rehearsal_script():
    return """
[[models.clerk.turns]]
[[models.clerk.turns.steps]]
tool_calls = [{ name = "price_of", arguments = { item = "tea" } }]
[[models.clerk.turns.steps]]
text = "It costs {result:0} cents."
"""

@tool
def price_of(item: str) -> int:
    """Price of an item in cents."""
    return PRICES[item]

@pytest.fixture
async def clerk(understudy):
    return await start_agent({"tools": [price_of]})

@pytest.fixture
async def known_clerk(clerk):
    yield clerk
    assert len((await agent.conversation(clerk))) == 4

async def test_an_agent_of_fixtures_answers(understudy, known_clerk):
    assert (await agent.chat(known_clerk, "Tea?")).answer == "It costs 250 cents."
    await understudy.settled()
    assert understudy.requests[0]["model"] == "clerk"

@pytest.mark.parametrize("simulation_seed", range(3))
async def test_a_def_tool_runs_in_virtual_time(simulated_understudy):
    pid = await start_agent({"tools": [price_of]})
    events = await record(pid, "Tea?")
    assert events[-1].response.answer == "It costs 250 cents."

def test_blocking_code_runs_coroutines(understudy, clerk):
    assert understudy.run(agent.chat(clerk, "Tea?")).answer == "It costs 250 cents."

class TestOfAClass:
    @pytest.fixture
    async def named(self, simulated_understudy):
        self.names = ["a fixture"]
        yield
        assert self.names == ["a fixture", "a test"]

    @pytest.mark.parametrize("number", [1, 2])
    async def test_its_coroutines_have_one_instance(self, simulated_understudy, named, number):
        self.names.append("a test")
        await simulated_understudy.settled()

def test_a_plain_test_is_left_alone():
    pass
'''


@pytest.mark.parametrize(
    "others",
    [
        BARE,
        (*SCOPE, "-o", "asyncio_mode=auto"),
        (*SCOPE, "-o", "asyncio_mode=strict"),
        (*BARE, "-n", "2"),
        (*BARE, "--import-mode=importlib"),
    ],
    ids=["bare", "asyncio-auto", "asyncio-strict", "xdist", "importlib"],
)
def test_the_tests_of_a_project_pass_with_any_other_plugin(pytester: pytest.Pytester, others: tuple[str, ...]) -> None:
    pytester.makepyfile(PROJECT)
    pytester.runpytest_subprocess(*PLUGIN, *others).assert_outcomes(passed=8)


@pytest.mark.parametrize("conftest", ["", "pytest_plugins = ['agents.testing.plugin']"], ids=["alone", "twice"])
def test_the_entry_point_of_the_package_loads_the_plugin_once(pytester: pytest.Pytester, conftest: str) -> None:
    ((name, module),) = ENTRY_POINTS.items()
    folder = pytester.mkdir("kit-1.dist-info")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: kit\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    pytester.makeconftest(conftest)
    pytester.makepyfile("def test_it(rehearsal_server): assert rehearsal_server.base_url")
    pytester.runpytest_subprocess("-W", "error", *BARE).assert_outcomes(passed=1)


def test_a_run_without_an_application_imports_none(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_nothing_is_imported():
            assert "agents.testing.plugin" in sys.modules
            assert not {"actors", "thespian", "pydantic", "aiohttp", "openai", "sqlalchemy"} & sys.modules.keys()
        """
    )
    pytester.runpytest_subprocess(*PLUGIN, *BARE).assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_coroutines_without_a_stage_stay_those_of_the_asyncio_plugin(pytester: pytest.Pytester, mode: str) -> None:
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture
        async def loop_of_fixture():
            return asyncio.get_running_loop()

        @pytest.fixture
        def understudy():
            return "a fixture of the user"

        @pytest.mark.asyncio
        async def test_of_the_asyncio_plugin(loop_of_fixture, understudy):
            assert asyncio.get_running_loop() is loop_of_fixture
            assert understudy == "a fixture of the user"
        """
    )
    pytester.runpytest_subprocess(*PLUGIN, *SCOPE, "-o", f"asyncio_mode={mode}").assert_outcomes(passed=1)


def test_a_fixture_that_extends_the_stage_keeps_its_loop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from supervisors.agent_supervisor import start_agent

        @pytest.fixture
        def understudy(understudy):
            understudy.run(start_agent({"id": "ada"}))
            return understudy

        async def test_the_agent_runs(understudy):
            from agents import agent
            from agents.agent_registry import find_agent
            assert (await agent.chat(find_agent("ada"), "Hello")).content == "Hello"
        """
    )
    pytester.runpytest_subprocess(*PLUGIN, *BARE).assert_outcomes(passed=1)


def test_a_failure_in_virtual_time_names_its_seed_and_how_to_repeat_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("simulation_seed", [7])
        async def test_that_fails(simulated_understudy):
            assert False
        """
    )
    result = pytester.runpytest_subprocess(*PLUGIN, *BARE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seed=7 failed after 0 s; replay it with simulation_seed=7"])


MISTAKES = {
    "two_stages": (
        "async def test_it(understudy, simulated_understudy): pass",
        "*test_it: expected one of understudy and simulated_understudy in a test, got both",
    ),
    "a_number": (
        "import pytest\n@pytest.fixture\ndef rehearsal_script(): return 5\ndef test_it(understudy): pass",
        "*rehearsal_script: expected a Script, TOML text or a Path, got int",
    ),
    "no_model": (
        "import pytest\n@pytest.fixture\ndef rehearsal_script(): return 'x = 1'\ndef test_it(understudy): pass",
        "*rehearsal_script: models: missing*",
    ),
    "a_store": (
        """
        import pytest
        from agents.settings import SessionSettings, Settings

        @pytest.fixture
        def understudy_settings():
            return Settings(sessions=SessionSettings(durability="sync"))

        def test_it(simulated_understudy): pass
        """,
        '*expected sessions.durability "off" in a simulation, got sync*',
    ),
    "two_yields": (
        """
        import pytest

        @pytest.fixture
        async def twice(simulated_understudy):
            yield 1
            yield 2

        def test_it(twice): pass
        """,
        "*twice: expected a fixture with one yield, got several",
    ),
}


def test_each_mistake_of_a_user_is_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{f"test_{name}": project for name, (project, _) in MISTAKES.items()})
    result = pytester.runpytest_subprocess(*PLUGIN, *BARE, "--continue-on-collection-errors")
    assert result.parseoutcomes()["errors"] == len(MISTAKES)
    for _, line in MISTAKES.values():
        result.stdout.fnmatch_lines([line])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
