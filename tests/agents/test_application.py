"""The tree of the application is made of its settings."""

import pytest

from actors import AsyncioSystemBase, CallFailed, NoSystem, get_state
from agents import application
from agents.settings import RestartLimits, Settings, SupervisionSettings, ToolSettings
from supervisors.agent_supervisor import start_agent

SUPERVISORS = list(SupervisionSettings.model_fields)


@pytest.mark.parametrize("name", SUPERVISORS)
async def test_each_supervisor_has_the_restart_limits_of_the_settings(name: str) -> None:
    limits = SupervisionSettings.model_validate({name: RestartLimits(intensity=42, period=7.5)})
    async with application.running(Settings(supervision=limits, tools=ToolSettings(workers=1))):
        for each in SUPERVISORS:
            flags = (await get_state(each)).flags
            expected = getattr(limits, each)
            assert (flags.intensity, flags.period_s) == (expected.intensity, expected.period)


async def test_what_runs_an_application_is_named_where_none_runs() -> None:
    with pytest.raises(NoSystem, match="an application's own"):
        await start_agent({})
    with pytest.raises(NoSystem, match=r"use `async with application\.running\(\):`"):
        await application.start()
    async with AsyncioSystemBase():
        with pytest.raises(CallFailed, match=r"use `async with application\.running\(\):`"):
            await start_agent({})
