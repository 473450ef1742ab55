"""The tree of the application is made of its settings."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from actors import AsyncioSystemBase, CallFailed, InvalidArgument, NoSystem, StartFailed, get_state
from agents import application
from agents.settings import Durability, SessionSettings, Settings, SupervisionSettings, ToolSettings
from agents.settings.agent import AgentSettings
from supervisors.agent_supervisor import start_agent

SUPERVISORS = [name for name in SupervisionSettings.model_fields if name != "nodes"]
"""Those of the tree. `nodes` is the parent of `understudy serve --nodes`."""


@pytest.mark.parametrize("name", SUPERVISORS)
async def test_each_supervisor_has_the_restart_limits_of_the_settings(name: str) -> None:
    limits = SupervisionSettings.model_validate({name: {"intensity": 42, "period": 7.5}})
    async with application.running(Settings(supervision=limits, tools=ToolSettings(workers=1))):
        for each in SUPERVISORS:
            flags = (await get_state(each)).flags
            expected = getattr(limits, each)
            assert (flags.intensity, flags.period_s) == (expected.intensity, expected.period)


async def test_an_agent_outside_an_application_is_refused_with_the_ways_to_run_one() -> None:
    with pytest.raises(NoSystem, match=r"`async with application\.running\(\):`, or"):
        await start_agent({})
    async with AsyncioSystemBase():
        with pytest.raises(CallFailed, match=r"start one with application\.running\(\) or application\.start\(\)"):
            await start_agent({})


async def test_the_limits_of_agents_and_servers_are_their_own_and_the_others_their_supervisors() -> None:
    async with application.running(Settings(tools=ToolSettings(workers=1))):
        per_child = {name: getattr((await get_state(name)).flags, "per_child", False) for name in SUPERVISORS}
    assert [name for name, own in per_child.items() if own] == ["mcp_supervisor", "agent_supervisor"]


@pytest.mark.parametrize("settings", [{"model": "echo"}, "sys.config", Path("sys.config"), Settings])
async def test_a_value_other_than_settings_is_refused_in_words(settings: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected Settings, or None, got "):
        async with application.running(settings):
            raise AssertionError("it runs")


async def test_an_application_that_does_not_start_says_in_one_line_which_child_and_why(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    holding = f"""
import asyncio
from agents import application
from agents.settings import SessionSettings, Settings
async def main():
    async with application.running(Settings(sessions=SessionSettings(url={url!r}, durability="sync"))):
        print("holds", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", holding, stdout=asyncio.subprocess.PIPE)
    assert other.stdout is not None
    try:
        assert await other.stdout.readline() == b"holds\n"
        kept = SessionSettings(url=url, durability=Durability.SYNC)
        faulty = AgentSettings(id="ada", model="echo", tools=["calculater", "no_such_tool"])
        for settings, line in (
            (Settings(sessions=kept), f"journal did not start: the store is in use by pid {other.pid}"),
            (
                Settings(agents=(faulty,)),
                "configured_agents did not start: agent config: tools[0]: expected ask_user, calculator",
            ),
        ):
            with pytest.raises(StartFailed) as refused:
                async with application.running(settings):
                    raise AssertionError("it runs")
            assert str(refused.value).startswith(line)
            assert "\n" not in str(refused.value)
            assert "Shutdown(" not in str(refused.value)
    finally:
        other.kill()
        await other.wait()
