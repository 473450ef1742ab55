"""Results of tools are read from the store as the stream showed them."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from agents import StreamToolResult, agent, application
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import Store, store_url
from agents.settings import Durability, SessionSettings, Settings, ToolSettings
from supervisors import agent_supervisor
from tests.agents.tools import returned

SOURCE = (
    "{'nan': math.nan, 'large': 2**200, 'zero': -0.0, 'half': '\\ud800', '\\udfff': 'nul \\0', 'raw': Model(),"
    " 'set': {'b', 'a', 1}, 1: None, 'lost': steps(), 'row': Row(decimal.Decimal('1.50')), 'deep': nested(60)}"
)
SCRIPT = f"""
[models.m]
[[models.m.turns]]
[[models.m.turns.steps]]
tool_calls = [
    {{ name = "in_process", arguments = {{ source = '''{SOURCE}''' }} }},
    {{ name = "in_thread", arguments = {{ source = '''{SOURCE}''' }} }},
    {{ name = "in_task", arguments = {{ source = '''{SOURCE}''' }} }},
]
[[models.m.turns.steps]]
text = "done"
"""


@pytest.mark.timeout(120)
async def test_results_of_all_isolations_are_one_in_the_stream_and_in_the_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    async with RehearsalServer(parse(SCRIPT, "results")) as server:
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("any"),
            tools=ToolSettings(workers=1),
            sessions=SessionSettings(url=url, durability=Durability.BATCHED),
        )
        async with application.running(settings):
            pid = await agent_supervisor.start_agent({"model": "m", "tools": list(returned.ISOLATIONS)})
            seen = [event async for event in agent.stream(pid, "?") if isinstance(event, StreamToolResult)]
    store = await Store.open(store_url(url))
    kept = [event for event in await store.events(seen[0].stream_id) if isinstance(event, StreamToolResult)]
    await store.close()
    assert kept == seen
    first, *others = [(event.result.content, event.result.value, event.result.error) for event in seen]
    assert others == [first, first]
    assert first[2] is None
    assert first[1]["nan"] == "NaN"
    assert first[1]["large"] == 2**200
