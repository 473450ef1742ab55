"""An agent that crashes too often, for people at a terminal: shown, held, and reset."""

from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.client import Refused
from agents.rehearsal import RehearsalServer, parse
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import Daemon, daemon

pytestmark = pytest.mark.timeout(180)

SCRIPT = """
[models.bad]
[[models.bad.turns]]
match = "hello"
steps = [{ text = "Well again." }]
[[models.bad.turns]]
steps = [{ tool_calls = [{ name = "ends_its_agent", arguments = {} }] }]
"""
CONFIG = """
[{understudy, [
    {agents, [[{id, "bad"}, {model, "bad"}, {tools, ["tests.agents.daemon.guarded_tools:ends_its_agent"]}]]},
    {supervision, [{agent_supervisor, [{intensity, 0}]}]}
]}].
"""


async def held(running: Daemon) -> float:
    """Return the number of held agents, by the metrics."""
    token = {"authorization": f"Bearer {running.token}"}
    async with aiohttp.request("GET", f"{running.url}/metrics", headers=token) as answer:
        families = text_string_to_metric_families(await answer.text())
    [family] = [each for each in families if each.name == "understudy_agents_crashed"]
    return next(sample.value for sample in family.samples if sample.labels == {"state": "held"})


async def test_a_held_agent_is_listed_with_its_last_crash_and_answers_after_a_reset(tmp_path: Path) -> None:
    folder, here = tmp_path / "state", ("--state-dir", str(tmp_path / "state"))
    (tmp_path / "sys.config").write_text(CONFIG)
    async with (
        RehearsalServer(parse(SCRIPT)) as server,
        daemon(server, folder, "--config", str(tmp_path / "sys.config")) as running,
        running.client() as client,
    ):
        with pytest.raises(Refused):
            await client.post("/agents/bad/chat", {"message": "Go.", "stream_id": "s"})
        code, out, _ = await understudy("ps", *here)
        line = "bad: held, crashes 1, the last one by killed: understudy reset bad"
        assert (code, out.splitlines()[-1]) == (0, line)
        assert await held(running) == 1
        with pytest.raises(Refused, match="is held: mend the cause, then reset it"):
            await client.post("/agents/bad/chat", {"message": "hello"})
        assert await understudy("reset", "bad", *here) == (0, "reset\n", "")
        assert await held(running) == 0
        answer = await client.post("/agents/bad/chat", {"message": "hello"})
        assert answer["response"]["content"] == "Well again."
        assert "bad: " not in (await understudy("ps", *here))[1]
        code, _, err = await understudy("reset", "nobody", *here)
        assert (code, err.count("\n")) == (3, 1)
        assert await running.stopped() == 0
